package front

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// When a cell declares a name again, what depends on the old object is compiled
// again as a part of that cell: functions, types with all their methods, and
// constants and variables of such types. A variable keeps its place, which code
// that was not compiled again still uses. What no longer compiles keeps its old
// code and is told.
//
// So a method may be added to a type of an earlier cell: the type is declared
// again with it. Values in interfaces keep the type that they had.

// part is the text of a function, a method or a type, to be compiled again.
type part struct {
	text string
	pos  token.Position
	deps map[string]bool // names of the top level that it uses
	unit int             // serial number of the unit that it came with
}

// addition is a declaration that a cell compiles again.
type addition struct {
	name   string // of the function, type, constant or variable
	method string // "" unless it is a method of type name
	part   *part  // nil for constants and variables
	decl   ast.Decl
}

func (a *addition) key() string { return a.name + "." + a.method }

// redefinition is what a cell compiles again.
type redefinition struct {
	additions []*addition
	rebound   map[string]*Binding // variables that get a new type and keep their place
	stale     map[string]string   // by key: what does not compile any more, and why
	changed   map[string]bool     // live names that mean something else now
	reshaped  map[string]bool     // changed types whose values have another shape than before
	// ownMethods are those that the cell defines, by type.
	ownMethods map[string]map[string]bool
}

// checkAgain checks the cell, and with it what depends on what it changes. It
// begins with the methods that the cell adds to types of earlier cells.
func (c *cellCheck) checkAgain() error {
	for first := true; ; {
		if err := c.begin(); err != nil {
			return err
		}
		if !first {
			c.addDependents()
		}
		err := c.settle()
		if first && c.s.engine.Separate() {
			// An error can come from what still has its old type.
			if c.findChanges(); len(c.changed) > 0 {
				first = false
				continue
			}
		}
		if problems, ok := err.(Problems); ok && c.dropFailing(problems) {
			continue
		}
		return err
	}
}

// begin clears the additions, but for the types that the cell adds methods to.
func (c *cellCheck) begin() error {
	c.additions, c.rebound = nil, map[string]*Binding{}
	if c.stale == nil {
		c.stale, c.ownMethods = map[string]string{}, c.methodsDefined()
	}
	return c.carryReceivers()
}

// carryReceivers declares the types again that the cell adds methods to.
func (c *cellCheck) carryReceivers() error {
	own, methods := c.ownNames(), c.ownMethods
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		b := c.s.live[name]
		if own[name] || b == nil {
			continue
		}
		if !isType(b.Object) {
			continue
		}
		if b.part == nil || !c.s.engine.Separate() {
			return c.problemAt(c.receiverPos(name), fmt.Sprintf("type %s is declared in %s: declare a type and its methods in one cell", name, b.Pos.Filename))
		}
		c.addPart(name, "", b.part)
		c.carryMethods(b, methods[name], func(*part) bool { return true })
	}
	return nil
}

// nameReceivers writes the type's own name where the cell gives methods to an alias:
// what package types finds behind that must be a type of the file.
func (c *cellCheck) nameReceivers() {
	own, aliases := c.ownNames(), map[string]*ast.Ident{}
	for _, d := range c.src.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for _, sp := range g.Specs {
				spec := sp.(*ast.TypeSpec)
				if id, ok := ast.Unparen(spec.Type).(*ast.Ident); ok && spec.Assign.IsValid() {
					aliases[spec.Name.Name] = id
				}
			}
		}
	}
	for _, d := range c.src.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil && len(fd.Recv.List) == 1 {
			id := receiver(fd.Recv.List[0].Type)
			for seen := map[*ast.Ident]bool{}; id != nil && aliases[id.Name] != nil && !seen[aliases[id.Name]]; {
				seen[aliases[id.Name]] = true
				id.Name = aliases[id.Name].Name
			}
			if id == nil || own[id.Name] || c.s.live[id.Name] == nil {
				continue
			}
			if n := namedOf(c.s.live[id.Name].Object.Type()); n != nil && n.TypeArgs().Len() == 0 && isType(c.s.live[id.Name].Object) {
				id.Name = n.Obj().Name()
			}
		}
	}
}

// receiverPos gives the place where the cell names a type as a receiver's.
func (c *cellCheck) receiverPos(name string) token.Pos {
	for _, d := range c.src.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil && len(fd.Recv.List) == 1 {
			if id := receiver(fd.Recv.List[0].Type); id != nil && id.Name == name {
				return id.Pos()
			}
		}
	}
	return token.NoPos
}

// dropFailing takes the additions out that do not compile, and tells of them.
func (c *cellCheck) dropFailing(problems Problems) bool {
	dropped := false
	for _, p := range problems {
		for _, a := range c.additions {
			if a.part == nil || c.stale[a.key()] != "" || !a.part.covers(p) {
				continue
			}
			key, what, fate := a.key(), "function "+a.name, "it keeps its old code"
			switch {
			case a.method != "" && c.ownMethods[a.name] == nil && !c.changed[a.name]:
				key, what, fate = a.name+".", "method "+a.name+"."+a.method, "the type keeps its old code"
			case a.method != "":
				what, fate = "method "+a.name+"."+a.method, "it is gone"
			case strings.HasPrefix(a.part.text, "type "):
				what = "type " + a.name
			}
			if c.stale[key] == "" {
				c.stale[key] = fmt.Sprintf("%s does not compile any more; %s: %s", what, fate, p)
			}
			dropped = true
		}
	}
	return dropped
}

// covers reports whether a problem lies in the part's text.
func (p *part) covers(problem *Problem) bool {
	last := p.pos.Line + strings.Count(p.text, "\n")
	return p.pos.Filename == problem.Cell && p.pos.Line <= problem.Line && problem.Line <= last
}

// carryMethods adds the methods of a live type that the cell does not define.
func (c *cellCheck) carryMethods(b *Binding, own map[string]bool, wanted func(*part) bool) {
	for _, name := range slices.Sorted(maps.Keys(b.methods)) {
		if m := b.methods[name]; !own[name] && wanted(m) {
			c.addPart(b.Name, name, m)
		}
	}
}

// addPart declares a part again, and reports whether it could.
func (c *cellCheck) addPart(name, method string, p *part) bool {
	key := name + "." + method
	if c.stale[key] != "" {
		return false
	}
	line := fmt.Sprintf("//line %s:%d:%d\n", p.pos.Filename, p.pos.Line, p.pos.Column)
	text := "package main\n" + line + p.text
	if spec, isType := strings.CutPrefix(p.text, "type "); isType { // its place is that of the name
		text = "package main\ntype (\n" + line + spec + "\n)"
	}
	f, err := parser.ParseFile(c.fset, p.pos.Filename, text, parser.SkipObjectResolution)
	if err != nil {
		c.stale[key] = fmt.Sprintf("%s cannot be compiled again: %v", name, err)
		return false
	}
	if fd, ok := f.Decls[0].(*ast.FuncDecl); ok && method != "" {
		receiver(fd.Recv.List[0].Type).Name = name // it can be an alias
	}
	c.additions = append(c.additions, &addition{name: name, method: method, part: p, decl: f.Decls[0]})
	return true
}

// methodsDefined gives the methods that the cell defines, by type.
func (c *cellCheck) methodsDefined() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, d := range c.src.file.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil && len(fd.Recv.List) == 1 {
			if id := receiver(fd.Recv.List[0].Type); id != nil {
				if out[id.Name] == nil {
					out[id.Name] = map[string]bool{}
				}
				out[id.Name][fd.Name.Name] = true
			}
		}
	}
	return out
}

// addDependents adds everything that depends on what the cell changes.
func (c *cellCheck) addDependents() {
	changed, reshaped := maps.Clone(c.changed), maps.Clone(c.reshaped)
	own, methods := c.ownNames(), c.ownMethods
	for name := range c.changed {
		b := c.s.live[name]
		if isType(b.Object) && own[name] && b.part != nil && isType(c.pkg.Scope().Lookup(name)) {
			// Methods that came with the type are the cell's to declare again.
			c.carryMethods(b, methods[name], func(p *part) bool { return p.unit != b.part.unit })
		}
	}
	for more := true; more; {
		more = false
		for _, name := range slices.Sorted(maps.Keys(c.s.live)) {
			b := c.s.live[name]
			if !own[name] && !changed[name] && b.dependsOn(changed) && c.addBinding(b, reshaped) {
				changed[name], more = true, true
			}
		}
	}
}

func isType(o types.Object) bool {
	_, ok := o.(*types.TypeName)
	return ok
}

// dependsOn reports whether an object or one of its methods uses a changed name.
func (b *Binding) dependsOn(changed map[string]bool) bool {
	uses := func(p *part) bool {
		for name := range p.deps {
			if changed[name] {
				return true
			}
		}
		return false
	}
	if b.part == nil { // a variable or a constant: its type
		found := false
		mentions(b.Object.Type(), func(n *types.Named) { found = found || changed[n.Obj().Name()] })
		return found
	}
	if uses(b.part) {
		return true
	}
	for _, m := range b.methods {
		if uses(m) {
			return true
		}
	}
	return false
}

// mentions calls f for the cells' types in a type, not for what they are made of.
func mentions(t types.Type, f func(*types.Named)) {
	seen := map[types.Type]bool{}
	var walk func(t types.Type)
	walk = func(t types.Type) {
		t = types.Unalias(t)
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		switch t := t.(type) {
		case *types.Named:
			if p := t.Obj().Pkg(); p != nil && p.Path() == "main" {
				f(t)
			}
			for a := range t.TypeArgs().Types() {
				walk(a)
			}
		case *types.Pointer:
			walk(t.Elem())
		case *types.Slice:
			walk(t.Elem())
		case *types.Array:
			walk(t.Elem())
		case *types.Chan:
			walk(t.Elem())
		case *types.Map:
			walk(t.Key())
			walk(t.Elem())
		case *types.Struct:
			for v := range t.Fields() {
				walk(v.Type())
			}
		case *types.Signature:
			walk(t.Params())
			walk(t.Results())
		case *types.Tuple:
			for v := range t.Variables() {
				walk(v.Type())
			}
		case *types.Interface:
			for m := range t.Methods() {
				walk(m.Type())
			}
		}
	}
	walk(t)
}

// findChanges finds the live names that mean something else in the checked cell.
func (c *cellCheck) findChanges() {
	c.changed, c.reshaped = map[string]bool{}, map[string]bool{}
	for name, b := range c.s.live {
		o := c.pkg.Scope().Lookup(name)
		if o == nil || o == b.Object || o.Pkg() != c.pkg {
			continue
		}
		if _, ok := o.(*types.Var); ok && sameVar(o, b.Object) || sameConst(o, b.Object) {
			continue
		}
		c.changed[name] = true
		old, ok1 := b.Object.(*types.TypeName)
		now, ok2 := o.(*types.TypeName)
		if !ok1 || !ok2 || !sameShape(old.Type(), now.Type(), map[[2]types.Type]bool{}) {
			c.reshaped[name] = true
		}
	}
}

func sameConst(a, b types.Object) bool {
	ca, ok1 := a.(*types.Const)
	cb, ok2 := b.(*types.Const)
	return ok1 && ok2 && types.Identical(ca.Type(), cb.Type()) && constant.Compare(ca.Val(), token.EQL, cb.Val())
}

// sameShape reports whether values of two types can take each other's place in
// memory: they are alike but for versions of cells' types.
func sameShape(a, b types.Type, assumed map[[2]types.Type]bool) bool {
	a, b = types.Unalias(a), types.Unalias(b)
	if types.Identical(a, b) || assumed[[2]types.Type{a, b}] {
		return true
	}
	assumed[[2]types.Type{a, b}] = true
	same := func(a, b types.Type) bool { return sameShape(a, b, assumed) }
	if na, ok := a.(*types.Named); ok {
		nb, ok := b.(*types.Named)
		if !ok || na.Obj().Name() != nb.Obj().Name() || na.TypeParams().Len() != nb.TypeParams().Len() || na.TypeArgs().Len() != nb.TypeArgs().Len() {
			return false
		}
		if na.TypeParams().Len() > na.TypeArgs().Len() {
			return types.TypeString(na.Underlying(), Qualifier) == types.TypeString(nb.Underlying(), Qualifier)
		}
		return same(na.Underlying(), nb.Underlying())
	}
	switch a := a.(type) {
	case *types.Pointer:
		b, ok := b.(*types.Pointer)
		return ok && same(a.Elem(), b.Elem())
	case *types.Slice:
		b, ok := b.(*types.Slice)
		return ok && same(a.Elem(), b.Elem())
	case *types.Array:
		b, ok := b.(*types.Array)
		return ok && a.Len() == b.Len() && same(a.Elem(), b.Elem())
	case *types.Chan:
		b, ok := b.(*types.Chan)
		return ok && a.Dir() == b.Dir() && same(a.Elem(), b.Elem())
	case *types.Map:
		b, ok := b.(*types.Map)
		return ok && same(a.Key(), b.Key()) && same(a.Elem(), b.Elem())
	case *types.Struct:
		b, ok := b.(*types.Struct)
		if !ok || a.NumFields() != b.NumFields() {
			return false
		}
		for i := range a.NumFields() {
			if a.Field(i).Name() != b.Field(i).Name() || a.Field(i).Embedded() != b.Field(i).Embedded() || !same(a.Field(i).Type(), b.Field(i).Type()) {
				return false
			}
		}
		return true
	case *types.Interface:
		return types.TypeString(a, Qualifier) == types.TypeString(b, Qualifier)
	case *types.Signature:
		return types.TypeString(a, Qualifier) == types.TypeString(b, Qualifier)
	}
	return false
}

// addBinding declares again what a live name stands for, and reports whether it could.
func (c *cellCheck) addBinding(b *Binding, reshaped map[string]bool) bool {
	switch o := b.Object.(type) {
	case *types.Func:
		return b.part != nil && c.addPart(b.Name, "", b.part)
	case *types.TypeName:
		if b.part == nil || !c.addPart(b.Name, "", b.part) {
			return false
		}
		if shapeOf(o.Type(), reshaped) {
			reshaped[b.Name] = true
		}
		c.carryMethods(b, nil, func(*part) bool { return true })
		return true
	case *types.Const:
		value, ok := constantLiteral(o.Val())
		return ok && c.addTyped(b, token.CONST, value, reshaped)
	case *types.Var:
		if !c.addTyped(b, token.VAR, nil, reshaped) {
			return false
		}
		c.rebound[b.Name] = b
		return true
	}
	return false
}

func constantLiteral(v constant.Value) (ast.Expr, bool) {
	text := v.ExactString()
	switch v.Kind() {
	case constant.Bool, constant.Int, constant.String:
	case constant.Float:
		num, denom := constant.Num(v), constant.Denom(v)
		if num.Kind() != constant.Int || denom.Kind() != constant.Int {
			return nil, false
		}
		text = num.ExactString() + ".0/" + denom.ExactString()
	default:
		return nil, false
	}
	x, err := parser.ParseExpr(text)
	return x, err == nil
}

// shapeOf reports whether a type's values are made of a reshaped type's.
func shapeOf(t types.Type, reshaped map[string]bool) (found bool) {
	mentions(t.Underlying(), func(n *types.Named) { found = found || reshaped[n.Obj().Name()] })
	return found
}

// addTyped declares a constant or variable with the new version of its type.
func (c *cellCheck) addTyped(b *Binding, tok token.Token, value ast.Expr, reshaped map[string]bool) bool {
	t, nameable := b.Object.Type(), true
	mentions(t, func(n *types.Named) {
		live := c.s.live[n.Obj().Name()]
		nameable = nameable && live != nil && live.Object == types.Object(n.Origin().Obj()) && (tok == token.CONST || !reshaped[n.Obj().Name()])
	})
	if !nameable {
		return false
	}
	pos := c.src.file.Name.Pos()
	w := typeWriter{
		pos: pos, engine: func(o types.Object) string { return o.Name() },
		embedded: func(o types.Object) (string, error) { return o.Name(), nil },
		pkg: func(path string) string {
			for name, p := range c.s.imports {
				if p == path {
					return name
				}
			}
			nameable = false
			return path
		},
		unexported: func(types.Object) (string, bool) { return "", false },
	}
	x, err := w.expr(t)
	if err != nil || !nameable {
		return false
	}
	spec := &ast.ValueSpec{Names: []*ast.Ident{w.ident(b.Name)}, Type: x}
	if value != nil {
		spec.Values = []ast.Expr{value}
	}
	c.additions = append(c.additions, &addition{name: b.Name, decl: &ast.GenDecl{TokPos: pos, Tok: tok, Specs: []ast.Spec{spec}}})
	return true
}

// additionDecls gives the declarations of the additions and the imports that they
// need, and reports which are for the check alone: rebound variables.
func (c *cellCheck) additionDecls() (decls []ast.Decl, variables map[ast.Decl]bool) {
	own, imported := c.ownNames(), map[string]bool{}
	for d, inherited := range c.src.inherited {
		if !inherited {
			continue
		}
		imported[d.Specs[0].(*ast.ImportSpec).Name.Name] = true
	}
	variables = map[ast.Decl]bool{}
	pos := c.src.file.Name.Pos()
	for _, a := range c.additions {
		decls = append(decls, a.decl)
		variables[a.decl] = c.rebound[a.name] != nil
		ast.Inspect(a.decl, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok || own[id.Name] || imported[id.Name] || c.s.imports[id.Name] == "" {
				return true
			}
			imported[id.Name] = true
			spec := &ast.ImportSpec{Name: &ast.Ident{NamePos: pos, Name: id.Name}, Path: &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: strconv.Quote(c.s.imports[id.Name])}}
			decls = append(decls, &ast.GenDecl{TokPos: pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}})
			return true
		})
	}
	return decls, variables
}

// install puts the additions into the cell's file.
func (c *cellCheck) install() {
	decls, variables := c.additionDecls()
	for _, d := range decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			c.src.inherited[g] = true
		}
		if !variables[d] {
			c.src.file.Decls = append(c.src.file.Decls, d)
		}
	}
}

// partOf gives the text of a declaration of this cell, and what it uses.
func (c *cellCheck) partOf(prefix string, n ast.Node) *part {
	p := &part{pos: c.fset.Position(n.Pos()), unit: c.s.serial, deps: map[string]bool{}}
	end := c.fset.Position(n.End())
	from, to := offsetOf(c.src.text, p.pos), offsetOf(c.src.text, end)
	if from < 0 || to < from {
		return nil
	}
	p.text = prefix + c.src.text[from:to]
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if o := c.info.Uses[id]; o != nil && o.Pkg() != nil && o.Pkg().Path() == "main" && o.Parent() == o.Pkg().Scope() {
				p.deps[o.Name()] = true
			}
		}
		return true
	})
	return p
}

// offsetOf gives the byte offset of a position in a cell's text, or -1.
func offsetOf(text string, p token.Position) int {
	offset := 0
	for range p.Line - 1 {
		i := strings.IndexByte(text[offset:], '\n')
		if i < 0 {
			return -1
		}
		offset += i + 1
	}
	if offset += p.Column - 1; offset > len(text) {
		return -1
	}
	return offset
}

// parts gives the texts of the functions and types that the cell declares, and of
// those that it compiles again, and by type those of methods.
func (c *cellCheck) parts() (parts map[string]*part, methods map[string]map[string]*part) {
	parts, methods = map[string]*part{}, map[string]map[string]*part{}
	method := func(typ, name string, p *part) {
		if methods[typ] == nil {
			methods[typ] = map[string]*part{}
		}
		methods[typ][name] = p
	}
	added := map[ast.Decl]bool{}
	for _, a := range c.additions {
		added[a.decl] = true
		switch {
		case a.method != "":
			method(a.name, a.method, a.part)
		case a.part != nil:
			parts[a.name] = a.part
		}
	}
	for _, d := range c.src.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if added[d] || d == c.src.entry {
				continue
			}
			p := c.partOf("", d)
			if p == nil {
				continue
			}
			if d.Recv == nil {
				parts[d.Name.Name] = p
			} else if id := receiver(d.Recv.List[0].Type); id != nil {
				method(id.Name, d.Name.Name, p)
			}
		case *ast.GenDecl:
			if added[d] || d.Tok != token.TYPE {
				continue
			}
			for _, sp := range d.Specs {
				if p := c.partOf("type ", sp); p != nil {
					parts[sp.(*ast.TypeSpec).Name.Name] = p
				}
			}
		}
	}
	return parts, methods
}
