package yaegi

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ast/astutil"
)

// typeSwitch mends the cases of a type switch. The interpreter finds no value to be of an
// interface, and gives the variable to all cases' closures. So where a case has an
// interface, the switch becomes one over what assertions before it found:
//
//	xˑ := x
//	vˑ, okˑ := xˑ.(T)
//	switch { case okˑ: v := vˑ; … }
func (l *lowering) typeSwitch(c *astutil.Cursor, n *ast.TypeSwitchStmt) {
	interfaces := false
	for _, st := range n.Body.List {
		for _, t := range st.(*ast.CaseClause).List {
			interfaces = interfaces || !l.info.Types[t].IsNil() && l.isInterface(t)
		}
	}
	var name *ast.Ident
	if a, ok := n.Assign.(*ast.AssignStmt); ok {
		name = a.Lhs[0].(*ast.Ident)
	}
	if !interfaces {
		l.copySwitched(n, name)
		l.initLater(c, &n.Init)
		return
	}
	if _, labeled := c.Parent().(*ast.LabeledStmt); labeled {
		l.refuse(n, "a label at a type switch with the case of an interface; leave it by a variable that is tested after it")
		return
	}
	pos := n.Pos()
	sts := l.head(n.Init)
	x := l.kept(&sts, switched(n))
	cases := &ast.BlockStmt{Lbrace: n.Body.Lbrace, Rbrace: n.Body.Rbrace}
	for _, st := range n.Body.List {
		clause := st.(*ast.CaseClause)
		var found []ast.Expr
		value := x
		for _, t := range clause.List {
			if l.info.Types[t].IsNil() {
				found = append(found, &ast.BinaryExpr{X: x, OpPos: pos, Op: token.EQL, Y: ident(pos, "nil")})
				continue
			}
			v, ok := ident(pos, "_"), ident(pos, l.name("ok"))
			if len(clause.List) == 1 && name != nil {
				v = ident(pos, l.name("v"))
				value = v
			}
			sts = append(sts, l.assert(pos, v, ok, &ast.TypeAssertExpr{X: x, Lparen: pos, Type: t, Rparen: pos})...)
			found = append(found, ok)
		}
		body := clause.Body
		if name != nil && l.info.Implicits[clause] != nil && l.uses(&ast.BlockStmt{List: body}, l.info.Implicits[clause]) {
			body = append([]ast.Stmt{define(clause.Pos(), []ast.Expr{value}, ident(clause.Pos(), name.Name))}, body...)
		}
		cases.List = append(cases.List, &ast.CaseClause{Case: clause.Case, List: either(found), Colon: clause.Colon, Body: body})
	}
	sts = append(sts, &ast.SwitchStmt{Switch: pos, Body: cases})
	c.Replace(&ast.BlockStmt{Lbrace: pos, List: sts, Rbrace: n.End()})
}

// copySwitched gives each case's closures a variable of their own.
func (l *lowering) copySwitched(n *ast.TypeSwitchStmt, name *ast.Ident) {
	for _, st := range n.Body.List {
		clause := st.(*ast.CaseClause)
		if o := l.info.Implicits[clause]; name != nil && o != nil && l.reachable(&ast.BlockStmt{List: clause.Body}, o) {
			copied := define(clause.Colon, []ast.Expr{ident(clause.Colon, name.Name)}, ident(clause.Colon, name.Name))
			clause.Body = append([]ast.Stmt{copied}, clause.Body...)
		}
	}
}

// valueSwitch makes a switch on an interface, or with nil as a case, one without a tag.
func (l *lowering) valueSwitch(c *astutil.Cursor, n *ast.SwitchStmt) {
	if n.Tag != nil && l.info.Types[n.Tag].Value != nil && l.info.Types[n.Tag].Value.String() == "true" {
		n.Tag = nil
	}
	compares := n.Tag != nil && l.isInterface(n.Tag) && !isTypeParam(l.info.TypeOf(n.Tag))
	for _, st := range n.Body.List {
		clause := st.(*ast.CaseClause)
		if n.Tag == nil {
			clause.List = either(clause.List)
		}
		compares = compares || slices.ContainsFunc(clause.List, func(x ast.Expr) bool { return l.info.Types[x].IsNil() })
	}
	if !compares {
		l.initLater(c, &n.Init)
		return
	}
	if _, labeled := c.Parent().(*ast.LabeledStmt); labeled {
		l.refuse(n, "a label at a switch on an interface; leave it by a variable that is tested after it")
		return
	}
	sts := l.head(n.Init)
	x := l.kept(&sts, n.Tag)
	n.Init, n.Tag = nil, nil
	for _, st := range n.Body.List {
		clause := st.(*ast.CaseClause)
		for i, y := range clause.List {
			clause.List[i] = &ast.BinaryExpr{X: x, OpPos: y.Pos(), Op: token.EQL, Y: y}
		}
		clause.List = either(clause.List)
	}
	c.Replace(&ast.BlockStmt{Lbrace: n.Pos(), List: append(sts, n), Rbrace: n.End()})
}

// head gives the statements that a switch's init is.
func (l *lowering) head(init ast.Stmt) (sts []ast.Stmt) {
	if a, ok := init.(*ast.AssignStmt); ok {
		sts = l.single(a)
	}
	if init != nil && len(sts) == 0 {
		sts = append(sts, init)
	}
	return sts
}

// either gives one condition, since a switch without a tag looks only at the first.
func either(conditions []ast.Expr) []ast.Expr {
	if len(conditions) < 2 {
		return conditions
	}
	x := conditions[0]
	for _, y := range conditions[1:] {
		x = &ast.BinaryExpr{X: x, OpPos: y.Pos(), Op: token.LOR, Y: y}
	}
	return []ast.Expr{x}
}

// switched gives what a type switch looks at.
func switched(n *ast.TypeSwitchStmt) ast.Expr {
	var e ast.Expr
	switch a := n.Assign.(type) {
	case *ast.ExprStmt:
		e = a.X
	case *ast.AssignStmt:
		e = a.Rhs[0]
	}
	return ast.Unparen(e).(*ast.TypeAssertExpr).X
}

// assert gives v, ok := x, right where x is nil and anew each time.
func (l *lowering) assert(pos token.Pos, v, ok *ast.Ident, x *ast.TypeAssertExpr) (sts []ast.Stmt) {
	if !isBlank(v) {
		sts = append(sts, variable(pos, v.Name, x.Type))
	}
	if !isBlank(ok) {
		sts = append(sts, variable(pos, ok.Name, ident(pos, "bool")))
	}
	found := []ast.Stmt{&ast.AssignStmt{Lhs: []ast.Expr{v, ok}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{x}}}
	if i, is := l.info.TypeOf(x.Type).Underlying().(*types.Interface); is && i.Empty() && !isTypeParam(l.info.TypeOf(x.Type)) {
		found = []ast.Stmt{ // it says that nothing is an any
			&ast.AssignStmt{Lhs: []ast.Expr{v}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{x.X}},
			&ast.AssignStmt{Lhs: []ast.Expr{ok}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{ident(pos, "true")}},
		}
	}
	return append(sts, &ast.IfStmt{
		If: pos, Cond: &ast.BinaryExpr{X: x.X, OpPos: pos, Op: token.NEQ, Y: ident(pos, "nil")},
		Body: &ast.BlockStmt{Lbrace: pos, List: found, Rbrace: pos},
	})
}
