package ixgo

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
)

// registering guards the interpreter's list of packages, which is the process's.
// It holds the shapes of packages alone: each engine has values of its own.
var registering sync.Mutex

// Concurrent implements front.Engine.
func (e *Engine) Concurrent() bool { return true }

// Provide implements front.Engine.
func (e *Engine) Provide(ps []front.Package) error {
	registering.Lock()
	defer registering.Unlock()
	for _, p := range ps {
		ixgo.RegisterPackage(shape(p))
	}
	for _, p := range ps {
		if _, err := e.ctx.Importer.Import(p.Path); err != nil {
			return fmt.Errorf("ixgo: package %s: %w", p.Path, err)
		}
		vars := map[string]reflect.Value{}
		for name, v := range p.Vars {
			vars[name] = v.Addr()
		}
		e.loader.store(p.Path, p.Name(), vars)
		for name, f := range p.Funcs {
			e.ctx.RegisterExternal(p.Path+"."+name, f.Interface())
		}
	}
	for _, p := range e.loader.Packages() {
		if p.Path() == "main" {
			e.loader.host = p
		}
	}
	return nil
}

// shape is a package for the interpreter's list.
func shape(p front.Package) *ixgo.Package {
	out := &ixgo.Package{
		Name: p.Name(), Path: p.Path, Deps: map[string]string{},
		Interfaces: map[string]reflect.Type{}, NamedTypes: map[string]reflect.Type{}, AliasTypes: map[string]reflect.Type{},
		TypedConsts: map[string]ixgo.TypedConst{}, UntypedConsts: map[string]ixgo.UntypedConst{},
		Vars: map[string]reflect.Value{}, Funcs: map[string]reflect.Value{},
	}
	maps.Copy(out.Funcs, p.Funcs)
	for name, t := range p.Types {
		switch {
		case t.PkgPath() != p.Path || t.Name() != name:
			out.AliasTypes[name] = t
		case t.Kind() == reflect.Interface:
			out.Interfaces[name] = t
		default:
			out.NamedTypes[name] = t
		}
	}
	for name, v := range p.Vars {
		out.Vars[name] = reflect.New(v.Type())
	}
	for _, path := range p.Uses() {
		out.Deps[path] = path[strings.LastIndexByte(path, '/')+1:]
	}
	return out
}
