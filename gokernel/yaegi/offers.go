package yaegi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"path"
	"sync"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/traefik/yaegi/stdlib"
	"github.com/traefik/yaegi/stdlib/generic"
	"github.com/traefik/yaegi/stdlib/unrestricted"
)

// Offers implements front.Engine.
func (e *Engine) Offers(pkg, name string) bool {
	if symbols, ok := e.provided[pkg]; ok {
		return name == "" || symbols[name]
	}
	key := pkg + "/" + path.Base(pkg)
	if pkg == "math/rand/v2" {
		key = pkg + "/rand"
	}
	symbols, ok := stdlib.Symbols[key]
	if !ok {
		symbols, ok = unrestricted.Symbols[key]
	}
	if !ok || name == "" {
		return ok
	}
	if _, ok := symbols[name]; ok {
		return true
	}
	return genericFuncs()[pkg][name]
}

// genericFuncs are the functions that the interpreter has as source.
var genericFuncs = sync.OnceValue(func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	for _, src := range generic.Sources {
		f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		names := map[string]bool{}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = d.Recv == nil
			case *ast.GenDecl:
				for _, sp := range d.Specs {
					if ts, ok := sp.(*ast.TypeSpec); ok {
						names[ts.Name.Name] = true
					}
				}
			}
		}
		m[f.Name.Name] = names
	}
	return m
})

// fatalFuncs end the cell in place of the process.
func fatalFuncs() map[string]any {
	fatal := func(text string) {
		_ = log.Output(3, text)
		panic(front.ExitError(1))
	}
	return map[string]any{
		"Fatal":   func(v ...any) { fatal(fmt.Sprint(v...)) },
		"Fatalf":  func(format string, v ...any) { fatal(fmt.Sprintf(format, v...)) },
		"Fatalln": func(v ...any) { fatal(fmt.Sprintln(v...)) },
	}
}
