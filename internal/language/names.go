package language

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NamesIn gives the names in the code of a text, such as a cell up to the cursor, that can be
// meant where it ends, without the word that it ends with; what was written last comes first.
// They are those of the definition that the end is in, without what is of another function
// there, and those at the margin. A name behind an operator for members is none.
func (l Language) NamesIn(text string) []string {
	n := naming{language: l, text: text, word: len(text) - len(l.WordAtEnd(text))}
	sc := scanner{syntax: l.syntax, heads: l.syntax.heads != nil, named: n.take}
	lines := strings.Split(text, "\n")
	states := make([]lineState, len(lines))
	for i, line := range lines {
		n.line = i
		states[i] = sc.line(line)
	}
	meant := n.within(lines, states)
	var names []string
	seen := map[string]bool{}
	for _, w := range slices.Backward(n.written) {
		if !seen[w.name] && meant(w) {
			seen[w.name] = true
			names = append(names, w.name)
		}
	}
	return names
}

// naming collects the names that a scanner reads.
type naming struct {
	language Language
	text     string
	word     int // offset of the word that the text ends with
	line     int
	end      int // of the last name that was taken or passed over
	written  []writtenName
}

type writtenName struct {
	name  string
	line  int
	depth int  // how much was open around it
	head  bool // it is the one that a definition defines
}

// reserved are words that are no names, in one language or another. A shell's are few, and
// it has commands of these names.
var reserved = set(`and as async await begin break case catch class const continue def define defun do done elif else elseif
	elsif end esac except extends false fi finally fn for from func function global if import in instanceof is lambda let local new
	next nil none nonlocal not null or pass raise repeat return select set then this throw true try typeof unless until var void
	when while with yield`)

// nameLead is how much of a line is looked at before a name, in bytes.
const nameLead = 80

// take takes a part of a name, of which the scanner knows no other signs than letters.
func (n *naming) take(at, size, depth int) {
	if at < n.end {
		return // it is a part of that name
	}
	l, end := n.language, at+size
	at -= len(l.WordAtEnd(n.text[n.end:at]))
	for end < len(n.text) {
		r, size := utf8.DecodeRuneInString(n.text[end:])
		if !l.InWord(r) {
			break
		}
		end += size
	}
	n.end = end
	name, before := n.text[at:end], n.text[:at]
	first, _ := utf8.DecodeRuneInString(name)
	if at >= n.word || unicode.IsDigit(first) || reserved[strings.ToLower(name)] || l.MemberAtEnd(before) != "" {
		return
	}
	line := before[max(0, at-nameLead):]
	if start := strings.LastIndexByte(line, '\n') + 1; start > 0 || len(line) == at {
		line = line[start:]
	} else {
		line = "x" + line // it does not begin there
	}
	next := n.text[end:min(end+1, len(n.text))]
	switch {
	case l.ID == "shellscript" && (first == '-' || next != "=" && !variableBefore.MatchString(line)):
		return // a command, or an argument of one
	case l.ID != "shellscript" && (next == `"` || next == "'"):
		return // of a string
	}
	n.written = append(n.written, writtenName{name, n.line, depth, definitionBefore.MatchString(line)})
}

var (
	// definitionBefore stands before the name that it defines, in Lisp also in a bracket.
	definitionBefore = regexp.MustCompile(`(?:^|[\s(])(?:def|class|func|function|fn|macro|define)\s+\(?$`)
	// variableBefore stands before the name of a variable in a shell.
	variableBefore = regexp.MustCompile(`\$\{?$|(?:^|[\s;&|({])(?:for|select|local|declare|typeset|readonly|export|read)\s+(?:-\w+\s+)*$`)
)

// within tells which names can be meant at the end of the text.
func (n *naming) within(lines []string, states []lineState) func(writtenName) bool {
	if n.language.syntax.indented {
		return n.byIndentation(lines, states)
	}
	start := 0 // of the definition that the text ends in
	atMargin := func(i int) bool {
		return !states[i].inside && states[i].depth == 0 && lines[i] != "" && n.language.isHead(lines[i])
	}
	for i := range lines {
		if states[i].code && atMargin(i) {
			start = i
		}
	}
	return func(w writtenName) bool {
		return w.line >= start || atMargin(w.line) && (w.depth == 0 || w.head)
	}
}

// byIndentation does so where a function has what is indented below its head.
func (n *naming) byIndentation(lines []string, states []lineState) func(writtenName) bool {
	const none = -1
	around := make([]int, len(lines)) // the line with the head of the function that a line is in
	heads := make([]bool, len(lines)) // it is one itself
	var open []int
	for i, line := range lines {
		switch {
		case i > 0 && states[i].inside:
			around[i], heads[i] = around[i-1], heads[i-1]
			continue
		case states[i].code:
			in := indentation(line)
			for len(open) > 0 && in <= indentation(lines[open[len(open)-1]]) {
				open = open[:len(open)-1]
			}
			heads[i] = functionHead.MatchString(line)
		}
		around[i] = none
		if len(open) > 0 {
			around[i] = open[len(open)-1]
		}
		if heads[i] {
			open = append(open, i)
		}
	}
	// A head's line has the parameters, which are the function's.
	in := func(line int, named bool) int {
		for heads[line] && states[line].inside {
			line--
		}
		if heads[line] && !named {
			return line
		}
		return around[line]
	}
	visible := map[int]bool{none: true}
	for f := in(len(lines)-1, false); f != none; f = around[f] {
		visible[f] = true
	}
	return func(w writtenName) bool { return visible[in(w.line, w.head)] }
}

// functionHead begins a function or a class of Python's.
var functionHead = regexp.MustCompile(`^[ \t]*(?:(?:async\s+)?def|class)\s`)

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
