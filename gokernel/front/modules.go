package front

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// PackageDir finds the source of a package that is not in the standard library. In a
// module (a go.mod in the working folder or above it) that is a package of it, or one
// of the module cache in the version that go.mod requires; elsewhere the newest
// version in the module cache.
func PackageDir(path string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find package %s: %w", path, err)
	}
	root, mod, err := mainModule(wd)
	if err != nil {
		return "", err
	}
	if mod == nil {
		return newestInCache(path)
	}
	if mod.Module != nil {
		if rest, ok := within(path, mod.Module.Mod.Path); ok {
			return packageIn(path, filepath.Join(root, rest))
		}
	}
	var found module.Version
	for _, r := range mod.Require {
		if _, ok := within(path, r.Mod.Path); ok && len(r.Mod.Path) > len(found.Path) {
			found = r.Mod
		}
	}
	if found.Path == "" {
		return "", fmt.Errorf("package %s is neither in the standard library nor in a module that %s requires: run `go get %s` in its folder", path, filepath.Join(root, "go.mod"), path)
	}
	rest, _ := within(path, found.Path)
	for _, r := range mod.Replace {
		if r.Old.Path != found.Path || r.Old.Version != "" && r.Old.Version != found.Version {
			continue
		}
		if r.New.Version == "" { // a folder
			dir := filepath.FromSlash(r.New.Path)
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(root, dir)
			}
			return packageIn(path, filepath.Join(dir, rest))
		}
		found = r.New
	}
	dir, err := cached(found)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("package %s: module %s is not in the module cache: run `go mod download` in %s", path, found, root)
	}
	return packageIn(path, filepath.Join(dir, rest))
}

// mainModule gives the go.mod of a folder or the nearest one above it; nil if there
// is none.
func mainModule(dir string) (root string, mod *modfile.File, err error) {
	for {
		name := filepath.Join(dir, "go.mod")
		data, err := os.ReadFile(name)
		if err == nil {
			mod, err := modfile.Parse(name, data, nil)
			return dir, mod, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil, nil
		}
		dir = parent
	}
}

// within gives what a package path has after a module's path.
func within(path, mod string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, mod)
	return filepath.FromSlash(strings.TrimPrefix(rest, "/")), ok && (rest == "" || rest[0] == '/')
}

func packageIn(path, dir string) (string, error) {
	if names, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(names) == 0 {
		return "", fmt.Errorf("package %s: there are no Go files in %s", path, dir)
	}
	return dir, nil
}

func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
}

// cached gives the folder of a module in the module cache.
func cached(m module.Version) (string, error) {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return "", err
	}
	return filepath.Join(moduleCache(), filepath.FromSlash(path)+"@"+version), nil
}

// newestInCache finds a package in the newest version of its module in the cache.
func newestInCache(path string) (string, error) {
	for mod := path; mod != "." && mod != "/"; mod = filepath.ToSlash(filepath.Dir(filepath.FromSlash(mod))) {
		escaped, err := module.EscapePath(mod)
		if err != nil {
			continue
		}
		prefix := filepath.Join(moduleCache(), filepath.FromSlash(escaped)) + "@"
		dirs, err := filepath.Glob(prefix + "*")
		if err != nil || len(dirs) == 0 {
			continue
		}
		newest := slices.MaxFunc(dirs, func(a, b string) int {
			return semver.Compare(strings.TrimPrefix(a, prefix), strings.TrimPrefix(b, prefix))
		})
		rest, _ := within(path, mod)
		return packageIn(path, filepath.Join(newest, rest))
	}
	return "", fmt.Errorf("package %s is neither in the standard library nor in the module cache: start the kernel in a module that requires it", path)
}

// source gives the types of a package that there is as source.
func (s *Session) source(path string) (*types.Package, error) {
	s.sourcesMu.Lock()
	p, ok := s.sources[path]
	s.sourcesMu.Unlock()
	if ok && p == nil {
		return nil, fmt.Errorf("package %s imports itself", path)
	}
	if ok {
		return p, nil
	}
	dir, err := PackageDir(path)
	if err != nil {
		return nil, err
	}
	set := func(p *types.Package) {
		s.sourcesMu.Lock()
		defer s.sourcesMu.Unlock()
		if s.sources[path] = p; p == nil {
			delete(s.sources, path)
		}
	}
	s.sourcesMu.Lock()
	s.sources[path] = nil
	s.sourcesMu.Unlock()
	p, err = s.check(path, dir)
	if err != nil {
		p = nil
	}
	set(p)
	return p, err
}

// check checks the declarations of a package in a folder.
func (s *Session) check(path, dir string) (*types.Package, error) {
	ctx := build.Default
	ctx.CgoEnabled = false
	bp, err := ctx.ImportDir(dir, 0)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", path, err)
	}
	if bp.Name == "main" {
		return nil, fmt.Errorf("package %s is a program: only libraries can be imported", path)
	}
	var files []*ast.File
	for _, name := range bp.GoFiles {
		f, err := parser.ParseFile(s.files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", path, err)
		}
		files = append(files, f)
	}
	var first error
	conf := types.Config{
		Importer: s, Sizes: types.SizesFor("gc", runtime.GOARCH), IgnoreFuncBodies: true, FakeImportC: true,
		Error: func(err error) { first = cmp.Or(first, err) },
	}
	p, _ := conf.Check(path, s.files, files, nil)
	if first != nil {
		return nil, fmt.Errorf("package %s: %w", path, first)
	}
	return p, nil
}

// sourcePosition is where an object of a package that there is as source is declared; the
// line is 0 for other packages, whose positions are another file set's.
func (s *Session) sourcePosition(o types.Object) token.Position {
	s.sourcesMu.Lock()
	defer s.sourcesMu.Unlock()
	if s.sources[o.Pkg().Path()] != o.Pkg() {
		return token.Position{}
	}
	return s.files.Position(o.Pos())
}
