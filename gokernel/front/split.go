package front

import (
	"go/scanner"
	"go/token"
	"strings"
)

// itemKind says what a top-level item of a cell is.
type itemKind int

const (
	itemStatement itemKind = iota
	itemImport
	itemDecl // func, type, const or var
)

// item is one top-level declaration or statement: text[start:end], without the
// semicolon that ends it.
type item struct {
	kind       itemKind
	tok        token.Token // FUNC, TYPE, CONST, VAR or IMPORT for declarations
	start, end int         // byte offsets in the cell's text
}

// executed reports an item that stands in the entry's body.
func (it item) executed() bool {
	return it.kind == itemStatement || it.kind == itemDecl && it.tok == token.VAR
}

// lexeme is a token of a cell with its place.
type lexeme struct {
	tok        token.Token
	lit        string
	start, end int // byte offsets
}

// lex gives the tokens of a cell. Automatic semicolons have lit "\n" and no
// width. Errors of the scanner are left to the parser, which finds them again.
func lex(text string) []lexeme {
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(token.Position, string) {}, 0)
	var out []lexeme
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return out
		}
		start := file.Offset(pos)
		end := start + len(lit)
		switch {
		case tok == token.SEMICOLON && lit == "\n":
			end = start
		case tok == token.SEMICOLON || lit == "":
			end = start + len(tok.String())
		case tok == token.STRING && strings.HasPrefix(lit, "`"):
			// The literal leaves out carriage returns that the text has.
			if i := strings.IndexByte(text[start+1:], '`'); i >= 0 {
				end = start + 1 + i + 1
			}
		}
		out = append(out, lexeme{tok, lit, start, end})
	}
}

// split cuts a cell into its top-level items. It follows the scanner's
// semicolons and the depth of brackets alone, so it also cuts text that does not
// parse: errors are then reported inside the item that has them.
func split(text string) []item {
	var items []item
	lexemes := lex(text)
	depth := 0
	first := -1
	flush := func(end int) {
		if first >= 0 {
			it := classify(lexemes[first:end])
			it.start, it.end = lexemes[first].start, lexemes[end-1].end
			items = append(items, it)
		}
		first = -1
	}
	for i, l := range lexemes {
		switch l.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.SEMICOLON:
			if depth <= 0 {
				flush(i)
				depth = 0
				continue
			}
		}
		if first < 0 {
			first = i
		}
	}
	flush(len(lexemes))
	return items
}

func classify(l []lexeme) item {
	switch t := l[0].tok; t {
	case token.IMPORT:
		return item{kind: itemImport, tok: t}
	case token.TYPE, token.CONST, token.VAR:
		return item{kind: itemDecl, tok: t}
	case token.FUNC:
		if declaresFunc(l) {
			return item{kind: itemDecl, tok: t}
		}
	}
	return item{kind: itemStatement}
}

// declaresFunc tells a function or method declaration from a function literal:
// func name, or func (receiver) name (.
func declaresFunc(l []lexeme) bool {
	if len(l) < 2 {
		return false
	}
	if l[1].tok == token.IDENT {
		return true
	}
	if l[1].tok != token.LPAREN {
		return false
	}
	depth := 0
	for i, x := range l[1:] {
		switch x.tok {
		case token.LPAREN:
			depth++
		case token.RPAREN:
			depth--
			if depth == 0 {
				rest := l[1+i+1:]
				return len(rest) >= 2 && rest[0].tok == token.IDENT && rest[1].tok == token.LPAREN
			}
		}
	}
	return false
}

// IsComplete judges whether a cell could be evaluated as it stands ("complete"),
// waits for more lines ("incomplete"), or can never become valid ("invalid"),
// and gives the indentation for the next line of an incomplete one.
func IsComplete(text string) (status, indent string) {
	var open []token.Token
	lexemes := lex(text)
	for _, l := range lexemes {
		switch l.tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			open = append(open, l.tok)
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if len(open) == 0 || closer[open[len(open)-1]] != l.tok {
				return "invalid", ""
			}
			open = open[:len(open)-1]
		case token.STRING:
			if strings.HasPrefix(l.lit, "`") && (len(l.lit) < 2 || !strings.HasSuffix(l.lit, "`")) {
				return "incomplete", ""
			}
		case token.ILLEGAL:
			return "invalid", ""
		}
	}
	if strings.Count(text, "/*") > strings.Count(text, "*/") && unclosedComment(text) {
		return "incomplete", ""
	}
	if len(open) > 0 {
		return "incomplete", strings.Repeat("\t", len(open))
	}
	if n := len(lexemes); n > 0 {
		// After these a line ends without a semicolon: the statement goes on.
		switch t := lexemes[n-1].tok; {
		case t.IsOperator() && t != token.SEMICOLON && t != token.INC && t != token.DEC,
			t.IsKeyword() && t != token.BREAK && t != token.CONTINUE && t != token.FALLTHROUGH && t != token.RETURN:
			return "incomplete", ""
		}
	}
	if _, err := parseCell("", text, token.NewFileSet()); err != nil {
		return "invalid", ""
	}
	return "complete", ""
}

var closer = map[token.Token]token.Token{
	token.LPAREN: token.RPAREN, token.LBRACE: token.RBRACE, token.LBRACK: token.RBRACK,
}

func unclosedComment(text string) bool {
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(text))
	unclosed := false
	var s scanner.Scanner
	s.Init(file, []byte(text), func(_ token.Position, msg string) {
		unclosed = unclosed || msg == "comment not terminated"
	}, 0)
	for {
		if _, tok, _ := s.Scan(); tok == token.EOF {
			return unclosed
		}
	}
}
