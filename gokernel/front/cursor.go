package front

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"sync"
)

// spot is what stands at a cursor: a cell that is checked as far as it goes.
type spot struct {
	s    *Session
	text string

	typed      string // of the name, or of the text literal, before the cursor
	start, end int    // of all of it, in bytes
	quote      byte   // what begins the literal that the cursor is in; 0 = it is in none

	quiet func() bool // see SetQuiet; asked once

	cell *cellCheck
	path []ast.Node // from the file down to what stands there; empty where nothing can be parsed
}

// placeholder stands at the cursor where there is no name.
const placeholder = "cursor" + suffixMark

// byteOffset turns a cursor_pos, which counts code points, into an offset.
func byteOffset(text string, codePoints int) int {
	for i := range text {
		if codePoints <= 0 {
			return i
		}
		codePoints--
	}
	return len(text)
}

// spotAt finds what is at an offset. It is nil in comments, numbers and runes. With
// whole the name goes on after the cursor, as it is for inspection; else it ends there.
func (s *Session) spotAt(text string, offset int, whole bool) *spot {
	if inComment(text, offset) {
		return nil
	}
	p := &spot{s: s, text: text, start: offset, end: offset, quiet: sync.OnceValue(s.quiet)}
	for _, l := range lex(text) {
		switch {
		case l.start > offset:
		case l.tok == token.IDENT || l.tok.IsKeyword():
			if offset <= l.end {
				p.start, p.end = l.start, l.end
			}
		case l.tok == token.STRING || l.tok == token.ILLEGAL && strings.HasPrefix(l.lit, `"`):
			open := l.tok == token.ILLEGAL || len(l.lit) < 2 || l.lit[len(l.lit)-1] != l.lit[0]
			if l.start < offset && (offset < l.end || open && offset <= l.end) {
				p.start, p.end, p.quote = l.start, l.end, text[l.start]
			}
		case l.tok.IsLiteral() && l.start < offset && offset <= l.end:
			if l.tok != token.INT || whole {
				return nil
			}
			p.start, p.end = l.start, l.end
		case l.tok == token.ILLEGAL && l.start < offset && offset <= l.end:
			return nil
		}
	}
	if p.quote != 0 {
		p.typed = text[p.start+1 : offset]
	} else {
		p.typed = text[p.start:offset]
	}
	name := placeholder
	if whole && p.quote == 0 && p.end > p.start {
		name = text[p.start:p.end]
	}
	p.parse(name)
	return p
}

// parse parses the cell with a name at the spot, and checks it. Text that is being
// typed has brackets that are not closed yet, and statements that lack their end; what
// may complete it is tried, and what does not parse by itself is left out.
func (p *spot) parse(name string) {
	p.s.mu.RLock()
	defer p.s.mu.RUnlock()
	before, after := p.text[:p.start]+name, p.text[p.end:]
	line := strings.LastIndexByte(before, '\n') + 1
	for _, ends := range endings(before[line:]) {
		if p.try(before+ends+after, name, line) {
			return
		}
	}
	// What comes before is cut into its statements; this one is the last.
	items := split(before)
	if len(items) == 0 {
		return
	}
	this := items[len(items)-1]
	var earlier []byte
	for _, it := range items[:len(items)-1] {
		if _, err := parseCell("", before[it.start:it.end], token.NewFileSet()); err == nil {
			earlier = append(blank(earlier, before, it.start), before[it.start:it.end]...)
		}
	}
	earlier = blank(earlier, before, this.start)
	for _, ends := range endings(before[this.start:]) {
		if p.try(string(earlier)+before[this.start:]+ends, name, line) {
			return
		}
	}
	// The rest of the line, from where an expression begins.
	begin := expressionBefore(before)
	for _, ends := range endings(before[begin:]) {
		if p.try(string(blank(nil, before, begin))+before[begin:]+ends, name, line) {
			return
		}
	}
}

// blank adds space to a text, up to an offset of another whose lines it keeps.
func blank(text []byte, other string, offset int) []byte {
	for i := len(text); i < offset; i++ {
		if other[i] == '\n' {
			text = append(text, '\n')
		} else {
			text = append(text, ' ')
		}
	}
	return text
}

// endings gives what may complete a text: nothing, the brackets that it leaves open,
// and among these what a statement needs.
func endings(text string) []string {
	var open []token.Token
	for _, l := range lex(text) {
		switch l.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			open = append(open, l.tok)
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	inner, outer := "", ""
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] == token.LBRACE || outer != "" {
			outer += closer[open[i]].String()
		} else {
			inner += closer[open[i]].String()
		}
	}
	all := []string{""}
	for _, statement := range []string{"", "()", " {}", ":", ": }"} {
		if ends := inner + statement + outer; ends != "" {
			all = append(all, ends)
		}
	}
	return all
}

// expressionBefore gives where the operand begins that a text ends with.
func expressionBefore(text string) int {
	lexemes := lex(text)
	i := len(lexemes) - 1
	for i >= 0 && lexemes[i].tok == token.SEMICOLON && lexemes[i].lit == "\n" {
		i--
	}
	begin := len(text)
	for ; i >= 0; i-- {
		switch l := lexemes[i]; l.tok {
		case token.PERIOD:
			begin = l.start
			continue
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth := 0
			for ; i >= 0; i-- {
				switch lexemes[i].tok {
				case token.RPAREN, token.RBRACK, token.RBRACE:
					depth++
				case token.LPAREN, token.LBRACK, token.LBRACE:
					depth--
				}
				if depth == 0 {
					break
				}
			}
			if i < 0 {
				return begin
			}
			begin = lexemes[i].start
			if i > 0 && (lexemes[i-1].tok == token.IDENT || lexemes[i-1].tok == token.RBRACK || lexemes[i-1].tok == token.RPAREN) {
				continue
			}
		case token.IDENT, token.STRING:
			begin = l.start
		default:
			return begin
		}
		if i > 0 && lexemes[i-1].tok != token.PERIOD {
			return begin
		}
	}
	return begin
}

// try checks a text in the cell's place; its lines are those of the cell.
func (p *spot) try(text, name string, line int) bool {
	fset := token.NewFileSet()
	src, err := parseCell("", text, fset, p.s.imports)
	if err != nil {
		return false
	}
	if p.path = pathTo(src, fset, name, 1+strings.Count(p.text[:line], "\n"), 1+p.start-line); p.path == nil {
		return false
	}
	p.cell = &cellCheck{s: p.s, src: src, fset: fset, earlier: map[string]*Binding{}}
	p.cell.nameDots()
	_ = p.cell.hoist() // what is wrong elsewhere does not matter here
	_ = p.cell.begin()
	for again, err := true, error(nil); again && err == nil; {
		_, again, err = p.cell.mend()
	}
	return true
}

// pathTo gives the nodes from a cell's file down to the name at a place.
func pathTo(src *source, fset *token.FileSet, name string, line, column int) (found []ast.Node) {
	var path []ast.Node
	ast.Inspect(src.file, func(n ast.Node) bool {
		if found != nil {
			return false
		}
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if g, ok := n.(*ast.GenDecl); ok && src.inherited[g] {
			return false
		}
		path = append(path, n)
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			if at := fset.Position(id.Pos()); at.Line == line && at.Column == column {
				found = slices.Clone(path)
			}
		}
		return true
	})
	return found
}

// ident is the name, or the placeholder, at the spot.
func (p *spot) ident() *ast.Ident { return p.path[len(p.path)-1].(*ast.Ident) }

// parent gives the n-th node above the name, nil where there is none.
func (p *spot) parent(n int) ast.Node {
	if i := len(p.path) - 1 - n; i >= 0 {
		return p.path[i]
	}
	return nil
}

// object gives what a name or a selector means; nil if nothing.
func (p *spot) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if o := p.cell.info.ObjectOf(e); o != nil {
			return o
		}
		return p.lookup(e.Name)
	case *ast.SelectorExpr:
		return p.cell.info.ObjectOf(e.Sel)
	case *ast.IndexExpr: // an instance
		return p.object(e.X)
	}
	return nil
}

// lookup finds a name in the scopes around the spot.
func (p *spot) lookup(name string) types.Object {
	if scope := p.scope(); scope != nil {
		if _, o := scope.LookupParent(name, p.ident().Pos()); o != nil {
			return o
		}
	}
	if path, ok := p.s.ImportPath(name); ok {
		if pkg, err := p.s.Import(path); err == nil {
			return types.NewPkgName(token.NoPos, nil, name, pkg)
		}
	}
	return nil
}

// scope is the innermost one around the spot.
func (p *spot) scope() *types.Scope {
	pos := p.ident().Pos()
	scope := p.cell.pkg.Scope()
	if inner := scope.Innermost(pos); inner != nil {
		return inner
	}
	if scope.NumChildren() > 0 { // the file's, which ends before what was hoisted
		return scope.Child(0)
	}
	return scope
}

// call gives the innermost call whose arguments the spot is in; nil if there is none.
func (p *spot) call() *ast.CallExpr {
	for n := 0; p.parent(n+1) != nil; n++ {
		switch up := p.parent(n + 1).(type) {
		case *ast.CallExpr:
			if up.Fun != p.parent(n) {
				return up
			}
		case *ast.BlockStmt:
			return nil
		}
	}
	return nil
}

// position is where an object of a session's cell, or of a package's source, is
// declared; the line is 0 if that is not known.
func (p *spot) position(o types.Object) token.Position {
	switch {
	case !o.Pos().IsValid():
	case o.Pkg() == p.cell.pkg:
		return p.cell.fset.Position(o.Pos())
	case o.Pkg() != nil && o.Pkg().Path() == "main":
		return p.s.engine.FileSet().Position(o.Pos())
	case o.Pkg() != nil:
		return p.s.sourcePosition(o)
	}
	return token.Position{}
}

// inComment reports whether an offset lies in a comment that starts before it.
func inComment(text string, offset int) bool {
	end := 0
	for _, l := range lex(text) {
		if l.start >= offset && !(l.tok == token.SEMICOLON && l.start == l.end) {
			gap := text[end:min(offset, l.start)]
			return strings.Contains(gap, "//") && !strings.Contains(gap[strings.Index(gap, "//"):], "\n") || strings.Count(gap, "/*") > strings.Count(gap, "*/")
		}
		if end = max(end, l.end); end > offset {
			return false
		}
	}
	gap := text[min(end, offset):offset]
	i := strings.LastIndex(gap, "//")
	return i >= 0 && !strings.Contains(gap[i:], "\n") || strings.Count(gap, "/*") > strings.Count(gap, "*/")
}

// sortByPrefix orders candidates: those that begin with what was typed, then those that
// do so in another case; others are left out.
func sortByPrefix(found []Candidate, prefix string) []Candidate {
	found = slices.DeleteFunc(found, func(c Candidate) bool {
		return !begins(c.Name, prefix)
	})
	slices.SortStableFunc(found, func(a, b Candidate) int {
		ea, eb := strings.HasPrefix(a.Name, prefix), strings.HasPrefix(b.Name, prefix)
		switch {
		case ea && !eb:
			return -1
		case eb && !ea:
			return 1
		}
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(found, func(a, b Candidate) bool { return a.Name == b.Name })
}
