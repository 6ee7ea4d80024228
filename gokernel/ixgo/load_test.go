package ixgo

import (
	"fmt"
	"runtime"
	"testing"
)

// What a cell takes does not grow with the types of earlier cells.
func TestCellsDoNotCompileEarlierTypes(t *testing.T) {
	s := newSession(t)
	declare := func(n int) (allocated uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.must(fmt.Sprintf("type T%d struct{ n int }\nfunc (t T%[1]d) A() int { return t.n }\nfunc (t *T%[1]d) B(n int) { t.n = n }\nvar i%[1]d any = &T%[1]d{}", n))
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	var early, late uint64
	for n := range 100 {
		switch a := declare(n); {
		case 10 <= n && n < 20:
			early += a
		case n >= 90:
			late += a
		}
	}
	if late > 3*early {
		t.Errorf("10 cells take %d bytes at first and %d after 90 types", early, late)
	}
	if got := s.must("i3.(*T3).B(5)\ni3.(interface{ A() int }).A()"); got != "5" {
		t.Errorf("a method of an early type gives %s, want 5", got)
	}
}

// A cell that the interpreter cannot compile leaves the types of earlier ones whole.
func TestTypesOfFailedCells(t *testing.T) {
	s := newSession(t)
	s.must(`
type S interface{ m() int }
type G[T any] struct{ v T }
func (g G[T]) m() int { return 7 }
func (g G[T]) String() string { return "G" }
func call(x any) int { return x.(S).m() }`)
	if _, err := s.run(t.Context(), "func f()\ng := G[string]{}\nf()\n_ = g"); err == nil {
		t.Fatal("a function without a body was compiled")
	}
	s.must("g := G[string]{}")
	if got := s.must("import \"fmt\"\nfmt.Sprint(call(g), g, []any{g})"); got != `"7 G [G]"` {
		t.Errorf("the type's methods give %s", got)
	}
}
