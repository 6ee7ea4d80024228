package language

import (
	"regexp"
	"strings"
)

var (
	// topCall is the outermost call of R's traceback, up to the end of its first line.
	topCall = regexp.MustCompile(`(?m)^1\. (.*?)(?:\s+# at line .*)?$`)
	// failedCall is the call that R's message names, and missingName what it did not find.
	failedCall = regexp.MustCompile(`(?m)^Error in (.+?): `)
	// signalled is the outermost call where R makes an error of a warning at the top level.
	signalled   = regexp.MustCompile(`^\.signalSimpleWarning\(`)
	missedCall  = regexp.MustCompile("(?m)^Error in (.+?): could not find function ")
	missingName = regexp.MustCompile("(?m)^Error.*: (?:object ['‘]([^'’\n]+)['’] not found|could not find function [\"“]([^\"”\n]+)[\"”])")
)

// runLine is the magic with which IPython runs a file, in whose traceback the cell is not.
var runLine = regexp.MustCompile(`^\s*%run\s.*?([^\s/\\"']+?)(?:\.\w+)?["']?(?:\s|$)`)

// ranAt finds the line, from 1, of the magic that ran a file which failed.
func ranAt(code []string, text string) int {
	first := 0
	for i, line := range code {
		m := runLine.FindStringSubmatch(line)
		switch {
		case m == nil:
		case strings.Contains(text, m[1]):
			return i + 1
		case first == 0:
			first = i + 1
		}
	}
	return first
}

// calledAt finds the line, from 1, at which code called what a traceback tells of as text
// alone; 0 if it does not say so, or that text is not there.
func (l Language) calledAt(e Error, text string) int {
	if !l.traceback.deparsed {
		return 0
	}
	text = plain(text)
	code := l.deparse(e.Code)
	failed := failedCall.FindStringSubmatch(text)
	if m := topCall.FindStringSubmatch(text); m != nil {
		at := code.find(m[1])
		if at == 0 && failed != nil {
			at = code.findPiped(failed[1])
		}
		if at == 0 {
			at = code.findPiped(m[1])
		}
		if at == 0 && failed != nil && signalled.MatchString(m[1]) {
			at = code.findOnly(failed[1])
		}
		return at
	}
	if m := missingName.FindStringSubmatch(text); m != nil {
		return code.findWord(m[1] + m[2])
	}
	if failed != nil {
		at := code.find(failed[1])
		if at == 0 {
			at = code.findPiped(failed[1])
		}
		return at
	}
	return 0
}

// missedAt finds the line, from 1, of the call of a function that there is not, which is
// in no traceback; 0 if that is not what failed, or the call is not there.
func (l Language) missedAt(e Error, text string) int {
	if !l.traceback.deparsed {
		return 0
	}
	m := missedCall.FindStringSubmatch(plain(text))
	if m == nil {
		return 0
	}
	return l.deparse(e.Code).find(m[1])
}

// deparsed is code without what R changes when it prints a call: blanks, comments, which
// quotes are used.
type deparsed struct {
	lines []string
	text  string
	line  []int // of each byte of text, from 1
}

func (l Language) deparse(code string) deparsed {
	d := deparsed{lines: splitLines(code)}
	var text strings.Builder
	for i, st := range l.syntax.scan(d.lines) {
		d.lines[i] = d.lines[i][:st.end]
		piece := squeeze(d.lines[i])
		text.WriteString(piece)
		for range len(piece) {
			d.line = append(d.line, i+1)
		}
	}
	d.text = text.String()
	return d
}

// squeeze takes out of code what does not tell calls apart.
func squeeze(code string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r', '\\':
			return -1
		case '\'':
			return '"'
		}
		return r
	}, code)
}

// find gives the line of a call: where it begins a line, or else the first place.
func (d deparsed) find(call string) int {
	call = squeeze(call)
	if call == "" {
		return 0
	}
	first := 0
	for from := 0; ; {
		i := strings.Index(d.text[from:], call)
		if i < 0 {
			return first
		}
		at := from + i
		if at == 0 || d.line[at-1] != d.line[at] {
			return d.line[at]
		}
		if first == 0 {
			first = d.line[at]
		}
		from = at + len(call)
	}
}

// findOnly gives the line of a call that stands there once.
func (d deparsed) findOnly(call string) int {
	if call = squeeze(call); call == "" || strings.Count(d.text, call) != 1 {
		return 0
	}
	return d.find(call)
}

// findPiped gives the line of a call that a pipe gave its first argument.
func (d deparsed) findPiped(call string) int {
	name, rest, ok := strings.Cut(squeeze(call), "(")
	if !ok {
		return 0
	}
	depth, end := 0, 0
	for end < len(rest) && (depth > 0 || rest[end] != ',' && rest[end] != ')') {
		switch rest[end] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		end++
	}
	for _, pipe := range []string{"|>", "%>%"} {
		if i := strings.Index(d.text, pipe+name+"("+strings.TrimPrefix(rest[end:], ",")); i >= 0 {
			return d.line[i+len(pipe)]
		}
	}
	return 0
}

// findWord gives the first line with a name.
func (d deparsed) findWord(name string) int {
	word := regexp.MustCompile(`(?:^|[^\pL\pN_.])` + regexp.QuoteMeta(name) + `(?:[^\pL\pN_.]|$)`)
	for i, line := range d.lines {
		if word.MatchString(line) {
			return i + 1
		}
	}
	return 0
}
