package front

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
)

// lastValue rewrites the cell's last expression, so that its values are kept in
// variables that the kernel reads after the run.
func (l *lowering) lastValue() []ast.Stmt {
	st := l.src.lastExpr
	tv := l.info.Types[st.X]
	if tv.IsVoid() || tv.IsBuiltin() || tv.Type == nil || l.printing(st.X) {
		return []ast.Stmt{st}
	}
	if tv.IsNil() {
		l.err = l.problemAt(st.Pos(), "nil has no type and is no value of a cell")
		return nil
	}
	if b, ok := tv.Type.(*types.Basic); ok && b.Kind() == types.UntypedInt && tv.Value != nil && constant.BitLen(tv.Value) > 63 {
		l.err = l.problemAt(st.Pos(), fmt.Sprintf("the constant %s is no int: convert it to float64, or see package math/big", types.ExprString(st.X)))
		return nil
	}
	var values []types.Type
	if tuple, ok := tv.Type.(*types.Tuple); ok {
		for v := range tuple.Variables() {
			values = append(values, v.Type())
		}
	} else {
		values = []types.Type{types.Default(tv.Type)}
	}
	assign := &ast.AssignStmt{TokPos: st.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{st.X}}
	out := []ast.Stmt{assign}
	for i, t := range values {
		name := "value" + suffixMark + strconv.Itoa(l.s.serial) + "_" + strconv.Itoa(i)
		l.variable(name, t, st.Pos())
		assign.Lhs = append(assign.Lhs, &ast.Ident{NamePos: st.Pos(), Name: name})
		r := Result{Variable: name, Type: t}
		if method := textMethod(t); method != "" {
			r.Text = "text" + suffixMark + strconv.Itoa(l.s.serial) + "_" + strconv.Itoa(i)
			l.variable(r.Text, types.Typ[types.String], st.Pos())
			out = append(out, l.textOf(r, method, st.Pos()))
		}
		l.unit.Results = append(l.unit.Results, r)
	}
	return out
}

// printing reports a call of fmt.Print, Printf or Println, whose results nobody
// wants to see.
func (l *lowering) printing(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	o := l.info.Uses[sel.Sel]
	if o == nil || o.Pkg() == nil || o.Pkg().Path() != "fmt" {
		return false
	}
	switch o.Name() {
	case "Print", "Printf", "Println", "Fprint", "Fprintf", "Fprintln":
		return true
	}
	return false
}

// textMethod gives the method that says a value in text: Error, else String.
func textMethod(t types.Type) string {
	for _, name := range []string{"Error", "String"} {
		o, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
		f, ok := o.(*types.Func)
		if !ok {
			continue
		}
		sig := f.Signature()
		if sig.Params().Len() == 0 && sig.Results().Len() == 1 && types.Identical(sig.Results().At(0).Type(), types.Typ[types.String]) {
			return name
		}
	}
	return ""
}

// textOf gives text = value.Method(), for values that can be nil only if they are not.
func (l *lowering) textOf(r Result, method string, pos token.Pos) ast.Stmt {
	id := func(name string) *ast.Ident { return &ast.Ident{NamePos: pos, Name: name} }
	call := &ast.CallExpr{Fun: &ast.SelectorExpr{X: id(r.Variable), Sel: id(method)}, Lparen: pos, Rparen: pos}
	assign := &ast.AssignStmt{Lhs: []ast.Expr{id(r.Text)}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{call}}
	switch r.Type.Underlying().(type) {
	case *types.Pointer, *types.Interface, *types.Map, *types.Slice, *types.Signature, *types.Chan:
		cond := &ast.BinaryExpr{X: id(r.Variable), OpPos: pos, Op: token.NEQ, Y: id("nil")}
		return &ast.IfStmt{If: pos, Cond: cond, Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{assign}, Rbrace: pos}}
	}
	return assign
}
