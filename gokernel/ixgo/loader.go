package ixgo

import (
	"go/types"
	"reflect"
	"sync"

	"github.com/goplus/ixgo"
	"golang.org/x/tools/go/types/typeutil"
)

// loader gives all units the same reflect type for a type and the same place for
// a variable. The maps of the loader inside are written while a unit compiles and
// read by goroutines that run, so that both come through one lock.
type loader struct {
	ixgo.Loader
	host *types.Package // the program's own package main, not a unit's; nil = cells have nothing of it

	mu        sync.Mutex
	importing bool         // the goroutine that compiles has mu: Import re-enters
	named     typeutil.Map // *types.Named to reflect.Type, of units' types and instances
	asked     []*types.Named
	sources   map[string]bool          // paths of packages in source form
	variables map[string]*ixgo.Package // by package path: addresses of variables
}

func newLoader(l ixgo.Loader) *loader {
	return &loader{Loader: l, sources: map[string]bool{}, variables: map[string]*ixgo.Package{
		"main": {Path: "main", Name: "main", Vars: map[string]reflect.Value{}},
	}}
}

// Import implements ixgo.Loader. One goroutine imports: the one that compiles.
func (l *loader) Import(path string) (*types.Package, error) {
	if l.importing {
		return l.Loader.Import(path)
	}
	l.mu.Lock()
	l.importing = true
	defer func() { l.importing = false; l.mu.Unlock() }()
	return l.Loader.Import(path)
}

// Installed implements ixgo.Loader: variables of packages in source form have
// their place for the whole session.
func (l *loader) Installed(path string) (*ixgo.Package, bool) {
	if p := l.variables[path]; p != nil {
		return p, true
	}
	return l.Loader.Installed(path)
}

// LookupReflect implements ixgo.Loader. It notes the types that are asked for
// and not known.
func (l *loader) LookupReflect(t types.Type) (reflect.Type, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := t.(*types.Named)
	if ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "$ssa" {
		return deferStack, true
	}
	if !ok || !l.shared(n) || n.Obj().Pkg() == l.host && l.host != nil {
		return l.Loader.LookupReflect(t)
	}
	if rt := l.named.At(n); rt != nil {
		return rt.(reflect.Type), true
	}
	l.asked = append(l.asked, n)
	return nil, false
}

// peek gives the reflect type of a type that is known, and notes nothing.
func (l *loader) peek(n *types.Named) (reflect.Type, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.Obj().Pkg() == nil {
		return reflect.TypeFor[error](), n.Obj().Name() == "error"
	}
	if l.shared(n) {
		rt, ok := l.named.At(n).(reflect.Type)
		return rt, ok
	}
	return l.Loader.LookupReflect(n)
}

// deferStack is the type that package ssa calls $ssa.deferStack: a pointer to the head of the
// calls that a loop over a function defers. The interpreter knows it by the name
// that it had in older versions of that package.
var deferStack = func() reflect.Type {
	head, _ := reflect.TypeFor[ixgo.Frame]().FieldByName("_defer")
	return reflect.PointerTo(head.Type)
}()

// shared reports a type that interpreters make themselves: declared by a unit or by
// a package in source form, or an instance of a generic type.
func (l *loader) shared(n *types.Named) bool {
	p := n.Obj().Pkg()
	return n.TypeArgs().Len() > 0 || p != nil && (p.Path() == "main" || l.sources[p.Path()])
}

// addSources notes which of a unit's packages, and of those behind them, there are
// as source.
func (l *loader) addSources(ctx *ixgo.Context, ps []*types.Package, seen map[*types.Package]bool) {
	for _, p := range ps {
		if seen[p] {
			continue
		}
		seen[p] = true
		if ctx.SourcePackage(p.Path()) != nil {
			l.mu.Lock()
			l.sources[p.Path()] = true
			l.mu.Unlock()
		}
		l.addSources(ctx, p.Imports(), seen)
	}
}

// take gives what was asked for since the last call.
func (l *loader) take() []*types.Named {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.asked
	l.asked = nil
	return asked
}

// known reports a type that has its reflect type.
func (l *loader) known(n *types.Named) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.named.At(n) != nil
}

// set gives a type its reflect type.
func (l *loader) set(n *types.Named, rt reflect.Type) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.named.At(n) == nil {
		l.named.Set(n, rt)
	}
}

// store gives the variables of a package their place.
func (l *loader) store(path, name string, vars map[string]reflect.Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.variables[path]
	if p == nil {
		p = &ixgo.Package{Path: path, Name: name}
		if installed, ok := l.Loader.Installed(path); ok {
			*p = *installed
		}
		p.Vars = map[string]reflect.Value{}
		l.variables[path] = p
	}
	for name, a := range vars {
		p.Vars[name] = a
	}
}

// put takes back what take gave.
func (l *loader) put(asked []*types.Named) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = asked
}
