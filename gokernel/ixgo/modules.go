package ixgo

import (
	"fmt"
	"go/types"

	"github.com/goplus/ixgo"
)

// modules imports packages that there are as source: it adapts their code as that of
// cells. The interpreter's own importer has the others.
type modules struct {
	types.Importer
	engine *Engine
}

// Import implements types.Importer.
func (m *modules) Import(path string) (*types.Package, error) {
	ctx := m.engine.ctx
	if _, err := m.engine.loader.Import(path); err != nil && ctx.SourcePackage(path) == nil {
		if dir, ok := ctx.Lookup("", path); ok {
			if err := m.adapt(path, dir); err != nil {
				return nil, err
			}
		}
	}
	return m.Importer.Import(path)
}

// adapt adds the package in a folder to those that can be imported.
func (m *modules) adapt(path, dir string) error {
	ctx := m.engine.ctx
	if err := ctx.AddImport(path, dir); err != nil {
		return err
	}
	sp := ctx.SourcePackage(path)
	before := &ixgo.SourcePackage{Context: ctx, Package: types.NewPackage(path, sp.Package.Name()), Files: sp.Files}
	if err := before.Load(); err != nil {
		return err
	}
	for _, f := range sp.Files {
		for _, r := range m.engine.Adapt(f, before.Info) {
			return fmt.Errorf("%s: %s", ctx.FileSet.Position(r.Pos), r.Message)
		}
	}
	return nil
}
