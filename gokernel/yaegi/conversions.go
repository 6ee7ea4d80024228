package yaegi

import (
	"go/ast"
	"go/token"
	"go/types"
)

// conversions refuses values of cells' types that would lose, in an empty
// interface, what the program could later ask for: the identity of a named type
// that is no struct, and methods that package fmt looks for. Arguments of
// compiled functions are judged by what the function does (see call).
func (r *refuser) conversions(f *ast.File) {
	var results []*types.Tuple
	var walk func(n ast.Node) bool
	walk = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				if o, ok := r.info.Defs[n.Name].(*types.Func); ok {
					results = append(results, o.Signature().Results())
					ast.Inspect(n.Body, walk)
					results = results[:len(results)-1]
				}
			}
			return false
		case *ast.FuncLit:
			if sig, ok := r.typeOf(n).(*types.Signature); ok {
				results = append(results, sig.Results())
				ast.Inspect(n.Body, walk)
				results = results[:len(results)-1]
			}
			return false
		case *ast.ReturnStmt:
			if len(results) > 0 && len(n.Results) == results[len(results)-1].Len() {
				for i, e := range n.Results {
					r.conversion(e, results[len(results)-1].At(i).Type())
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.ASSIGN && len(n.Lhs) == len(n.Rhs) {
				for i, e := range n.Rhs {
					r.conversion(e, r.typeOf(n.Lhs[i]))
				}
			}
		case *ast.ValueSpec:
			if n.Type != nil && len(n.Names) == len(n.Values) {
				for _, e := range n.Values {
					r.conversion(e, r.typeOf(n.Type))
				}
			}
		case *ast.SendStmt:
			if c, ok := r.typeOf(n.Chan).Underlying().(*types.Chan); ok {
				r.conversion(n.Value, c.Elem())
			}
		case *ast.IndexExpr:
			if m, ok := r.typeOf(n.X).Underlying().(*types.Map); ok {
				r.conversion(n.Index, m.Key())
			}
		case *ast.CompositeLit:
			r.literal(n)
		case *ast.CallExpr:
			r.arguments(n)
		}
		return true
	}
	ast.Inspect(f, walk)
}

func (r *refuser) literal(n *ast.CompositeLit) {
	t := r.typeOf(n).Underlying()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem().Underlying()
	}
	for i, e := range n.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		value := e
		if keyed {
			value = kv.Value
		}
		switch t := t.(type) {
		case *types.Slice:
			r.conversion(value, t.Elem())
		case *types.Array:
			r.conversion(value, t.Elem())
		case *types.Map:
			if keyed {
				r.conversion(kv.Key, t.Key())
			}
			r.conversion(value, t.Elem())
		case *types.Struct:
			if keyed {
				if id, ok := kv.Key.(*ast.Ident); ok {
					if f := r.info.Uses[id]; f != nil {
						r.conversion(value, f.Type())
					}
				}
			} else if i < t.NumFields() {
				r.conversion(value, t.Field(i).Type())
			}
		}
	}
}

// arguments looks at calls of interpreted functions, conversions, panic and append.
func (r *refuser) arguments(n *ast.CallExpr) {
	if r.callee(n) != nil {
		return
	}
	tv := r.info.Types[n.Fun]
	if tv.IsType() {
		if len(n.Args) == 1 {
			r.conversion(n.Args[0], tv.Type)
		}
		return
	}
	if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok {
		if b, ok := r.info.Uses[id].(*types.Builtin); ok {
			switch {
			case b.Name() == "panic" && len(n.Args) == 1:
				r.conversion(n.Args[0], types.Universe.Lookup("any").Type())
			case b.Name() == "append" && !n.Ellipsis.IsValid():
				if s, ok := r.typeOf(n.Args[0]).Underlying().(*types.Slice); ok {
					for _, a := range n.Args[1:] {
						r.conversion(a, s.Elem())
					}
				}
			}
			return
		}
	}
	sig, ok := r.typeOf(n.Fun).Underlying().(*types.Signature)
	if !ok {
		return
	}
	for i, a := range n.Args {
		switch last := sig.Params().Len() - 1; {
		case sig.Variadic() && i >= last:
			if !n.Ellipsis.IsValid() {
				r.conversion(a, sig.Params().At(last).Type().(*types.Slice).Elem())
			}
		case i <= last:
			r.conversion(a, sig.Params().At(i).Type())
		}
	}
}

// conversion judges a value of an expression's type put into a variable of type to.
func (r *refuser) conversion(e ast.Expr, to types.Type) {
	i, ok := to.Underlying().(*types.Interface)
	if !ok || !i.Empty() || isTypeParam(to) {
		return
	}
	t := r.typeOf(e)
	c := cellConcrete(t)
	if c == nil {
		return
	}
	name := c.Obj().Name()
	if m := hasMethod(t, textMethods...); m != "" {
		r.refuse(e, "%s loses its method %s in an any; keep it in a variable of its type, or in an interface with methods that a cell declares", name, m)
		return
	}
	if _, ok := c.Underlying().(*types.Struct); !ok {
		r.refuse(e, "%s loses its type in an any; convert it to %s first, or use an interface with methods that a cell declares", name, c.Underlying())
	}
}
