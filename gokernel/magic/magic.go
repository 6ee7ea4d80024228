// Package magic finds, in the text of a cell, what is no Go but is meant for the
// kernel: %name, %%name, !command, and ?name.
package magic

import (
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
)

// Kind is what a part of a cell is.
type Kind int

// The kinds.
const (
	Go    Kind = iota
	Line       // %name arguments
	Cell       // %%name arguments, and the lines after it
	Shell      // !command
	Help       // ?name, name?, name??
)

// Part is a piece of a cell.
type Part struct {
	Kind Kind
	// Text is Go code, with line breaks before it so that its lines have their
	// numbers; a command of the shell; or the body of a cell magic.
	Text string
	Name string // of a magic, or what help is asked for
	Args string // the rest of a magic's line
	// Detail is set where the source is asked for: name??.
	Detail bool
	Line   int // in the cell, from 1
	column int // of Args in bytes, from 0
}

// Code gives the Go code that a magic was given, with the space before it that has
// its places be those in the cell.
func (p Part) Code() string {
	if p.Kind == Cell && p.Text != "" {
		return strings.Repeat("\n", p.Line) + p.Text
	}
	return strings.Repeat("\n", p.Line-1) + strings.Repeat(" ", p.column) + p.Args
}

var (
	magicLine = regexp.MustCompile(`^\s*%([\pL_][\pL\pN_]*)(?:\s+(.*?))?\s*$`)
	magicCell = regexp.MustCompile(`^\s*%%([\pL_][\pL\pN_]*)(?:[ \t]+(.*?))?\s*$`)
	shellLine = regexp.MustCompile(`^\s*!\s*(\S.*)$`)
	helpLine  = regexp.MustCompile(`^\s*(\?{0,2})\s*(%{0,2}[\pL_][\pL\pN_.]*)\s*(\?{0,2})\s*$`)
)

// Split gives the parts of a cell. isName reports a name that Go code can begin
// with: "!ok" is an expression where ok is a variable.
func Split(text string, isName func(string) bool) []Part {
	first := strings.TrimLeft(text, " \t\r\n")
	if m := magicCell.FindStringSubmatch(firstLine(first)); m != nil {
		_, body, _ := strings.Cut(first, "\n")
		return []Part{{Kind: Cell, Name: m[1], Args: m[2], Text: body, Line: 1 + strings.Count(text[:len(text)-len(first)], "\n")}}
	}
	var parts []Part
	var code strings.Builder
	begin := 1 // line of code's begin
	flush := func() {
		if strings.TrimSpace(code.String()) != "" {
			parts = append(parts, Part{Kind: Go, Text: strings.Repeat("\n", begin-1) + code.String(), Line: begin})
		}
		code.Reset()
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		p, ok := partOf(strings.TrimRight(line, "\r\n"), isName)
		if ok && ended(code.String()) {
			flush()
			begin = number + 1
			p.Line = number
			parts = append(parts, p)
			continue
		}
		code.WriteString(line)
	}
	flush()
	return parts
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func partOf(line string, isName func(string) bool) (Part, bool) {
	if m := magicLine.FindStringSubmatch(line); m != nil {
		return Part{Kind: Line, Name: m[1], Args: m[2], column: max(magicLine.FindStringSubmatchIndex(line)[4], 0)}, true
	}
	if m := helpLine.FindStringSubmatch(line); m != nil && m[1]+m[3] != "" {
		return Part{Kind: Help, Name: m[2], Detail: len(m[1]) == 2 || len(m[3]) == 2}, true
	}
	if m := shellLine.FindStringSubmatch(line); m != nil && !isExpression(m[1], isName) {
		return Part{Kind: Shell, Text: m[1]}, true
	}
	return Part{}, false
}

// isExpression reports that what follows ! is Go: a bracket, another !, or a name
// of the session.
func isExpression(s string, isName func(string) bool) bool {
	if s[0] == '(' || s[0] == '!' || s[0] == '*' {
		return true
	}
	word := regexp.MustCompile(`^[\pL_][\pL\pN_]*`).FindString(s)
	return word != "" && isName(word)
}

// ended reports that code ends between statements: no bracket, comment or text is
// open, and no operator waits for its operand.
func ended(code string) bool {
	if strings.TrimSpace(code) == "" {
		return true
	}
	var s scanner.Scanner
	fset := token.NewFileSet()
	open := false
	s.Init(fset.AddFile("", -1, len(code)), []byte(code), func(_ token.Position, message string) {
		open = open || strings.Contains(message, "not terminated")
	}, 0)
	depth := 0
	last := token.SEMICOLON
	for {
		_, tok, _ := s.Scan()
		switch tok {
		case token.EOF:
			return depth <= 0 && !open && last == token.SEMICOLON
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		}
		last = tok
	}
}
