package front

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"reflect"
	"runtime/debug"
)

// Values are looked at while code runs, which may change them. What is read wrongly by
// that does no harm but in two ways: a fault, which look makes an answer of, and maps.
// The runtime ends a process in which a map is read while it is written, so maps are
// only read when no code runs.

// SetQuiet tells how to find out that no code of cells runs, in no goroutine, so that
// none can write a map; nil means that none ever does at the same time.
func (s *Session) SetQuiet(quiet func() bool) { s.isQuiet = quiet }

func (s *Session) quiet() bool { return s.isQuiet == nil || s.isQuiet() }

// look calls f, which reads live values; it reports whether f came to its end.
func (s *Session) look(f func()) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil && ok }()
	f()
	return true
}

// value gives the live value of an expression that is made of names, fields, elements
// and pointers; it is invalid for others, and where nothing is there. No code is called.
// It is called by look.
func (p *spot) value(x ast.Expr) reflect.Value {
	info, e := p.cell.info, p.s.engine
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		o := p.object(x)
		b, ok := p.s.Lookup(x.Name)
		if v, isVar := o.(*types.Var); !isVar || !ok || v != b.Object {
			return reflect.Value{}
		}
		v, _ := e.Value(b.Engine)
		return v
	case *ast.SelectorExpr:
		if sel := info.Selections[x]; sel != nil && sel.Kind() == types.FieldVal {
			return p.s.field(p.value(x.X), sel.Index())
		}
	case *ast.StarExpr:
		if v := e.Dynamic(p.value(x.X)); v.Kind() == reflect.Pointer {
			return v.Elem()
		}
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			if v := p.value(x.X); v.IsValid() && v.CanAddr() {
				return v.Addr()
			}
		}
	case *ast.TypeAssertExpr:
		if x.Type != nil {
			return e.Dynamic(p.value(x.X))
		}
	case *ast.IndexExpr:
		return p.element(x)
	}
	return reflect.Value{}
}

// element gives the live value at a constant index or key.
func (p *spot) element(x *ast.IndexExpr) reflect.Value {
	index := p.cell.info.Types[x.Index].Value
	if index == nil {
		return reflect.Value{}
	}
	v := p.s.engine.Dynamic(p.value(x.X))
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if i, ok := constant.Int64Val(constant.ToInt(index)); ok && 0 <= i && i < int64(v.Len()) {
			return v.Index(int(i))
		}
	case reflect.Map:
		key := reflect.New(v.Type().Key()).Elem()
		switch {
		case key.Kind() == reflect.String && index.Kind() == constant.String:
			key.SetString(constant.StringVal(index))
		case key.CanInt():
			i, ok := constant.Int64Val(constant.ToInt(index))
			if !ok || key.OverflowInt(i) {
				return reflect.Value{}
			}
			key.SetInt(i)
		case key.CanUint():
			i, ok := constant.Uint64Val(constant.ToInt(index))
			if !ok || key.OverflowUint(i) {
				return reflect.Value{}
			}
			key.SetUint(i)
		default:
			return reflect.Value{}
		}
		if p.quiet() {
			return v.MapIndex(key)
		}
	}
	return reflect.Value{}
}

// field follows the path to a field in a live value; the result is invalid where
// there is a nil on the way.
func (s *Session) field(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		v = s.engine.Dynamic(v)
		if v.Kind() == reflect.Pointer {
			v = s.engine.Dynamic(v.Elem())
		}
		if v.Kind() != reflect.Struct || i >= v.NumField() {
			return reflect.Value{}
		}
		v = v.Field(i)
	}
	return v
}

// dynamicType gives the type of what an expression's interface holds, where it is one of
// the session or of the standard library; else nil.
func (p *spot) dynamicType(x ast.Expr, static types.Type) (t types.Type) {
	if !types.IsInterface(static) {
		return nil
	}
	p.s.look(func() {
		if v := p.s.engine.Dynamic(p.value(x)); v.IsValid() {
			t = p.s.typeOf(v.Type())
		}
	})
	return t
}

// typeOf gives the type that a reflect type was made of; nil if it is not found.
func (s *Session) typeOf(rt reflect.Type) types.Type {
	if rt.Kind() == reflect.Pointer && rt.Name() == "" {
		if t := s.typeOf(rt.Elem()); t != nil {
			return types.NewPointer(t)
		}
		return nil
	}
	if rt.Name() == "" || rt.PkgPath() == "" {
		return nil
	}
	var o types.Object
	if rt.PkgPath() == "main" {
		if b, ok := s.Lookup(rt.Name()); ok {
			o = b.Object
		}
	} else if pkg, err := s.Import(rt.PkgPath()); err == nil {
		o = pkg.Scope().Lookup(rt.Name())
	}
	tn, ok := o.(*types.TypeName)
	if !ok || !alike(tn.Type().Underlying(), rt) {
		return nil
	}
	return tn.Type()
}

// alike reports that a type can be the one that a reflect type of its name was made of,
// and no other version of it.
func alike(t types.Type, rt reflect.Type) bool {
	st, ok := t.(*types.Struct)
	if !ok || rt.Kind() != reflect.Struct {
		return ok == (rt.Kind() == reflect.Struct)
	}
	if st.NumFields() != rt.NumField() {
		return false
	}
	for i := range st.NumFields() {
		if st.Field(i).Name() != rt.Field(i).Name {
			return false
		}
	}
	return true
}
