package front

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"unicode/utf8"
)

// What packages of the standard library have is known without an import: it is offered with
// the path of the package, and described.

// meantFirst are the packages that are meant where several have a name.
var meantFirst = []string{"math/rand/v2", "math/rand", "text/template", "text/scanner", "go/types", "runtime/pprof"}

// offered are the packages of the standard library of a name that the engine has.
func (s *Session) offered(name string) []string {
	paths := slices.DeleteFunc(slices.Clone(packagesNamed(name)), func(path string) bool { return !s.engine.Offers(path, "") })
	rank := func(path string) int {
		if i := slices.Index(meantFirst, path); i >= 0 {
			return i
		}
		return len(meantFirst)
	}
	slices.SortStableFunc(paths, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return paths
}

// unimported gives the packages whose names are wanted.
func (s *Session) unimported(wanted func(string) bool) (found []Candidate) {
	for name := range packageIndex() {
		if !wanted(name) || name == "main" {
			continue
		}
		if paths := s.offered(name); len(paths) > 0 {
			found = append(found, Candidate{Name: name, Kind: "package", Signature: paths[0], Import: paths[0], rank: 1})
		}
	}
	return found
}

// unimportedMembers gives what the packages of a name have that begins with a prefix.
func (s *Session) unimportedMembers(name, prefix string) (found []Candidate) {
	seen := map[string]bool{}
	for _, path := range s.offered(name) {
		pkg, err := s.Import(path)
		if err != nil {
			continue
		}
		for _, member := range pkg.Scope().Names() {
			if o := pkg.Scope().Lookup(member); !seen[member] && begins(member, prefix) && o.Exported() && s.engine.Offers(path, member) {
				seen[member] = true
				c := candidate(member, o)
				c.Import = path
				found = append(found, c)
			}
		}
	}
	return found
}

// unimported describes a package's name, or what is taken from it, where the name means
// nothing else.
func (p *spot) unimported(x ast.Expr) (Description, bool) {
	root := x
	if sel, ok := x.(*ast.SelectorExpr); ok {
		root = sel.X
	}
	id, ok := root.(*ast.Ident)
	if !ok || p.quote != 0 || p.object(id) != nil {
		return Description{}, false
	}
	name := types.ExprString(x)
	for _, path := range p.s.offered(id.Name) {
		text := fmt.Sprintf("import %q\n%s", path, name)
		if d, ok := p.s.Inspect(text, utf8.RuneCountInString(text)); ok {
			return d, true
		}
	}
	return Description{}, false
}
