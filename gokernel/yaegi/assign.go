package yaegi

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ast/astutil"
)

// The interpreter's assignment to several targets panics where one is an interface and
// the value a nil or of another type, makes a variable anew that := only assigns to, and
// takes a map's keys after the assignment. Its v, ok = m[k] and v, ok = x.(T) leave v as
// it was where there is nothing, the latter panics where x is nil, and v, ok := <-ch makes
// no new variables. So such an assignment becomes several: the targets'
// operands and the values into variables, and these to the targets, one by one.

// place puts statements in the place of an assignment. One that declares variables of
// the session stays, with the first of them, since the front end makes it an assignment.
func (l *lowering) place(c *astutil.Cursor, a *ast.AssignStmt, sts []ast.Stmt) {
	_, labeled := c.Parent().(*ast.LabeledStmt)
	switch {
	case l.global(a):
		first := slices.IndexFunc(sts, func(st ast.Stmt) bool {
			s, ok := st.(*ast.AssignStmt)
			return ok && slices.Contains(a.Lhs, s.Lhs[0])
		})
		for _, st := range sts[:first] {
			c.InsertBefore(st)
		}
		for _, st := range slices.Backward(sts[first+1:]) {
			st.(*ast.AssignStmt).Tok = token.ASSIGN
			c.InsertAfter(st)
		}
		a.Lhs, a.Rhs = sts[first].(*ast.AssignStmt).Lhs, sts[first].(*ast.AssignStmt).Rhs
	case c.Index() >= 0:
		for _, st := range sts[:len(sts)-1] {
			c.InsertBefore(st)
		}
		c.Replace(sts[len(sts)-1])
	case labeled && a.Tok == token.ASSIGN:
		c.Replace(&ast.BlockStmt{Lbrace: a.Pos(), List: sts, Rbrace: a.End()})
	case labeled:
		l.refuse(a, "this assignment at a label; put an empty statement between")
	default:
		l.refuse(a, "this assignment at the head of a loop; write it before the loop or in its body")
	}
}

// initLater puts a statement, and what its init becomes, into a block.
func (l *lowering) initLater(c *astutil.Cursor, init *ast.Stmt) {
	a, ok := (*init).(*ast.AssignStmt)
	if !ok {
		return
	}
	sts := l.single(a)
	if len(sts) == 0 {
		return
	}
	if _, labeled := c.Parent().(*ast.LabeledStmt); labeled {
		l.refuse(a, "this assignment at the head of a labeled statement; write it before the label")
		return
	}
	*init = nil
	n := c.Node().(ast.Stmt)
	c.Replace(&ast.BlockStmt{Lbrace: n.Pos(), List: append(sts, n), Rbrace: n.End()})
}

func isLoop(n ast.Node) bool {
	_, ok := n.(*ast.ForStmt)
	return ok
}

// commaOk gives var v, ok = m[k] as v, ok := m[k].
func commaOk(n *ast.DeclStmt) *ast.AssignStmt {
	d, ok := n.Decl.(*ast.GenDecl)
	if !ok || d.Tok != token.VAR || len(d.Specs) != 1 {
		return nil
	}
	s := d.Specs[0].(*ast.ValueSpec)
	if s.Type != nil || len(s.Names) != 2 || len(s.Values) != 1 {
		return nil
	}
	return define(n.Pos(), s.Values, s.Names[0], s.Names[1])
}

// single gives the statements that a is, or none where it can stay.
func (l *lowering) single(a *ast.AssignStmt) []ast.Stmt {
	if a.Tok != token.ASSIGN && a.Tok != token.DEFINE {
		return nil
	}
	pos := a.Pos()
	if len(a.Lhs) == 1 {
		// _ = *p does not look at p.
		if _, star := ast.Unparen(a.Rhs[0]).(*ast.StarExpr); star && isBlank(a.Lhs[0]) {
			return []ast.Stmt{define(pos, a.Rhs, ident(pos, l.name("v")))}
		}
		return nil
	}
	if len(a.Lhs) == len(a.Rhs) {
		if !l.parallel(a) {
			return nil
		}
		sts := l.operands(a)
		values := make([]ast.Expr, len(a.Rhs))
		for i, x := range a.Rhs {
			values[i] = l.kept(&sts, x)
		}
		return l.each(sts, a, values)
	}
	ok := ident(pos, "_")
	if !isBlank(a.Lhs[1]) {
		ok = ident(pos, l.name("ok"))
	}
	switch x := ast.Unparen(a.Rhs[0]).(type) {
	case *ast.IndexExpr:
		if isBlank(a.Lhs[0]) && !l.converted(a) {
			return nil
		}
		sts := l.operands(a)
		x.X, x.Index = l.kept(&sts, x.X), l.kept(&sts, x.Index)
		if !isBlank(ok) {
			sts = append(sts, define(pos, a.Rhs, ident(pos, "_"), ok))
		}
		return l.each(sts, a, []ast.Expr{l.kept(&sts, x), ok})
	case *ast.TypeAssertExpr:
		sts := l.operands(a)
		x.X = l.kept(&sts, x.X)
		v := ident(pos, "_")
		if !isBlank(a.Lhs[0]) {
			v = ident(pos, l.name("v"))
		}
		sts = append(sts, l.assert(pos, v, ok, x)...)
		return l.each(sts, a, []ast.Expr{v, ok})
	case *ast.UnaryExpr:
		if a.Tok == token.ASSIGN && !l.converted(a) {
			return nil
		}
		values := []ast.Expr{ident(pos, l.name("v")), ident(pos, l.name("ok"))}
		return l.each(append(l.operands(a), define(pos, a.Rhs, values...)), a, values)
	}
	if !l.converted(a) {
		return nil
	}
	values := make([]ast.Expr, len(a.Lhs))
	for i := range values {
		values[i] = ident(pos, l.name("v"))
	}
	return l.each(append(l.operands(a), define(pos, a.Rhs, values...)), a, values)
}

// parallel reports whether a, b = x, y goes wrong.
func (l *lowering) parallel(a *ast.AssignStmt) bool {
	for i, x := range a.Lhs {
		if isBlank(x) || l.declares(a, x) && !l.global(a) {
			continue
		}
		if !l.declares(a, x) && a.Tok == token.DEFINE || l.info.Types[a.Rhs[i]].IsNil() || l.isInterface(x) || l.isInterface(a.Rhs[i]) || l.isElement(x) {
			return true
		}
	}
	return false
}

// converted reports whether a, b = f() gives something to an element of a map, or to an
// interface of another type.
func (l *lowering) converted(a *ast.AssignStmt) bool {
	results, _ := l.info.TypeOf(a.Rhs[0]).(*types.Tuple)
	for i, x := range a.Lhs {
		if isBlank(x) || l.declares(a, x) {
			continue
		}
		if l.isElement(x) || l.isInterface(x) && (results == nil || !types.Identical(results.At(i).Type(), l.info.TypeOf(x))) {
			return true
		}
	}
	return false
}

// each appends the assignments of values to a's targets, one by one.
func (l *lowering) each(sts []ast.Stmt, a *ast.AssignStmt, values []ast.Expr) []ast.Stmt {
	for i, x := range a.Lhs {
		if isBlank(x) {
			continue
		}
		tok := token.ASSIGN
		if l.declares(a, x) {
			tok = token.DEFINE
		}
		sts = append(sts, &ast.AssignStmt{Lhs: []ast.Expr{x}, TokPos: a.TokPos, Tok: tok, Rhs: []ast.Expr{values[i]}})
	}
	return sts
}

// operands evaluates what a's targets are made of into variables.
func (l *lowering) operands(a *ast.AssignStmt) (sts []ast.Stmt) {
	var operand func(e ast.Expr)
	operand = func(e ast.Expr) {
		inner := func(x *ast.Expr) {
			switch l.info.TypeOf(*x).Underlying().(type) {
			case *types.Array, *types.Struct:
				operand(*x)
			default:
				*x = l.kept(&sts, *x)
			}
		}
		switch e := e.(type) {
		case *ast.ParenExpr:
			operand(e.X)
		case *ast.StarExpr:
			e.X = l.kept(&sts, e.X)
		case *ast.SelectorExpr:
			if l.info.Selections[e] != nil {
				inner(&e.X)
			}
		case *ast.IndexExpr:
			inner(&e.X)
			e.Index = l.kept(&sts, e.Index)
		}
	}
	for _, x := range a.Lhs {
		operand(x)
	}
	return sts
}

// kept gives a variable that has the value of x from now on; constants, nil and
// function literals stay.
func (l *lowering) kept(sts *[]ast.Stmt, x ast.Expr) ast.Expr {
	tv := l.info.Types[x]
	if _, lit := x.(*ast.FuncLit); lit || tv.Value != nil || tv.IsNil() {
		return x
	}
	t := l.info.TypeOf(x)
	value := x
	if b, ok := t.(*types.Basic); ok && isBinary(x) { // 1 << n has the type of its target
		value = &ast.CallExpr{Fun: ident(x.Pos(), b.Name()), Lparen: x.Pos(), Args: []ast.Expr{x}, Rparen: x.End()}
	}
	v := ident(x.Pos(), l.name("v"))
	*sts = append(*sts, define(x.Pos(), []ast.Expr{value}, v))
	if t != nil {
		l.info.Types[v] = types.TypeAndValue{Type: t}
	}
	return v
}

// declares reports whether a is what declares its target x.
func (l *lowering) declares(a *ast.AssignStmt, x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && a.Tok == token.DEFINE && l.info.Defs[id] != nil
}

// global reports whether a declares variables of the session.
func (l *lowering) global(a *ast.AssignStmt) bool {
	return a.Tok == token.DEFINE && slices.ContainsFunc(a.Lhs, func(x ast.Expr) bool {
		id, ok := x.(*ast.Ident)
		return ok && l.isGlobal(id)
	})
}

func (l *lowering) isGlobal(id *ast.Ident) bool {
	o := l.info.Defs[id]
	return o != nil && o.Pkg() != nil && o.Parent() == o.Pkg().Scope()
}

func (l *lowering) isInterface(x ast.Expr) bool {
	t := l.info.TypeOf(x)
	return t != nil && types.IsInterface(t)
}

// isElement reports an element of a map.
func (l *lowering) isElement(x ast.Expr) bool {
	i, ok := ast.Unparen(x).(*ast.IndexExpr)
	if !ok {
		return false
	}
	_, ok = l.info.TypeOf(i.X).Underlying().(*types.Map)
	return ok
}

func isBinary(x ast.Expr) bool {
	_, ok := ast.Unparen(x).(*ast.BinaryExpr)
	return ok
}

func isBlank(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == "_"
}

func define(pos token.Pos, values []ast.Expr, names ...ast.Expr) *ast.AssignStmt {
	return &ast.AssignStmt{Lhs: names, TokPos: pos, Tok: token.DEFINE, Rhs: values}
}

func variable(pos token.Pos, name string, typ ast.Expr) ast.Stmt {
	spec := &ast.ValueSpec{Names: []*ast.Ident{ident(pos, name)}, Type: typ}
	return &ast.DeclStmt{Decl: &ast.GenDecl{TokPos: pos, Tok: token.VAR, Specs: []ast.Spec{spec}}}
}
