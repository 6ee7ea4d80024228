package front

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// Description is what is known of the name at a cursor.
type Description struct {
	Name    string
	Decl    string // a declaration: "var x int", "func Repeat(s string, count int) string"
	Value   string // of a variable or constant; "" = none
	Methods string // a line each
	Doc     string
	Defined string // "cell[3]:1:1", or a package path
	Source  string // text of the declaration, for detail level 1
}

// maxShown bounds an inspected value, in bytes.
const maxShown = 2 << 10

// Inspect describes the name at a cursor position, which counts code points; where there
// is none that means anything, the function whose arguments it is in. The methods of a
// live value are not called.
func (s *Session) Inspect(text string, cursor int) (Description, bool) {
	p := s.spotAt(text, byteOffset(text, cursor), true)
	if p == nil || len(p.path) == 0 {
		return Description{}, false
	}
	var x ast.Expr = p.ident()
	if sel, ok := p.parent(1).(*ast.SelectorExpr); ok && sel.Sel == x {
		x = sel
	}
	if o := p.object(x); o != nil && p.quote == 0 {
		return p.describe(x, o), true
	}
	if d, ok := p.unimported(x); ok {
		return d, true
	}
	if call := p.call(); call != nil {
		if o := p.object(call.Fun); o != nil {
			return p.describe(call.Fun, o), true
		}
		return p.unimported(call.Fun)
	}
	return Description{}, false
}

func (p *spot) describe(x ast.Expr, o types.Object) Description {
	d := Description{Name: types.ExprString(x), Decl: declarationOf(o), Methods: methodLines(o)}
	switch o := o.(type) {
	case *types.Const:
		d.Value = constantText(o)
	case *types.PkgName:
		d.Defined, d.Doc = o.Imported().Path(), p.s.Doc(o.Imported().Path(), "")
		return d
	case *types.Var:
		d.Value = p.valueText(x, o)
	}
	if b, ok := p.s.Lookup(o.Name()); ok && b.Object == o {
		d.Defined, d.Source, d.Doc = b.Pos.String(), b.Source, b.Doc
		return d
	}
	if o.Pkg() == nil { // the language's own
		d.Doc = p.s.Doc("builtin", o.Name())
		return d
	}
	at := p.position(o)
	switch {
	case o.Pkg().Path() != "main":
		d.Defined, d.Doc = o.Pkg().Path(), p.s.Doc(o.Pkg().Path(), p.symbol(x, o))
	case at.Line > 0 && at.Filename != "":
		d.Defined = at.String()
	}
	d.Doc = cmp.Or(d.Doc, p.s.comment(at, p.text))
	return d
}

// symbol is the name of an object in its package's documentation.
func (p *spot) symbol(x ast.Expr, o types.Object) string {
	var owner types.Type
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		owner = f.Signature().Recv().Type()
	} else if sel, ok := ast.Unparen(x).(*ast.SelectorExpr); ok && p.cell.info.Selections[sel] != nil {
		owner = p.cell.info.Selections[sel].Recv()
	}
	if owner != nil {
		if n := namedOf(owner); n != nil {
			return n.Obj().Name() + "." + o.Name()
		}
	}
	return o.Name()
}

// valueText writes the live value of an expression, and the type of what it holds if it
// is an interface.
func (p *spot) valueText(x ast.Expr, o *types.Var) (text string) {
	whole := p.s.look(func() {
		v := p.value(x)
		if !v.IsValid() {
			return
		}
		if types.IsInterface(o.Type()) {
			if held := p.s.engine.Dynamic(v); held.IsValid() && held.Kind() != reflect.Invalid {
				text = reflectText(held.Type()) + " "
			}
		}
		text += formatLive(p.s.engine, p.quiet, o.Type(), v, maxShown)
	})
	if !whole {
		return "(it changes while it is read)"
	}
	return text
}

// reflectText writes a reflect type as users write types.
func reflectText(t reflect.Type) string { return packageMain.ReplaceAllString(t.String(), "") }

func constantText(o *types.Const) string {
	if o.Val().Kind() == constant.String {
		return o.Val().String()
	}
	return o.Val().ExactString()
}

// declarationOf writes an object's declaration with the user's names.
func declarationOf(o types.Object) string {
	switch o := o.(type) {
	case *types.PkgName:
		return "package " + path.Base(o.Imported().Path()) + ` // import "` + o.Imported().Path() + `"`
	case *types.TypeName:
		if n, ok := o.Type().(*types.Named); ok && n.Obj() == o {
			return "type " + TypeText(n) + " " + typeLines(n.Underlying())
		}
	case *types.Func:
		if o.Signature().Recv() != nil {
			return methodLine(o)
		}
	case *types.Builtin:
		return "func " + o.Name() + builtins[o.Name()]
	case *types.Nil:
		return "nil"
	}
	return types.ObjectString(o, Qualifier)
}

// typeLines writes a type, the fields of a struct and the methods of an interface a line
// each if there are more than two.
func typeLines(t types.Type) string {
	var lines []string
	word := "struct"
	switch t := t.(type) {
	case *types.Struct:
		for f := range t.Fields() {
			line := f.Name() + " " + TypeText(f.Type())
			if f.Embedded() {
				line = TypeText(f.Type())
			}
			if seenByCells(f) {
				lines = append(lines, line)
			}
		}
		if hidden := t.NumFields() - len(lines); hidden > 0 {
			lines = append(lines, fmt.Sprintf("// and %d that are not exported", hidden))
		}
	case *types.Interface:
		word = "interface"
		for e := range t.EmbeddedTypes() {
			lines = append(lines, TypeText(e))
		}
		for m := range t.ExplicitMethods() {
			lines = append(lines, m.Name()+strings.TrimPrefix(TypeText(m.Type()), "func"))
		}
	}
	if len(lines) <= 2 && !strings.Contains(strings.Join(lines, ""), "//") {
		return TypeText(t)
	}
	return word + " {\n\t" + strings.Join(lines, "\n\t") + "\n}"
}

// maxMethods bounds the methods that are listed.
const maxMethods = 40

// methodLines writes the methods of a type, or of a variable's type.
func methodLines(o types.Object) string {
	t := o.Type()
	switch o.(type) {
	case *types.TypeName:
		if types.IsInterface(t) {
			return "" // its declaration has them
		}
	case *types.Var:
	default:
		return ""
	}
	if namedOf(t) == nil {
		return ""
	}
	if _, ok := t.Underlying().(*types.Pointer); !ok && !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	var lines []string
	for sel := range types.NewMethodSet(t).Methods() {
		if f, ok := sel.Obj().(*types.Func); ok && seenByCells(f) {
			lines = append(lines, methodLine(f))
		}
	}
	if more := len(lines) - maxMethods; more > 0 {
		lines = append(lines[:maxMethods], fmt.Sprintf("// and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func methodLine(f *types.Func) string {
	return "func (" + TypeText(f.Signature().Recv().Type()) + ") " + f.Name() + strings.TrimPrefix(TypeText(f.Type()), "func")
}

// comment gives the comment above a declaration, or at the end of its line, in a cell of
// the session, in the text that the cursor is in, or in a file of a package.
func (s *Session) comment(at token.Position, text string) string {
	if at.Line == 0 {
		return ""
	}
	s.mu.RLock()
	cell, ok := s.texts[at.Filename]
	s.mu.RUnlock()
	switch {
	case ok:
		text = cell
	case filepath.IsAbs(at.Filename):
		file, err := os.ReadFile(at.Filename)
		if err != nil {
			return ""
		}
		text = string(file)
	case at.Filename != "":
		return ""
	}
	lines := strings.Split(text, "\n")
	if at.Line > len(lines) {
		return ""
	}
	first := at.Line - 1
	for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "//") {
		first--
	}
	var doc []string
	for _, line := range lines[first : at.Line-1] {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "//go:") {
			doc = append(doc, strings.TrimPrefix(strings.TrimPrefix(line, "//"), " "))
		}
	}
	if len(doc) == 0 {
		if _, after, ok := strings.Cut(lines[at.Line-1], " // "); ok {
			doc = append(doc, strings.TrimSpace(after))
		}
	}
	return strings.TrimSpace(strings.Join(doc, "\n"))
}
