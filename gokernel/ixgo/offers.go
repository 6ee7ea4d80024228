package ixgo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/stdinfo"
)

// Offers implements front.Engine.
func (e *Engine) Offers(path, name string) bool {
	p, ok := ixgo.LookupPackage(path)
	if path == "unique" { // the interpreter mixes up types of its source
		return false
	}
	if !ok || path == nativePath || name == "" {
		return ok || path == "unsafe"
	}
	return hasKey(p.Funcs, name) || hasKey(p.NamedTypes, name) || hasKey(p.Interfaces, name) || hasKey(p.AliasTypes, name) || hasKey(p.Vars, name) ||
		hasKey(p.TypedConsts, name) || hasKey(p.UntypedConsts, name) || hasKey(p.Alias, name) || e.sourceNames(path, p.Source)[name]
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// sourceNames gives what the interpreter has of a package as source: the whole
// package, or the generic part of it, which it calls a patch.
func (e *Engine) sourceNames(path, source string) map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if names, ok := e.sources[path]; ok {
		return names
	}
	names := map[string]bool{}
	e.sources[path] = names
	var files []*ast.File
	if f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution); err == nil {
		files = append(files, f)
	}
	if patch := e.ctx.SourcePackage(path + "@patch"); patch != nil {
		files = append(files, patch.Files...)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, sp := range d.Specs {
					switch sp := sp.(type) {
					case *ast.TypeSpec:
						names[sp.Name.Name] = true
					case *ast.ValueSpec:
						for _, id := range sp.Names {
							names[id.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// unoffered finds the symbols that a file uses and the engine does not have.
func (e *Engine) unoffered(f *ast.File, info *types.Info) (found []front.Refusal) {
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		p, ok := info.Uses[id].(*types.PkgName)
		if !ok {
			return true
		}
		if _, err := stdinfo.Import(p.Imported().Path()); err == nil && p.Imported().Path() != "unsafe" && !e.Offers(p.Imported().Path(), sel.Sel.Name) {
			found = append(found, front.Refusal{Pos: sel.Pos(), Message: fmt.Sprintf("not possible with the ixgo engine: it does not have %s.%s", p.Name(), sel.Sel.Name)})
		}
		return true
	})
	return found
}
