package front

import (
	"cmp"
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/stdinfo"
)

// Qualifier writes types as users do: cell types without a package, and those that
// package reval offers as its own.
func Qualifier(p *types.Package) string {
	const kernel = "github.com/reval-editor/reval/gokernel/"
	switch p.Path() {
	case "main":
		return ""
	case kernel + "display", kernel + "plot", kernel + "comm":
		return "reval"
	}
	return p.Name()
}

// TypeText gives a type as users write it.
func TypeText(t types.Type) string { return types.TypeString(t, Qualifier) }

// Format writes a value of a type as Go programmers read it: structs with field
// names, strings quoted, pointers to structs followed once. It stops at about
// limit bytes. The value's methods are not called.
func Format(e Engine, t types.Type, v reflect.Value, limit int) string {
	f := formatter{engine: e, limit: limit}
	f.value(t, v, 0)
	return f.b.String()
}

// LiveText writes a value as Format does, while code may change it: no method of cells'
// types is called, and maps are read only if no code runs.
func (s *Session) LiveText(t types.Type, v reflect.Value, limit int) (text string) {
	s.look(func() { text = formatLive(s.engine, s.quiet, t, v, limit) })
	return text
}

// formatLive writes a value that code may change meanwhile; maps only if it is quiet. It
// is called by look.
func formatLive(e Engine, quiet func() bool, t types.Type, v reflect.Value, limit int) string {
	f := formatter{engine: e, limit: limit, quiet: quiet}
	f.value(t, v, 0)
	return f.b.String()
}

type formatter struct {
	engine Engine
	b      strings.Builder
	limit  int
	quiet  func() bool // of formatLive; else nil
}

// full reports that enough was written, and marks the place once.
func (f *formatter) full() bool {
	if f.b.Len() < f.limit {
		return false
	}
	if !strings.HasSuffix(f.b.String(), "…") {
		f.b.WriteString("…")
	}
	return true
}

const (
	maxDepth = 12
	maxKey   = 200 // bytes of a map's key
)

func (f *formatter) value(t types.Type, v reflect.Value, depth int) {
	if f.full() {
		return
	}
	if !v.IsValid() {
		f.b.WriteString("nil")
		return
	}
	if depth > maxDepth {
		f.b.WriteString("…")
		return
	}
	if !ofCells(t) && f.native(v) {
		return
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		f.basic(v)
	case *types.Pointer:
		f.pointer(u, v, depth)
	case *types.Struct:
		f.structure(u, v, depth)
	case *types.Slice:
		f.sequence(u.Elem(), v, depth)
	case *types.Array:
		f.sequence(u.Elem(), v, depth)
	case *types.Map:
		f.mapping(u, v, depth)
	case *types.Interface:
		f.dynamic(v, depth)
	case *types.Signature:
		if v.Kind() == reflect.Func && v.IsNil() {
			f.b.WriteString("nil")
			return
		}
		f.b.WriteString(TypeText(t))
	case *types.Chan:
		fmt.Fprintf(&f.b, "(%s)(%#x)", TypeText(t), v.Pointer())
	default:
		f.basic(v)
	}
}

// ofCells reports a type that is a cell's own, or unnamed.
func ofCells(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return !ok || n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "main"
}

// native writes a value whose compiled type says itself in text.
func (f *formatter) native(v reflect.Value) bool {
	if !v.CanInterface() || v.Kind() == reflect.Interface {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		if v.IsNil() {
			f.b.WriteString("nil")
			return true
		}
	}
	if f.quiet != nil && !fromLibrary(v.Type()) {
		return false // its methods are code of cells, or of the program
	}
	switch v.Interface().(type) {
	case error, fmt.Stringer:
		f.b.WriteString(f.cut(fmt.Sprintf("%+v", v.Interface())))
		return true
	}
	return false
}

func (f *formatter) cut(s string) string { return display.Cut(s, f.limit-f.b.Len()) }

func (f *formatter) basic(v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		f.b.WriteString(strconv.Quote(f.cut(v.String())))
	case v.CanInt():
		f.b.WriteString(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		f.b.WriteString(strconv.FormatUint(v.Uint(), 10))
	default:
		fmt.Fprintf(&f.b, "%v", v)
	}
}

func (f *formatter) pointer(t *types.Pointer, v reflect.Value, depth int) {
	v = f.engine.Dynamic(v)
	if v.Kind() != reflect.Pointer {
		fmt.Fprintf(&f.b, "%v", v)
		return
	}
	if v.IsNil() {
		f.b.WriteString("nil")
		return
	}
	switch t.Elem().Underlying().(type) {
	case *types.Struct, *types.Slice, *types.Map, *types.Array:
		if depth == 0 && ofCells(t.Elem()) {
			f.b.WriteByte('&')
			f.value(t.Elem(), v.Elem(), depth+1)
			return
		}
	}
	fmt.Fprintf(&f.b, "%#x", v.Pointer())
}

func (f *formatter) structure(t *types.Struct, v reflect.Value, depth int) {
	if v = f.engine.Dynamic(v); v.Kind() != reflect.Struct || v.NumField() != t.NumFields() {
		f.shape(v)
		return
	}
	f.b.WriteByte('{')
	for i := range t.NumFields() {
		if i > 0 {
			f.b.WriteByte(' ')
		}
		if f.full() {
			break
		}
		f.b.WriteString(t.Field(i).Name())
		f.b.WriteByte(':')
		f.value(t.Field(i).Type(), v.Field(i), depth+1)
	}
	f.b.WriteByte('}')
}

func (f *formatter) sequence(elem types.Type, v reflect.Value, depth int) {
	if v = f.engine.Dynamic(v); v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		f.shape(v)
		return
	}
	f.b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			f.b.WriteByte(' ')
		}
		if f.full() {
			break
		}
		f.value(elem, v.Index(i), depth+1)
	}
	f.b.WriteByte(']')
}

func (f *formatter) mapping(t *types.Map, v reflect.Value, depth int) {
	if v = f.engine.Dynamic(v); v.Kind() != reflect.Map {
		f.shape(v)
		return
	}
	if f.quiet != nil && !v.IsNil() && !f.quiet() {
		fmt.Fprintf(&f.b, "%s, not read while code runs", TypeText(t))
		return
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	var entries []entry
	for it := v.MapRange(); it.Next(); {
		key := formatter{engine: f.engine, limit: maxKey, quiet: f.quiet}
		key.value(t.Key(), it.Key(), 0)
		entries = append(entries, entry{key.b.String(), it.Value()})
		if len(entries) > f.limit {
			break
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if x, err := strconv.ParseFloat(a.key, 64); err == nil {
			if y, err := strconv.ParseFloat(b.key, 64); err == nil {
				if order := cmp.Compare(x, y); order != 0 {
					return order
				}
			}
		}
		return strings.Compare(a.key, b.key)
	})
	f.b.WriteString("map[")
	for i, e := range entries {
		if i > 0 {
			f.b.WriteByte(' ')
		}
		if f.full() {
			break
		}
		f.b.WriteString(e.key)
		f.b.WriteByte(':')
		f.value(t.Elem(), e.value, depth+1)
	}
	f.b.WriteByte(']')
}

// dynamic writes what an interface holds. The engine may not know the dynamic
// type's name, so that only its shape is written.
func (f *formatter) dynamic(v reflect.Value, depth int) {
	if v = f.engine.Dynamic(v); !v.IsValid() {
		f.b.WriteString("nil")
		return
	}
	if f.native(v) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		f.b.WriteString(strconv.Quote(f.cut(v.String())))
	case reflect.Pointer:
		if v.IsNil() {
			f.b.WriteString("nil")
			return
		}
		if depth == 0 && v.Elem().Kind() == reflect.Struct {
			f.b.WriteString("&")
			f.shape(v.Elem())
			return
		}
		fmt.Fprintf(&f.b, "%#x", v.Pointer())
	default:
		f.shape(v)
	}
}

// shape writes a value whose type the session does not know.
func (f *formatter) shape(v reflect.Value) {
	if f.quiet != nil && mayHoldMap(v.Type()) && !f.quiet() {
		fmt.Fprintf(&f.b, "%s, not read while code runs", reflectText(v.Type()))
		return
	}
	var speaks func(reflect.Type) bool
	if f.quiet != nil {
		speaks = fromLibrary
	}
	f.b.WriteString(display.TextOf(v, f.limit-f.b.Len(), speaks))
}

// mayHoldMap reports a type in whose values there can be maps, but behind pointers.
func mayHoldMap(t reflect.Type) bool {
	seen := map[reflect.Type]bool{} // a type can be made of slices of itself
	var may func(t reflect.Type) bool
	may = func(t reflect.Type) bool {
		if seen[t] {
			return false
		}
		seen[t] = true
		switch t.Kind() {
		case reflect.Map, reflect.Interface:
			return true
		case reflect.Slice, reflect.Array:
			return may(t.Elem())
		case reflect.Struct:
			for f := range t.Fields() {
				if may(f.Type) {
					return true
				}
			}
		}
		return false
	}
	return may(t)
}

// fromLibrary reports a type of the standard library, or a pointer to one.
func fromLibrary(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	_, err := stdinfo.Import(t.PkgPath())
	return err == nil
}

// maxPanic bounds the text of a panic, in bytes.
const maxPanic = 4 << 10

// PanicText gives a panic's value as one line.
func PanicText(v any) string {
	var s string
	switch v := v.(type) {
	case error, fmt.Stringer:
		s = fmt.Sprint(v)
	default:
		s = display.Text(v, maxPanic)
	}
	return strings.ReplaceAll(display.Cut(s, maxPanic), "\n", " ")
}
