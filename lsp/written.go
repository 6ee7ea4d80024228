package lsp

import (
	"regexp"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
)

// withWritten adds to what a kernel offers the names that are written in the definition around the
// place, or above it in its cell: most kernels know nothing of what was not evaluated yet, and the
// others are asked only where a global name does not begin alike. They stand before the names that
// the kernel knows, for they are nearer.
func (p place) withWritten(matches []match) []match {
	word := p.language.WordAtEnd(p.typed())
	if !p.takesName(word) {
		return matches
	}
	known := map[string]bool{word: true}
	for _, m := range matches {
		known[strings.TrimRight(m.text, " =")] = true
	}
	var written []match
	for _, name := range p.language.NamesIn(p.cell) {
		if begins(name, word) && len(name) <= maxLabel && !known[name] {
			written = append(written, match{text: name, typed: word, kind: protocol.CompletionItemKindVariable})
		}
	}
	return ranked(append(written, matches...))
}

// importing is a statement of Python's in which the names of modules stand.
var importing = regexp.MustCompile(`^\s*(?:from|import)\s`)

// takesName says whether the word before the cursor is the beginning of a name that stands for
// itself.
func (p place) takesName(word string) bool {
	l := p.language
	if word == "" || '0' <= word[0] && word[0] <= '9' || l.Context {
		return false
	}
	before := strings.TrimSuffix(p.typed(), word)
	if l.ID == "shellscript" { // also in a string
		return strings.HasSuffix(before, "$") || strings.HasSuffix(before, "${")
	}
	if p.spot.String >= 0 || l.MemberAtEnd(before) != "" {
		return false
	}
	statement := strings.TrimLeft(p.plain(p.logical()), " \t")
	magic := l.Magics && strings.HasPrefix(statement, "%") || strings.HasPrefix(statement, "!")
	return !magic && !(l.ID == "python" && importing.MatchString(statement))
}

// rebound says whether a path begins with a name that the function around the place has given
// another meaning than the name has outside: what the line would be asked for.
func (p place) rebound(path string) bool {
	name, _, member := strings.Cut(path, ".")
	if !member || name == "" || p.language.ID != "python" {
		return false
	}
	lines := strings.Split(p.cell, "\n")
	last := len(lines) - 1
	indent := len(lines[last]) - len(strings.TrimLeft(lines[last], " \t"))
	binding := regexp.MustCompile(strings.ReplaceAll(bindingForm, "NAME", regexp.QuoteMeta(name)))
	bound := false
	for _, line := range slices.Backward(lines[:last]) {
		text := strings.TrimLeft(line, " \t")
		if text == "" {
			continue
		}
		if in := len(line) - len(text); in < indent {
			indent = in
			if functionHead.MatchString(text) {
				return bound
			}
		}
		bound = bound || binding.MatchString(text)
	}
	return false
}

// bindingForm matches a statement of Python's that gives a name a meaning.
const bindingForm = `^(?:\(?(?:[\pL\pN_*]+\s*,\s*)*\*?NAME\s*(?:,[\s\pL\pN_,*]*)?\)?\s*(?::[^=]*)?=(?:[^=]|$)` +
	`|(?:async\s+)?for\s+[^:]*?\bNAME\b.*\bin\b|(?:async\s+)?(?:with|import|from|except)\b.*\bas\s+NAME\b)`

// functionHead begins a function of Python's.
var functionHead = regexp.MustCompile(`^(?:async\s+)?def\s`)
