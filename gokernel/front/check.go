package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strings"
)

// earlierMark ends the name under which a cell sees the earlier version of a
// name that it declares itself: in x := x + 1 the second x.
const earlierMark = suffixMark + "0"

// cellCheck is the way of one cell from syntax to a unit.
type cellCheck struct {
	s    *Session
	src  *source
	fset *token.FileSet

	hoisted  []hoist                // top-level variables, in the order of the text
	declared map[string]declaration // names that statements declare
	pkg      *types.Package         // of the last check
	info     *types.Info            // of the last check
	earlier  map[string]*Binding    // names that the cell uses and redeclares
	dots     []string               // paths of dot imports, the newest first
	ownDots  []string               // those of the cell
	redefinition
}

// declaration says where a statement declares a name.
type declaration struct {
	index int      // of the statement in the entry's body
	spec  ast.Node // the statement, or the var specification
	value ast.Node // what gives the name its value: spec, or one expression of it
}

// hoist is a statement of the cell that declares variables.
type hoist struct {
	index  int // in the entry's body
	stmt   ast.Stmt
	assign *ast.AssignStmt // of x := e; nil for var
	decl   *ast.GenDecl    // what go/types sees at the top level
}

func (c *cellCheck) check() error {
	c.nameDots()
	c.nameReceivers()
	if err := c.hoist(); err != nil {
		return err
	}
	c.earlier = map[string]*Binding{}
	if err := c.checkAgain(); err != nil {
		return err
	}
	c.install()
	return nil
}

// settle checks the cell with its additions until there is nothing to mend in it.
func (c *cellCheck) settle() error {
	for {
		errs, again, err := c.mend()
		if err != nil {
			return err
		}
		if !again {
			return c.problems(errs)
		}
	}
}

// mend checks the cell once. Where that finds early uses of redeclared names, names of
// dot imports, or positional literals of an earlier cell's type, it mends the syntax,
// and the cell is to be checked again.
func (c *cellCheck) mend() (errs []types.Error, again bool, err error) {
	errs = c.types()
	dots := map[token.Pos]string{}
	for _, e := range errs {
		if strings.Contains(e.Msg, "implicit assignment to unexported field") {
			again = c.keyLiterals() || again
		}
		if name, ok := strings.CutPrefix(e.Msg, "undefined: "); ok && c.dotOf(name) != "" {
			dots[e.Pos] = c.dotOf(name)
		}
	}
	renamed, err := c.earlyUses(dots)
	c.qualify(dots)
	return errs, again || renamed || len(dots) > 0, err
}

// hoist finds the statements that declare top-level variables and moves their
// declarations to the file's top level for the check.
func (c *cellCheck) hoist() error {
	c.declared = map[string]declaration{}
	if c.src.program {
		return nil
	}
	for i, st := range c.src.entry.Body.List {
		h := hoist{index: i, stmt: st}
		switch st := st.(type) {
		case *ast.AssignStmt:
			if st.Tok != token.DEFINE {
				continue
			}
			spec := &ast.ValueSpec{Values: st.Rhs}
			fresh := false
			for _, l := range st.Lhs {
				id, ok := l.(*ast.Ident)
				if !ok {
					return c.problemAt(l.Pos(), "non-name on left side of :=")
				}
				if _, ok := c.declared[id.Name]; ok || id.Name == "_" {
					id = &ast.Ident{NamePos: id.NamePos, Name: "_"}
				} else {
					fresh = true
				}
				spec.Names = append(spec.Names, id)
			}
			if !fresh {
				return c.problemAt(st.TokPos, "no new variables on left side of :=")
			}
			h.assign = st
			h.decl = &ast.GenDecl{TokPos: st.Pos(), Tok: token.VAR, Specs: []ast.Spec{spec}}
		case *ast.DeclStmt:
			gd, ok := st.Decl.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			h.decl = gd
		default:
			continue
		}
		c.hoisted = append(c.hoisted, h)
		for _, sp := range h.decl.Specs {
			d := declaration{index: i, spec: sp}
			if h.assign != nil {
				d.spec = h.assign
			}
			names, values := sp.(*ast.ValueSpec).Names, sp.(*ast.ValueSpec).Values
			for i, id := range names {
				if d.value = d.spec; len(values) == len(names) {
					d.value = values[i]
				}
				if _, ok := c.declared[id.Name]; !ok && id.Name != "_" {
					c.declared[id.Name] = d
				}
			}
		}
	}
	c.hideImports()
	return nil
}

// hideImports drops the imports of earlier cells whose name the cell declares
// or imports itself.
func (c *cellCheck) hideImports() {
	own := c.ownNames()
	f := c.src.file
	keep := f.Decls[:0]
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT && c.src.inherited[g] {
			if own[g.Specs[0].(*ast.ImportSpec).Name.Name] {
				continue
			}
		}
		keep = append(keep, d)
	}
	f.Decls = keep
}

func receiver(t ast.Expr) *ast.Ident {
	for {
		switch x := t.(type) {
		case *ast.ParenExpr:
			t = x.X
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x
		default:
			return nil
		}
	}
}

// types runs go/types over the cell's file, its hoisted variables at the top
// level, in a scope that holds the live names.
func (c *cellCheck) types() []types.Error {
	f := *c.src.file
	f.Decls = slices.Clone(f.Decls)
	entry := c.src.entry
	if entry != nil {
		var rest []ast.Stmt
		hoisted := map[ast.Stmt]bool{}
		for _, h := range c.hoisted {
			f.Decls = append(f.Decls, h.decl)
			hoisted[h.stmt] = true
		}
		for _, st := range entry.Body.List {
			if !hoisted[st] {
				rest = append(rest, st)
			}
		}
		body := *entry.Body
		defer func(b *ast.BlockStmt) { entry.Body = b }(entry.Body)
		body.List = rest
		entry.Body = &body
	}
	c.pkg = types.NewPackage("main", "main")
	c.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Scopes: map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{},
	}
	additions, _ := c.additionDecls()
	f.Decls = append(f.Decls, additions...)
	own := c.ownNames()
	for _, a := range c.additions {
		own[a.name] = true
	}
	enclosed := c.enclose(f.Decls, own)
	if !c.s.engine.Separate() { // it checks nothing by itself, and knows no such parentheses
		defer func() {
			for _, spec := range enclosed {
				spec.Type = ast.Unparen(spec.Type)
			}
		}()
	}
	ast.Inspect(&f, func(n ast.Node) bool { // there may be many live names; few are used
		if id, ok := n.(*ast.Ident); ok && !own[id.Name] {
			if b := c.s.live[id.Name]; b != nil {
				c.pkg.Scope().Insert(b.Object)
			}
		}
		return true
	})
	for name, b := range c.earlier {
		c.pkg.Scope().Insert(alias(b.Object, name))
	}
	var errs []types.Error
	conf := types.Config{
		Importer: c.s, Sizes: types.SizesFor("gc", runtime.GOARCH), DisableUnusedImportCheck: true,
		Error: func(err error) {
			if e, ok := err.(types.Error); ok {
				errs = append(errs, e)
			}
		},
	}
	_ = types.NewChecker(&conf, c.fset, c.pkg, c.info).Files([]*ast.File{&f})
	return errs
}

// enclose puts names of types of earlier cells in parentheses where they define others:
// in type T U package types takes U for a type of the file, and falls over it.
func (c *cellCheck) enclose(decls []ast.Decl, own map[string]bool) (enclosed []*ast.TypeSpec) {
	for _, d := range decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, sp := range g.Specs {
			spec := sp.(*ast.TypeSpec)
			if id, ok := spec.Type.(*ast.Ident); ok && !own[id.Name] && c.s.live[id.Name] != nil {
				spec.Type = &ast.ParenExpr{Lparen: id.Pos(), X: id, Rparen: id.End()}
				enclosed = append(enclosed, spec)
			}
		}
	}
	return enclosed
}

// ownNames gives the top-level names that the cell declares or imports.
func (c *cellCheck) ownNames() map[string]bool {
	own := map[string]bool{}
	for name := range c.declared {
		own[name] = true
	}
	for _, d := range c.src.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				own[d.Name.Name] = true
			}
		case *ast.GenDecl:
			if c.src.inherited[d] {
				continue
			}
			for _, sp := range d.Specs {
				switch sp := sp.(type) {
				case *ast.ImportSpec:
					name, _ := importName(sp)
					own[name] = true
				case *ast.TypeSpec:
					own[sp.Name.Name] = true
				case *ast.ValueSpec:
					for _, id := range sp.Names {
						own[id.Name] = true
					}
				}
			}
		}
	}
	return own
}

// alias gives an object like o under another name.
func alias(o types.Object, name string) types.Object {
	switch o := o.(type) {
	case *types.Const:
		return types.NewConst(o.Pos(), o.Pkg(), name, o.Type(), o.Val())
	case *types.TypeName:
		return types.NewTypeName(o.Pos(), o.Pkg(), name, o.Type())
	case *types.Func:
		return types.NewFunc(o.Pos(), o.Pkg(), name, o.Signature())
	default:
		return types.NewVar(o.Pos(), o.Pkg(), name, o.Type())
	}
}

// earlyUses finds uses of a hoisted variable in statements that do not come
// after its declaration. They mean the earlier cell's object, as they would in a
// function body, or a dot import's, whose places it adds; where there is none it is
// an error.
func (c *cellCheck) earlyUses(dots map[token.Pos]string) (renamed bool, err error) {
	if c.src.entry == nil {
		return false, nil
	}
	for i, st := range c.src.entry.Body.List {
		ast.Inspect(st, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || err != nil {
				return err == nil
			}
			v, ok := c.info.Uses[id].(*types.Var)
			if !ok || v.Pkg() != c.pkg || v.Parent() != c.pkg.Scope() {
				return true
			}
			if !c.early(id, i) || defines(st, id) {
				return true
			}
			b := c.s.live[id.Name]
			if path := c.dotOf(id.Name); b == nil && path != "" {
				dots[id.Pos()] = path
				return true
			}
			if b == nil {
				where := fmt.Sprintf("it is declared later in this cell, at line %d", c.fset.Position(v.Pos()).Line)
				if d := c.declared[id.Name].spec; d.Pos() <= id.Pos() && id.Pos() < d.End() {
					where = "this declares it"
				}
				err = c.problemAt(id.Pos(), fmt.Sprintf("undefined: %s (%s)", id.Name, where))
				return false
			}
			c.earlier[id.Name+earlierMark] = b
			id.Name += earlierMark
			renamed = true
			return true
		})
	}
	return renamed, err
}

// defines reports whether id stands on the left side of the := or var of st.
func defines(st ast.Stmt, id *ast.Ident) bool {
	a, ok := st.(*ast.AssignStmt)
	return ok && a.Tok == token.DEFINE && slices.ContainsFunc(a.Lhs, func(e ast.Expr) bool { return e == ast.Expr(id) })
}

// early reports a use, in the i-th statement, of a variable whose declaration
// does not come before it. In a cell that has declarations alone their order does
// not matter, as in a file.
func (c *cellCheck) early(id *ast.Ident, i int) bool {
	d, ok := c.declared[id.Name]
	switch {
	case !ok || d.index < i || d.index == i && d.spec.End() <= id.Pos():
		return false
	case c.src.declarations:
		return d.value.Pos() <= id.Pos() && id.Pos() < d.value.End()
	}
	return true
}

// keyLiterals makes positional struct literals keyed: go/types compares package
// pointers there, and each cell is a package of its own.
func (c *cellCheck) keyLiterals() (changed bool) {
	info := c.info
	key := func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) == 0 || info.Types[lit].Type == nil {
			return true
		}
		t := info.Types[lit].Type.Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying()
		}
		st, ok := t.(*types.Struct)
		if !ok || len(lit.Elts) != st.NumFields() {
			return true
		}
		for i, e := range lit.Elts {
			if _, ok := e.(*ast.KeyValueExpr); !ok {
				field := &ast.Ident{NamePos: e.Pos(), Name: st.Field(i).Name()}
				lit.Elts[i] = &ast.KeyValueExpr{Key: field, Colon: e.Pos(), Value: e}
				changed = true
			}
		}
		return true
	}
	ast.Inspect(c.src.file, key)
	for _, a := range c.additions {
		ast.Inspect(a.decl, key)
	}
	return changed
}

// problems turns errors of go/types into problems, leaving out what cells allow.
func (c *cellCheck) problems(errs []types.Error) error {
	var out Problems
	seen := map[string]bool{}
	for _, e := range errs {
		if strings.HasPrefix(e.Msg, "\t") || strings.HasPrefix(e.Msg, "initialization cycle") && !c.src.program && !c.src.declarations {
			continue
		}
		if last := c.src.lastExpr; last != nil && last.Pos() <= e.Pos && e.Pos <= last.End() && strings.HasSuffix(e.Msg, "is not used") {
			continue
		}
		msg := strings.Join(strings.FieldsFunc(plainNames(packageMain.ReplaceAllString(e.Msg, "")), func(r rune) bool { return r == '\n' || r == '\t' }), "; ")
		p := c.problemAt(e.Pos, msg+c.hint(e.Msg))[0]
		if !seen[p.Error()] {
			seen[p.Error()] = true
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil
	}
	sort.SliceStable(out, func(i, j int) bool {
		return out[i].Line < out[j].Line || out[i].Line == out[j].Line && out[i].Column < out[j].Column
	})
	if len(out) > 10 {
		out = out[:10]
	}
	return out
}

// hint says what to do about an undefined name that is a package's.
func (c *cellCheck) hint(msg string) string {
	name, ok := strings.CutPrefix(msg, "undefined: ")
	if !ok {
		return ""
	}
	if path, ok := c.s.imports[name]; ok {
		return fmt.Sprintf(": it is the package %q, and no value", path)
	}
	var paths []string
	for _, p := range packagesNamed(name) {
		if c.s.engine.Offers(p, "") {
			paths = append(paths, fmt.Sprintf("%q", p))
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return ": add import " + strings.Join(paths, " or ")
}

// packageMain stands before types of earlier cells in messages of go/types.
var packageMain = regexp.MustCompile(`\bmain\.\b`)

func (c *cellCheck) problemAt(pos token.Pos, msg string) Problems {
	p := c.fset.Position(pos)
	if text, ok := c.s.texts[p.Filename]; ok && p.Filename != c.src.name { // in what is compiled again
		return (&source{name: p.Filename, text: text}).problem(CompileError, p.Line, p.Column, msg)
	}
	line, col := c.src.clamp(p.Line, p.Column)
	return c.src.problem(CompileError, line, col, msg)
}

// refuse adapts the cell to the engine and collects what that cannot run rightly.
func (c *cellCheck) refuse() error {
	var out Problems
	for _, r := range c.s.engine.Adapt(c.src.file, c.info) {
		out = append(out, c.problemAt(r.Pos, r.Message)...)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
