package front

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
	"unicode/utf8"
)

// entryName is the function that a cell's statements become the body of. The
// letter after it is U+02D1, which the front end alone puts into names.
const entryName = "cellˑ"

// source is a parsed cell: declarations, and the statements in entry's body.
type source struct {
	name    string // "cell[3]", the file name in positions
	text    string
	file    *ast.File
	entry   *ast.FuncDecl // nil in a cell with a package clause
	program bool          // the cell has a package clause
	// declarations reports a cell that has declarations alone.
	declarations bool
	// lastExpr is the cell's last item if it is an expression.
	lastExpr *ast.ExprStmt
	// inherited are the import declarations that stand for earlier cells'.
	inherited map[*ast.GenDecl]bool
}

// liveImports names what earlier cells imported: local name to path.
type liveImports map[string]string

// parseCell parses a cell. Cells without a package clause are laid out as a file
// whose //line directives keep every position that of the user's text.
func parseCell(name, text string, fset *token.FileSet, live ...liveImports) (*source, error) {
	lexemes := lex(text)
	s := &source{name: name, text: text, inherited: map[*ast.GenDecl]bool{}}
	if len(lexemes) > 0 && lexemes[0].tok == token.PACKAGE {
		f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, s.syntaxError(err)
		}
		s.file, s.program = f, true
		return s, nil
	}
	if l := stray(lexemes); l != nil {
		line, col := lineColumn(text, l.start)
		return nil, s.problem(CompileError, line, col, fmt.Sprintf("unexpected %s without its opening bracket", l.tok))
	}
	f, err := parser.ParseFile(fset, name, s.layout(usedImports(lexemes, live)), parser.SkipObjectResolution)
	if err != nil {
		return nil, s.syntaxError(err)
	}
	s.file = f
	items := split(text)
	own := 0
	s.declarations = true
	for _, it := range items {
		s.declarations = s.declarations && it.kind != itemStatement
		if it.kind == itemImport {
			own++
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				own--
				s.inherited[d] = own < 0
			}
		case *ast.FuncDecl:
			if d.Name.Name == entryName {
				s.entry = d
			}
		}
	}
	if list := s.entry.Body.List; len(list) > 0 {
		if last, ok := list[len(list)-1].(*ast.ExprStmt); ok && items[len(items)-1].kind == itemStatement {
			s.lastExpr = last
		}
		for i, st := range list {
			if x, ok := st.(*ast.ExprStmt); ok && x != s.lastExpr && !standsAlone(x.X) {
				list[i] = &ast.AssignStmt{Lhs: []ast.Expr{&ast.Ident{NamePos: x.Pos(), Name: "_"}}, TokPos: x.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{x.X}}
			}
		}
	}
	return s, nil
}

// stray gives the first closing bracket that nothing opened.
func stray(lexemes []lexeme) *lexeme {
	depth := 0
	for i, l := range lexemes {
		switch l.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if depth--; depth < 0 {
				return &lexemes[i]
			}
		}
	}
	return nil
}

// usedImports gives the live imports whose name stands before a period.
func usedImports(lexemes []lexeme, live []liveImports) liveImports {
	used := liveImports{}
	for i := 0; i+1 < len(lexemes); i++ {
		if lexemes[i].tok != token.IDENT || lexemes[i+1].tok != token.PERIOD {
			continue
		}
		for _, m := range live {
			if path, ok := m[lexemes[i].lit]; ok {
				used[lexemes[i].lit] = path
			}
		}
	}
	return used
}

// layout writes the file that is parsed in a cell's place.
func (s *source) layout(imports liveImports) string {
	var b strings.Builder
	b.WriteString("package main\n")
	put := func(it item) {
		line, col := lineColumn(s.text, it.start)
		fmt.Fprintf(&b, "//line %s:%d:%d\n%s\n", s.name, line, col, s.text[it.start:it.end])
	}
	items := split(s.text)
	for _, it := range items {
		if it.kind == itemImport {
			put(it)
		}
	}
	for name, path := range imports {
		fmt.Fprintf(&b, "//line %s:1:1\nimport %s %q\n", s.name, name, path)
	}
	for _, it := range items {
		if it.kind == itemDecl && it.tok != token.VAR {
			put(it)
		}
	}
	fmt.Fprintf(&b, "//line %s:1:1\nfunc %s() {\n", s.name, entryName)
	for i := 0; i < len(items); i++ {
		it := items[i]
		if !it.executed() {
			continue
		}
		// What stands together stays together: the header of a for statement is cut
		// into items too.
		for i+1 < len(items) && items[i+1].executed() {
			i++
			it.end = items[i].end
		}
		put(it)
	}
	b.WriteString("}\n")
	return b.String()
}

// lineColumn gives a byte offset's line and column, both from 1; the column
// counts bytes, as go/token does.
func lineColumn(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return 1 + strings.Count(before, "\n"), offset - strings.LastIndexByte(before, '\n')
}

func (s *source) syntaxError(err error) error {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return s.problem(CompileError, 1, 1, err.Error())
	}
	e := list[0]
	line, col := s.clamp(e.Pos.Line, e.Pos.Column)
	message := e.Msg
	if expected, _, ok := strings.Cut(message, ", found "); ok && strings.TrimSpace(s.after(line, col)) == "" {
		message = expected + ", found the end of the cell" // and not what the file has there that it is put into
	}
	return s.problem(CompileError, line, col, "syntax error: "+message)
}

// after gives the cell's text from a position on.
func (s *source) after(line, col int) string {
	lines := strings.SplitAfter(s.text, "\n")
	return lines[line-1][min(col-1, len(lines[line-1])):] + strings.Join(lines[line:], "")
}

// clamp moves a position behind the cell's text to its end.
func (s *source) clamp(line, col int) (int, int) {
	lines := strings.Split(s.text, "\n")
	if line > len(lines) {
		line = len(lines)
		col = len(lines[line-1]) + 1
	}
	if line < 1 {
		line = 1
	}
	return line, max(1, min(col, len(lines[line-1])+1))
}

// excerpt gives a line of the cell with a caret under a column (in bytes, from 1).
func excerpt(text string, line, col int) []string {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return nil
	}
	src := strings.TrimRight(lines[line-1], "\r")
	prefix := src[:max(0, min(col-1, len(src)))]
	number := numbered(line, "")
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, prefix)
	if !utf8.ValidString(pad) {
		pad = strings.Repeat(" ", len(prefix))
	}
	return []string{number + src, strings.Repeat(" ", len(number)-2) + "| " + pad + "^"}
}

func numbered(line int, src string) string {
	return fmt.Sprintf("%5d | %s", line, strings.TrimRight(src, "\r"))
}

// standsAlone tells whether Go allows an expression as a statement. Others are
// values to look at, which may stand anywhere at a cell's top level, as when
// several cells are evaluated as one.
func standsAlone(x ast.Expr) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.CallExpr:
		return true
	case *ast.UnaryExpr:
		return x.Op == token.ARROW
	}
	return false
}
