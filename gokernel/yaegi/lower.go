package yaegi

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"

	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/ast/astutil"
)

// lowering rewrites forms that the interpreter runs wrongly into equal ones that
// it runs rightly:
//
//   - p = T{…} gives p new storage, which closures and pointers do not see; (T{…}) does not.
//   - Loop variables are shared by all iterations: those that a closure or a
//     pointer can reach are copied at the head of the body.
//   - range over an integer is not known: a loop with a counter is.
//   - defer evaluates its arguments at the end: they are evaluated into variables before.
//   - A panic in a goroutine ends the process: go calls a literal that reports it.
//   - print and println write to stdout, in another format: functions of ours do not.
//   - What is received from a channel is assigned to variables alone, and not in closures:
//     (<-ch) is assigned to everything.
//   - a, b = 1, f() loses the 1; a, b = (1), (f()) does not. What else is wrong with several
//     targets is mended in assign.go, switches in switch.go.
//   - A range over an array behind a pointer, and its len, look at the pointer: a loop over
//     a constant, and the constant, do not.
//   - type duration time.Duration has the methods of the other type: int64 has none.
//   - A switch on an interface panics, and does not find nil: one without a tag compares.
//   - case x, y of a switch without a tag looks at x alone: x || y at both.
//   - A select's case, and a range, that assign to what there is already: they declare
//     variables, which are assigned at the head of the body.
//   - Methods of flag and log end the process: functions of ours end the cell (exits.go).
//   - Variables of the program are constants, or lose what is assigned: they are what
//     a pointer points to.
type lowering struct {
	engine  *Engine
	info    *types.Info
	file    *ast.File
	n       int // of made names
	refused []front.Refusal
	helper  bool // the helper package is needed
}

// mark is the letter that no user's name has here; front uses it as well.
const mark = "ˑ"

const helperName = "reval" + mark

func (e *Engine) lowerFile(f *ast.File, info *types.Info) []front.Refusal {
	l := &lowering{engine: e, info: info, file: f}
	astutil.Apply(f, nil, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.CallExpr:
			if x := l.constantLen(n); x != nil {
				c.Replace(x)
				return true
			}
			l.printing(n)
			l.exiting(n)
		case *ast.SelectorExpr:
			if v, ok := info.Uses[n.Sel].(*types.Var); ok && v.Pkg() != nil && !v.IsField() && l.engine.provided[v.Pkg().Path()][v.Name()] {
				c.Replace(l.pointedTo(n))
			}
		case *ast.AssignStmt:
			if c.Name() == "Comm" {
				return true
			}
			l.parenthesize(len(n.Lhs), n.Rhs)
			if c.Name() == "Init" && !isLoop(c.Parent()) {
				return true // its statement looks at it
			}
			if _, receive := ast.Unparen(n.Rhs[0]).(*ast.UnaryExpr); receive && len(n.Rhs) == 1 && c.Name() == "Init" {
				return true // the loop copies its variables
			}
			if sts := l.single(n); len(sts) > 0 {
				l.place(c, n, sts)
			}
		case *ast.IfStmt:
			l.initLater(c, &n.Init)
		case *ast.SwitchStmt:
			l.valueSwitch(c, n)
		case *ast.TypeSwitchStmt:
			l.typeSwitch(c, n)
		case *ast.TypeSpec:
			l.underlying(n)
		case *ast.DeclStmt:
			if a := commaOk(n); a != nil && !l.global(a) {
				if sts := l.single(a); len(sts) > 0 {
					l.place(c, a, sts)
				}
			}
		case *ast.ReturnStmt:
			l.parenthesize(len(n.Results), n.Results)
		case *ast.CommClause:
			if a, ok := n.Comm.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN {
				n.Body = append(l.assignLater(a.TokPos, &a.Tok, a.Lhs), n.Body...)
			} else if ok {
				body := &ast.BlockStmt{Lbrace: n.Colon, List: n.Body, Rbrace: n.End()}
				l.copyVars(body, true, a.Lhs...)
				n.Body = body.List
			}
		case *ast.ValueSpec:
			l.parenthesize(len(n.Names), n.Values)
		case *ast.RangeStmt:
			l.indexOnly(n)
			assigns := n.Key != nil && n.Tok == token.ASSIGN
			if assigns {
				targets := []ast.Expr{n.Key}
				if n.Value != nil {
					targets = append(targets, n.Value)
				}
				assign := l.assignLater(n.TokPos, &n.Tok, targets)
				if n.Key = targets[0]; n.Value != nil {
					n.Value = targets[1]
				}
				n.Body.List = append(assign, n.Body.List...)
			}
			if isInteger(info.TypeOf(n.X)) {
				if loop := l.rangeInt(n); loop != nil {
					c.Replace(loop)
				}
				return true
			}
			if assigns {
				return true
			}
			l.copyVars(n.Body, n.Tok == token.DEFINE, n.Key, n.Value)
		case *ast.ForStmt:
			l.forLoop(n)
		case *ast.DeferStmt:
			if c.Index() >= 0 {
				for _, st := range l.early(n.Call) {
					c.InsertBefore(st)
				}
			}
		case *ast.GoStmt:
			for _, st := range l.goroutine(n, c.Index() >= 0) {
				c.InsertBefore(st)
			}
		}
		return true
	})
	if l.helper {
		pos := f.Name.Pos()
		spec := &ast.ImportSpec{Name: ident(pos, helperName), Path: &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: strconv.Quote(helperPath)}}
		f.Decls = append(f.Decls, &ast.GenDecl{TokPos: pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}})
	}
	return l.refused
}

// underlying declares a type by what is underlying to a named one, whose methods it would
// have else.
func (l *lowering) underlying(n *ast.TypeSpec) {
	from, ok := types.Unalias(l.info.TypeOf(n.Type)).(*types.Named)
	if !ok || n.Assign.IsValid() || from.NumMethods() == 0 || types.IsInterface(from) {
		return
	}
	if b, ok := from.Underlying().(*types.Basic); ok {
		n.Type = ident(n.Type.Pos(), b.Name())
		return
	}
	if _, ok := from.Underlying().(*types.Struct); ok && cellType(from) == nil { // its fields may be private
		l.refuse(n.Type, "%s would have the methods of %s; make it a struct with a field of that type", n.Name.Name, front.TypeText(from))
		return
	}
	l.refuse(n.Type, "%s would have the methods of %s; write type %s %s", n.Name.Name, front.TypeText(from), n.Name.Name, front.TypeText(from.Underlying()))
}

func ident(pos token.Pos, name string) *ast.Ident { return &ast.Ident{NamePos: pos, Name: name} }

func (l *lowering) name(prefix string) string {
	l.n++
	return fmt.Sprintf("%s%s%d", prefix, mark, l.n)
}

func (l *lowering) refuse(n ast.Node, format string, args ...any) {
	l.refused = append(l.refused, front.Refusal{Pos: n.Pos(), Message: "not possible with the yaegi engine: " + fmt.Sprintf(format, args...)})
}

// printing makes a call of the builtin print or println one of ours.
func (l *lowering) printing(n *ast.CallExpr) {
	name, refused := front.Printing(l.info, n)
	if name == "" {
		return
	}
	l.refused = append(l.refused, refused...)
	l.helper = true
	ours := func(pos token.Pos, name string) ast.Expr {
		return &ast.SelectorExpr{X: ident(pos, helperName), Sel: ident(pos, name)}
	}
	n.Fun = ours(n.Pos(), name)
	for i, x := range n.Args {
		if _, param := types.Unalias(l.info.TypeOf(x)).(*types.TypeParam); !param && types.IsInterface(l.info.TypeOf(x)) {
			n.Args[i] = &ast.CallExpr{Fun: ours(x.Pos(), "Words"), Lparen: x.Pos(), Args: []ast.Expr{x}, Rparen: x.End()}
		}
	}
}

// assignLater puts new variables, which tok then declares, in the place of what is
// assigned to, and gives the assignments from them.
func (l *lowering) assignLater(pos token.Pos, tok *token.Token, targets []ast.Expr) []ast.Stmt {
	later := &ast.AssignStmt{TokPos: pos, Tok: token.ASSIGN, Lhs: slices.Clone(targets)}
	*tok = token.DEFINE
	for i, target := range targets {
		targets[i] = ident(pos, l.name("v"))
		if !isBlank(target) {
			l.info.Types[targets[i]] = types.TypeAndValue{Type: l.info.TypeOf(target)}
		}
	}
	return l.each(l.operands(later), later, targets)
}

// pointedTo gives (*p).
func (l *lowering) pointedTo(p ast.Expr) ast.Expr {
	x := &ast.ParenExpr{Lparen: p.Pos(), X: &ast.StarExpr{Star: p.Pos(), X: p}, Rparen: p.End()}
	l.info.Types[x] = l.info.Types[p]
	return x
}

// parenthesize puts what is assigned to so many targets into parentheses, where that
// makes a difference. Function literals stay bare.
func (l *lowering) parenthesize(targets int, values []ast.Expr) {
	if targets != len(values) {
		return
	}
	for i, e := range values {
		switch x := e.(type) {
		case *ast.CompositeLit:
		case *ast.UnaryExpr:
			if x.Op != token.ARROW && targets == 1 {
				continue
			}
		case *ast.CallExpr, *ast.BinaryExpr, *ast.BasicLit:
			if targets == 1 {
				continue
			}
		default:
			continue
		}
		p := &ast.ParenExpr{Lparen: e.Pos(), X: e, Rparen: e.End()}
		l.info.Types[p] = l.info.Types[e]
		values[i] = p
	}
}

// indexOnly makes a range over an array that asks for no elements one over its length:
// Go does not look at the array then, so that a pointer in it can be nil.
func (l *lowering) indexOnly(n *ast.RangeStmt) {
	length, ok := arrayLen(l.info.TypeOf(n.X))
	if !ok || n.Value != nil && !isBlank(n.Value) || !l.indirect(n.X) {
		return
	}
	n.X, n.Value = l.integer(n.X.Pos(), length), nil
}

// constantLen gives the length of an array behind a pointer, which Go does not look at.
func (l *lowering) constantLen(n *ast.CallExpr) ast.Expr {
	tv := l.info.Types[n]
	if !l.info.Types[n.Fun].IsBuiltin() || tv.Value == nil || len(n.Args) != 1 {
		return nil
	}
	length, ok := arrayLen(l.info.TypeOf(n.Args[0]))
	if !ok || !l.indirect(n.Args[0]) {
		return nil
	}
	x := &ast.CallExpr{Fun: ident(n.Pos(), "int"), Lparen: n.Pos(), Args: []ast.Expr{l.integer(n.Pos(), length)}, Rparen: n.Pos()}
	l.info.Types[x] = tv
	return x
}

// arrayLen gives the length of an array, or of one that a pointer points to.
func arrayLen(t types.Type) (int64, bool) {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	a, ok := t.Underlying().(*types.Array)
	if !ok {
		return 0, false
	}
	return a.Len(), true
}

// indirect reports an expression that goes through pointers or slices and calls nothing.
func (l *lowering) indirect(x ast.Expr) bool {
	_, indirect := l.info.TypeOf(x).Underlying().(*types.Pointer)
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr, *ast.SelectorExpr, *ast.IndexExpr:
			indirect = true
		case *ast.CallExpr:
			x = nil
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				x = nil
			}
		}
		return true
	})
	return indirect && x != nil
}

func (l *lowering) integer(pos token.Pos, n int64) ast.Expr {
	x := &ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: strconv.FormatInt(n, 10)}
	l.info.Types[x] = types.TypeAndValue{Type: types.Typ[types.Int], Value: constant.MakeInt64(n)}
	return x
}

func isInteger(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

// rangeInt gives for cˑ, eˑ := T(0), T(n); cˑ < eˑ; cˑ++ { i := cˑ; … }.
func (l *lowering) rangeInt(n *ast.RangeStmt) *ast.ForStmt {
	pos := n.Pos()
	t := types.Default(l.info.TypeOf(n.X))
	key, _ := n.Key.(*ast.Ident)
	if k := n.Key; k != nil && l.info.TypeOf(k) != nil {
		t = types.Default(l.info.TypeOf(k))
	}
	basic, ok := t.(*types.Basic)
	if !ok || n.Key != nil && (key == nil || n.Tok != token.DEFINE) {
		l.refuse(n, "this range over an integer; write for i := 0; i < n; i++")
		return nil
	}
	counter, end := l.name("i"), l.name("n")
	convert := func(x ast.Expr) ast.Expr {
		return &ast.CallExpr{Fun: ident(pos, basic.Name()), Lparen: pos, Args: []ast.Expr{x}, Rparen: pos}
	}
	body := n.Body
	if key != nil && key.Name != "_" {
		define := &ast.AssignStmt{Lhs: []ast.Expr{key}, TokPos: pos, Tok: token.DEFINE, Rhs: []ast.Expr{ident(pos, counter)}}
		body.List = append([]ast.Stmt{define}, body.List...)
	}
	return &ast.ForStmt{
		For: pos,
		Init: &ast.AssignStmt{
			Lhs: []ast.Expr{ident(pos, counter), ident(pos, end)}, TokPos: pos, Tok: token.DEFINE,
			Rhs: []ast.Expr{convert(&ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: "0"}), convert(n.X)},
		},
		Cond: &ast.BinaryExpr{X: ident(pos, counter), OpPos: pos, Op: token.LSS, Y: ident(pos, end)},
		Post: &ast.IncDecStmt{X: ident(pos, counter), TokPos: pos, Tok: token.INC},
		Body: body,
	}
}

// copyVars puts v := v for the loop variables that outlive their iteration at the
// head of the body.
func (l *lowering) copyVars(body *ast.BlockStmt, defined bool, vars ...ast.Expr) {
	if !defined {
		return
	}
	var lhs, rhs []ast.Expr
	for _, e := range vars {
		id, ok := e.(*ast.Ident)
		if !ok || id.Name == "_" || !l.reachable(body, l.info.Defs[id]) {
			continue
		}
		lhs, rhs = append(lhs, ident(body.Lbrace, id.Name)), append(rhs, ident(body.Lbrace, id.Name))
	}
	if len(lhs) > 0 {
		body.List = append([]ast.Stmt{&ast.AssignStmt{Lhs: lhs, TokPos: body.Lbrace, Tok: token.DEFINE, Rhs: rhs}}, body.List...)
	}
}

// reachable reports whether a function literal, a pointer or a method with a
// pointer receiver in a body can reach a variable.
func (l *lowering) reachable(body ast.Node, o types.Object) bool {
	if o == nil {
		return false
	}
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			found = found || l.uses(n, o)
		case *ast.UnaryExpr:
			found = found || n.Op == token.AND && l.isRoot(n.X, o)
		case *ast.SelectorExpr:
			if sel := l.info.Selections[n]; sel != nil && sel.Kind() == types.MethodVal {
				_, pointer := sel.Obj().(*types.Func).Signature().Recv().Type().Underlying().(*types.Pointer)
				found = found || pointer && l.isRoot(n.X, o)
			}
		case *ast.SliceExpr:
			found = found || l.isRoot(n.X, o)
		}
		return !found
	})
	return found
}

// isRoot reports whether a pointer to e points into the variable o.
func (l *lowering) isRoot(e ast.Expr, o types.Object) bool {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return l.info.Uses[x] == o
		default:
			return false
		}
	}
}

func (l *lowering) uses(n ast.Node, o types.Object) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && l.info.Uses[id] == o
		return !found
	})
	return found
}

// forLoop copies the variables of a three-part loop, which is right only where
// the body does not change them.
func (l *lowering) forLoop(n *ast.ForStmt) {
	init, ok := n.Init.(*ast.AssignStmt)
	if !ok || init.Tok != token.DEFINE {
		return
	}
	for _, e := range init.Lhs {
		id, ok := e.(*ast.Ident)
		if !ok {
			continue
		}
		o := l.info.Defs[id]
		if o == nil || !l.reachable(n.Body, o) {
			continue
		}
		if l.assigned(n.Body, o) {
			l.refuse(n, "a loop whose body changes %s and lets a closure or pointer reach it; copy it to another variable first", id.Name)
			return
		}
		l.copyVars(n.Body, true, id)
	}
}

func (l *lowering) assigned(body ast.Node, o types.Object) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				id, ok := e.(*ast.Ident)
				found = found || ok && l.info.Uses[id] == o
			}
		case *ast.IncDecStmt:
			id, ok := n.X.(*ast.Ident)
			found = found || ok && l.info.Uses[id] == o
		case *ast.UnaryExpr:
			found = found || n.Op == token.AND && l.isRoot(n.X, o)
		}
		return !found
	})
	return found
}

// early gives statements that evaluate the arguments and the receiver of a
// deferred call, or of a goroutine's, into variables that the call then has.
func (l *lowering) early(call *ast.CallExpr) (before []ast.Stmt) {
	early := func(e ast.Expr) ast.Expr {
		id := l.name("d")
		before = append(before, &ast.AssignStmt{Lhs: []ast.Expr{ident(e.Pos(), id)}, TokPos: e.Pos(), Tok: token.DEFINE, Rhs: []ast.Expr{e}})
		return ident(e.Pos(), id)
	}
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		if _, ok := l.info.Uses[f].(*types.Var); ok {
			call.Fun = early(f)
		}
		if _, ok := l.info.Uses[f].(*types.Builtin); ok && f.Name == "recover" {
			return nil
		}
	case *ast.SelectorExpr:
		sel := l.info.Selections[f]
		if sel == nil {
			break
		}
		if sel.Kind() == types.FieldVal {
			call.Fun = early(f)
			break
		}
		_, byPointer := sel.Obj().(*types.Func).Signature().Recv().Type().Underlying().(*types.Pointer)
		_, isPointer := l.info.TypeOf(f.X).Underlying().(*types.Pointer)
		if isPointer || !byPointer {
			f.X = early(f.X)
		}
	}
	for i, a := range call.Args {
		if tv := l.info.Types[a]; tv.Value == nil && !tv.IsNil() && !tv.IsType() {
			call.Args[i] = early(a)
		}
	}
	return before
}

// goroutine makes a goroutine report its panic. go f(a) becomes a literal that
// calls f, with the call's parts evaluated before, as the language wants it; it
// gives the statements that do so. listed tells whether they have a place.
func (l *lowering) goroutine(n *ast.GoStmt, listed bool) (before []ast.Stmt) {
	if lit, ok := n.Call.Fun.(*ast.FuncLit); ok {
		l.guard(lit.Body)
		return nil
	}
	if !listed || l.info.Types[n.Call.Fun].IsBuiltin() {
		return nil
	}
	for _, a := range n.Call.Args {
		if _, ok := l.info.TypeOf(a).(*types.Tuple); ok {
			return nil
		}
	}
	pos := n.Pos()
	before = l.early(n.Call)
	call := *n.Call
	body := &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{&ast.ExprStmt{X: &call}}, Rbrace: pos}
	l.guard(body)
	lit := &ast.FuncLit{Type: &ast.FuncType{Func: pos, Params: &ast.FieldList{Opening: pos, Closing: pos}}, Body: body}
	n.Call = &ast.CallExpr{Fun: lit, Lparen: pos, Rparen: pos}
	return before
}

// guard puts defer func() { if r := recover(); r != nil { report(r) } }() at the
// head of a goroutine's body.
func (l *lowering) guard(body *ast.BlockStmt) {
	l.helper = true
	pos := body.Lbrace
	r := l.name("r")
	report := &ast.CallExpr{Fun: &ast.SelectorExpr{X: ident(pos, helperName), Sel: ident(pos, "GoroutinePanic")}, Lparen: pos, Args: []ast.Expr{ident(pos, r)}, Rparen: pos}
	check := &ast.IfStmt{
		If:   pos,
		Init: &ast.AssignStmt{Lhs: []ast.Expr{ident(pos, r)}, TokPos: pos, Tok: token.DEFINE, Rhs: []ast.Expr{&ast.CallExpr{Fun: ident(pos, "recover"), Lparen: pos, Rparen: pos}}},
		Cond: &ast.BinaryExpr{X: ident(pos, r), OpPos: pos, Op: token.NEQ, Y: ident(pos, "nil")},
		Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{&ast.ExprStmt{X: report}}, Rbrace: pos},
	}
	lit := &ast.FuncLit{
		Type: &ast.FuncType{Func: pos, Params: &ast.FieldList{Opening: pos, Closing: pos}},
		Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{check}, Rbrace: pos},
	}
	call := &ast.CallExpr{Fun: lit, Lparen: pos, Rparen: pos}
	body.List = append([]ast.Stmt{&ast.DeferStmt{Defer: pos, Call: call}}, body.List...)
}
