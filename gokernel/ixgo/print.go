package ixgo

import (
	"go/ast"
	"go/types"
	"reflect"

	"github.com/reval-editor/reval/gokernel/front"
)

// printing gives the call that stands for one of the builtins print and println, or nil.
// The interpreter's own write to stdout, to no cell.
func (a *adapter) printing(n *ast.CallExpr) ast.Expr {
	name, refused := front.Printing(a.info, n)
	if name == "" {
		return nil
	}
	a.refused = append(a.refused, refused...)
	p := call(n.Pos(), a.native(n.Pos(), name))
	for _, x := range n.Args {
		if types.IsInterface(a.info.TypeOf(x)) { // a type parameter is one as well
			x = call(x.Pos(), a.helper(x.Pos(), "Words"), x)
		}
		p.Args = append(p.Args, x)
	}
	a.info.Types[p] = a.info.Types[n]
	return p
}

// words gives the words of the interface that p points to, or the value of another type.
func words(p any) any {
	x := reflect.ValueOf(p).Elem()
	if x.Kind() == reflect.Interface {
		return front.WordsOf(x.Interface())
	}
	return x.Interface()
}
