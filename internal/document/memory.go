package document

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// memory is what an anchor knows of its text.
type memory struct {
	text string // what was anchored
	// before and after it on its first and last line; nothing if it has them for itself.
	before, after side
	// lines are its lines without the blanks around them, as they were when it last
	// stood there, and at is where text starts in them: before them if it starts with
	// blanks.
	lines  string
	at     int
	indent int // how many bytes stood before lines
}

// side is the nearest character beside a text that is no blank; 0 for none.
type side struct {
	char rune
	near bool // no blank stands between
}

// remember notes the anchor's text as it stands now.
func (a *Anchor) remember() *memory {
	text := a.doc.text
	m := &memory{text: string(text[a.start:a.end])}
	m.before, m.after = a.doc.sides(a.start, a.end)
	head, tail := a.doc.linesAround(a.start, a.end)
	m.indent = a.doc.indentAt(a.start)
	head += m.indent
	m.at = a.start - head
	if m.whole() {
		m.lines = trim(m.text)
	} else {
		m.lines = trim(string(text[head:tail]))
	}
	return m
}

// whole says that the anchor was on whole lines.
func (m *memory) whole() bool { return m.before == side{} && m.after == side{} }

// indentAt is how many blanks stand before the code of the line at an offset, in bytes.
func (d *Document) indentAt(at int) int {
	start, end := d.lineBounds(d.lineAt(at))
	line := d.text[start:end]
	return len(line) - len(bytes.TrimLeft(line, blanks))
}

// height is how many lines there are below the first.
func (m *memory) height() int { return strings.Count(m.lines, "\n") }

// firstLine is the first of lines.
func (m *memory) firstLine() string {
	if i := strings.IndexAny(m.lines, lineEnds); i >= 0 {
		return strings.TrimRight(m.lines[:i], blanks)
	}
	return m.lines
}

// standsAt says whether the text that was anchored stands at a place, for itself.
func (a *Anchor) standsAt(at int) bool {
	m, text := a.memory, a.doc.text
	end := at + len(m.text)
	if at < 0 || end > len(text) || string(text[at:end]) != m.text {
		return false
	}
	before, after := a.doc.sides(at, end)
	return apart(before, m.before, "([{,;") && apart(after, m.after, ")]},;")
}

// sides are the sides of a piece of text.
func (d *Document) sides(start, end int) (before, after side) {
	head, tail := d.linesAround(start, end)
	if left := bytes.TrimRight(d.text[head:start], blanks); len(left) > 0 {
		before.char, _ = utf8.DecodeLastRune(left)
		before.near = len(left) == start-head
	}
	if right := bytes.TrimLeft(d.text[end:tail], blanks); len(right) > 0 {
		after.char, _ = utf8.DecodeRune(right)
		after.near = len(right) == tail-end
	}
	return before, after
}

// apart says whether a text is no part of something longer on one side if it was
// not, once: a text that had the line for itself has it still; any other is beside
// what it was beside, or beside one of the characters that end an expression.
func apart(is, was side, ends string) bool {
	switch {
	case is == was:
		return true
	case was == side{}:
		return false
	}
	return is == side{} || strings.ContainsRune(ends, is.char)
}
