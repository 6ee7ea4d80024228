package front

import (
	"go/types"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type node struct {
	Next  *node
	Kids  map[string][]node
	count *atomic.Pointer[int]
	at    time.Time
}

var _ = node{count: nil, at: time.Time{}} // reflection alone uses them

func (n node) Len() int                                 { return len(n.Kids) }
func (n *node) Add(name string, more ...node) (e error) { return nil }

type visitor interface {
	Visit(n *node, h http.Handler) (w visitor)
}

// Types that refer to themselves, to the library's and to unexported ones come out
// as they are.
func TestReflectedTypes(t *testing.T) {
	r := newReflected()
	n := r.of(reflect.TypeFor[node]()).(*types.Named)
	if got := TypeText(n.Underlying()); got != "struct{Next *front.node; Kids map[string][]front.node; count *atomic.Pointer[int]; at time.Time}" {
		t.Errorf("node is %s", got)
	}
	var methods []string
	for m := range types.NewMethodSet(types.NewPointer(n)).Methods() {
		methods = append(methods, TypeText(m.Obj().Type())+" "+m.Obj().Name())
	}
	if got := strings.Join(methods, ", "); got != "func(string, ...front.node) error Add, func() int Len" {
		t.Errorf("the methods of *node are %s", got)
	}
	if types.NewMethodSet(n).Len() != 1 {
		t.Error("node has Add, which is *node's")
	}
	v := r.of(reflect.TypeFor[visitor]())
	if got := TypeText(v.Underlying()); got != "interface{Visit(*front.node, http.Handler) front.visitor}" {
		t.Errorf("visitor is %s", got)
	}
	std, err := NewSession(nil).Import("net/http")
	if err != nil {
		t.Fatal(err)
	}
	if r.of(reflect.TypeFor[http.Handler]()) != std.Scope().Lookup("Handler").Type() {
		t.Error("http.Handler is not the library's")
	}
	if uses := (Package{Path: "p", Types: map[string]reflect.Type{"V": reflect.TypeFor[visitor]()}}).Uses(); !strings.Contains(strings.Join(uses, " "), "net/http") {
		t.Errorf("a package of visitor uses %v", uses)
	}
}
