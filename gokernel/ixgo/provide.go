package ixgo

import (
	"fmt"
	"reflect"
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
func (e *Engine) Provide(p front.Package) error {
	shape := &ixgo.Package{
		Name: p.Name(), Path: p.Path, Deps: map[string]string{},
		Interfaces: map[string]reflect.Type{}, NamedTypes: map[string]reflect.Type{}, AliasTypes: map[string]reflect.Type{},
		TypedConsts: map[string]ixgo.TypedConst{}, UntypedConsts: map[string]ixgo.UntypedConst{},
		Vars: map[string]reflect.Value{}, Funcs: p.Funcs,
	}
	for name, t := range p.Types {
		switch {
		case t.PkgPath() != p.Path || t.Name() != name:
			shape.AliasTypes[name] = t
		case t.Kind() == reflect.Interface:
			shape.Interfaces[name] = t
		default:
			shape.NamedTypes[name] = t
		}
	}
	vars := map[string]reflect.Value{}
	for name, v := range p.Vars {
		vars[name] = v.Addr()
		shape.Vars[name] = reflect.New(v.Type())
	}
	registering.Lock()
	defer registering.Unlock()
	for _, path := range p.Uses() {
		if _, ok := ixgo.LookupPackage(path); ok {
			shape.Deps[path] = path
		}
	}
	ixgo.RegisterPackage(shape)
	if _, err := e.ctx.Importer.Import(p.Path); err != nil {
		return fmt.Errorf("ixgo: %w", err)
	}
	e.loader.store(p.Path, p.Name(), vars)
	for name, f := range p.Funcs {
		e.ctx.RegisterExternal(p.Path+"."+name, f.Interface())
	}
	return nil
}
