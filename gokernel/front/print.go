package front

import (
	"fmt"
	"go/ast"
	"go/types"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// Printing tells a call of the builtin print or println: "Print", "Println", and what it
// cannot print, which go/types lets pass. Other calls have no name.
func Printing(info *types.Info, n *ast.CallExpr) (name string, refused []Refusal) {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok {
		return "", nil
	}
	switch info.Uses[id] {
	case types.Universe.Lookup("print"):
		name = "Print"
	case types.Universe.Lookup("println"):
		name = "Println"
	default:
		return "", nil
	}
	for _, x := range n.Args {
		switch t := info.TypeOf(x); t.Underlying().(type) {
		case *types.Struct, *types.Array:
			refused = append(refused, Refusal{Pos: x.Pos(), Message: fmt.Sprintf("%s prints no value of type %s: use package fmt", strings.ToLower(name), TypeText(t))})
		}
	}
	return name, refused
}

// Words are an interface value's, as the builtins print and println show it: its type
// and what it holds.
type Words struct{ typ, data unsafe.Pointer }

// WordsOf gives an interface value's words.
func WordsOf(x any) Words { return *(*Words)(unsafe.Pointer(&x)) }

// Printer gives the builtin print, or println, for an engine: it writes its operands at
// once, formatted as Go's runtime does it. Operands that are interfaces come as Words.
func Printer(w io.Writer, between, end string) func(args ...any) {
	return func(args ...any) {
		var out []byte
		for i, x := range args {
			if i > 0 {
				out = append(out, between...)
			}
			out = appendPrinted(out, x)
		}
		_, _ = w.Write(append(out, end...))
	}
}

func appendPrinted(out []byte, x any) []byte {
	pointer := func(p unsafe.Pointer) string { return fmt.Sprintf("%#x", uintptr(p)) }
	if x, ok := x.(Words); ok {
		return append(out, "("+pointer(x.typ)+","+pointer(x.data)+")"...)
	}
	switch v := reflect.ValueOf(x); v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(out, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(out, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.AppendFloat(out, v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		return append(out, strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())...)
	case reflect.String:
		return append(out, v.String()...)
	case reflect.Slice:
		return fmt.Appendf(out, "[%d/%d]%s", v.Len(), v.Cap(), pointer(v.UnsafePointer()))
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return append(out, pointer(WordsOf(x).data)...)
	case reflect.Invalid: // a nil interface of a type parameter's type
		return append(out, "(0x0,0x0)"...)
	default:
		return fmt.Append(out, x)
	}
}
