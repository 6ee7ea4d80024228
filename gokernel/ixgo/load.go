package ixgo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/ssa"
)

// mark is the letter that no user's name has here; front uses it as well.
const mark = "ˑ"

// Load implements front.Engine.
func (e *Engine) Load(u *front.Unit) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		for _, t := range e.keeping {
			if err != nil { // their methods were compiled for nobody
				e.kept.Delete(t)
			}
		}
		e.keeping = nil
		e.quiesce()
	}()
	sp, stands, err := e.check(u)
	if err != nil {
		return err
	}
	pkg := sp.Package
	for id, o := range sp.Info.Uses {
		if original := stands[o]; original != nil {
			sp.Info.Uses[id] = original
		}
	}
	e.noteGeneric(u.File)
	e.loader.addSources(e.ctx, pkg.Imports(), map[*types.Package]bool{})
	main, err := e.ctx.Builder.BuildMain(sp)
	if err != nil {
		return err
	}
	it, err := e.interpreter(main, sp.Info)
	if err != nil {
		return err
	}
	e.register(it)
	e.addPolls(it)
	e.leaveHosted(it)
	e.graft.add(it)
	for pointer, variable := range u.Rebound {
		if p, ok := it.GetVarAddr(pointer); ok {
			v := reflect.ValueOf(p).Elem()
			v.Set(reflect.NewAt(v.Type().Elem(), e.values[variable].Addr().UnsafePointer()))
		}
	}
	if err := it.RunInit(); err != nil {
		return err
	}
	e.storeVariables(it, pkg, u.Rebound)
	for name, engine := range u.Declared {
		if o := pkg.Scope().Lookup(name); o != nil {
			e.objects[engine] = o
		}
	}
	if u.Entry != "" {
		e.mu.Lock()
		e.interps[u] = it
		e.mu.Unlock()
	}
	return nil
}

// seed puts the objects of earlier units that a unit uses into its scope. Those
// that have another name there are told by what stands for them.
func (e *Engine) seed(pkg *types.Package, u *front.Unit) (stands map[types.Object]types.Object) {
	stands = map[types.Object]types.Object{}
	put := func(name string, o types.Object) {
		if o == nil || pkg.Scope().Lookup(name) != nil {
			return
		}
		s := o
		if o.Name() != name {
			switch o := o.(type) {
			case *types.Func:
				s = types.NewFunc(o.Pos(), o.Pkg(), name, o.Signature())
			case *types.TypeName:
				s = types.NewTypeName(o.Pos(), o.Pkg(), name, o.Type())
			case *types.Const:
				s = types.NewConst(o.Pos(), o.Pkg(), name, o.Type(), o.Val())
			}
			stands[s] = o
		}
		pkg.Scope().Insert(s)
	}
	for name, engine := range u.Seen {
		put(name, e.objects[engine])
	}
	for name, o := range u.Unexported {
		if p, err := e.ctx.Importer.Import(o.Pkg().Path()); err == nil {
			put(name, p.Scope().Lookup(o.Name()))
		}
	}
	ast.Inspect(u.File, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && strings.Contains(id.Name, mark) && u.Declared[id.Name] == "" {
			put(id.Name, e.objects[id.Name])
		}
		return true
	})
	return stands
}

// interpreter makes the unit's interpreter. The methods of all types that it
// makes must be in the program before it is made, and some types are only seen
// while it is: then it is made again.
func (e *Engine) interpreter(main *ssa.Package, info *types.Info) (*ixgo.Interp, error) {
	var declared []*types.Named
	for _, o := range info.Defs {
		if tn, ok := o.(*types.TypeName); ok && !tn.IsAlias() {
			if n, ok := tn.Type().(*types.Named); ok {
				declared = append(declared, n)
			}
		}
	}
	for _, inst := range info.Instances {
		if n, ok := inst.Type.(*types.Named); ok {
			declared = append(declared, n)
		}
	}
	e.loader.take()
	defer clear(e.mender.instances)
	if _, err := e.keep(declared); err != nil {
		return nil, err
	}
	const enough = 4
	for try := 1; ; try++ {
		e.mender.mend(main.Prog)
		it, err := e.newInterp(main)
		if err != nil {
			return nil, err
		}
		asked := e.loader.take()
		more, err := e.keep(asked)
		if err != nil {
			return nil, err
		}
		if !e.mender.mend(main.Prog) && !more || try == enough {
			e.loader.put(asked)
			return it, nil
		}
	}
}

// quiesce makes all packages of the program external to the next interpreter: it
// runs none of their initializations again, makes no storage for them, and compiles no
// methods of theirs that its code does not call.
func (e *Engine) quiesce() {
	e.loader.take()
	forgetRuntimeTypes(e.ctx.Builder.Program())
	for _, p := range e.ctx.Builder.Program().AllPackages() {
		p.Func("init").Blocks = nil
	}
}

// keep puts the methods of types into the program: a hidden package converts a
// pointer to each into an interface, without which methods that no code calls are
// not compiled. It reports whether there was anything to do.
func (e *Engine) keep(ts []*types.Named) (bool, error) {
	pkg := types.NewPackage("main", "main")
	var text strings.Builder
	text.WriteString("package main\nfunc keep(f func(any)) {\n")
	n := 0
	for _, t := range ts {
		if types.IsInterface(t) || e.kept.At(t) != nil || !e.concrete(t) {
			continue
		}
		e.kept.Set(t, true)
		e.keeping = append(e.keeping, t)
		if types.NewMethodSet(types.NewPointer(t)).Len() == 0 {
			continue
		}
		n++
		name := fmt.Sprintf("T%d", n)
		pkg.Scope().Insert(types.NewTypeName(token.NoPos, t.Obj().Pkg(), name, t))
		fmt.Fprintf(&text, "f((*%s)(nil))\n", name)
	}
	if n == 0 {
		return false, nil
	}
	text.WriteString("}\n")
	e.hidden++
	f, err := parser.ParseFile(e.ctx.FileSet, fmt.Sprintf("keep%s%d", mark, e.hidden), text.String(), parser.SkipObjectResolution)
	if err != nil {
		return false, err
	}
	sp := &ixgo.SourcePackage{Context: e.ctx, Package: pkg, Files: []*ast.File{f}}
	if err := sp.Load(); err != nil {
		return false, err
	}
	p := e.ctx.Builder.Program().CreatePackage(pkg, sp.Files, sp.Info, false)
	p.Build()
	p.Func("init").Blocks = nil
	return true, nil
}

// newInterp makes an interpreter that meets instances of generic types before it
// compiles functions: one that it meets in an instance of a function first is named
// after that as well.
func (e *Engine) newInterp(main *ssa.Package) (*ixgo.Interp, error) {
	notNested(e.ctx)
	var unknown []types.Type // pointers: the interpreter takes instances themselves for generic
	for t := range e.mender.instances {
		if e.concrete(t) && !e.loader.known(t) {
			unknown = append(unknown, types.NewPointer(t))
		}
	}
	for i, m := range e.members(unknown) {
		name := fmt.Sprintf("instance%s%d", mark, i)
		main.Members[name] = m
		defer delete(main.Members, name)
	}
	return e.ctx.NewInterp(main)
}

// members gives types as members of a package of their own.
func (e *Engine) members(ts []types.Type) (members []ssa.Member) {
	hidden := types.NewPackage("hidden"+mark, "hidden")
	name := func(i int) string { return fmt.Sprintf("T%d", i) }
	for i, t := range ts {
		hidden.Scope().Insert(types.NewTypeName(token.NoPos, hidden, name(i), t))
	}
	p := ssa.NewProgram(e.ctx.FileSet, 0).CreatePackage(hidden, nil, nil, false)
	for i := range ts {
		members = append(members, p.Members[name(i)])
	}
	return members
}

// register gives the loader the reflect types that a new interpreter made.
func (e *Engine) register(it *ixgo.Interp) {
	var todo []types.Type
	for _, t := range e.loader.take() {
		if e.concrete(t) && !e.loader.known(t) {
			todo = append(todo, t)
		}
	}
	found := make([]reflect.Type, len(todo))
	for i, m := range e.members(todo) {
		// The interpreter tells the types of its main package's members.
		withMember(it, m, func(key string) { found[i], _ = it.GetType(key) })
	}
	for i, t := range todo {
		if found[i] != nil {
			e.loader.set(t.(*types.Named), found[i])
		}
	}
}

// withMember makes a member of another package one of the interpreter's main
// package, while f runs.
func withMember(it *ixgo.Interp, m ssa.Member, f func(key string)) {
	const key = "member" + mark
	it.MainPkg().Members[key] = m
	defer delete(it.MainPkg().Members, key)
	f(key)
}

// storeVariables notes where the variables of a unit are, and those of the
// packages in source form that it is the first to import.
func (e *Engine) storeVariables(it *ixgo.Interp, main *types.Package, rebound map[string]string) {
	values := maps.Clone(e.values)
	for _, p := range e.ctx.Builder.Program().AllPackages() {
		if p.Pkg.Path() == "main" && p.Pkg != main || p.Func("init").Blocks == nil {
			continue
		}
		path := p.Pkg.Path()
		vars := map[string]reflect.Value{}
		if installed, ok := e.loader.Installed(path); ok && path != "main" {
			maps.Copy(vars, installed.Vars)
		}
		for name, m := range p.Members {
			g, ok := m.(*ssa.Global)
			if !ok || strings.HasPrefix(name, "init$") {
				continue
			}
			withMember(it, g, func(key string) {
				if a, ok := it.GetVarAddr(key); ok {
					vars[name] = reflect.ValueOf(a)
				}
			})
		}
		if path == "main" {
			for name, a := range vars {
				if values[name] = a.Elem(); rebound[name] != "" {
					values[name] = a.Elem().Elem()
				}
			}
		}
		e.loader.store(path, p.Pkg.Name(), vars)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values = values
}

// span is a part of a file.
type span struct{ start, end token.Pos }

// noteGeneric notes the generic functions that declare types: each instance has
// its own, and these are not shared between units.
func (e *Engine) noteGeneric(f *ast.File) {
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || !isGeneric(fd) {
			continue
		}
		has := false
		ast.Inspect(fd, func(n ast.Node) bool {
			_, isType := n.(*ast.TypeSpec)
			has = has || isType
			return !has
		})
		if has {
			e.generic = append(e.generic, span{fd.Pos(), fd.End()})
		}
	}
}

func isGeneric(fd *ast.FuncDecl) bool {
	if fd.Type.TypeParams != nil {
		return true
	}
	if fd.Recv == nil || len(fd.Recv.List) != 1 {
		return false
	}
	t := ast.Unparen(fd.Recv.List[0].Type)
	if star, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(star.X)
	}
	switch t.(type) {
	case *ast.IndexExpr, *ast.IndexListExpr:
		return true
	}
	return false
}

// concrete reports a type that is the same one everywhere: it is made of no type
// parameters and of no types that generic functions declare.
func (e *Engine) concrete(t *types.Named) bool {
	if t.TypeParams().Len() > 0 && t.TypeArgs().Len() == 0 {
		return false
	}
	return !e.varies(t, map[types.Type]bool{})
}

// ofGeneric reports a type that a generic function declares.
func (e *Engine) ofGeneric(o *types.TypeName) bool {
	if o.Pkg() == nil || o.Parent() == o.Pkg().Scope() {
		return false
	}
	return slices.ContainsFunc(e.generic, func(s span) bool { return s.start <= o.Pos() && o.Pos() < s.end })
}

// varies reports a type that is made of what makes it another one in each instance of a
// generic function.
func (e *Engine) varies(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	has := func(t types.Type) bool { return e.varies(t, seen) }
	switch t := t.(type) {
	case *types.TypeParam:
		return true
	case *types.Alias:
		return has(types.Unalias(t))
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			if has(a) {
				return true
			}
		}
		o := t.Obj()
		local := o.Pkg() != nil && o.Parent() != nil && o.Parent() != o.Pkg().Scope()
		return e.ofGeneric(o) || t.TypeArgs().Len() == 0 && local && has(t.Underlying())
	case *types.Pointer:
		return has(t.Elem())
	case *types.Slice:
		return has(t.Elem())
	case *types.Array:
		return has(t.Elem())
	case *types.Chan:
		return has(t.Elem())
	case *types.Map:
		return has(t.Key()) || has(t.Elem())
	case *types.Struct:
		for f := range t.Fields() {
			if has(f.Type()) {
				return true
			}
		}
	case *types.Signature:
		return has(t.Params()) || has(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			if has(v.Type()) {
				return true
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if has(m.Type()) {
				return true
			}
		}
	}
	return false
}
