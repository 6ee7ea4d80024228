package ixgo

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"

	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/types/typeutil"
)

// Adapt implements front.Engine.
//
//   - Blocking operations on channels wait for an interrupt as well.
//   - Goroutines report their panic, which would end the process.
//   - os.Stdin, os.Stdout and os.Stderr as arguments are the cell's, and so is what
//     print and println write to.
func (e *Engine) Adapt(f *ast.File, info *types.Info) []front.Refusal {
	if found := e.unoffered(f, info); len(found) > 0 {
		return found
	}
	a := &adapter{info: info, kept: map[ast.Node]bool{}, used: map[string]bool{}}
	astutil.Apply(f, a.before, a.after)
	for name, path := range map[string]string{"native": nativePath, "helper": helperPath} {
		if a.used[name] {
			pos := f.Name.Pos()
			spec := &ast.ImportSpec{Name: ident(pos, name+mark), Path: &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: strconv.Quote(path)}}
			f.Decls = append(f.Decls, &ast.GenDecl{TokPos: pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}})
		}
	}
	return a.refused
}

type adapter struct {
	info    *types.Info
	kept    map[ast.Node]bool // what stays: operations of select's cases, deferred calls, and see keepOperations
	used    map[string]bool   // of the two packages
	n       int               // of made names
	refused []front.Refusal
}

func ident(pos token.Pos, name string) *ast.Ident { return &ast.Ident{NamePos: pos, Name: name} }

func call(pos token.Pos, f ast.Expr, args ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: f, Lparen: pos, Args: args, Rparen: pos}
}

func block(pos token.Pos, list ...ast.Stmt) *ast.BlockStmt {
	return &ast.BlockStmt{Lbrace: pos, List: list, Rbrace: pos}
}

func do(x ast.Expr) ast.Stmt { return &ast.ExprStmt{X: x} }

func (a *adapter) native(pos token.Pos, name string) ast.Expr { return a.symbol(pos, "native", name) }
func (a *adapter) helper(pos token.Pos, name string) ast.Expr { return a.symbol(pos, "helper", name) }

func (a *adapter) symbol(pos token.Pos, pkg, name string) ast.Expr {
	a.used[pkg] = true
	return &ast.SelectorExpr{X: ident(pos, pkg+mark), Sel: ident(pos, name)}
}

func (a *adapter) name() string {
	a.n++
	return fmt.Sprintf("v%s%d", mark, a.n)
}

// define gives name := x.
func define(pos token.Pos, x ast.Expr, names ...ast.Expr) ast.Stmt {
	return &ast.AssignStmt{Lhs: names, TokPos: pos, Tok: token.DEFINE, Rhs: []ast.Expr{x}}
}

func (a *adapter) before(c *astutil.Cursor) bool {
	switch n := c.Node().(type) {
	case *ast.DeferStmt:
		a.kept[n.Call] = true
	case *ast.GoStmt:
		a.kept[n.Call] = true
		if lit, ok := n.Call.Fun.(*ast.FuncLit); ok {
			a.keepOperations(lit.Body)
		}
	case *ast.CommClause:
		switch st := n.Comm.(type) {
		case *ast.SendStmt:
			a.kept[st] = true
		case *ast.ExprStmt:
			a.kept[ast.Unparen(st.X)] = true
		case *ast.AssignStmt:
			a.kept[ast.Unparen(st.Rhs[0])] = true
		}
	}
	return true
}

// keepOperations leaves the operations on channels of a function that a go statement
// starts: it never runs in the goroutine that an interrupt is for.
func (a *adapter) keepOperations(body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SendStmt, *ast.UnaryExpr, *ast.RangeStmt, *ast.SelectStmt:
			a.kept[n] = true
		}
		return true
	})
}

func (a *adapter) after(c *astutil.Cursor) bool {
	switch n := c.Node().(type) {
	case *ast.FuncDecl:
		if n.Body != nil {
			a.enter(n.Body)
		}
	case *ast.FuncLit:
		a.enter(n.Body)
	case *ast.RangeStmt:
		if isChan(a.info.TypeOf(n.X)) && !a.kept[n] {
			c.Replace(a.rangeChan(n))
		}
		a.rangeLength(n)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW && !a.kept[n] && isChan(a.info.TypeOf(n.X)) {
			c.Replace(a.receive(n))
		}
	case *ast.SendStmt:
		if !a.kept[n] && isChan(a.info.TypeOf(n.Chan)) {
			c.Replace(a.send(n))
		}
	case *ast.SelectStmt:
		if a.kept[n] {
			return true
		}
		for _, clause := range n.Body.List {
			if clause.(*ast.CommClause).Comm == nil {
				return true
			}
		}
		n.Body.List = append(n.Body.List, a.doneCase(n.Body.Rbrace))
	case *ast.GoStmt:
		c.Replace(a.goroutine(n))
	case *ast.CallExpr:
		if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok && a.info.Uses[id] == types.Universe.Lookup("recover") && !a.kept[n] {
			plain := call(n.Pos(), a.native(n.Pos(), "Recovered"), n)
			a.info.Types[plain] = a.info.Types[n]
			c.Replace(plain)
			return true
		}
		if p := a.printing(n); p != nil {
			c.Replace(p)
			return true
		}
		if x := a.extreme(n); x != nil {
			c.Replace(x)
			return true
		}
		a.started(n)
		a.arguments(n)
	}
	return true
}

func isChan(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

// enter makes a function defer one call more, that of an interpreted function, if
//   - it defers calls of compiled ones: in a panic, the interpreter would gather what it
//     notes of a call again for each call between that and the function, all of which do
//     the same: twice as much for each;
//   - it defers calls in a loop over a function: if it defers no other, package ssa forgets
//     to run them.
func (a *adapter) enter(body *ast.BlockStmt) {
	if a.defersInRange(body) || a.defersCompiled(body) {
		body.List = append([]ast.Stmt{&ast.DeferStmt{Defer: body.Lbrace, Call: call(body.Lbrace, a.helper(body.Lbrace, "Nothing"))}}, body.List...)
	}
}

// defersCompiled reports a function that defers calls of functions that are not seen
// to be interpreted.
func (a *adapter) defersCompiled(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.DeferStmt:
			_, literal := n.Call.Fun.(*ast.FuncLit)
			found = found || !literal
		}
		return true
	})
	return found
}

// defersInRange reports a function that defers calls in a loop over a function.
func (a *adapter) defersInRange(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.RangeStmt:
			if _, ok := a.info.TypeOf(n.X).Underlying().(*types.Signature); ok {
				ast.Inspect(n.Body, func(n ast.Node) bool {
					switch n.(type) {
					case *ast.FuncLit:
						return false
					case *ast.DeferStmt:
						found = true
					}
					return true
				})
			}
		}
		return true
	})
	return found
}

// send gives what stands for ch <- x.
func (a *adapter) send(n *ast.SendStmt) ast.Stmt {
	pos := n.Pos()
	sent := &ast.CommClause{Case: pos, Colon: pos, Comm: n}
	if !plain(n.Chan) || !plain(n.Value) {
		return &ast.SelectStmt{Select: pos, Body: block(pos, sent, a.doneCase(pos))}
	}
	return a.again(pos, sent)
}

// again gives the loop in which an operation is done that an interrupt can end, and which
// is done again if that was another goroutine's: for { select { operation; gone }; break }.
func (a *adapter) again(pos token.Pos, operation *ast.CommClause) *ast.ForStmt {
	gone := &ast.CommClause{
		Case: pos, Colon: pos,
		Comm: do(&ast.UnaryExpr{OpPos: pos, Op: token.ARROW, X: a.native(pos, "Gone")}),
		Body: []ast.Stmt{do(call(pos, a.native(pos, "Interrupted"))), &ast.BranchStmt{TokPos: pos, Tok: token.CONTINUE}},
	}
	return &ast.ForStmt{For: pos, Body: block(pos,
		&ast.SelectStmt{Select: pos, Body: block(pos, operation, gone)},
		&ast.BranchStmt{TokPos: pos, Tok: token.BREAK})}
}

// plain reports an expression that can be evaluated twice.
func plain(x ast.Expr) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident, *ast.BasicLit:
		return true
	case *ast.SelectorExpr:
		return plain(x.X)
	case *ast.CompositeLit:
		return len(x.Elts) == 0
	case *ast.BinaryExpr:
		return plain(x.X) && plain(x.Y)
	}
	return false
}

// receive gives the call that stands for <-ch.
func (a *adapter) receive(n *ast.UnaryExpr) ast.Expr {
	name := "Receive"
	if _, two := a.info.TypeOf(n).(*types.Tuple); two {
		name = "Receive2"
	}
	x := call(n.Pos(), a.helper(n.Pos(), name), n.X)
	a.info.Types[x] = a.info.Types[n]
	return x
}

// doneCase is a case of select that an interrupt takes. It does not end, so that
// a select whose cases return still needs no return after it.
func (a *adapter) doneCase(pos token.Pos) *ast.CommClause {
	return &ast.CommClause{
		Case: pos, Colon: pos,
		Comm: do(&ast.UnaryExpr{OpPos: pos, Op: token.ARROW, X: call(pos, a.native(pos, "Done"))}),
		Body: []ast.Stmt{do(call(pos, a.native(pos, "Interrupted"))), &ast.ForStmt{For: pos, Body: block(pos)}},
	}
}

// rangeChan gives the loop
// ch, next, ok := Range(c); for { select { case next, ok = <-ch: … }; if !ok { break }; v := next; { … } }.
func (a *adapter) rangeChan(n *ast.RangeStmt) ast.Stmt {
	pos := n.For
	ch, next, ok := a.name(), "_", a.name()
	if n.Key != nil {
		next = a.name()
	}
	receive := &ast.CommClause{Case: pos, Colon: pos, Comm: &ast.AssignStmt{
		Lhs: []ast.Expr{ident(pos, next), ident(pos, ok)}, TokPos: pos, Tok: token.ASSIGN,
		Rhs: []ast.Expr{&ast.UnaryExpr{OpPos: pos, Op: token.ARROW, X: ident(pos, ch)}},
	}}
	body := block(n.Body.Lbrace, a.again(pos, receive),
		&ast.IfStmt{
			If: pos, Cond: &ast.UnaryExpr{OpPos: pos, Op: token.NOT, X: ident(pos, ok)},
			Body: block(pos, &ast.BranchStmt{TokPos: pos, Tok: token.BREAK}),
		})
	if n.Key != nil {
		body.List = append(body.List, &ast.AssignStmt{Lhs: []ast.Expr{n.Key}, TokPos: pos, Tok: n.Tok, Rhs: []ast.Expr{ident(pos, next)}})
	}
	body.List = append(body.List, n.Body)
	init := define(pos, call(pos, a.helper(pos, "Range"), n.X), ident(pos, ch), ident(pos, next), ident(pos, ok))
	return &ast.ForStmt{For: pos, Init: init, Body: body}
}

// starting are functions of the library that call an argument of theirs, of that number,
// in a goroutine that they or the runtime start.
var starting = map[string]int{
	"time.AfterFunc": 1, "context.AfterFunc": 1, "(*sync.WaitGroup).Go": 0, "(*net/http.Server).RegisterOnShutdown": 0,
}

// started has a function that the library starts in a goroutine be that of a cell, as one
// that a go statement starts.
func (a *adapter) started(n *ast.CallExpr) {
	f, ok := typeutil.Callee(a.info, n).(*types.Func)
	if !ok {
		return
	}
	if i, ok := starting[f.FullName()]; ok && i < len(n.Args) {
		n.Args[i] = call(n.Args[i].Pos(), a.helper(n.Args[i].Pos(), "Started"), n.Args[i])
	}
}

// rangeLength makes a loop over the length of an array one over a number: Go does not
// evaluate the array, which can be behind a nil pointer.
func (a *adapter) rangeLength(n *ast.RangeStmt) {
	t := a.info.TypeOf(n.X).Underlying()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem().Underlying()
	}
	array, ok := t.(*types.Array)
	if !ok || n.Value != nil {
		return
	}
	evaluated := false
	ast.Inspect(n.X, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.CallExpr:
			evaluated = true
		case *ast.UnaryExpr:
			evaluated = evaluated || x.Op == token.ARROW
		}
		return !evaluated
	})
	if !evaluated {
		length := &ast.BasicLit{ValuePos: n.X.Pos(), Kind: token.INT, Value: strconv.FormatInt(array.Len(), 10)}
		n.X = call(n.X.Pos(), a.helper(n.X.Pos(), "Length"), length)
		a.info.Types[n.X] = types.TypeAndValue{Type: types.Typ[types.Int]}
	}
}

// goroutine makes a goroutine report its panic. Function and arguments are still
// evaluated by the go statement.
func (a *adapter) goroutine(n *ast.GoStmt) ast.Stmt {
	pos := n.Go
	guarded := []ast.Stmt{
		&ast.DeferStmt{Defer: pos, Call: call(pos, a.helper(pos, "Guard"))},
		do(call(pos, a.native(pos, "Faults"))),
	}
	if lit, ok := n.Call.Fun.(*ast.FuncLit); ok && lit.Type.Results.NumFields() == 0 {
		lit.Body.List = append(guarded, lit.Body.List...)
		return n
	}
	var before []ast.Stmt
	keep := func(x ast.Expr) ast.Expr {
		name := a.name()
		before = append(before, define(pos, x, ident(pos, name)))
		return ident(pos, name)
	}
	c := *n.Call
	if !a.static(c.Fun) {
		c.Fun = keep(c.Fun)
	}
	c.Args = nil
	for _, x := range n.Call.Args {
		tv := a.info.Types[x]
		basic, _ := tv.Type.(*types.Basic)
		switch tuple, _ := tv.Type.(*types.Tuple); {
		case tuple != nil:
			var names []ast.Expr
			for range tuple.Len() {
				name := a.name()
				names = append(names, ident(pos, name))
				c.Args = append(c.Args, ident(pos, name))
			}
			before = append(before, define(pos, x, names...))
		case tv.Value != nil || tv.IsNil() || tv.IsType() || basic != nil && basic.Info()&types.IsUntyped != 0:
			c.Args = append(c.Args, x)
		default:
			c.Args = append(c.Args, keep(x))
		}
	}
	lit := &ast.FuncLit{
		Type: &ast.FuncType{Func: pos, Params: &ast.FieldList{Opening: pos, Closing: pos}},
		Body: block(pos, append(guarded, do(&c))...),
	}
	return block(pos, append(before, &ast.GoStmt{Go: pos, Call: call(pos, lit)})...)
}

// static reports a callee whose evaluation has no effect: a declared function, a
// builtin, a type.
func (a *adapter) static(f ast.Expr) bool {
	switch f := ast.Unparen(f).(type) {
	case *ast.Ident:
		switch a.info.Uses[f].(type) {
		case *types.Func, *types.Builtin, *types.TypeName:
			return true
		}
	case *ast.SelectorExpr:
		_, isFunc := a.info.Uses[f.Sel].(*types.Func)
		return isFunc && a.info.Selections[f] == nil
	case *ast.IndexExpr:
		return a.static(f.X)
	case *ast.IndexListExpr:
		return a.static(f.X)
	}
	return false
}

// arguments puts the cell's streams in place of os.Stdin, os.Stdout and os.Stderr
// where a function takes an interface: the files would not ask the client for input,
// and not keep the order of the two outputs.
func (a *adapter) arguments(n *ast.CallExpr) {
	sig, ok := a.info.TypeOf(n.Fun).(*types.Signature)
	if !ok {
		return
	}
	for i, x := range n.Args {
		sel, ok := ast.Unparen(x).(*ast.SelectorExpr)
		if !ok || i >= sig.Params().Len() || sig.Variadic() && i == sig.Params().Len()-1 || !isInterface(sig.Params().At(i).Type()) {
			continue
		}
		v, ok := a.info.Uses[sel.Sel].(*types.Var)
		if !ok || v.Pkg() == nil || v.Pkg().Path() != "os" || v.IsField() {
			continue
		}
		switch v.Name() {
		case "Stdin", "Stdout", "Stderr":
			n.Args[i] = a.native(x.Pos(), v.Name())
		}
	}
}

func isInterface(t types.Type) bool {
	_, param := types.Unalias(t).(*types.TypeParam)
	return types.IsInterface(t) && !param
}
