package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// typeWriter writes types as syntax with engine names.
type typeWriter struct {
	pos    token.Pos
	engine func(types.Object) string // name of a cell's type in the file
	// embedded gives the name of a cell's type as an embedded field.
	embedded func(types.Object) (string, error)
	pkg      func(path string) string // local name of an imported package
	// unexported gives a name for a type that another package does not export, if
	// there can be one.
	unexported func(types.Object) (name string, ok bool)
}

func (w typeWriter) ident(name string) *ast.Ident { return &ast.Ident{NamePos: w.pos, Name: name} }

func (w typeWriter) int(n int64) ast.Expr {
	return &ast.BasicLit{ValuePos: w.pos, Kind: token.INT, Value: strconv.FormatInt(n, 10)}
}

// expr gives the syntax of t, or an error where t cannot be named at a file's
// top level.
func (w typeWriter) expr(t types.Type) (ast.Expr, error) {
	switch t := t.(type) {
	case *types.Alias:
		return w.expr(types.Unalias(t))
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return &ast.SelectorExpr{X: w.ident(w.pkg("unsafe")), Sel: w.ident("Pointer")}, nil
		}
		return w.ident(t.Name()), nil
	case *types.Named:
		return w.named(t)
	case *types.Pointer:
		x, err := w.expr(t.Elem())
		return &ast.StarExpr{Star: w.pos, X: x}, err
	case *types.Slice:
		x, err := w.expr(t.Elem())
		return &ast.ArrayType{Lbrack: w.pos, Elt: x}, err
	case *types.Array:
		x, err := w.expr(t.Elem())
		return &ast.ArrayType{Lbrack: w.pos, Len: w.int(t.Len()), Elt: x}, err
	case *types.Map:
		k, err := w.expr(t.Key())
		if err != nil {
			return nil, err
		}
		v, err := w.expr(t.Elem())
		return &ast.MapType{Map: w.pos, Key: k, Value: v}, err
	case *types.Chan:
		x, err := w.expr(t.Elem())
		dir := map[types.ChanDir]ast.ChanDir{types.SendRecv: ast.SEND | ast.RECV, types.SendOnly: ast.SEND, types.RecvOnly: ast.RECV}
		return &ast.ChanType{Begin: w.pos, Dir: dir[t.Dir()], Value: x}, err
	case *types.Signature:
		return w.signature(t)
	case *types.Struct:
		return w.structure(t)
	case *types.Interface:
		return w.iface(t)
	}
	return nil, fmt.Errorf("type %s cannot be the type of a top-level variable", t)
}

func (w typeWriter) named(t *types.Named) (ast.Expr, error) {
	o := t.Obj()
	var x ast.Expr
	switch {
	case o.Pkg() == nil: // error, comparable
		x = w.ident(o.Name())
	case o.Pkg().Path() == "main":
		if o.Parent() != nil && o.Parent() != o.Pkg().Scope() {
			return nil, fmt.Errorf("type %s is local to a function and cannot be the type of a top-level variable: declare the type at the top level", o.Name())
		}
		x = w.ident(w.engine(o))
	case !o.Exported():
		name, ok := w.unexported(o)
		if !ok {
			return nil, fmt.Errorf("type %s.%s is not exported and cannot be the type of a top-level variable: use the value inside a function", o.Pkg().Path(), o.Name())
		}
		x = w.ident(name)
	default:
		x = &ast.SelectorExpr{X: w.ident(w.pkg(o.Pkg().Path())), Sel: w.ident(o.Name())}
	}
	if t.TypeArgs().Len() == 0 {
		return x, nil
	}
	var args []ast.Expr
	for a := range t.TypeArgs().Types() {
		e, err := w.expr(a)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if len(args) == 1 {
		return &ast.IndexExpr{X: x, Index: args[0]}, nil
	}
	return &ast.IndexListExpr{X: x, Indices: args}, nil
}

func (w typeWriter) signature(t *types.Signature) (*ast.FuncType, error) {
	list := func(tuple *types.Tuple, variadic bool) (*ast.FieldList, error) {
		l := &ast.FieldList{Opening: w.pos, Closing: w.pos}
		for i := range tuple.Len() {
			pt := tuple.At(i).Type()
			last := variadic && i == tuple.Len()-1
			if last {
				pt = pt.(*types.Slice).Elem()
			}
			x, err := w.expr(pt)
			if err != nil {
				return nil, err
			}
			if last {
				x = &ast.Ellipsis{Ellipsis: w.pos, Elt: x}
			}
			l.List = append(l.List, &ast.Field{Type: x})
		}
		return l, nil
	}
	params, err := list(t.Params(), t.Variadic())
	if err != nil {
		return nil, err
	}
	ft := &ast.FuncType{Func: w.pos, Params: params}
	if t.Results().Len() > 0 {
		ft.Results, err = list(t.Results(), false)
	}
	return ft, err
}

func (w typeWriter) structure(t *types.Struct) (ast.Expr, error) {
	l := &ast.FieldList{Opening: w.pos, Closing: w.pos}
	for i := range t.NumFields() {
		v := t.Field(i)
		x, err := w.expr(v.Type())
		if err != nil {
			return nil, err
		}
		f := &ast.Field{Type: x}
		if !v.Embedded() {
			f.Names = []*ast.Ident{w.ident(v.Name())}
		} else if n := namedOf(v.Type()); n != nil && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "main" {
			name, err := w.embedded(n.Obj())
			if err != nil {
				return nil, err
			}
			rename(x, w.engine(n.Obj()), name)
		}
		if tag := t.Tag(i); tag != "" {
			f.Tag = &ast.BasicLit{ValuePos: w.pos, Kind: token.STRING, Value: strconv.Quote(tag)}
		}
		l.List = append(l.List, f)
	}
	return &ast.StructType{Struct: w.pos, Fields: l}, nil
}

// rename renames the type's name at the start of an embedded field's syntax.
func rename(x ast.Expr, from, to string) {
	if id := receiver(x); id != nil && id.Name == from {
		id.Name = to
	}
}

func (w typeWriter) iface(t *types.Interface) (ast.Expr, error) {
	l := &ast.FieldList{Opening: w.pos, Closing: w.pos}
	for m := range t.ExplicitMethods() {
		ft, err := w.signature(m.Type().(*types.Signature))
		if err != nil {
			return nil, err
		}
		l.List = append(l.List, &ast.Field{Names: []*ast.Ident{w.ident(m.Name())}, Type: ft})
	}
	for e := range t.EmbeddedTypes() {
		x, err := w.expr(e)
		if err != nil {
			return nil, err
		}
		l.List = append(l.List, &ast.Field{Type: x})
	}
	return &ast.InterfaceType{Interface: w.pos, Methods: l}, nil
}
