package yaegi

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"

	"github.com/reval-editor/reval/gokernel/front"
)

// exits are methods of the library that end the process, and our functions that end the cell.
// The interpreter calls methods as they are, and these cannot be replaced as functions are.
var exits = map[string]string{
	"(*flag.FlagSet).Parse": "ParseFlags",
	"(*log.Logger).Fatal":   "Fatal",
	"(*log.Logger).Fatalf":  "Fatalf",
	"(*log.Logger).Fatalln": "Fatalln",
}

// logger is a *log.Logger, or what the interpreter has in its place.
type logger interface {
	Output(depth int, text string) error
}

func exitFuncs() map[string]reflect.Value {
	fatal := func(l logger, text string) {
		_ = l.Output(3, text)
		panic(front.ExitError(1))
	}
	return map[string]reflect.Value{
		"ParseFlags": reflect.ValueOf(front.ParseFlags),
		"Fatal":      reflect.ValueOf(func(l logger, v ...any) { fatal(l, fmt.Sprint(v...)) }),
		"Fatalf":     reflect.ValueOf(func(l logger, format string, v ...any) { fatal(l, fmt.Sprintf(format, v...)) }),
		"Fatalln":    reflect.ValueOf(func(l logger, v ...any) { fatal(l, fmt.Sprintln(v...)) }),
	}
}

// exiting has a call of such a method call our function, with the receiver as its first
// argument. A method of an interface is not known before it runs.
func (l *lowering) exiting(n *ast.CallExpr) {
	sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	chosen := l.info.Selections[sel]
	if chosen == nil || chosen.Kind() != types.MethodVal {
		return
	}
	f, ok := chosen.Obj().(*types.Func)
	if !ok || exits[f.FullName()] == "" {
		return
	}
	x, t := sel.X, chosen.Recv()
	for _, i := range chosen.Index()[:len(chosen.Index())-1] { // of what it is embedded in
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		field := t.Underlying().(*types.Struct).Field(i)
		x, t = &ast.SelectorExpr{X: x, Sel: ident(x.End(), field.Name())}, field.Type()
		l.info.Types[x] = types.TypeAndValue{Type: t}
	}
	if _, pointer := t.Underlying().(*types.Pointer); !pointer {
		x = &ast.UnaryExpr{OpPos: x.Pos(), Op: token.AND, X: x}
		l.info.Types[x] = types.TypeAndValue{Type: types.NewPointer(t)}
	}
	l.helper = true
	n.Fun = &ast.SelectorExpr{X: ident(n.Pos(), helperName), Sel: ident(n.Pos(), exits[f.FullName()])}
	n.Args = append([]ast.Expr{x}, n.Args...)
}
