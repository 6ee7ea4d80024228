package language

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Spot is what a position in code is in.
type Spot struct {
	// Comment says that it is in a comment.
	Comment bool
	// String is where the string that it is in begins, behind its quote; -1 if it is in none.
	// What is put into a string, as in f"{x}", is code.
	String int
	// Quote opened that string.
	Quote string
	// Open are the brackets that are open, the outermost first.
	Open []Bracket

	comments [][2]int // offsets of the comments before it
}

// Bracket is one that is open.
type Bracket struct {
	At       int  // offset
	Sign     byte // '(', '[' or '{'
	Argument int  // offset behind its last comma, or behind the bracket
	Commas   int
}

// Code says that the position is in neither a string nor a comment.
func (s Spot) Code() bool { return !s.Comment && s.String < 0 }

// Spot tells what the end of a text, such as a cell up to the cursor, is in.
func (l Language) Spot(text string) Spot {
	sc := scanner{syntax: l.syntax, heads: l.syntax.heads != nil}
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		sc.line(line)
	}
	// The line that is being written may be a magic whose arguments are code.
	last := *l.syntax
	last.magic = nil
	sc.syntax = &last
	sc.begin(lines[len(lines)-1])

	s := Spot{String: -1, Comment: sc.comment, comments: sc.comments}
	for _, o := range sc.open {
		if o.kind >= bracketOpen && o.close != "" && !o.field {
			s.Open = append(s.Open, l.bracket(text, o))
		}
	}
	if t := sc.top(); t != nil {
		s.Comment = s.Comment || t.kind == commentOpen
		if t.kind == textOpen || t.kind == hereDocOpen {
			s.String, s.Quote = sc.string()
		}
	}
	return s
}

// string gives where the innermost string that is open begins, and its quote.
func (s *scanner) string() (from int, quote string) {
	for _, o := range slices.Backward(s.open) {
		if o.kind == textOpen && o.from > 0 { // not the format behind code in a string
			return o.from, o.quote.open
		}
	}
	return s.base, ""
}

// lambda matches code that ends in the parameters of a function without brackets.
var lambda = regexp.MustCompile(`\blambda\b[^:]*$`)

// maxLambda bounds such parameters, in bytes.
const maxLambda = 200

func (l Language) bracket(text string, o opening) Bracket {
	b := Bracket{At: o.at, Sign: text[o.at], Argument: o.at + 1}
	for _, comma := range o.commas {
		if l.syntax.indented && lambda.MatchString(text[max(b.Argument, comma-maxLambda):comma]) {
			continue
		}
		b.Commas++
		b.Argument = comma + 1
	}
	return b
}

// OneLine gives the statement that a text ends in, as far as brackets and strings that are
// open or a line that begins with an operator for members say that it began on a line above,
// in one line and without its comments; ok is false if it began on the last line.
func (l Language) OneLine(text string, s Spot) (line string, ok bool) {
	last := strings.LastIndexByte(text, '\n') + 1
	start := last
	if len(s.Open) > 0 {
		start = min(start, s.Open[0].At)
	}
	start = strings.LastIndexByte(text[:start], '\n') + 1
	for start > 0 && l.continues(text[start:]) {
		start = strings.LastIndexByte(strings.TrimRight(text[:start], " \t\n"), '\n') + 1
	}
	if start >= last {
		return "", false
	}
	var code, joined strings.Builder
	at := start
	for _, r := range s.comments {
		if r[0] >= at {
			code.WriteString(text[at:r[0]])
			at = r[1]
		}
	}
	code.WriteString(text[at:])
	parts := strings.Split(code.String(), "\n")
	for i, part := range parts {
		if i > 0 {
			part = strings.TrimLeft(part, " \t")
			if part != "" && !l.continues(part) {
				joined.WriteByte(' ')
			}
		}
		if i < len(parts)-1 {
			part = strings.TrimRight(part, " \t\\\r")
		}
		joined.WriteString(part)
	}
	return joined.String(), true
}

// continues says whether a text begins with an operator for members, as the lines of a
// chain do.
func (l Language) continues(text string) bool {
	text = strings.TrimLeft(text, " \t\n")
	for _, op := range l.Members {
		if strings.HasPrefix(text, op) && op != ":" {
			return true
		}
	}
	return false
}

// InWord says whether a character can be a part of a name.
func (l Language) InWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(l.wordSigns, r)
}

// WordAtEnd is the part of a name that a text ends with.
func (l Language) WordAtEnd(text string) string {
	start := len(text)
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(text[:start])
		if !l.InWord(r) {
			break
		}
		start -= size
	}
	return text[start:]
}

// PathAtEnd is the name that a text ends with, and what it is taken from: names with the
// operators for members between them. whole is false if something else stands before the first
// of these operators, such as the brackets of a call.
func (l Language) PathAtEnd(text string) (path string, whole bool) {
	start := len(text)
	for {
		word := l.WordAtEnd(text[:start])
		if word == "" && start < len(text) { // an operator, and no name before it
			return text[start:], false
		}
		start -= len(word)
		op := l.MemberAtEnd(text[:start])
		if op == "" {
			return text[start:], true
		}
		if before := l.WordAtEnd(text[:start-len(op)]); before == "" {
			return text[start:], false
		}
		start -= len(op)
	}
}

// MemberAtEnd is the operator for members that a text ends with; "" for none.
func (l Language) MemberAtEnd(text string) string {
	for _, op := range l.Members {
		if strings.HasSuffix(text, op) {
			return op
		}
	}
	return ""
}
