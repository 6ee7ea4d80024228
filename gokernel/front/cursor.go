package front

import (
	"go/constant"
	"go/token"
	"go/types"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Candidate is one completion.
type Candidate struct {
	Name      string
	Kind      string // function, method, variable, field, constant, type, package, keyword
	Signature string // type of a value, parameters and results of a function
}

// byteOffset turns a cursor_pos, which counts code points, into an offset.
func byteOffset(text string, codePoints int) int {
	for i := range text {
		if codePoints <= 0 {
			return i
		}
		codePoints--
	}
	return len(text)
}

// chainBefore gives the dotted names that end at an offset: for "a.b.c|" it is
// [a b c], for "a.|" [a ""]. ok is false inside strings and comments and after
// anything that is no plain name.
func chainBefore(text string, offset int) (names []string, ok bool) {
	var before []lexeme
	for _, l := range lex(text) {
		if l.start >= offset {
			break
		}
		if l.end > offset {
			if l.tok != token.IDENT && !l.tok.IsKeyword() {
				return nil, l.tok == token.SEMICOLON
			}
			l.lit = text[l.start:offset]
			l.end = offset
		}
		if l.tok != token.SEMICOLON || l.lit == ";" {
			before = append(before, l)
		}
	}
	if inComment(text, offset) {
		return nil, false
	}
	names = []string{""}
	i := len(before) - 1
	if i >= 0 && before[i].end == offset && before[i].tok.IsLiteral() && before[i].tok != token.IDENT {
		return nil, false
	}
	if i >= 0 && before[i].end == offset && (before[i].tok == token.IDENT || before[i].tok.IsKeyword()) {
		names[0] = text[before[i].start:offset]
		i--
	}
	for i >= 0 && before[i].tok == token.PERIOD {
		i--
		if i < 0 || before[i].tok != token.IDENT {
			return nil, false
		}
		names = slices.Insert(names, 0, before[i].lit)
		i--
	}
	return names, true
}

// inComment reports whether an offset lies in a comment that starts before it.
func inComment(text string, offset int) bool {
	end := 0
	for _, l := range lex(text) {
		if l.start >= offset && !(l.tok == token.SEMICOLON && l.start == l.end) {
			gap := text[end:min(offset, l.start)]
			return strings.Contains(gap, "//") && !strings.Contains(gap[strings.Index(gap, "//"):], "\n") || strings.Count(gap, "/*") > strings.Count(gap, "*/")
		}
		end = max(end, l.end)
	}
	gap := text[min(end, offset):offset]
	i := strings.LastIndex(gap, "//")
	return i >= 0 && !strings.Contains(gap[i:], "\n") || strings.Count(gap, "/*") > strings.Count(gap, "*/")
}

// Complete gives what could stand at a cursor position, and the part of the text
// that it replaces; positions count code points.
func (s *Session) Complete(text string, cursor int) (found []Candidate, start, end int) {
	offset := byteOffset(text, cursor)
	cursor = utf8.RuneCountInString(text[:offset])
	if found, start, ok := s.completeImport(text[:offset]); ok {
		return found, utf8.RuneCountInString(text[:start]), cursor
	}
	names, ok := chainBefore(text, offset)
	if !ok || len(names) == 0 {
		return nil, cursor, cursor
	}
	prefix := names[len(names)-1]
	locals := s.localScope(text)
	if len(names) == 1 {
		found = s.inScope(locals)
	} else {
		found = s.members(locals, names[:len(names)-1])
	}
	found = slices.DeleteFunc(found, func(c Candidate) bool {
		return !strings.HasPrefix(c.Name, prefix) && !strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(prefix))
	})
	slices.SortStableFunc(found, func(a, b Candidate) int {
		ea, eb := strings.HasPrefix(a.Name, prefix), strings.HasPrefix(b.Name, prefix)
		switch {
		case ea && !eb:
			return -1
		case eb && !ea:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found, cursor - utf8.RuneCountInString(prefix), cursor
}

// completeImport completes a package path inside import "…".
func (s *Session) completeImport(before string) (found []Candidate, start int, ok bool) {
	line := before[strings.LastIndexByte(before, '\n')+1:]
	quote := strings.LastIndexByte(line, '"')
	if quote < 0 || strings.Count(line, `"`)%2 == 0 {
		return nil, 0, false
	}
	open := strings.LastIndex(before, "import")
	if open < 0 || strings.ContainsAny(before[open:], "{}=)") {
		return nil, 0, false
	}
	prefix := line[quote+1:]
	for _, p := range s.packages() {
		if strings.HasPrefix(p, prefix) {
			found = append(found, Candidate{Name: p, Kind: "package", Signature: firstSentence(s.Doc(p, ""))})
		}
	}
	return found, len(before) - len(prefix), true
}

func firstSentence(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}

var keywords = []string{
	"break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go", "goto",
	"if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var",
}

// localScope checks the text at the cursor as far as it goes, so that names that
// the cell itself declares complete before it ever ran.
func (s *Session) localScope(text string) map[string]types.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := map[string]types.Object{}
	fset := token.NewFileSet()
	for _, it := range split(text) {
		src, err := parseCell("", text[it.start:it.end], fset, s.imports)
		if err != nil {
			continue
		}
		c := &cellCheck{s: s, src: src, fset: fset, earlier: map[string]*Binding{}, locals: out}
		if c.hoist() != nil || c.begin() != nil {
			continue
		}
		c.types()
		for _, name := range c.pkg.Scope().Names() {
			if o := c.pkg.Scope().Lookup(name); o.Pkg() == c.pkg && name != entryName && o.Type() != types.Typ[types.Invalid] {
				out[name] = o
			}
		}
		for _, spec := range src.file.Imports {
			name, p := importName(spec)
			if pkg, err := s.Import(p); err == nil {
				out[name] = types.NewPkgName(token.NoPos, c.pkg, name, pkg)
			}
		}
	}
	return out
}

// inScope gives everything that a plain name can mean.
func (s *Session) inScope(locals map[string]types.Object) (found []Candidate) {
	seen := map[string]bool{}
	add := func(name string, o types.Object) {
		if !seen[name] && !strings.Contains(name, suffixMark) {
			seen[name] = true
			found = append(found, candidate(name, o))
		}
	}
	for name, o := range locals {
		add(name, o)
	}
	for _, b := range s.Bindings() {
		add(b.Name, b.Object)
	}
	for name, p := range s.Imports() {
		if pkg, err := s.Import(p); err == nil {
			add(name, types.NewPkgName(token.NoPos, nil, name, pkg))
		}
	}
	for _, name := range types.Universe.Names() {
		add(name, types.Universe.Lookup(name))
	}
	for _, k := range keywords {
		found = append(found, Candidate{Name: k, Kind: "keyword"})
	}
	return found
}

func candidate(name string, o types.Object) Candidate {
	c := Candidate{Name: name}
	switch o := o.(type) {
	case *types.PkgName:
		c.Kind, c.Signature = "package", o.Imported().Path()
		return c
	case *types.Func:
		c.Kind = "function"
		if o.Signature().Recv() != nil {
			c.Kind = "method"
		}
		c.Signature = strings.TrimPrefix(TypeText(o.Type()), "func")
		return c
	case *types.Var:
		c.Kind = "variable"
		if o.IsField() {
			c.Kind = "field"
		}
	case *types.Const:
		c.Kind = "constant"
	case *types.TypeName:
		c.Kind = "type"
		if n, ok := o.Type().(*types.Named); ok {
			c.Signature = kindWord(n.Underlying())
			return c
		}
	case *types.Builtin:
		c.Kind = "function"
		return c
	case *types.Nil:
		c.Kind = "constant"
		return c
	}
	c.Signature = TypeText(o.Type())
	return c
}

func kindWord(t types.Type) string {
	switch t.(type) {
	case *types.Struct:
		return "struct"
	case *types.Interface:
		return "interface"
	}
	return TypeText(t)
}

// target is what a dotted name means.
type target struct {
	object types.Object // the last name's
	pkg    *types.Package
	typ    types.Type
	value  reflect.Value // live, where it is a variable or a field of one
	root   *Binding      // the live name at the start, if it is one
	owner  string        // "Type" of a field or method, for its documentation
}

// resolve follows dotted names from the namespace.
func (s *Session) resolve(locals map[string]types.Object, names []string) (target, bool) {
	var t target
	first := names[0]
	b, live := s.Lookup(first)
	switch o := locals[first]; {
	case o != nil && (!live || !sameVar(o, b.Object)):
		if pn, ok := o.(*types.PkgName); ok {
			t.pkg = pn.Imported()
		}
		t.object, t.typ = o, o.Type()
	case live:
		t.object, t.typ, t.root = b.Object, b.Object.Type(), b
		if v, ok := s.engine.Value(b.Engine); ok {
			t.value = v
		}
	default:
		if p, ok := s.ImportPath(first); ok {
			pkg, err := s.Import(p)
			if err != nil {
				return t, false
			}
			t.object, t.pkg = types.NewPkgName(token.NoPos, nil, first, pkg), pkg
		} else if o := types.Universe.Lookup(first); o != nil {
			t.object, t.typ = o, o.Type()
		} else {
			return t, false
		}
	}
	for _, name := range names[1:] {
		if !s.step(&t, name) {
			return t, false
		}
	}
	return t, true
}

// step follows one more name.
func (s *Session) step(t *target, name string) bool {
	if t.pkg != nil {
		o := t.pkg.Scope().Lookup(name)
		if o == nil || !o.Exported() {
			return false
		}
		*t = target{object: o, typ: o.Type()}
		return true
	}
	s.narrow(t)
	o, index, _ := types.LookupFieldOrMethod(t.typ, true, types.NewPackage("main", "main"), name)
	if o == nil {
		return false
	}
	if n := namedOf(t.typ); n != nil {
		t.owner = n.Obj().Name()
	}
	v := t.value
	t.value = reflect.Value{}
	if f, ok := o.(*types.Var); ok && f.IsField() && v.IsValid() {
		t.value = s.field(v, index)
	}
	t.object, t.typ = o, o.Type()
	return true
}

// narrow replaces an interface type by the dynamic type of the live value, where
// that is a compiled type which the packed library has.
func (s *Session) narrow(t *target) {
	if !t.value.IsValid() || !types.IsInterface(t.typ) {
		return
	}
	v := s.engine.Dynamic(t.value)
	if !v.IsValid() {
		return
	}
	rt, pointer := v.Type(), false
	if rt.Kind() == reflect.Pointer {
		rt, pointer = rt.Elem(), true
	}
	pkg, err := s.Import(rt.PkgPath())
	if err != nil {
		return
	}
	o := pkg.Scope().Lookup(rt.Name())
	if o == nil {
		return
	}
	t.typ, t.value = o.Type(), v
	if pointer {
		t.typ = types.NewPointer(o.Type())
	}
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

// members gives what can stand after the period.
func (s *Session) members(locals map[string]types.Object, names []string) (found []Candidate) {
	t, ok := s.resolve(locals, names)
	if !ok {
		return nil
	}
	if t.pkg != nil {
		for _, name := range t.pkg.Scope().Names() {
			if o := t.pkg.Scope().Lookup(name); o.Exported() && s.engine.Offers(t.pkg.Path(), name) {
				found = append(found, candidate(name, o))
			}
		}
		return found
	}
	if t.typ == nil {
		return nil
	}
	s.narrow(&t)
	return fieldsAndMethods(t.typ)
}

func fieldsAndMethods(t types.Type) (found []Candidate) {
	seen := map[string]bool{}
	add := func(o types.Object) {
		if seen[o.Name()] || !o.Exported() && (o.Pkg() == nil || o.Pkg().Path() != "main") {
			return
		}
		seen[o.Name()] = true
		found = append(found, candidate(o.Name(), o))
	}
	mt := t
	if _, ok := t.Underlying().(*types.Pointer); !ok && !types.IsInterface(t) {
		mt = types.NewPointer(t)
	}
	for sel := range types.NewMethodSet(mt).Methods() {
		add(sel.Obj())
	}
	var fields func(t types.Type, depth int)
	fields = func(t types.Type, depth int) {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok || depth > 4 {
			return
		}
		for f := range st.Fields() {
			add(f)
		}
		for f := range st.Fields() {
			if f.Embedded() {
				fields(f.Type(), depth+1)
			}
		}
	}
	fields(t, 0)
	return found
}

// Description is what is known of the name at a cursor.
type Description struct {
	Name    string
	Decl    string // a declaration line: "var x int", "func Repeat(s string, count int) string"
	Value   string // of a variable or constant; "" = none
	Doc     string
	Defined string // "cell[3]:1:1", or a package path
	Source  string // text of the declaration, for detail level 1
}

// maxShown bounds an inspected value, in bytes.
const maxShown = 2 << 10

// Inspect describes the name at a cursor position, which counts code points. The
// methods of a live value are not called.
func (s *Session) Inspect(text string, cursor int) (Description, bool) {
	offset := byteOffset(text, cursor)
	for _, l := range lex(text) { // to the end of the name that the cursor is in
		if l.tok == token.IDENT && l.start <= offset && offset < l.end {
			offset = l.end
		}
	}
	names, ok := chainBefore(text, offset)
	if ok && names[len(names)-1] == "" {
		// After "f(" the function is meant.
		trimmed := strings.TrimRight(text[:offset], " \t(.")
		names, ok = chainBefore(text, len(trimmed))
	}
	if !ok || names[len(names)-1] == "" {
		return Description{}, false
	}
	t, ok := s.resolve(s.localScope(text), names)
	if !ok {
		return Description{}, false
	}
	d := Description{Name: strings.Join(names, "."), Decl: declarationLine(t.object)}
	if t.root != nil && len(names) == 1 {
		d.Defined, d.Source, d.Doc = t.root.Pos.String(), t.root.Source, t.root.Doc
	}
	switch o := t.object.(type) {
	case *types.Const:
		d.Value = constantText(o)
	case *types.PkgName:
		d.Defined, d.Doc = o.Imported().Path(), s.Doc(o.Imported().Path(), "")
	case *types.Var:
		if t.value.IsValid() {
			d.Value = Format(s.engine, o.Type(), t.value, maxShown)
		}
	}
	if p := t.object.Pkg(); p != nil && p.Path() != "main" {
		symbol := t.object.Name()
		if f, ok := t.object.(*types.Func); ok && f.Signature().Recv() != nil {
			if n := namedOf(f.Signature().Recv().Type()); n != nil {
				symbol = n.Obj().Name() + "." + symbol
			}
		}
		d.Defined, d.Doc = p.Path(), s.Doc(p.Path(), symbol)
	}
	return d, true
}

func constantText(o *types.Const) string {
	if o.Val().Kind() == constant.String {
		return o.Val().String()
	}
	return o.Val().ExactString()
}

// declarationLine writes an object's declaration with the user's names.
func declarationLine(o types.Object) string {
	switch o := o.(type) {
	case *types.PkgName:
		return "package " + path.Base(o.Imported().Path()) + ` // import "` + o.Imported().Path() + `"`
	case *types.Func:
		return types.ObjectString(o, Qualifier)
	case *types.TypeName:
		if n, ok := o.Type().(*types.Named); ok {
			line := "type " + o.Name() + " " + TypeText(n.Underlying())
			for sel := range types.NewMethodSet(types.NewPointer(n)).Methods() {
				if sel.Obj().Exported() || sel.Obj().Pkg() != nil && sel.Obj().Pkg().Path() == "main" {
					line += "\n" + types.ObjectString(sel.Obj(), Qualifier)
				}
			}
			return line
		}
	case *types.Builtin:
		return "func " + o.Name() + " (builtin)"
	case *types.Nil:
		return "nil"
	}
	return types.ObjectString(o, Qualifier)
}
