package ixgo

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/stdinfo"
	"golang.org/x/tools/go/ssa"
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
		if err := e.importLibrary(p); err != nil {
			return err
		}
	}
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

// importLibrary imports the packages of the standard library that a package's types
// are made of, unexported fields included. The interpreter takes a package for
// incomplete, and looks for its source, if it meets one of its types before.
func (e *Engine) importLibrary(p front.Package) error {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type) error
	all := func(ts iter.Seq[reflect.Type]) error {
		for t := range ts {
			if err := visit(t); err != nil {
				return err
			}
		}
		return nil
	}
	visit = func(t reflect.Type) error {
		if seen[t] {
			return nil
		}
		seen[t] = true
		if t.PkgPath() == "main" && t.Kind() != reflect.Interface {
			e.hostMethods(t)
		}
		if path := t.PkgPath(); path != "" {
			if _, err := stdinfo.Import(path); err == nil {
				_, err := e.ctx.Importer.Import(path)
				return err
			}
		}
		return all(madeOf(t))
	}
	for _, vs := range []map[string]reflect.Value{p.Funcs, p.Vars} {
		for _, v := range vs {
			if err := visit(v.Type()); err != nil {
				return fmt.Errorf("ixgo: package %s: %w", p.Path, err)
			}
		}
	}
	if err := all(maps.Values(p.Types)); err != nil {
		return fmt.Errorf("ixgo: package %s: %w", p.Path, err)
	}
	return nil
}

// hostMethods gives the interpreter the methods of a type of the program's own package
// main: it finds those of other packages' types by the package's path.
func (e *Engine) hostMethods(t reflect.Type) {
	e.hosted[t], e.hosted[reflect.PointerTo(t)] = true, true
	for format, of := range map[string]reflect.Type{"(main.%s).%s": t, "(*main.%s).%s": reflect.PointerTo(t)} {
		for m := range of.Methods() {
			e.ctx.RegisterExternal(fmt.Sprintf(format, t.Name(), m.Name), m.Func.Interface())
		}
	}
}

// leaveHosted takes the types of the program's own package main out of an interpreter's
// method sets: it takes them for a unit's, and has no code for their methods.
func (e *Engine) leaveHosted(it *ixgo.Interp) {
	if len(e.hosted) == 0 {
		return
	}
	sets, _ := fieldsOf(it)
	maps.DeleteFunc(*sets, func(t reflect.Type, _ map[string]*ssa.Function) bool { return e.hosted[t] })
}

// madeOf gives the types that a type is made of, those of its methods included.
func madeOf(t reflect.Type) iter.Seq[reflect.Type] {
	return func(yield func(reflect.Type) bool) {
		var parts []reflect.Type
		switch t.Kind() {
		case reflect.Map:
			parts = append(parts, t.Key(), t.Elem())
		case reflect.Array, reflect.Chan, reflect.Pointer, reflect.Slice:
			parts = append(parts, t.Elem())
		case reflect.Struct:
			for field := range t.Fields() {
				parts = append(parts, field.Type)
			}
		case reflect.Func:
			parts = slices.AppendSeq(slices.Collect(t.Ins()), t.Outs())
		}
		for m := range t.Methods() {
			parts = append(parts, m.Type)
		}
		if t.Name() != "" && t.Kind() != reflect.Interface {
			parts = append(parts, reflect.PointerTo(t))
		}
		for _, part := range parts {
			if !yield(part) {
				return
			}
		}
	}
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
