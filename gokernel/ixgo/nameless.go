package ixgo

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"

	"github.com/goplus/ixgo"
	"github.com/goplus/reflectx"
	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/types/typeutil"
)

// Each interpreter makes the types of interfaces without a name itself, so that what is
// made of one, such as []interface{ M() }, would be another type in each unit. So in the
// file such an interface gets a name, the same in all units, and behind the name the
// interpreter finds a type that has none. Left as they are: interfaces whose methods have
// types that the unit itself declares, that a function declares, or type parameters.

// nameless are the interfaces that have got a name.
type nameless struct {
	known typeutil.Map // *types.Interface to *namelessInterface
	n     int
}

type namelessInterface struct {
	name string
	typ  reflect.Type
}

// check checks a unit's file in a package of its own. stands tells the objects of earlier
// units that have another name there.
func (e *Engine) check(u *front.Unit) (sp *ixgo.SourcePackage, stands map[types.Object]types.Object, err error) {
	load := func() (*ixgo.SourcePackage, map[types.Object]types.Object, error) {
		pkg := types.NewPackage("main", "main")
		stands := e.seed(pkg, u)
		sp := &ixgo.SourcePackage{Context: e.ctx, Package: pkg, Files: []*ast.File{u.File}}
		return sp, stands, sp.Load()
	}
	sp, stands, err = load()
	found, undo := e.nameInterfaces(u.File, sp.Info)
	if found == nil {
		return sp, stands, err
	}
	named, standsNow, namedErr := load()
	if namedErr != nil { // a package has the same without the name
		undo()
		return sp, stands, err
	}
	for _, i := range found {
		if o := named.Package.Scope().Lookup(i.name); e.objects[i.name] == nil && o != nil {
			e.objects[i.name] = o
			e.loader.set(o.Type().(*types.Named), i.typ)
		}
	}
	return named, standsNow, nil
}

// nameInterfaces writes names in a file for interfaces that have none, and declares the
// new ones. It gives those that it wrote, and how to have the file as it was.
func (e *Engine) nameInterfaces(f *ast.File, info *types.Info) (found []*namelessInterface, undo func()) {
	named, replaced := map[ast.Expr]bool{}, map[*ast.Ident]ast.Expr{}
	decls := f.Decls
	var added []ast.Decl
	declared := map[*namelessInterface]bool{}
	before := func(c *astutil.Cursor) bool {
		if spec, ok := c.Node().(*ast.TypeSpec); ok && !spec.Assign.IsValid() {
			named[ast.Unparen(spec.Type)] = true
		}
		return c.Name() != "TypeParams"
	}
	after := func(c *astutil.Cursor) bool {
		n, ok := c.Node().(*ast.InterfaceType)
		if !ok || named[n] {
			return true
		}
		i := e.unnamed.of(e, info.TypeOf(n))
		if i == nil {
			return true
		}
		if found = append(found, i); e.objects[i.name] == nil && !declared[i] {
			declared[i] = true
			spec := &ast.TypeSpec{Name: ident(n.Pos(), i.name), Type: n}
			added = append(added, &ast.GenDecl{TokPos: n.Pos(), Tok: token.TYPE, Specs: []ast.Spec{spec}})
		}
		id := ident(n.Pos(), i.name)
		replaced[id] = n
		c.Replace(id)
		return true
	}
	astutil.Apply(f, before, after)
	f.Decls = append(f.Decls[:len(decls):len(decls)], added...)
	return found, func() {
		f.Decls = decls
		astutil.Apply(f, nil, func(c *astutil.Cursor) bool {
			if id, ok := c.Node().(*ast.Ident); ok && replaced[id] != nil {
				c.Replace(replaced[id])
			}
			return true
		})
	}
}

// of gives an interface its name and its type; nil if it has to stay without.
func (ns *nameless) of(e *Engine, t types.Type) *namelessInterface {
	i, ok := t.(*types.Interface)
	if !ok || i.NumMethods() == 0 || !i.IsMethodSet() {
		return nil
	}
	if known := ns.known.At(i); known != nil {
		return known.(*namelessInterface)
	}
	var methods []reflect.Method
	for m := range i.Methods() {
		typ, ok := e.reflectType(m.Type())
		if !ok {
			return nil
		}
		method := reflect.Method{Name: m.Name(), Type: typ}
		if m.Pkg() != nil {
			method.PkgPath = m.Pkg().Path()
		}
		methods = append(methods, method)
	}
	ns.n++
	known := &namelessInterface{fmt.Sprintf("interface%s%d", mark, ns.n), reflectx.NewContext().InterfaceOf(nil, methods)}
	ns.known.Set(i, known)
	return known
}

// reflectType gives the type of values of a type that all units know.
func (e *Engine) reflectType(t types.Type) (typ reflect.Type, ok bool) {
	list := func(t *types.Tuple) (all []reflect.Type, ok bool) {
		for v := range t.Variables() {
			typ, ok := e.reflectType(v.Type())
			if !ok {
				return nil, false
			}
			all = append(all, typ)
		}
		return all, true
	}
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		typ, ok = basicTypes[t.Kind()]
		return typ, ok
	case *types.Named:
		return e.loader.peek(t)
	case *types.Pointer:
		if typ, ok = e.reflectType(t.Elem()); ok {
			return reflect.PointerTo(typ), true
		}
	case *types.Slice:
		if typ, ok = e.reflectType(t.Elem()); ok {
			return reflect.SliceOf(typ), true
		}
	case *types.Array:
		if typ, ok = e.reflectType(t.Elem()); ok {
			return reflect.ArrayOf(int(t.Len()), typ), true
		}
	case *types.Map:
		key, ok := e.reflectType(t.Key())
		if elem, ok1 := e.reflectType(t.Elem()); ok && ok1 {
			return reflect.MapOf(key, elem), true
		}
	case *types.Signature:
		in, ok := list(t.Params())
		if out, ok1 := list(t.Results()); ok && ok1 {
			return reflect.FuncOf(in, out, t.Variadic()), true
		}
	case *types.Interface:
		if t.Empty() {
			return reflect.TypeFor[any](), true
		}
	}
	return nil, false
}

var basicTypes = map[types.BasicKind]reflect.Type{
	types.Bool: reflect.TypeFor[bool](), types.String: reflect.TypeFor[string](),
	types.Int: reflect.TypeFor[int](), types.Int8: reflect.TypeFor[int8](), types.Int16: reflect.TypeFor[int16](),
	types.Int32: reflect.TypeFor[int32](), types.Int64: reflect.TypeFor[int64](),
	types.Uint: reflect.TypeFor[uint](), types.Uint8: reflect.TypeFor[uint8](), types.Uint16: reflect.TypeFor[uint16](),
	types.Uint32: reflect.TypeFor[uint32](), types.Uint64: reflect.TypeFor[uint64](), types.Uintptr: reflect.TypeFor[uintptr](),
	types.Float32: reflect.TypeFor[float32](), types.Float64: reflect.TypeFor[float64](),
	types.Complex64: reflect.TypeFor[complex64](), types.Complex128: reflect.TypeFor[complex128](),
}
