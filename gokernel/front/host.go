package front

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"path"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/reval-editor/reval/gokernel/stdinfo"
)

// Package is what the program around the kernel offers to cells as a package.
type Package struct {
	Path  string                   // its last element is the name
	Funcs map[string]reflect.Value // by name
	Vars  map[string]reflect.Value // addressable: cells share the variable with the program
	Types map[string]reflect.Type
	Docs  map[string]string // of symbols, by name; "" = the package
	// Params are names of functions' parameters, which reflect does not know.
	Params map[string][]string
}

// hostMain is the path under which cells know the types of the program's own package
// main: theirs has that path.
const hostMain = "program"

// pathOf gives the path of a type's package as cells know it.
func pathOf(t reflect.Type) string {
	if t.PkgPath() == "main" {
		return hostMain
	}
	return t.PkgPath()
}

// Name is the package's name.
func (p Package) Name() string { return path.Base(p.Path) }

// Uses gives the paths of the packages whose types the package's symbols have,
// its own not included.
func (p Package) Uses() []string {
	paths := map[string]bool{}
	p.eachNamed(func(t reflect.Type) { paths[pathOf(t)] = true })
	delete(paths, p.Path)
	return slices.Sorted(maps.Keys(paths))
}

// eachNamed calls f with the named types that the package's symbols are made of;
// what types of the standard library are made of is left out.
func (p Package) eachNamed(f func(reflect.Type)) {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		if t.PkgPath() != "" {
			f(t)
			if standard(t.PkgPath()) {
				return
			}
		}
		eachPart(t, visit)
	}
	for _, v := range p.Funcs {
		visit(v.Type())
	}
	for _, v := range p.Vars {
		visit(v.Type())
	}
	for _, t := range p.Types {
		visit(t)
	}
}

// withTypes gives the packages, and those that their symbols' types are of, with
// these types: the file of a unit names the types of its variables.
func withTypes(ps []Package) []Package {
	all := map[string]Package{}
	for _, p := range ps {
		p.Types = maps.Clone(p.Types)
		all[p.Path] = p
	}
	for _, p := range ps {
		p.eachNamed(func(t reflect.Type) {
			if standard(t.PkgPath()) || !token.IsExported(t.Name()) || strings.Contains(t.Name(), "[") {
				return
			}
			of, ok := all[pathOf(t)]
			if !ok {
				of = Package{Path: pathOf(t)}
			}
			if of.Types == nil {
				of.Types = map[string]reflect.Type{}
			}
			of.Types[t.Name()] = t
			all[of.Path] = of
		})
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
}

// standard reports a path of the standard library, whose types need not be read for
// that: its paths have no domain, and no other module's that the program has.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	own := programModule()
	return path != "main" && !strings.Contains(first, ".") && path != own && !strings.HasPrefix(path, own+"/")
}

// programModule is the path of the program's own module.
var programModule = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path == "" {
		return "main"
	}
	return info.Main.Path
})

// eachPart calls f with the types that a type is made of, those of its methods
// included. What hides in fields that cells cannot name is left out.
func eachPart(t reflect.Type, f func(reflect.Type)) {
	switch t.Kind() {
	case reflect.Map:
		f(t.Key())
		f(t.Elem())
	case reflect.Array, reflect.Chan, reflect.Pointer, reflect.Slice:
		f(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if field.IsExported() || field.Anonymous {
				f(field.Type)
			}
		}
	case reflect.Func:
		for in := range t.Ins() {
			f(in)
		}
		for out := range t.Outs() {
			f(out)
		}
	}
	for m := range t.Methods() {
		f(m.Type)
	}
	if t.Name() != "" && t.Kind() != reflect.Interface {
		for m := range reflect.PointerTo(t).Methods() {
			f(m.Type)
		}
	}
}

// Provide offers packages to cells, beside the standard library's, and imports them
// for them. It is called once, before the first cell. It does not wait for the
// standard library's types: they are asked for when a cell uses the package.
func (s *Session) Provide(ps ...Package) error {
	for _, p := range ps {
		if !token.IsIdentifier(p.Name()) {
			return fmt.Errorf("offer package %q: its last element is no name", p.Path)
		}
		for name := range allSymbols(p) {
			if !token.IsIdentifier(name) || !token.IsExported(name) {
				return fmt.Errorf("offer package %q: %q is no exported name", p.Path, name)
			}
		}
	}
	if err := s.engine.Provide(withTypes(ps)); err != nil {
		return fmt.Errorf("offer packages: %w", err)
	}
	for _, p := range ps {
		s.host[p.Path] = hosted{sync.OnceValue(func() *types.Package { return s.reflected.declare(p) }), p.Docs}
		s.imports[p.Name()] = p.Path
	}
	return nil
}

func allSymbols(p Package) map[string]bool {
	all := map[string]bool{}
	for name := range p.Funcs {
		all[name] = true
	}
	for name := range p.Vars {
		all[name] = true
	}
	for name := range p.Types {
		all[name] = true
	}
	return all
}

// hosted is a package of the program.
type hosted struct {
	types func() *types.Package
	docs  map[string]string
}

// Import gives a package that cells may import; it implements types.Importer.
func (s *Session) Import(path string) (*types.Package, error) {
	if h, ok := s.host[path]; ok {
		return h.types(), nil
	}
	p, err := stdinfo.Import(path)
	if err == nil {
		return p, nil
	}
	p, sourceErr := s.source(path)
	if host, _, _ := strings.Cut(path, "/"); sourceErr != nil && !strings.Contains(host, ".") {
		return nil, err // it has no module's path
	}
	return p, sourceErr
}

// Doc gives the documentation of a symbol of an imported package, as stdinfo.Doc.
func (s *Session) Doc(path, symbol string) string {
	if h, ok := s.host[path]; ok {
		return h.docs[symbol]
	}
	return stdinfo.Doc(path, symbol)
}

// packages gives the paths of all packages that cells can import.
func (s *Session) packages() []string {
	all := slices.DeleteFunc(stdinfo.Packages(), func(p string) bool { return !s.engine.Offers(p, "") })
	return slices.Sorted(slices.Values(slices.AppendSeq(all, maps.Keys(s.host))))
}

// reflected makes types of the program's reflect types.
type reflected struct {
	mu       sync.Mutex // held by declare
	packages map[string]*types.Package
	types    map[reflect.Type]types.Type
}

func newReflected() *reflected {
	return &reflected{packages: map[string]*types.Package{}, types: map[reflect.Type]types.Type{
		reflect.TypeFor[error](): types.Universe.Lookup("error").Type(),
	}}
}

// pkg gives the package in which the program's types of a path are.
func (r *reflected) pkg(p string) *types.Package {
	if p == "" {
		return nil
	}
	if r.packages[p] == nil {
		r.packages[p] = types.NewPackage(p, path.Base(p))
	}
	return r.packages[p]
}

// declare makes the package with its symbols.
func (r *reflected) declare(p Package) *types.Package {
	r.mu.Lock()
	defer r.mu.Unlock()
	pkg := r.pkg(p.Path)
	for name, v := range p.Funcs {
		pkg.Scope().Insert(types.NewFunc(token.NoPos, pkg, name, r.signature(v.Type(), nil, 0, p.Params[name]...)))
	}
	for name, v := range p.Vars {
		pkg.Scope().Insert(types.NewVar(token.NoPos, pkg, name, r.of(v.Type())))
	}
	for name, t := range p.Types {
		made := r.of(t)
		if n, ok := made.(*types.Named); ok && n.Obj().Pkg() == pkg && n.Obj().Name() == name {
			continue // it is there
		}
		o := types.NewTypeName(token.NoPos, pkg, name, nil)
		types.NewAlias(o, made)
		pkg.Scope().Insert(o)
	}
	pkg.MarkComplete()
	return pkg
}

var basicKinds = map[reflect.Kind]types.BasicKind{
	reflect.Bool: types.Bool, reflect.String: types.String, reflect.UnsafePointer: types.UnsafePointer, reflect.Uintptr: types.Uintptr,
	reflect.Int: types.Int, reflect.Int8: types.Int8, reflect.Int16: types.Int16, reflect.Int32: types.Int32, reflect.Int64: types.Int64,
	reflect.Uint: types.Uint, reflect.Uint8: types.Uint8, reflect.Uint16: types.Uint16, reflect.Uint32: types.Uint32, reflect.Uint64: types.Uint64,
	reflect.Float32: types.Float32, reflect.Float64: types.Float64, reflect.Complex64: types.Complex64, reflect.Complex128: types.Complex128,
}

// of gives the type that stands for a reflect type.
func (r *reflected) of(t reflect.Type) types.Type {
	if made := r.types[t]; made != nil {
		return made
	}
	if t.PkgPath() == "" || t.Name() == "" { // basic or unnamed
		made := r.underlying(t)
		r.types[t] = made
		return made
	}
	if std, err := stdinfo.Import(t.PkgPath()); err == nil && !strings.Contains(t.Name(), "[") {
		if o, ok := std.Scope().Lookup(t.Name()).(*types.TypeName); ok {
			r.types[t] = o.Type()
			return o.Type()
		}
	}
	pkg := r.pkg(pathOf(t))
	o := types.NewTypeName(token.NoPos, pkg, t.Name(), nil)
	named := types.NewNamed(o, nil, nil)
	r.types[t] = named
	pkg.Scope().Insert(o)
	named.SetUnderlying(r.underlying(t))
	if t.Kind() == reflect.Interface {
		return named
	}
	r.methods(named, t, named)
	r.methods(named, reflect.PointerTo(t), types.NewPointer(named))
	return named
}

// methods adds the methods of a reflect type that the named type does not have.
func (r *reflected) methods(named *types.Named, t reflect.Type, receiver types.Type) {
	for m := range t.Methods() {
		if o, _, _ := types.LookupFieldOrMethod(receiver, false, nil, m.Name); o != nil {
			if f, ok := o.(*types.Func); ok && f.Pkg() == named.Obj().Pkg() {
				continue
			}
		}
		recv := types.NewParam(token.NoPos, named.Obj().Pkg(), "", receiver)
		named.AddMethod(types.NewFunc(token.NoPos, named.Obj().Pkg(), m.Name, r.signature(m.Type, recv, 1)))
	}
}

// signature gives a function type's signature without its first skip parameters.
func (r *reflected) signature(t reflect.Type, recv *types.Var, skip int, params ...string) *types.Signature {
	var in, out []*types.Var
	for i := skip; i < t.NumIn(); i++ {
		name := ""
		if len(params) == t.NumIn()-skip {
			name = params[i-skip]
		}
		in = append(in, types.NewParam(token.NoPos, nil, name, r.of(t.In(i))))
	}
	for o := range t.Outs() {
		out = append(out, types.NewParam(token.NoPos, nil, "", r.of(o)))
	}
	return types.NewSignatureType(recv, nil, nil, types.NewTuple(in...), types.NewTuple(out...), t.IsVariadic())
}

func (r *reflected) underlying(t reflect.Type) types.Type {
	if kind, ok := basicKinds[t.Kind()]; ok {
		return types.Typ[kind]
	}
	switch t.Kind() {
	case reflect.Array:
		return types.NewArray(r.of(t.Elem()), int64(t.Len()))
	case reflect.Chan:
		dir := map[reflect.ChanDir]types.ChanDir{reflect.BothDir: types.SendRecv, reflect.SendDir: types.SendOnly, reflect.RecvDir: types.RecvOnly}
		return types.NewChan(dir[t.ChanDir()], r.of(t.Elem()))
	case reflect.Func:
		return r.signature(t, nil, 0)
	case reflect.Map:
		return types.NewMap(r.of(t.Key()), r.of(t.Elem()))
	case reflect.Pointer:
		return types.NewPointer(r.of(t.Elem()))
	case reflect.Slice:
		return types.NewSlice(r.of(t.Elem()))
	case reflect.Interface:
		var methods []*types.Func
		for m := range t.Methods() {
			methods = append(methods, types.NewFunc(token.NoPos, r.pkg(m.PkgPath), m.Name, r.signature(m.Type, nil, 0)))
		}
		return types.NewInterfaceType(methods, nil).Complete()
	case reflect.Struct:
		var fields []*types.Var
		var tags []string
		for f := range t.Fields() {
			pkg := r.pkg(pathOf(t))
			if f.PkgPath != "" && f.PkgPath != "main" {
				pkg = r.pkg(f.PkgPath)
			}
			fields = append(fields, types.NewField(token.NoPos, pkg, f.Name, r.of(f.Type), f.Anonymous))
			tags = append(tags, string(f.Tag))
		}
		return types.NewStruct(fields, tags)
	}
	return types.Typ[types.Invalid]
}
