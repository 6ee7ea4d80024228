package ixgo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// Packages of the module that the session is in, of folders that replace modules,
// and of the module cache are imported from source, and keep their state.
func TestModules(t *testing.T) {
	s := newSessionIn(t, `
-- go.mod --
module example.com/work

go 1.26

require (
	example.com/replaced v1.0.0
	example.com/missing v1.2.3
	example.com/cached/v2 v2.0.1
)

replace example.com/replaced => ./beside
-- shapes/shapes.go --
// Package shapes has state, methods and a package behind it.
package shapes

import (
	"fmt"

	"example.com/work/shapes/internal/count"
)

type Shape interface{ Area() float64 }

type Square struct{ Side float64 }

func (s Square) Area() float64   { count.Calls++; return s.Side * s.Side }
func (s *Square) Grow(d float64) { s.Side += d }
func (s Square) String() string  { return fmt.Sprintf("square %g", s.Side) }

var Made = start()

func start() map[string]Shape { return map[string]Shape{} }

func Make(name string, side float64) *Square {
	s := &Square{side}
	Made[name] = s
	return s
}

func Calls() int { return count.Calls }

// circle and ring are types of values that other packages have without their names.
type circle struct{ R float64 }

func (c *circle) Area() float64 { return 3 * c.R * c.R }

func Circle(r float64) *circle { return &circle{r} }

type ring[T any] struct{ items []T }

func (r ring[T]) At(i int) T { return r.items[i%len(r.items)] }

type failure struct{ code int }

func (f failure) Error() string { return fmt.Sprint("failure ", f.code) }

func Fail(code int) error { return failure{code} }

func Ring[T any](items ...T) ring[T] { return ring[T]{items} }

func Map[T, U any](xs []T, f func(T) U) (out []U) {
	for _, x := range xs {
		out = append(out, f(x))
	}
	return
}
-- shapes/internal/count/count.go --
package count

var Calls int
-- broken/broken.go --
package broken

var X int = "text"
-- tool/main.go --
package main

func main() {}
-- beside/go.mod --
module example.com/replaced
-- beside/odd/name.go --
package unlike

const Answer = 42
-- cache/example.com/cached/v2@v2.0.1/cached.go --
package cached

import "example.com/work/shapes"

type Cube struct{ shapes.Square }

func (c Cube) Volume() float64 { return c.Area() * c.Side }
`)
	for _, c := range []struct{ cell, want string }{
		{"import \"example.com/work/shapes\"\nsq := shapes.Make(\"a\", 2)\nsq.Area()", "4"},
		{"sq.Grow(1)\nsq.Area()", "9"},
		{"shapes.Calls()", "2"},
		{"import \"fmt\"\nfmt.Sprint(shapes.Made, len(shapes.Made), shapes.Made[\"a\"] == shapes.Shape(sq))", `"map[a:square 3] 1 true"`},
		{"type Circle struct{ r float64 }\nfunc (c Circle) Area() float64 { return 3 * c.r }\nshapes.Made[\"c\"] = Circle{1}\nlen(shapes.Made)", "2"},
		{"shapes.Map([]int{1, 2}, func(i int) string { return fmt.Sprint(i) })", `["1" "2"]`},
		{"round := shapes.Circle(1)\nrings := shapes.Ring(round, shapes.Circle(2))\nround.Area()", "3"},
		{"round.R = 3\nfunc last() Shape { return rings.At(1) }\ntype Shape = shapes.Shape\nfmt.Sprintf(\"%v %v %T\", rings.At(2).Area(), last().Area(), round)", `"27 12 *shapes.circle"`},
		{"by := map[string]any{\"r\": rings}\nround, sq2 := rings.At(3), sq\n_, same := by[\"r\"].(interface{ At(int) any })\nfmt.Sprint(round.R, sq2, same)", `"2 square 3 false"`},
		{"failed := shapes.Fail(3)\nfailed.Error()", `"failure 3"`},
		{"failed.Error() + fmt.Sprint(\" \", failed)", `"failure 3 failure 3"`},
		{"func area(s Shape) float64 { return s.Area() }\nfmt.Sprint(area(shapes.Circle(2)), area(sq), failed == shapes.Fail(3))", `"12 9 true"`},
		{"import \"example.com/replaced/odd\"\nunlike.Answer", "42"},
		{"import \"example.com/cached/v2\"\nvar x any = cached.Cube{*sq}\n_, ok := x.(shapes.Shape)\nfmt.Sprint(ok, x.(cached.Cube).Volume())", `"true 27"`},
	} {
		if got := s.must(c.cell); got != c.want {
			t.Errorf("cell\n%s\ngives %s, want %s", c.cell, got, c.want)
		}
	}
	for _, c := range []struct{ path, want string }{
		{"example.com/work/broken", "broken.go:3:13: cannot use"},
		{"example.com/work/tool", "is a program"},
		{"example.com/work/nothing", "there are no Go files in"},
		{"example.com/missing", "is not in the module cache: run `go mod download`"},
		{"example.com/other", "run `go get example.com/other`"},
		{"nosuch", "not in the standard library"},
	} {
		if _, err := s.run(t.Context(), "import \""+c.path+"\""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("import of %s: %v, want %q", c.path, err, c.want)
		}
	}
}

// newSessionIn makes a session in a folder that has a txtar archive's files; a module
// cache is in its folder cache.
func newSessionIn(t *testing.T, files string) *session {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOMODCACHE", filepath.Join(dir, "cache"))
	return newSession(t)
}

// Code of a package in source form is as that of cells: it is interrupted, its
// goroutines' panics are told, its stack can overflow, and what it prints is the cell's.
func TestModulesAreAdapted(t *testing.T) {
	s := newSessionIn(t, `
-- go.mod --
module example.com/work
-- busy/busy.go --
package busy

import (
	"fmt"
	"os"

	"example.com/work/busy/behind"
)

func Loop() { fmt.Fprint(os.Stderr, "."); for {} }
func Behind() { fmt.Fprint(os.Stderr, "."); behind.Loop() }
func Receive() { fmt.Fprint(os.Stderr, "."); <-make(chan int) }
func Each[T any](f func() T) { fmt.Fprint(os.Stderr, "."); for { f() } }
func Range() { fmt.Fprint(os.Stderr, "."); for range make(chan int) { } }
func Boom() { go func() { panic("boom") }() }
func Deep(n int) int { return Deep(n+1) + 1 }
-- busy/behind/behind.go --
package behind

func Loop() {
again:
	goto again
}
`)
	s.engine.maxStack = 4 << 20
	s.must(`import "example.com/work/busy"`)
	for _, cell := range []string{"busy.Loop()", "busy.Behind()", "busy.Receive()", "busy.Range()", "busy.Each(func() int { return 1 })"} {
		s.must("deferred := false")
		s.interrupt("func() {\ndefer func() { deferred = true }()\n"+cell+"\n}()", true)
		if got := s.must("deferred"); got != "true" {
			t.Errorf("after %s deferred code did not run", cell)
		}
	}
	s.overflows("busy.Deep(0)")
	s.must("busy.Boom()")
	select {
	case p := <-s.panics:
		if fmt.Sprint(p) != "boom" {
			t.Errorf("a goroutine panicked: %v", p)
		}
	case <-time.After(patiently):
		t.Error("a goroutine's panic was not told")
	}
}
