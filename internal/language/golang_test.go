package language

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The statements of Go's own library are those that Go finds.
func TestStatementsOfGosLibrary(t *testing.T) {
	l, _ := For("go")
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src", "*", "*.go"))
	if err != nil || len(files) < 500 {
		t.Skipf("no library: %d files, %v", len(files), err)
	}
	for n, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || n%10 != 0 && os.Getenv("ALL") == "" {
			continue
		}
		lines := strings.Split(string(data), "\n")
		want, err := goStatements(data, len(lines))
		if err != nil {
			t.Fatal(err)
		}
		s := statements{l.syntax, lines, l.syntax.scan(lines)}
		for i, w := range want {
			if !s.states[i].code && !s.states[i].inside {
				continue
			}
			if start, end, ok := s.nested(i); w.end > 0 && (!ok || start != w.start || end != w.end) {
				t.Errorf("%s:%d: %q: %d-%d %v, want %d-%d", file, i+1, lines[i], start+1, end, ok, w.start+1, w.end)
				break
			}
		}
	}
}

// goStatements gives the innermost statement or declaration of each line that starts
// its line.
func goStatements(source []byte, lines int) ([]unit, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	found := make([]unit, lines)
	line := func(p token.Pos) int { return files.Position(p).Line - 1 }
	var text []string
	for s := range strings.Lines(string(source)) {
		text = append(text, s)
	}
	add := func(n ast.Node) {
		from, to := line(n.Pos()), line(n.End()-1)
		if strings.TrimSpace(text[from][:files.Position(n.Pos()).Column-1]) != "" {
			return
		}
		for i := from; i <= to; i++ {
			found[i] = unit{from, to + 1}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.File:
			for _, d := range n.Decls {
				add(d)
			}
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for _, s := range list {
			switch s.(type) {
			case *ast.CaseClause, *ast.CommClause, *ast.EmptyStmt:
			default:
				add(s)
			}
		}
		return true
	})
	return found, nil
}
