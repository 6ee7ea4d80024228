//go:build !race

// The race detector reports what a cancel leaves behind: nothing orders it before the
// next cell.

package yaegi

import (
	"errors"
	"strings"
	"testing"

	"github.com/reval-editor/reval/gokernel/front"
)

// A stack overflow ends the cell, and the session goes on.
func TestStackOverflow(t *testing.T) {
	e, err := New(Options{Stdin: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	s := front.NewSession(e)
	run := func(n int, cell string) error {
		u, err := s.Prepare(n, cell)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Load(u); err != nil {
			t.Fatal(err)
		}
		s.Commit(u)
		return e.Run(t.Context(), u)
	}
	var p *front.Panic
	if err := run(1, "n := 3\nfunc f(i int) int { return f(i+1) + 1 }\nf(n)"); !errors.As(err, &p) || p.Value != errStackOverflow {
		t.Fatalf("the cell gives %v, want a stack overflow", err)
	}
	if err := run(2, "m := n + 1"); err != nil {
		t.Fatal(err)
	}
	if m, ok := e.Value("m"); !ok || m.Int() != 4 {
		t.Errorf("then m is %v, want 4", m)
	}
}
