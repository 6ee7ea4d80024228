package front

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/reval-editor/reval/gokernel/stdinfo"
)

// suffixMark stands between a name and its version in engine names.
const suffixMark = "ˑ"

// Session is the namespace that cells are checked against. Prepare and Commit
// are called by the one goroutine that runs cells; everything else is safe at any
// time.
type Session struct {
	engine Engine

	host      map[string]hosted // packages of the program, by path; not changed once cells run
	reflected *reflected
	isQuiet   func() bool // see SetQuiet

	sourcesMu sync.Mutex
	sources   map[string]*types.Package // of modules, by path; nil while one is checked
	files     *token.FileSet            // of these packages

	mu      sync.RWMutex
	live    map[string]*Binding
	imports liveImports
	dots    []string                // paths of dot imports, the newest first
	names   map[types.Object]string // engine names of all objects, of earlier versions too
	taken   map[string]bool         // engine names in use
	texts   map[string]string       // of cells, by name
	serial  int                     // of prepared units
}

// Binding is a live top-level name.
type Binding struct {
	Name   string
	Object types.Object
	Engine string // name in the engine
	Pos    token.Position
	Source string // text of the declaration
	Doc    string // comment above the declaration

	part     *part            // of a function or type; nil for others
	methods  map[string]*part // of a type
	indirect bool             // the engine's variable is a pointer to the value
}

// NewSession makes an empty namespace.
func NewSession(e Engine) *Session {
	return &Session{
		engine: e, live: map[string]*Binding{}, imports: liveImports{},
		names: map[types.Object]string{}, taken: map[string]bool{},
		texts: map[string]string{}, sources: map[string]*types.Package{}, files: token.NewFileSet(), host: map[string]hosted{}, reflected: newReflected(),
	}
}

// Prepare parses, checks and lowers the cell of an execution count. The error is
// of type Problems. Nothing changes in the namespace before Commit.
func (s *Session) Prepare(count int, text string) (*Unit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	name := cellName(count)
	s.texts[name] = text
	src, err := parseCell(name, text, s.engine.FileSet(), s.imports)
	if err != nil {
		return nil, err
	}
	c := &cellCheck{s: s, src: src, fset: s.engine.FileSet()}
	if err := c.check(); err != nil {
		return nil, err
	}
	warnings := c.vet()
	if err := c.refuse(); err != nil {
		return nil, err
	}
	u, err := c.lower()
	if err != nil {
		return nil, err
	}
	u.Warnings = append(warnings, u.Warnings...)
	return u, nil
}

// SetText gives the whole text of a cell that is prepared in parts.
func (s *Session) SetText(count int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[cellName(count)] = text
}

func cellName(count int) string { return fmt.Sprintf("cell[%d]", count) }

// Commit makes a loaded unit's names live.
func (s *Session) Commit(u *Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range u.decls {
		s.names[b.Object] = b.Engine
		s.taken[b.Engine] = true
		if b.Name != "" {
			s.live[b.Name] = b
			delete(s.imports, b.Name)
		}
	}
	for name, path := range u.imports {
		s.imports[name] = path
		delete(s.live, name)
	}
	s.dots = slices.Concat(u.dots, slices.DeleteFunc(s.dots, func(path string) bool { return slices.Contains(u.dots, path) }))
}

// Lookup gives the binding of a live name.
func (s *Session) Lookup(name string) (*Binding, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.live[name]
	return b, ok
}

// ImportPath gives the path that a live import's name stands for.
func (s *Session) ImportPath(name string) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.imports[name]
	return p, ok
}

// Bindings gives all live names, sorted.
func (s *Session) Bindings() []*Binding {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Collect(maps.Values(s.live))
	slices.SortFunc(all, func(a, b *Binding) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Imports gives the live imports' names and paths.
func (s *Session) Imports() map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.imports)
}

// engineName chooses the name of an object that a unit declares.
func (s *Session) engineName(o types.Object) string {
	name := o.Name()
	if s.engine.Separate() {
		return name + suffixMark + strconv.Itoa(s.serial)
	}
	if s.taken[name] || types.Universe.Lookup(name) != nil || name == "main" || name == "init" || len(packagesNamed(name)) > 0 {
		return name + suffixMark + strconv.Itoa(s.serial)
	}
	return name
}

// packagesNamed gives the paths of the standard packages with a name.
func packagesNamed(name string) []string {
	byName := packageIndex()
	return byName[name]
}

var packageIndex = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for _, path := range stdinfo.Packages() {
		if p, err := stdinfo.Import(path); err == nil {
			m[p.Name()] = append(m[p.Name()], path)
		}
	}
	return m
})

// importName gives the local name of an import.
func importName(spec *ast.ImportSpec) (name, path string) {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", spec.Path.Value
	}
	if spec.Name != nil {
		return spec.Name.Name, path
	}
	if p, err := stdinfo.Import(path); err == nil {
		return p.Name(), path
	}
	if dir, err := PackageDir(path); err == nil {
		if p, err := build.ImportDir(dir, 0); err == nil {
			return p.Name, path
		}
	}
	return path[strings.LastIndexByte(path, '/')+1:], path
}
