//go:build !race

// The race detector reports how the graft publishes its maps: see graft.go.

package ixgo

import (
	"fmt"
	"strings"
	"testing"
)

// Goroutines of the first cell call methods, by interfaces, type switches, deferred
// calls and compiled code, while later cells compile types and packages and hand
// them values. Every value is answered for.
func TestNewTypesBesideGoroutines(t *testing.T) {
	s := newSession(t)
	s.must(`
import ("errors"; "fmt"; "sort"; "sync"; "sync/atomic"; "time")
type Animal interface { Legs(n int) int; walk(n int) int; String() string }
type Cat struct{ n int }
func (c Cat) Legs(n int) int { return c.n + n }
func (c Cat) walk(n int) int { return c.n - n }
func (c Cat) String() string { return "cat" }
type herd []Animal
func (h herd) Len() int { return len(h) }
func (h herd) Less(i, j int) bool { return h[i].Legs(0) < h[j].Legs(0) }
func (h herd) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
type stall[T fmt.Stringer] struct { mu sync.Mutex; xs []T }
func (s *stall[T]) put(x T) string { s.mu.Lock(); defer s.mu.Unlock(); s.xs = append(s.xs[:0], x); return s.xs[0].String() }
type pet struct { Animal; k int }
type question struct { value any; answer chan string }
var (
	mu sync.Mutex
	animals = []Animal{Cat{1}}
	questions = make(chan question)
	rounds, wrong atomic.Int64
	stalls stall[Animal]
	root = errors.New("root")
)
func kind(x any) string {
	switch v := x.(type) {
	case interface{ missing() }: return "missing"
	case error: return "error " + v.Error()
	case Animal: return "animal " + v.String()
	case fmt.Stringer: return "stringer " + v.String()
	}
	return "?"
}
func look(a Animal, n int) (s string) {
	defer func() { if r := recover(); r != nil { wrong.Add(1); s = fmt.Sprint("panic ", r) } }()
	mu.Lock()
	defer mu.Unlock()
	legs := a.Legs
	p := pet{Animal: a}
	seen := map[any]int{a: 1, p.Animal: 2}
	defer a.String()
	return fmt.Sprint(a.Legs(n), a.walk(n), legs(1), p.Legs(2), p.Animal.walk(2), len(seen), kind(a), stalls.put(a), fmt.Sprint(a), any(a) == any(p.Animal))
}
func reply(x any) string {
	if a, ok := x.(Animal); ok { return look(a, 5) }
	if e, ok := x.(error); ok { return fmt.Sprint(errors.Is(e, root), e.Error(), fmt.Sprint(e)) }
	return kind(x)
}
for g := range 2 {
	go func() {
		for i := 0; ; i++ {
			mu.Lock()
			h := make(herd, len(animals))
			copy(h, animals)
			mu.Unlock()
			sort.Sort(h)
			for j := range h {
				if j > 0 && h[j-1].Legs(0) > h[j].Legs(0) { wrong.Add(1) }
			}
			look(h[i%len(h)], g)
			select {
			case q := <-questions: q.answer <- reply(q.value)
			default:
			}
			rounds.Add(1)
			time.Sleep(500 * time.Microsecond)
		}
	}()
}
`)
	packages := strings.Fields(`bytes bufio context container/list container/heap encoding/json encoding/base64 encoding/hex encoding/csv
		encoding/xml html math/big math/cmplx math/bits mime net/url net/textproto path path/filepath regexp strconv text/template
		text/tabwriter unicode unicode/utf8 hash/fnv hash/crc32 crypto/sha256 archive/zip compress/gzip go/token go/ast io/fs log net/netip slices maps`)
	for i := range 40 {
		kinds := []struct{ decls, value, want string }{
			{"type B# struct{ n int; pad string }\nfunc (b B#) Legs(x int) int { return b.n*x + # }\nfunc (b B#) walk(x int) int { return -x }\nfunc (b B#) String() string { return \"b\" }",
				"B#{2, \"\"}", fmt.Sprint(10+i, -5, 2+i, 4+i, -2, 1, "animal b", "b", "b", true)},
			{"type B# struct{ n int }\nfunc (b *B#) Legs(x int) int { return b.n + x }\nfunc (b *B#) walk(x int) int { return b.n - x }\nfunc (b *B#) String() string { return \"p\" }",
				"&B#{#}", fmt.Sprint(i+5, i-5, i+1, i+2, i-2, 1, "animal p", "p", "p", true)},
			{"type B# struct{ Cat; z int }\nfunc (b B#) Legs(x int) int { return x*# }",
				"&B#{Cat{3}, 1}", fmt.Sprint(5*i, -2, i, 2*i, 1, 1, "animal cat", "cat", "cat", true)},
			{"type B# struct{ c int }\nfunc (e *B#) Error() string { return \"err\" }\nfunc (e *B#) Is(t error) bool { return t == root }",
				"&B#{1}", fmt.Sprint(true, "err", "err")},
			{"type B#[T any] struct { v T }\nfunc (b B#[T]) String() string { return fmt.Sprint(\"g\", b.v) }",
				"B#[int]{#}", fmt.Sprint("stringer g", i)},
		}
		k := kinds[i%len(kinds)]
		cell := "import _ \"" + packages[i%len(packages)] + "\"\n" + k.decls + "\n"
		if i%len(kinds) < 3 {
			cell += "mu.Lock(); animals = append(animals, " + k.value + "); if len(animals) > 30 { animals = animals[15:] }; mu.Unlock()\n"
		}
		cell += "q := question{" + k.value + ", make(chan string, 1)}; questions <- q\n<-q.answer"
		if got := s.must(strings.ReplaceAll(cell, "#", fmt.Sprint(i))); got != fmt.Sprintf("%q", k.want) {
			t.Fatalf("cell\n%s\ngives %s, want %q", cell, got, k.want)
		}
	}
	if got := s.must("fmt.Sprint(rounds.Load() > 40, wrong.Load())"); got != `"true 0"` {
		t.Errorf("goroutines went round and were wrong: %s", got)
	}
}
