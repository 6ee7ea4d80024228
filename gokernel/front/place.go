package front

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// around is how many lines a trace shows before and after a place.
const around = 2

// Trace says where frames are: "cell[3]:2:5 in f" for each, and under it the lines
// around the place. Frames that repeat, as those of a recursion, are counted, and so
// are those that were left out.
func (s *Session) Trace(frames []Frame) []string {
	var out []string
	for i := 0; i < len(frames); {
		f := frames[i]
		same := 1
		for i+same < len(frames) && frames[i+same] == f {
			same++
		}
		i += same
		if f.Omitted > 0 {
			out = append(out, fmt.Sprintf("… %d calls more", f.Omitted))
		}
		if f.Omitted > 0 || s.entered(f) {
			continue
		}
		out = append(out, s.place(f)...)
		if same > 1 {
			out = append(out, fmt.Sprintf("… %d times more", same-1))
		}
	}
	return out
}

// entered tells whether a frame is the kernel's own, which runs a program's main: it
// has the place of the package clause.
func (s *Session) entered(f Frame) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	lines := strings.Split(s.texts[f.Pos.Filename], "\n")
	return f.Func == "" && 0 < f.Pos.Line && f.Pos.Line <= len(lines) && strings.HasPrefix(lines[f.Pos.Line-1], "package ")
}

func (s *Session) place(f Frame) []string {
	s.mu.RLock()
	text := s.texts[f.Pos.Filename]
	s.mu.RUnlock()
	p := f.Pos
	if p.Column == 0 {
		p.Column = statementColumn(text, p.Line)
	}
	head := p.String()
	if f.Func != "" {
		head += " in " + f.Func
	}
	lines := strings.Split(text, "\n")
	if text == "" || p.Line < 1 || p.Line > len(lines) {
		return []string{head}
	}
	out := []string{head}
	for n := max(1, p.Line-around); n < p.Line; n++ {
		out = append(out, numbered(n, lines[n-1]))
	}
	out = append(out, excerpt(text, p.Line, p.Column)...)
	for n := p.Line + 1; n <= min(len(lines), p.Line+around); n++ {
		out = append(out, numbered(n, lines[n-1]))
	}
	return out
}

// statementColumn gives the column of the statement in a line that can have
// panicked, or of the line's first character.
func statementColumn(text string, line int) int {
	column := 0
	fset := token.NewFileSet()
	if src, err := parseCell("cell", text, fset); err == nil {
		ast.Inspect(src.file, func(n ast.Node) bool {
			if st, ok := n.(ast.Stmt); ok && column == 0 {
				if p := fset.Position(st.Pos()); p.Line == line && MayPanic(st) {
					column = p.Column
				}
			}
			return true
		})
	}
	lines := strings.Split(text, "\n")
	if column > 0 || line < 1 || line > len(lines) {
		return column
	}
	return 1 + len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " \t"))
}

// MayPanic reports whether a statement's own expressions, not those of blocks and
// function literals in it, can panic.
func MayPanic(st ast.Stmt) bool {
	found := false
	ast.Inspect(st, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt, *ast.FuncLit, *ast.CaseClause, *ast.CommClause:
			return false
		case *ast.IndexExpr, *ast.SliceExpr, *ast.StarExpr, *ast.SelectorExpr, *ast.CallExpr, *ast.TypeAssertExpr, *ast.SendStmt:
			found = true
		case *ast.BinaryExpr:
			found = found || n.Op == token.QUO || n.Op == token.REM || n.Op == token.SHL || n.Op == token.SHR
		case *ast.AssignStmt:
			found = found || n.Tok == token.QUO_ASSIGN || n.Tok == token.REM_ASSIGN || n.Tok == token.SHL_ASSIGN || n.Tok == token.SHR_ASSIGN
		}
		return !found
	})
	return found
}
