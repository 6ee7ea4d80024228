package ixgo

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/reval-editor/reval/gokernel/front"
)

// A stack overflow ends the cell. Its deferred calls run, nothing recovers from it, and
// the session and goroutines of earlier cells are as they were.
func TestStackOverflow(t *testing.T) {
	s := newSession(t)
	s.engine.maxStack = 4 << 20
	s.must(`
import ("fmt"; "sort"; "sync")
var deferred, recovered int
var ask, answer = make(chan int), make(chan int)
go func() { for { answer <- 1 + <-ask } }()
var mu sync.RWMutex
type T struct{ n int }
func (t T) String() string { return fmt.Sprint("T", t) }
func (t *T) odd(n int) int { return t.even(n + 1) + 1 }
func (t *T) even(n int) int { mu.RLock(); defer mu.RUnlock(); return t.odd(n + 1) - 1 }
type I interface{ odd(n int) int }
type J struct{ I }
func plain(n int) int { return plain(n+1) + 1 }
func results(n int) (int, error) { a, err := results(n + 1); return a + 1, err }
func deferring() { defer func() { deferred++; if recover() != nil { recovered++ } }(); deferring() }
func panicking() { defer func() { deferred++; panic(deferred) }(); panicking() }
func sorting() { sort.Slice([]int{2, 1}, func(i, j int) bool { sorting(); return i < j }) }
`)
	forms := map[string]string{
		"function":             "plain(0)",
		"results":              "results(0)",
		"methods":              "(&T{}).odd(0)",
		"embedded interface":   "var i I = &T{}; i = J{i}; i.odd(0)",
		"closure":              "var f func(int) int; f = func(n int) int { return f(n+1) + n }; f(0)",
		"method value":         "t := &T{}; f := t.odd; f(0)",
		"String method":        "fmt.Sprint(T{1})",
		"compiled callback":    "sorting()",
		"deferred calls":       "deferring()",
		"deferred panics":      "panicking()",
		"recovered":            "func() { defer func() { if recover() != nil { recovered++ } }(); plain(0) }()",
		"range over function":  "var f func(func(int) bool); f = func(yield func(int) bool) { for range f { yield(1) } }; for range f {}",
		"recursion in a defer": "var f func(); f = func() { defer f() }; f()",
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.overflows("func() {\ndefer func() { deferred = -1 }()\n" + form + "\n}()")
			if got := s.must("deferred"); got != "-1" {
				t.Errorf("deferred code did not run: deferred is %s", got)
			}
			if got := s.must("mu.Lock(); mu.Unlock(); deferred = 0; recovered"); got != "0" {
				t.Errorf("recover gave something: %s times", got)
			}
		})
		t.Run("goroutine/"+name, func(t *testing.T) {
			s.t = t
			s.must("ended := make(chan int)\ngo func() {\ndefer close(ended)\n" + form + "\n}()")
			select {
			case p := <-s.panics:
				if p.Value != errOverflow {
					t.Errorf("a goroutine panicked: %v", p)
				}
			case <-time.After(patiently):
				t.Errorf("goroutine of %s tells of no panic", form)
			}
			s.must("<-ended")
		})
	}
	s.t = t
	if got := s.must("ask <- 41; <-answer"); got != "42" {
		t.Errorf("the goroutine of the first cell says %s, want 42", got)
	}
	select {
	case p := <-s.panics:
		t.Errorf("a goroutine panicked once more: %v", p)
	default:
	}
}

// Calls may take a stack that is as large as the kernel allows.
func TestLargestStack(t *testing.T) {
	s := newSession(t)
	s.overflows("n := 0\nfunc f() int { n++; return f() + 1 }\nf()")
	if got := s.must("n > 300_000"); got != "true" {
		t.Errorf("the stack is full after %s calls", s.must("n"))
	}
}

// overflows runs a cell that ends by a stack overflow.
func (s *session) overflows(cell string) *front.Panic {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patiently)
	defer stop()
	var p *front.Panic
	if _, err := s.run(ctx, cell); !errors.As(err, &p) || p.Value != errOverflow {
		s.t.Fatalf("cell\n%s\ngives %v, want a stack overflow", cell, err)
	}
	return p
}

// An overflow tells the first calls and the last ones, and how many are between.
func TestStackOverflowPlaces(t *testing.T) {
	s := newSession(t)
	s.engine.maxStack = 1 << 20
	p := s.overflows("func f(n int) int {\n\tif n == 3 {\n\t\treturn g(n)\n\t}\n\treturn f(n + 1)\n}\nvar calls int\nfunc g(n int) int {\n\tcalls++\n\treturn g(n+1) + 1\n}\nf(0)")
	var got []string
	for _, f := range p.Frames {
		text := fmt.Sprintf("%s:%d", f.Func, f.Pos.Line)
		if f.Omitted > 0 {
			text = "…"
		}
		if len(got) == 0 || got[len(got)-1] != text {
			got = append(got, text)
		}
	}
	if want := "[g:9 g:10 … g:10 f:3 f:5 :12]"; fmt.Sprint(got) != want {
		t.Errorf("the calls are %v, want %s", got, want)
	}
	if len(p.Frames) > 2*shownFrames+1 {
		t.Errorf("there are %d frames", len(p.Frames))
	}
}

// A panic passes many calls that defer compiled functions: what the interpreter notes of
// it grows with their number, not with two to its power.
func TestPanicThroughDeferredCompiledCalls(t *testing.T) {
	s := newSession(t)
	s.must(`
import "sync"
var mu sync.RWMutex
func f(n int) {
	mu.RLock()
	defer mu.RUnlock()
	if n == 0 { panic("down there") }
	f(n-1)
}`)
	ctx, stop := context.WithTimeout(s.t.Context(), patiently)
	defer stop()
	if _, err := s.run(ctx, "f(100)"); err == nil || err.Error() != "down there" {
		t.Errorf("the cell gives %v", err)
	}
	if got := s.must("mu.TryLock()"); got != "true" {
		t.Error("a deferred call did not run")
	}
}

// A run-time error below a recursion that has returned before ends, in frames that are
// used again.
func TestRuntimeErrorBelowBranchingRecursion(t *testing.T) {
	s := newSession(t)
	s.must(`func tree(n int) int {
	defer func() {}()
	if n == 0 { return 1 }
	m := tree(n-1) + tree(n-1)
	if n == 9 { var xs []int; return xs[m] }
	return m
}`)
	ctx, stop := context.WithTimeout(s.t.Context(), patiently)
	defer stop()
	if _, err := s.run(ctx, "tree(10)"); err == nil || err.Error() != "runtime error: index out of range [512] with length 0" {
		t.Errorf("the cell gives %v", err)
	}
}
