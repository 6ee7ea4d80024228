package yaegi

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"github.com/reval-editor/reval/gokernel/front"
)

// Adapt implements front.Engine. testdata/forms.txtar holds what was tried, beside
// what compiled Go does.
func (e *Engine) Adapt(f *ast.File, info *types.Info) []front.Refusal {
	r := &refuser{engine: e, info: info, seen: map[token.Pos]bool{}}
	ast.Walk(r, f)
	r.conversions(f)
	if len(r.found) > 0 {
		return r.found
	}
	return e.lowerFile(f, info)
}

// refuser finds the forms that the interpreter runs wrongly without saying so,
// and those that it answers with a message that helps nobody.
type refuser struct {
	engine *Engine
	info   *types.Info
	stack  []ast.Node
	found  []front.Refusal
	seen   map[token.Pos]bool // one refusal a place
}

func (r *refuser) refuse(n ast.Node, format string, args ...any) {
	if r.seen[n.Pos()] {
		return
	}
	r.seen[n.Pos()] = true
	r.found = append(r.found, front.Refusal{Pos: n.Pos(), Message: "not possible with the yaegi engine: " + fmt.Sprintf(format, args...)})
}

// Visit implements ast.Visitor.
func (r *refuser) Visit(n ast.Node) ast.Visitor {
	if n == nil {
		r.stack = r.stack[:len(r.stack)-1]
		return nil
	}
	r.stack = append(r.stack, n)
	switch n := n.(type) {
	case *ast.SelectorExpr:
		r.selector(n)
	case *ast.TypeAssertExpr:
		if n.Type != nil {
			r.assertion(n.X, n.Type)
		}
	case *ast.TypeSwitchStmt:
		r.typeSwitch(n)
	case *ast.SwitchStmt:
		if n.Tag != nil {
			for _, st := range n.Body.List {
				for _, x := range st.(*ast.CaseClause).List {
					r.comparison(&ast.BinaryExpr{X: x, OpPos: x.Pos(), Op: token.EQL, Y: n.Tag})
				}
			}
		}
	case *ast.BranchStmt:
		r.branch(n)
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			r.comparison(n)
		}
	case *ast.RangeStmt:
		if _, ok := r.typeOf(n.X).Underlying().(*types.Signature); ok {
			r.refuse(n, "range over a function; call the function with the loop's body as its argument")
		}
	case *ast.TypeSpec:
		r.typeSpec(n)
	case *ast.CallExpr:
		r.call(n)
	case *ast.DeferStmt:
		r.deferred(n)
	}
	return r
}

func (r *refuser) typeOf(e ast.Expr) types.Type {
	if t := r.info.TypeOf(e); t != nil {
		return t
	}
	return types.Typ[types.Invalid]
}

// cellType gives the named type that a cell declared behind t or *t, else nil.
func cellType(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != "main" {
		return nil
	}
	return n
}

// cellConcrete is cellType without interfaces.
func cellConcrete(t types.Type) *types.Named {
	if n := cellType(t); n != nil && !types.IsInterface(n) {
		return n
	}
	return nil
}

// compiledInterface reports an interface that no cell declared: any, error,
// io.Reader. Those that cells declare keep the type of what they hold.
func compiledInterface(t types.Type) bool {
	return types.IsInterface(t) && !isTypeParam(t) && cellType(t) == nil
}

func isTypeParam(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.TypeParam)
	return ok
}

func hasMethod(t types.Type, names ...string) string {
	for _, name := range names {
		if o, _, _ := types.LookupFieldOrMethod(t, true, nil, name); o != nil {
			if _, ok := o.(*types.Func); ok {
				return name
			}
		}
	}
	return ""
}

// textMethods are what package fmt looks for.
var textMethods = []string{"Error", "String", "Format", "GoString"}

// contains looks for a type inside a composite type, fields and elements included.
func contains(t types.Type, match func(types.Type) bool) bool {
	seen := map[types.Type]bool{}
	var walk func(t types.Type) bool
	walk = func(t types.Type) bool {
		t = types.Unalias(t)
		if seen[t] {
			return false
		}
		seen[t] = true
		if match(t) {
			return true
		}
		switch u := t.Underlying().(type) {
		case *types.Pointer:
			return walk(u.Elem())
		case *types.Slice:
			return walk(u.Elem())
		case *types.Array:
			return walk(u.Elem())
		case *types.Map:
			return walk(u.Key()) || walk(u.Elem())
		case *types.Struct:
			for f := range u.Fields() {
				if walk(f.Type()) {
					return true
				}
			}
		}
		return false
	}
	return walk(t)
}

func (r *refuser) selector(n *ast.SelectorExpr) {
	if id, ok := n.X.(*ast.Ident); ok {
		if pn, ok := r.info.Uses[id].(*types.PkgName); ok {
			r.offered(n, pn.Imported().Path())
			return
		}
	}
	sel := r.info.Selections[n]
	if sel == nil {
		return
	}
	if call, ok := r.parent(1).(*ast.CallExpr); ok && call.Fun == ast.Expr(n) {
		return
	}
	switch sel.Kind() {
	case types.MethodExpr:
		r.refuse(n, "the method expression %s; write a function literal that calls the method", types.ExprString(n))
	case types.MethodVal:
		f := sel.Obj().(*types.Func)
		recv := f.Signature().Recv().Type()
		if _, pointer := recv.Underlying().(*types.Pointer); !pointer && cellConcrete(recv) != nil {
			r.refuse(n, "the method value %s takes its receiver too late; write a function literal that calls the method on a copy", types.ExprString(n))
		}
	}
}

func (r *refuser) parent(up int) ast.Node {
	if i := len(r.stack) - 1 - up; i >= 0 {
		return r.stack[i]
	}
	return nil
}

func (r *refuser) offered(n *ast.SelectorExpr, path string) {
	if !r.engine.Offers(path, "") {
		r.refuse(n, "package %s", path)
	} else if !r.engine.Offers(path, n.Sel.Name) {
		r.refuse(n, "%s.%s (its standard library ends at Go 1.22 and lacks most generic functions)", path, n.Sel.Name)
	}
}

// assertion refuses what depends on the identity of a cell's type in an
// interface that was compiled.
func (r *refuser) assertion(x, typ ast.Expr) {
	t := r.typeOf(typ)
	if r.fromRecover(x) {
		r.refuse(typ, "the dynamic type of a recovered value; make a text of it by fmt.Sprint")
		return
	}
	if !compiledInterface(r.typeOf(x)) {
		return
	}
	if n := cellType(t); n != nil {
		r.refuse(typ, "the dynamic type %s in %s; use an interface with methods that a cell declares", n.Obj().Name(), ofType(r.typeOf(x)))
	}
}

func ofType(t types.Type) string {
	if i, ok := t.Underlying().(*types.Interface); ok && i.Empty() {
		return "an any"
	}
	return "a value of type " + front.TypeText(t)
}

func (r *refuser) typeSwitch(n *ast.TypeSwitchStmt) {
	x := switched(n)
	for _, st := range n.Body.List {
		for _, t := range st.(*ast.CaseClause).List {
			r.assertion(x, t)
		}
	}
}

// fromRecover reports a value that recover gave, directly or by a variable that
// nothing else set.
func (r *refuser) fromRecover(x ast.Expr) bool {
	isRecover := func(e ast.Expr) bool {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		if !ok {
			return false
		}
		id, ok := ast.Unparen(call.Fun).(*ast.Ident)
		b, isBuiltin := r.info.Uses[id].(*types.Builtin)
		return ok && isBuiltin && b.Name() == "recover"
	}
	if isRecover(x) {
		return true
	}
	id, ok := ast.Unparen(x).(*ast.Ident)
	if !ok {
		return false
	}
	o := r.info.Uses[id]
	for _, n := range r.stack {
		found := false
		ast.Inspect(n, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 && isRecover(a.Rhs[0]) {
				if l, ok := a.Lhs[0].(*ast.Ident); ok && o != nil && (r.info.Defs[l] == o || r.info.Uses[l] == o) {
					found = true
				}
			}
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// branch refuses break L and continue L out of a select.
func (r *refuser) branch(n *ast.BranchStmt) {
	if n.Label == nil || n.Tok == token.GOTO {
		return
	}
	for i := len(r.stack) - 2; i >= 0; i-- {
		switch p := r.stack[i].(type) {
		case *ast.SelectStmt:
			r.refuse(n, "%s %s inside select; set a variable and test it after the select", n.Tok, n.Label.Name)
			return
		case *ast.LabeledStmt:
			if p.Label.Name == n.Label.Name {
				return
			}
		case *ast.FuncLit, *ast.FuncDecl:
			return
		}
	}
}

// comparison refuses == where an interface holds, or may hold, a cell's type.
func (r *refuser) comparison(n *ast.BinaryExpr) {
	x, y := r.typeOf(n.X), r.typeOf(n.Y)
	if r.isNil(n.X) || r.isNil(n.Y) || !types.IsInterface(x) && !types.IsInterface(y) || isTypeParam(x) || isTypeParam(y) {
		return
	}
	for _, t := range []types.Type{x, y} {
		if c := cellType(t); c != nil {
			r.refuse(n, "%s on an interface that holds values of cells' types (%s); compare values of one concrete type", n.Op, c.Obj().Name())
			return
		}
	}
}

func (r *refuser) isNil(e ast.Expr) bool { return r.info.Types[e].IsNil() }

// typeSpec refuses types that contain themselves without a struct between.
func (r *refuser) typeSpec(n *ast.TypeSpec) {
	o, ok := r.info.Defs[n.Name].(*types.TypeName)
	if !ok || n.Assign.IsValid() {
		return
	}
	named, ok := o.Type().(*types.Named)
	if !ok {
		return
	}
	self := func(t types.Type) bool { n, ok := types.Unalias(t).(*types.Named); return ok && n.Obj() == o }
	recursive := false
	switch u := named.Underlying().(type) {
	case *types.Map:
		recursive = self(u.Key()) || self(u.Elem())
	case *types.Slice:
		recursive = self(u.Elem())
	case *types.Chan:
		recursive = self(u.Elem())
	case *types.Pointer:
		recursive = self(u.Elem())
	case *types.Signature:
		for v := range u.Params().Variables() {
			recursive = recursive || self(v.Type())
		}
		for v := range u.Results().Variables() {
			recursive = recursive || self(v.Type())
		}
	}
	if recursive {
		r.refuse(n, "the recursive type %s; put the recursion into a struct", n.Name.Name)
	}
}

// callee gives the compiled function that a call is of.
func (r *refuser) callee(n *ast.CallExpr) *types.Func {
	var id *ast.Ident
	switch f := ast.Unparen(n.Fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	f, ok := r.info.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() == "main" {
		return nil
	}
	return f
}

func (r *refuser) call(n *ast.CallExpr) {
	f := r.callee(n)
	if f == nil {
		if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok {
			if b, ok := r.info.Uses[id].(*types.Builtin); ok && (b.Name() == "min" || b.Name() == "max" || b.Name() == "clear") {
				r.refuse(n, "the builtin %s; write it as an if or a loop", b.Name())
			}
		}
		return
	}
	switch f.Pkg().Path() {
	case "fmt", "log":
		r.printing(n, f)
	case "reflect":
		r.cellArgs(n, func(types.Type) bool { return true }, "package reflect sees neither the name nor the methods of %s")
	case "text/template", "html/template":
		r.cellArgs(n, func(t types.Type) bool { return types.NewMethodSet(types.NewPointer(t)).Len() > 0 }, "templates do not see the methods of %s")
	case "encoding/json", "encoding/xml", "encoding/gob":
		r.encoding(n)
	case "errors":
		r.cellArgs(n, func(types.Type) bool { return true }, "package errors does not know the type %s; compare with a sentinel made by errors.New")
	case "context":
		if f.Name() == "WithValue" && len(n.Args) == 3 {
			if c := cellConcrete(r.typeOf(n.Args[1])); c != nil {
				r.refuse(n.Args[1], "the type %s of a context key loses its identity; use a pointer to a variable as the key", c.Obj().Name())
			}
		}
	}
}

// cellArgs refuses arguments that contain a cell's type.
func (r *refuser) cellArgs(n *ast.CallExpr, match func(types.Type) bool, format string) {
	for _, a := range n.Args {
		var which *types.Named
		if contains(r.typeOf(a), func(t types.Type) bool {
			if c := cellConcrete(t); c != nil && match(c) {
				which = c
			}
			return which != nil
		}) {
			r.refuse(a, format, which.Obj().Name())
		}
	}
}

// encoding refuses structs that encoders would see otherwise than in Go.
func (r *refuser) encoding(n *ast.CallExpr) {
	for _, a := range n.Args {
		top := cellConcrete(r.typeOf(a))
		contains(r.typeOf(a), func(t types.Type) bool {
			c := cellConcrete(t)
			if c == nil {
				return false
			}
			if m := hasMethod(c, "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalXML"); m != "" && c != top {
				r.refuse(a, "encoders do not see the method %s of %s inside another value", m, c.Obj().Name())
				return true
			}
			if st, ok := c.Underlying().(*types.Struct); ok {
				for f := range st.Fields() {
					if f.Embedded() || !f.Exported() {
						r.refuse(a, "encoders see the field %s of %s otherwise than in Go; use a struct of exported, not embedded fields", f.Name(), c.Obj().Name())
						return true
					}
				}
			}
			return false
		})
	}
}

// printing refuses what package fmt would print otherwise than in Go.
func (r *refuser) printing(n *ast.CallExpr, f *types.Func) {
	verbs := r.verbs(n, f)
	sig := f.Signature()
	for i, a := range n.Args {
		if !sig.Variadic() || i < sig.Params().Len()-1 || n.Ellipsis.IsValid() {
			continue
		}
		t := r.typeOf(a)
		if tuple, ok := t.(*types.Tuple); ok {
			for v := range tuple.Variables() {
				if c := cellConcrete(v.Type()); c != nil && hasMethod(v.Type(), textMethods...) != "" {
					r.refuse(a, "printing a result of type %s by its method; assign it to a variable first", c.Obj().Name())
				}
			}
			continue
		}
		verb := verbs[i]
		if verb == "%T" && contains(t, func(t types.Type) bool { return cellType(t) != nil }) {
			r.refuse(a, "%%T of a cell's type")
		}
		if verb == "%#v" && contains(t, func(t types.Type) bool { return cellConcrete(t) != nil }) {
			r.refuse(a, "%%#v of a cell's type; use %%+v")
		}
		if verb == "%w" && cellConcrete(t) != nil {
			r.refuse(a, "wrapping an error of a cell's type; wrap one made by errors.New or fmt.Errorf")
		}
		r.printed(a, t, verb)
	}
}

func (r *refuser) printed(a ast.Expr, t types.Type, verb string) {
	top := cellConcrete(t)
	if top != nil {
		m := hasMethod(t, textMethods...)
		_, called := ast.Unparen(a).(*ast.CallExpr)
		if called && r.info.Types[ast.Unparen(a).(*ast.CallExpr).Fun].IsType() {
			called = false // a conversion
		}
		switch {
		case m == "Error":
			r.refuse(a, "printing %s by its Error method; write .Error()", top.Obj().Name())
			return
		case m == "GoString":
			r.refuse(a, "printing %s by its GoString method; call it", top.Obj().Name())
			return
		case m != "" && called:
			r.refuse(a, "printing a result of type %s by its %s method; assign it to a variable first", top.Obj().Name(), m)
			return
		case m == "String" && verb != "" && verb != "%v" && verb != "%s" && verb != "%q" && verb != "%+v":
			r.refuse(a, "%s of %s, which has a String method; convert the value first", verb, top.Obj().Name())
			return
		case m != "":
			return
		}
	}
	contains(t, func(inner types.Type) bool {
		c := cellConcrete(inner)
		if c == nil || c == top {
			return false
		}
		if m := hasMethod(inner, textMethods...); m != "" {
			r.refuse(a, "package fmt does not see the %s method of %s inside another value; print the parts one by one", m, c.Obj().Name())
			return true
		}
		return false
	})
	if verb == "%+v" {
		contains(t, func(inner types.Type) bool {
			c := cellConcrete(inner)
			if c == nil {
				return false
			}
			if st, ok := c.Underlying().(*types.Struct); ok {
				for f := range st.Fields() {
					if !f.Exported() {
						r.refuse(a, "%%+v of %s writes its field %s under another name; use %%v, or make it the cell's last expression", c.Obj().Name(), f.Name())
						return true
					}
				}
			}
			return false
		})
	}
}

// verbs gives the verb of each argument, where the format is a constant.
func (r *refuser) verbs(n *ast.CallExpr, f *types.Func) map[int]string {
	params := f.Signature().Params()
	if !strings.HasSuffix(f.Name(), "f") || params.Len() < 2 {
		return nil
	}
	at := params.Len() - 2
	if at >= len(n.Args) || r.info.Types[n.Args[at]].Value == nil || r.info.Types[n.Args[at]].Value.Kind() != constant.String {
		return nil
	}
	verbs := map[int]string{}
	format := constant.StringVal(r.info.Types[n.Args[at]].Value)
	arg := at + 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		flags := ""
		for i++; i < len(format) && strings.IndexByte("+-# 0123456789.[]*", format[i]) >= 0; i++ {
			switch format[i] {
			case '+', '#':
				flags += string(format[i])
			case '*':
				arg++
			case '[':
				return nil // numbered arguments: too much for a guess
			}
		}
		if i < len(format) && format[i] != '%' {
			verb := string([]rune(format[i:])[0])
			if verb != "v" {
				flags = ""
			}
			verbs[arg] = "%" + flags + verb
			arg++
		}
	}
	return verbs
}

// deferred refuses what a defer in a loop would see too late; outside loops the
// lowering mends it.
func (r *refuser) deferred(n *ast.DeferStmt) {
	for _, a := range n.Call.Args {
		if _, ok := r.typeOf(a).(*types.Tuple); ok {
			r.refuse(a, "several results as the arguments of defer; assign them to variables first")
		}
	}
	var loop ast.Node
	for i := len(r.stack) - 2; i >= 0 && loop == nil; i-- {
		switch p := r.stack[i].(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			loop = p
		case *ast.FuncLit, *ast.FuncDecl:
			return
		}
	}
	if loop == nil {
		return
	}
	ast.Inspect(n.Call, func(x ast.Node) bool {
		id, ok := x.(*ast.Ident)
		if !ok {
			return true
		}
		if v, ok := r.info.Uses[id].(*types.Var); ok && !v.IsField() && loop.Pos() <= v.Pos() && v.Pos() < n.Pos() {
			r.refuse(n, "defer in a loop takes the value of %s too late; put the loop's body into a function", id.Name)
			return false
		}
		return true
	})
}
