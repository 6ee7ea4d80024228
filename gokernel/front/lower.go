package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
)

// lowering turns a checked cell into what an engine loads: variables without
// initial values at the top level, everything else in the entry, engine names.
type lowering struct {
	*cellCheck
	unit     *Unit
	names    map[types.Object]string // engine names of what the cell declares
	fresh    map[types.Object]bool   // variables that get new storage
	indirect map[types.Object]bool   // variables that the engine has as pointers
	writer   typeWriter
	imports  map[string]string // path to local name, of imports made here
	decls    []ast.Decl        // added ones
	inits    int               // functions named init so far
	err      error
}

func (c *cellCheck) lower() (*Unit, error) {
	l := &lowering{
		cellCheck: c, names: map[types.Object]string{}, fresh: map[types.Object]bool{}, indirect: map[types.Object]bool{}, imports: map[string]string{},
		unit: &Unit{
			Name: c.src.name, File: c.src.file, Declared: map[string]string{}, Seen: map[string]string{}, Unexported: map[string]types.Object{}, Rebound: map[string]string{},
			imports: liveImports{}, dots: c.ownDots, source: c.src,
		},
	}
	pos := c.src.file.Name.Pos()
	l.writer = typeWriter{pos: pos, engine: l.fileName, embedded: l.userName, pkg: l.packageName, unexported: l.unexportedName}
	l.bind()
	l.entry()
	if l.err != nil {
		return nil, l.err
	}
	l.variables()
	if l.err != nil {
		return nil, l.err
	}
	l.rename()
	l.layout()
	for _, key := range slices.Sorted(maps.Keys(l.stale)) {
		l.unit.Warnings = append(l.unit.Warnings, "warning: "+l.stale[key])
	}
	if l.err != nil {
		return nil, l.err
	}
	return l.unit, nil
}

// bind gives every top-level object of the cell its engine name, and records
// what the namespace gains.
func (l *lowering) bind() {
	parts, methods := l.parts()
	for _, name := range l.pkg.Scope().Names() {
		o := l.pkg.Scope().Lookup(name)
		if o.Pkg() != l.pkg || strings.Contains(name, suffixMark) {
			continue
		}
		engine := ""
		if old := l.s.live[name]; old != nil {
			if _, ok := o.(*types.Var); ok && sameVar(o, old.Object) {
				engine = old.Engine // the same storage: earlier functions see the new value
				l.indirect[o] = old.indirect
			}
		}
		if engine == "" {
			engine = l.s.engineName(o)
			l.fresh[o] = true
		}
		l.names[o] = engine
		if l.fresh[o] {
			l.unit.Declared[l.fileName(o)] = engine
		}
		b := &Binding{Name: name, Object: o, Engine: engine, Pos: l.fset.Position(o.Pos())}
		b.Source, b.Doc = l.src.declaration(l.fset, o)
		b.part, b.methods, b.indirect = parts[name], methods[name], l.indirect[o]
		if old := l.s.live[name]; old != nil && l.added(name) {
			b.Pos, b.Source, b.Doc = old.Pos, old.Source, old.Doc
			if l.rebound[name] != nil {
				b.indirect, l.indirect[o] = true, true
				l.unit.Rebound[engine] = old.Engine
			}
		}
		if l.src.program && name == "main" {
			b.Name = "" // a program's main is run, not kept
		}
		l.unit.decls = append(l.unit.decls, b)
	}
	for _, d := range l.src.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && !l.src.inherited[g] {
			for _, sp := range g.Specs {
				if name, path := importName(sp.(*ast.ImportSpec)); name != "_" {
					l.unit.imports[name] = path
				}
			}
		}
	}
}

// added reports a name that the cell only compiles again.
func (l *lowering) added(name string) bool {
	return slices.ContainsFunc(l.additions, func(a *addition) bool { return a.name == name && a.method == "" })
}

func sameVar(a, b types.Object) bool {
	_, ok := b.(*types.Var)
	return ok && types.Identical(a.Type(), b.Type())
}

// engineName gives the engine's name of a top-level object of this cell or an
// earlier one, or its own name where it has no other.
func (l *lowering) engineName(o types.Object) string {
	if n, ok := l.names[o]; ok {
		return n
	}
	if n, ok := l.s.names[o]; ok {
		return n
	}
	return o.Name()
}

// fileName gives the name of a top-level object in the unit's file. A Separate
// engine sees what the unit declares under the user's name, but for variables,
// whose storage the engine finds by name, and names that Go has predeclared.
func (l *lowering) fileName(o types.Object) string {
	if _, isVar := o.(*types.Var); l.s.engine.Separate() && !isVar && l.names[o] != "" && types.Universe.Lookup(o.Name()) == nil {
		return o.Name()
	}
	return l.engineName(o)
}

// userName gives an object the user's name in the file, where no other will do.
func (l *lowering) userName(o types.Object) (string, error) {
	if !l.s.engine.Separate() || l.names[o] != "" {
		return l.fileName(o), nil
	}
	name, engine := o.Name(), l.engineName(o)
	if l.unit.Declared[name] != "" || l.unit.Seen[name] != "" && l.unit.Seen[name] != engine {
		return "", fmt.Errorf("this needs an earlier version of %s, and the cell has another of that name: rename one", name)
	}
	l.unit.Seen[name] = engine
	return name, nil
}

// packageName gives a local name for a package that a written type needs.
func (l *lowering) packageName(path string) string {
	if n, ok := l.imports[path]; ok {
		return n
	}
	n := "p" + suffixMark + strconv.Itoa(l.s.serial) + "_" + strconv.Itoa(len(l.imports))
	l.imports[path] = n
	pos := l.writer.pos
	spec := &ast.ImportSpec{Name: l.writer.ident(n), Path: &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: strconv.Quote(path)}}
	l.decls = append(l.decls, &ast.GenDecl{TokPos: pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}})
	return n
}

// unexportedName gives a type that another package does not export a name in the file.
func (l *lowering) unexportedName(o types.Object) (name string, ok bool) {
	for name, known := range l.unit.Unexported {
		if known == o {
			return name, true
		}
	}
	name = o.Name() + suffixMark + strconv.Itoa(l.s.serial) + "_" + strconv.Itoa(len(l.unit.Unexported))
	l.unit.Unexported[name] = o
	return name, l.s.engine.Separate()
}

// entry rewrites the entry's body.
func (l *lowering) entry() {
	switch {
	case l.src.program:
		l.program()
		return
	case l.src.declarations:
		l.src.entry.Body.List = append(l.declarations(), l.initFuncs(token.Position{})...)
	default:
		l.src.entry.Body.List = l.statements()
	}
	if len(l.src.entry.Body.List) > 0 {
		l.unit.Entry = entryName + strconv.Itoa(l.s.serial)
		l.src.entry.Name.Name = l.unit.Entry
	}
}

// statements gives the body of a cell that has statements.
func (l *lowering) statements() (out []ast.Stmt) {
	byStmt := map[ast.Stmt]hoist{}
	for _, h := range l.hoisted {
		byStmt[h.stmt] = h
	}
	for _, st := range l.src.entry.Body.List {
		out = append(out, l.initFuncs(l.fset.Position(st.Pos()))...)
		h, ok := byStmt[st]
		switch {
		case ok && h.assign != nil:
			h.assign.Tok = token.ASSIGN
			l.assignable(h)
			out = append(out, h.assign)
		case ok:
			for _, sp := range h.decl.Specs {
				out = append(out, l.assignSpec(sp.(*ast.ValueSpec))...)
			}
		case l.src.lastExpr != nil && st == ast.Stmt(l.src.lastExpr):
			out = append(out, l.lastValue()...)
		default:
			out = append(out, st)
		}
	}
	return append(out, l.initFuncs(token.Position{})...)
}

// declarations gives the body of a cell that has declarations alone: variables in
// the order of their initialization, which is not that of the text.
func (l *lowering) declarations() (out []ast.Stmt) {
	for _, h := range l.hoisted {
		for _, sp := range h.decl.Specs {
			if sp := sp.(*ast.ValueSpec); len(sp.Values) == 0 {
				out = append(out, l.assignSpec(sp)...)
			}
		}
	}
	for _, in := range l.info.InitOrder {
		lhs := make([]ast.Expr, len(in.Lhs))
		for i, v := range in.Lhs {
			id := &ast.Ident{NamePos: v.Pos(), Name: v.Name()}
			if v.Name() != "_" {
				l.info.Uses[id] = v
			}
			lhs[i] = id
		}
		out = append(out, &ast.AssignStmt{Lhs: lhs, TokPos: in.Rhs.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{in.Rhs}})
	}
	return out
}

// initFuncs gives calls of the functions named init that stand before a place;
// with no place, of all that are left.
func (l *lowering) initFuncs(before token.Position) (calls []ast.Stmt) {
	for _, d := range l.src.file.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Recv != nil || fd.Name.Name != "init" {
			continue
		}
		if p := l.fset.Position(fd.Pos()); before.IsValid() && (p.Line > before.Line || p.Line == before.Line && p.Column > before.Column) {
			continue
		}
		l.inits++
		fd.Name.Name = fmt.Sprintf("init%s%d_%d", suffixMark, l.s.serial, l.inits)
		pos := fd.Pos()
		calls = append(calls, &ast.ExprStmt{X: &ast.CallExpr{Fun: &ast.Ident{NamePos: pos, Name: fd.Name.Name}, Lparen: pos, Rparen: pos}})
	}
	return calls
}

// assignable checks what the check could not see: x, err := f() assigns to an
// err that the same cell declared.
func (l *lowering) assignable(h hoist) {
	a := h.assign
	for i, e := range a.Lhs {
		id, ok := e.(*ast.Ident)
		if !ok || id.Name == "_" || l.info.Defs[id] != nil {
			continue
		}
		o := l.pkg.Scope().Lookup(id.Name)
		if o == nil {
			continue
		}
		l.info.Uses[id] = o
		t := rightType(l.info, a.Rhs, i)
		if t != nil && !types.AssignableTo(t, o.Type()) && l.err == nil {
			qual := types.RelativeTo(l.pkg)
			l.err = l.problemAt(id.Pos(), fmt.Sprintf("cannot assign a value of type %s to %s, which this cell declared with type %s",
				types.TypeString(t, qual), id.Name, types.TypeString(o.Type(), qual)))
		}
	}
}

// rightType gives the type of the i-th value on an assignment's right side.
func rightType(info *types.Info, rhs []ast.Expr, i int) types.Type {
	if len(rhs) > 1 {
		return info.TypeOf(rhs[i])
	}
	switch t := info.TypeOf(rhs[0]).(type) {
	case *types.Tuple:
		if i < t.Len() {
			return t.At(i).Type()
		}
		return nil
	default:
		if i == 0 {
			return t
		}
		return types.Typ[types.Bool] // the ok of a comma-ok form
	}
}

// assignSpec gives the assignments of a var specification.
func (l *lowering) assignSpec(sp *ast.ValueSpec) []ast.Stmt {
	if len(sp.Values) > 0 {
		lhs := make([]ast.Expr, len(sp.Names))
		for i, id := range sp.Names {
			lhs[i] = id
		}
		return []ast.Stmt{&ast.AssignStmt{Lhs: lhs, TokPos: sp.Names[0].End(), Tok: token.ASSIGN, Rhs: sp.Values}}
	}
	var out []ast.Stmt
	for _, id := range sp.Names {
		if o := l.info.Defs[id]; o != nil && id.Name != "_" && !l.fresh[o] {
			out = append(out, l.zero(id, o.Type()))
		}
	}
	return out
}

// zero gives x = *new(T).
func (l *lowering) zero(id *ast.Ident, t types.Type) ast.Stmt {
	x, err := l.writer.expr(t)
	if err != nil {
		l.fail(id.Pos(), err)
		return nil
	}
	value := &ast.StarExpr{Star: id.Pos(), X: &ast.CallExpr{Fun: l.writer.ident("new"), Lparen: id.Pos(), Args: []ast.Expr{x}, Rparen: id.Pos()}}
	return &ast.AssignStmt{Lhs: []ast.Expr{id}, TokPos: id.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{value}}
}

func (l *lowering) fail(pos token.Pos, err error) {
	if l.err == nil {
		l.err = l.problemAt(pos, err.Error())
	}
}

// program makes the entry of a cell with a package clause: variables, then the
// init functions, then main.
func (l *lowering) program() {
	pos := l.writer.pos
	body := append(l.declarations(), l.initFuncs(token.Position{})...)
	var keep []ast.Decl
	for _, d := range l.src.file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				continue
			}
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "main" {
				name := l.fileName(l.info.Defs[d.Name])
				body = append(body, &ast.ExprStmt{X: &ast.CallExpr{Fun: l.writer.ident(name), Lparen: pos, Rparen: pos}})
			}
		}
		keep = append(keep, d)
	}
	l.src.file.Decls = keep
	l.src.file.Name.Name = "main"
	if len(body) == 0 {
		return
	}
	l.unit.Entry = entryName + strconv.Itoa(l.s.serial)
	l.src.entry = &ast.FuncDecl{
		Name: &ast.Ident{NamePos: pos, Name: l.unit.Entry},
		Type: &ast.FuncType{Func: pos, Params: &ast.FieldList{Opening: pos, Closing: pos}},
		Body: &ast.BlockStmt{Lbrace: pos, List: body, Rbrace: pos},
	}
	l.decls = append(l.decls, l.src.entry)
}

// variables declares the storage of new variables.
func (l *lowering) variables() {
	for _, b := range l.unit.decls {
		if v, ok := b.Object.(*types.Var); ok && l.fresh[v] {
			t := v.Type()
			if b.indirect {
				t = types.NewPointer(t)
			}
			l.variable(b.Engine, t, v.Pos())
		}
	}
}

// variable adds var name T.
func (l *lowering) variable(name string, t types.Type, at token.Pos) {
	x, err := l.writer.expr(t)
	if err != nil {
		l.fail(at, err)
		return
	}
	pos := l.writer.pos
	spec := &ast.ValueSpec{Names: []*ast.Ident{l.writer.ident(name)}, Type: x}
	l.decls = append(l.decls, &ast.GenDecl{TokPos: pos, Tok: token.VAR, Specs: []ast.Spec{spec}})
}

// rename puts engine names in place of the user's.
func (l *lowering) rename() {
	keep := repeatedConstants(l.src.file) // identifiers whose name stays
	for id := range keep {
		if o := l.pkg.Scope().Lookup(id.Name); o != nil {
			if _, err := l.userName(o); err != nil {
				l.fail(id.Pos(), err)
			}
		}
	}
	set := func(id *ast.Ident, o types.Object) {
		if v, ok := o.(*types.Var); ok && v.IsField() {
			if v.Embedded() && !l.s.engine.Separate() {
				if n := namedOf(v.Type()); n != nil && n.Obj().Name() == id.Name {
					id.Name = l.engineName(n.Obj())
				}
			}
			keep[id] = v.Embedded()
			return
		}
		if o == nil || o.Pkg() == nil || o.Pkg().Path() != "main" || o.Parent() != o.Pkg().Scope() && !strings.HasSuffix(id.Name, earlierMark) {
			return
		}
		if b := l.earlier[id.Name]; b != nil {
			id.Name = b.Engine
			return
		}
		n := l.fileName(o)
		if keep[id] {
			var err error
			if n, err = l.userName(o); err != nil {
				l.fail(id.Pos(), err)
			}
		}
		if id.Name == o.Name() {
			id.Name = n
		}
	}
	for id, o := range l.info.Defs {
		set(id, o)
	}
	for id, o := range l.info.Uses {
		set(id, o)
	}
	l.dereference()
}

// dereference writes *x for variables that the engine has as pointers.
func (l *lowering) dereference() {
	for _, b := range l.s.live {
		l.indirect[b.Object] = l.indirect[b.Object] || b.indirect
	}
	for name, b := range l.earlier {
		l.indirect[l.pkg.Scope().Lookup(name)] = b.indirect
	}
	replace := func(c *astutil.Cursor) bool {
		id, ok := c.Node().(*ast.Ident)
		if !ok {
			return true
		}
		o := l.info.Uses[id]
		if o == nil {
			o = l.info.Defs[id] // in x, y := … that became an assignment
		}
		if o != nil && l.indirect[o] {
			c.Replace(&ast.ParenExpr{Lparen: id.Pos(), X: &ast.StarExpr{Star: id.Pos(), X: id}, Rparen: id.End()})
			return false
		}
		return true
	}
	astutil.Apply(l.src.file, replace, nil)
	for _, d := range l.decls {
		astutil.Apply(d, replace, nil)
	}
}

// repeatedConstants gives the identifiers in expressions of constants that stand
// for others' too: in each repetition they can mean another thing.
func repeatedConstants(f *ast.File) map[*ast.Ident]bool {
	ids := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		g, ok := n.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			return true
		}
		for i, sp := range g.Specs {
			if i+1 < len(g.Specs) && len(g.Specs[i+1].(*ast.ValueSpec).Values) == 0 {
				for _, x := range sp.(*ast.ValueSpec).Values {
					ast.Inspect(x, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok {
							ids[id] = true
						}
						return true
					})
				}
			}
		}
		return true
	})
	return ids
}

func namedOf(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// layout puts the added declarations into the file, imports first.
func (l *lowering) layout() {
	var imports, rest []ast.Decl
	for _, d := range append(l.src.file.Decls, l.decls...) {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			imports = append(imports, d)
			continue
		}
		if fd, ok := d.(*ast.FuncDecl); ok {
			if fd == l.src.entry && l.unit.Entry == "" {
				continue
			}
			user := plainNames(fd.Name.Name)
			if fd == l.src.entry {
				user = ""
			}
			l.unit.Funcs = append(l.unit.Funcs, FuncSpan{Engine: fd.Name.Name, User: user, Start: fd.Pos(), End: fd.End()})
		}
		rest = append(rest, d)
	}
	l.src.file.Decls = append(imports, rest...)
}

// declaration gives the text of the declaration of o and the comment above it.
func (s *source) declaration(fset *token.FileSet, o types.Object) (text, doc string) {
	p := fset.Position(o.Pos())
	for _, it := range split(s.text) {
		line, _ := lineColumn(s.text, it.start)
		last, _ := lineColumn(s.text, it.end)
		if line <= p.Line && p.Line <= last {
			return s.text[it.start:it.end], commentAbove(s.text, line)
		}
	}
	return "", ""
}

// commentAbove gives the text of the // lines that end above a line.
func commentAbove(text string, line int) string {
	lines := strings.Split(text, "\n")
	var out []string
	for i := line - 2; i >= 0; i-- {
		c, ok := strings.CutPrefix(strings.TrimSpace(lines[i]), "//")
		if !ok {
			break
		}
		out = append([]string{strings.TrimPrefix(c, " ")}, out...)
	}
	return strings.Join(out, "\n")
}
