package front

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Candidate is one completion.
type Candidate struct {
	Name      string
	Kind      string // function, method, variable, field, constant, type, package, keyword, key
	Signature string // type of a value, parameters and results of a function
	Import    string // path of a package that has to be imported for it; "" if none has

	rank int // the lower, the further to the front
}

// Complete gives what could stand at a cursor position, and the part of the text
// that it replaces; positions count code points.
func (s *Session) Complete(text string, cursor int) (found []Candidate, start, end int) {
	offset := byteOffset(text, cursor)
	cursor = utf8.RuneCountInString(text[:offset])
	if found, start, ok := s.completeImport(text[:offset]); ok {
		return found, utf8.RuneCountInString(text[:start]), cursor
	}
	p := s.spotAt(text, offset, false)
	if p == nil {
		return nil, cursor, cursor
	}
	return sortByPrefix(p.candidates(), p.typed), cursor - utf8.RuneCountInString(p.typed), cursor
}

func (p *spot) candidates() []Candidate {
	if len(p.path) == 0 {
		if p.quote != 0 || p.typed == "" && strings.TrimSpace(p.text) != "" {
			return nil
		}
		return p.s.inScope(p.typed, map[string]bool{})
	}
	number := p.typed != "" && p.typed[0] >= '0' && p.typed[0] <= '9'
	switch up := p.parent(1).(type) {
	case *ast.SelectorExpr:
		if up.Sel == p.ident() {
			return p.members(up.X)
		}
	case *ast.IndexExpr:
		if up.Index == p.ident() {
			keys := p.keys(up.X)
			if p.quote != 0 || number {
				return keys
			}
			return append(keys, p.names()...)
		}
	case *ast.CallExpr:
		if p.quote != 0 && len(up.Args) > 1 && up.Args[1] == p.ident() && p.object(up.Fun) == types.Universe.Lookup("delete") {
			return p.keys(up.Args[0])
		}
	case *ast.CompositeLit:
		if p.quote == 0 && !number {
			fields, keyed := p.missingFields(up)
			if keyed {
				return fields
			}
			return append(fields, p.names()...)
		}
	case *ast.KeyValueExpr:
		if lit, ok := p.parent(2).(*ast.CompositeLit); ok && p.quote == 0 && up.Key == p.ident() {
			if fields, _ := p.missingFields(lit); len(fields) > 0 {
				return fields
			}
		}
	}
	if p.quote != 0 || number {
		return nil
	}
	return p.names()
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

// names gives everything that a plain name can mean at the spot.
func (p *spot) names() (found []Candidate) {
	seen := map[string]bool{}
	for scope := p.scope(); scope != nil && scope != types.Universe; scope = scope.Parent() {
		for _, name := range scope.Names() {
			if seen[name] || name == "_" || strings.Contains(name, suffixMark) || !begins(name, p.typed) {
				continue
			}
			if _, o := scope.LookupParent(name, p.ident().Pos()); o != nil {
				seen[name] = true
				found = append(found, candidate(name, o))
			}
		}
	}
	return append(found, p.s.inScope(p.typed, seen)...)
}

// inScope gives everything that a plain name with a prefix can mean in a new cell, but
// for names that were seen.
func (s *Session) inScope(prefix string, seen map[string]bool) (found []Candidate) {
	wanted := func(name string) bool {
		return begins(name, prefix) && !seen[name] && !strings.Contains(name, suffixMark)
	}
	for _, b := range s.Bindings() {
		if wanted(b.Name) {
			found = append(found, candidate(b.Name, b.Object))
		}
	}
	for name, path := range s.Imports() {
		if wanted(name) {
			if pkg, err := s.Import(path); err == nil {
				found = append(found, candidate(name, types.NewPkgName(token.NoPos, nil, name, pkg)))
			}
		}
	}
	found = append(found, s.dotNames(wanted)...)
	if prefix != "" {
		for _, c := range found {
			seen[c.Name] = true
		}
		found = append(found, s.unimported(wanted)...)
	}
	for _, name := range types.Universe.Names() {
		if wanted(name) {
			found = append(found, candidate(name, types.Universe.Lookup(name)))
		}
	}
	for _, k := range keywords {
		if wanted(k) {
			found = append(found, Candidate{Name: k, Kind: "keyword"})
		}
	}
	return found
}

// begins reports that a name begins with a prefix, in whatever case.
func begins(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
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
		c.Kind, c.Signature = "function", builtins[name]
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

// members gives what can stand after the period of an expression.
func (p *spot) members(x ast.Expr) (found []Candidate) {
	if pn, ok := p.object(x).(*types.PkgName); ok {
		pkg := pn.Imported()
		for _, name := range pkg.Scope().Names() {
			if o := pkg.Scope().Lookup(name); begins(name, p.typed) && o.Exported() && p.s.engine.Offers(pkg.Path(), name) {
				found = append(found, candidate(name, o))
			}
		}
		return found
	}
	if id, ok := x.(*ast.Ident); ok && p.object(id) == nil {
		return p.s.unimportedMembers(id.Name, p.typed)
	}
	tv, ok := p.cell.info.Types[x]
	switch {
	case !ok || tv.Type == nil:
		return nil
	case tv.IsType():
		return methodsOf(tv.Type)
	}
	found = fieldsAndMethods(tv.Type)
	if t := p.dynamicType(x, tv.Type); t != nil {
		found = append(found, fieldsAndMethods(t)...)
	}
	return found
}

// methodsOf gives the methods of a type, for method expressions.
func methodsOf(t types.Type) (found []Candidate) {
	for sel := range types.NewMethodSet(t).Methods() {
		if seenByCells(sel.Obj()) {
			found = append(found, candidate(sel.Obj().Name(), sel.Obj()))
		}
	}
	return found
}

// seenByCells reports a field or method that cells can use.
func seenByCells(o types.Object) bool {
	return o.Name() != "_" && (o.Exported() || o.Pkg() != nil && o.Pkg().Path() == "main")
}

func fieldsAndMethods(t types.Type) (found []Candidate) {
	seen := map[string]bool{}
	add := func(o types.Object) {
		if !seen[o.Name()] && seenByCells(o) {
			seen[o.Name()] = true
			found = append(found, candidate(o.Name(), o))
		}
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

// missingFields gives the fields that a literal of a struct does not set yet; keyed
// reports that it has keys, so that nothing else can stand there.
func (p *spot) missingFields(lit *ast.CompositeLit) (found []Candidate, keyed bool) {
	t := p.cell.info.Types[lit].Type
	if t == nil {
		return nil, false
	}
	t = t.Underlying()
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem().Underlying()
	}
	st, ok := t.(*types.Struct)
	if !ok {
		return nil, false
	}
	set := map[string]bool{}
	others := false
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			others = others || e != p.ident()
			continue
		}
		if id, ok := kv.Key.(*ast.Ident); ok && id != p.ident() {
			keyed = true
			set[id.Name] = true
		}
	}
	if others {
		return nil, false
	}
	for f := range st.Fields() {
		if !set[f.Name()] && seenByCells(f) {
			c := candidate(f.Name(), f)
			c.rank = -1
			found = append(found, c)
		}
	}
	return found, keyed
}

// maxKeys bounds the keys that are offered, and maxScanned those that are looked at.
const maxKeys, maxScanned = 1000, 20_000

// keys gives the keys of a live map, as text in the literal where the cursor is in one.
func (p *spot) keys(x ast.Expr) (found []Candidate) {
	tv := p.cell.info.Types[x]
	if tv.Type == nil {
		return nil
	}
	m, ok := tv.Type.Underlying().(*types.Map)
	if !ok {
		return nil
	}
	basic, ok := m.Key().Underlying().(*types.Basic)
	if !ok || p.quote != 0 && basic.Info()&types.IsString == 0 {
		return nil
	}
	var keys []reflect.Value
	p.s.look(func() {
		v := p.s.engine.Dynamic(p.value(x))
		if !v.IsValid() || v.Kind() != reflect.Map || !p.quiet() {
			return
		}
		scanned := 0
		for it := v.MapRange(); it.Next() && len(keys) < maxKeys && scanned < maxScanned; scanned++ {
			if name, ok := p.keyText(it.Key()); ok && strings.HasPrefix(name, p.typed) {
				keys = append(keys, it.Key())
			}
		}
	})
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.Kind() == reflect.String:
			return strings.Compare(a.String(), b.String())
		case a.CanInt():
			return cmp.Compare(a.Int(), b.Int())
		case a.CanUint():
			return cmp.Compare(a.Uint(), b.Uint())
		}
		return 0
	})
	for i, key := range keys {
		name, _ := p.keyText(key)
		found = append(found, Candidate{Name: name, Kind: "key", Signature: TypeText(m.Elem()), rank: i - len(keys)})
	}
	return found
}

// keyText writes a key of a basic type as it is written in Go.
func (p *spot) keyText(v reflect.Value) (string, bool) {
	switch {
	case v.Kind() == reflect.String && p.quote == '`':
		return v.String(), !strings.ContainsAny(v.String(), "`\r")
	case v.Kind() == reflect.String && p.quote != 0:
		q := strconv.Quote(v.String())
		return q[1 : len(q)-1], true
	case v.Kind() == reflect.String:
		return strconv.Quote(v.String()), true
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	}
	return "", false
}
