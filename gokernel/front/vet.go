package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/assign"
	"golang.org/x/tools/go/analysis/passes/atomic"
	"golang.org/x/tools/go/analysis/passes/bools"
	"golang.org/x/tools/go/analysis/passes/copylock"
	"golang.org/x/tools/go/analysis/passes/defers"
	"golang.org/x/tools/go/analysis/passes/errorsas"
	"golang.org/x/tools/go/analysis/passes/ifaceassert"
	"golang.org/x/tools/go/analysis/passes/nilfunc"
	"golang.org/x/tools/go/analysis/passes/printf"
	"golang.org/x/tools/go/analysis/passes/shift"
	"golang.org/x/tools/go/analysis/passes/slog"
	"golang.org/x/tools/go/analysis/passes/sortslice"
	"golang.org/x/tools/go/analysis/passes/stringintconv"
	"golang.org/x/tools/go/analysis/passes/structtag"
	"golang.org/x/tools/go/analysis/passes/timeformat"
	"golang.org/x/tools/go/analysis/passes/unmarshal"
	"golang.org/x/tools/go/analysis/passes/waitgroup"
)

// analyzers are those of go vet that look at what stands in one place, and are seldom
// wrong about it.
var analyzers = []*analysis.Analyzer{
	assign.Analyzer, atomic.Analyzer, bools.Analyzer, copylock.Analyzer, defers.Analyzer, errorsas.Analyzer, ifaceassert.Analyzer,
	nilfunc.Analyzer, printf.Analyzer, shift.Analyzer, slog.Analyzer, sortslice.Analyzer, stringintconv.Analyzer, structtag.Analyzer,
	timeformat.Analyzer, unmarshal.Analyzer, waitgroup.Analyzer,
}

// vet gives what go vet would say of a checked cell that is not adapted to the engine
// yet: a warning each, with its place and the line.
func (c *cellCheck) vet() (warnings []string) {
	for n, scope := range c.info.Scopes {
		if _, ok := n.(*ast.File); ok { // what was checked is a copy, with the hoisted variables
			c.info.Scopes[c.src.file] = scope
		}
	}
	var found []analysis.Diagnostic
	results := map[*analysis.Analyzer]any{}
	pass := analysis.Pass{
		Fset: c.fset, Files: []*ast.File{c.src.file}, Pkg: c.pkg, TypesInfo: c.info, TypesSizes: types.SizesFor("gc", runtime.GOARCH), Module: &analysis.Module{},
		ReadFile:         func(name string) ([]byte, error) { return nil, fmt.Errorf("%s is no file", name) },
		ResultOf:         results,
		Report:           func(d analysis.Diagnostic) { found = append(found, d) },
		ImportObjectFact: func(types.Object, analysis.Fact) bool { return false }, ExportObjectFact: func(types.Object, analysis.Fact) {},
		ImportPackageFact: func(*types.Package, analysis.Fact) bool { return false }, ExportPackageFact: func(analysis.Fact) {},
		AllObjectFacts: func() []analysis.ObjectFact { return nil }, AllPackageFacts: func() []analysis.PackageFact { return nil },
	}
	var run func(a *analysis.Analyzer)
	run = func(a *analysis.Analyzer) {
		if _, ok := results[a]; ok {
			return
		}
		results[a] = nil
		for _, needed := range a.Requires {
			run(needed)
		}
		defer func() { _ = recover() }() // a cell is no whole package; what an analyzer cannot take is not warned of
		p := pass
		p.Analyzer = a
		if result, err := a.Run(&p); err == nil {
			results[a] = result
		}
	}
	for _, a := range analyzers {
		run(a)
	}
	slices.SortStableFunc(found, func(a, b analysis.Diagnostic) int { return int(a.Pos - b.Pos) })
	for _, d := range found {
		if d.Pos == token.NoPos {
			continue
		}
		p := c.problemAt(d.Pos, "warning: "+plainNames(packageMain.ReplaceAllString(d.Message, "")))
		warnings = append(warnings, strings.Join(p.Traceback(), "\n"))
	}
	return warnings
}
