package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// program is one test program of the Go distribution.
type program struct {
	name string // as typeparam/list.go
	path string
	want string // what it prints, both streams together
}

// folders of $GOROOT/test whose programs are run.
var folders = []string{".", "typeparam", "abi", "chan", "fixedbugs", "interface", "ken"}

// needs are what no interpreter is asked for: the compiler, the linker, the
// collector, the tool chain.
var needs = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^//go:build `),
	regexp.MustCompile(`(?m)^\s*(import\s+)?(_ |\. )?"(unsafe|C)"`),
	regexp.MustCompile(`"(runtime/internal/|internal/|runtime/debug"|runtime/pprof")`),
	regexp.MustCompile(`(?m)^//go:linkname `),
	regexp.MustCompile(`runtime\.(GC|ReadMemStats|MemStats|SetFinalizer|Stack|Caller|Callers|CallersFrames|FuncForPC|AddCleanup|MemProfile\w*|NumCgoCall|KeepAlive|LockOSThread|Breakpoint)\b`),
	regexp.MustCompile(`"(os/exec|go/build)"`),
}

// programs gives those programs of the Go installation that run (their first line
// is "// run") and need nothing that an interpreter cannot have.
func programs() ([]program, error) {
	installed, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find the Go installation: %w", err)
	}
	root := filepath.Join(strings.TrimSpace(string(installed)), "test")
	var found []program
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			first, _, _ := bytes.Cut(src, []byte("\n"))
			if strings.TrimRight(string(first), "\r") != "// run" || needsMore(src) {
				continue
			}
			want, err := os.ReadFile(strings.TrimSuffix(path, ".go") + ".out")
			if err != nil && !os.IsNotExist(err) {
				return nil, err
			}
			name, _ := filepath.Rel(root, path)
			found = append(found, program{name: filepath.ToSlash(name), path: path, want: string(want)})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no test programs in %s: this Go installation is without them", root)
	}
	return found, nil
}

func needsMore(src []byte) bool {
	for _, re := range needs {
		if re.Match(src) {
			return true
		}
	}
	return false
}

// whole gives a program as one cell.
func whole(src string) ([]string, error) { return []string{src}, nil }

// split gives a program as two cells: what it declares, and main's body.
func split(src string) ([]string, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Recv != nil || fd.Name.Name != "main" {
			continue
		}
		declarations := src[at(f.Name.End()):at(fd.Pos())] + src[at(fd.End()):]
		return []string{declarations, "{" + src[at(fd.Body.Lbrace)+1:at(fd.Body.Rbrace)] + "}"}, nil
	}
	return nil, fmt.Errorf("no function main")
}
