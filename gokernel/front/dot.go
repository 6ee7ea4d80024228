package front

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
)

// Dot imports last, as other imports do. A file's would be in the way of what the
// session declares: Go has a name once. So cells have none: a name that nothing else
// declares is looked for in the packages that were imported so, the newest first, and
// gets its package in front.

// nameDots gives the cell's dot imports a name, in declarations of their own.
func (c *cellCheck) nameDots() {
	f := c.src.file
	var specs []*ast.ImportSpec
	f.Decls = slices.DeleteFunc(f.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			return false
		}
		g.Specs = slices.DeleteFunc(g.Specs, func(sp ast.Spec) bool {
			name, path := importName(sp.(*ast.ImportSpec))
			if name == "." {
				specs = append(specs, sp.(*ast.ImportSpec))
				c.ownDots = append([]string{path}, c.ownDots...)
			}
			return name == "."
		})
		return len(g.Specs) == 0
	})
	c.dots = slices.Concat(c.ownDots, c.s.dots)
	for _, sp := range specs {
		_, path := importName(sp)
		c.importDot(sp.Path.Pos(), path)
	}
}

// importDot imports a package of a dot import under the name that it has in the file,
// once.
func (c *cellCheck) importDot(pos token.Pos, path string) {
	for d, inherited := range c.src.inherited {
		if inherited && d.Specs[0].(*ast.ImportSpec).Name.Name == c.dotName(path) {
			return
		}
	}
	spec := &ast.ImportSpec{Name: &ast.Ident{NamePos: pos, Name: c.dotName(path)}, Path: &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: strconv.Quote(path)}}
	g := &ast.GenDecl{TokPos: pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}}
	c.src.inherited[g] = true
	c.src.file.Decls = append([]ast.Decl{g}, c.src.file.Decls...)
}

// dotName is the name in the file of a package of a dot import. Messages show the
// package's own.
func (c *cellCheck) dotName(path string) string {
	return path[strings.LastIndexByte(path, '/')+1:] + suffixMark + "_" + strconv.Itoa(slices.Index(c.dots, path))
}

// dotOf gives the path of the package that has a name by a dot import, or "".
func (c *cellCheck) dotOf(name string) string {
	for _, path := range c.dots {
		if p, err := c.s.Import(path); err == nil && ast.IsExported(name) && p.Scope().Lookup(name) != nil {
			return path
		}
	}
	return ""
}

// qualify puts the package of a dot import in front of the names at some places.
func (c *cellCheck) qualify(paths map[token.Pos]string) {
	put := func(cur *astutil.Cursor) bool {
		id, ok := cur.Node().(*ast.Ident)
		if !ok || paths[id.Pos()] == "" {
			return true
		}
		cur.Replace(&ast.SelectorExpr{X: &ast.Ident{NamePos: id.Pos(), Name: c.dotName(paths[id.Pos()])}, Sel: id})
		return false
	}
	astutil.Apply(c.src.file, put, nil)
	for _, a := range c.additions {
		astutil.Apply(a.decl, put, nil)
	}
	for _, path := range paths {
		c.importDot(c.src.file.Name.Pos(), path)
	}
}

// dotNames gives what cells have by dot imports of what is wanted, but for what the
// session declares.
func (s *Session) dotNames(wanted func(name string) bool) (found []Candidate) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := map[string]bool{}
	for _, path := range s.dots {
		p, err := s.Import(path)
		if err != nil {
			continue
		}
		for _, name := range p.Scope().Names() {
			if ast.IsExported(name) && wanted(name) && s.live[name] == nil && !seen[name] {
				seen[name] = true
				found = append(found, candidate(name, p.Scope().Lookup(name)))
			}
		}
	}
	return found
}
