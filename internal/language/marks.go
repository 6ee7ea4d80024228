package language

import "slices"

// Lines are those of a text, without their ends.
type Lines interface {
	LineCount() int
	Line(n int) string
}

// Marks are the cell marks of a text that is edited: what an edit left as it was is not read
// again. What looks like a mark in a string, a here-document or a block comment is none.
// Where one of those is nowhere closed, nobody can tell what stands in it, and all that looks
// like a mark is one.
type Marks struct {
	language Language
	count    int   // of the text's lines
	alike    []int // the lines that look like marks
	outside  []int // those of them that stand in no text: at each, scanning starts anew
	// open says that a text is open at the end. It matters, and is known, only if there are
	// lines that look like marks and stand in a text.
	open, known bool
}

// Marks are those of a text to come, which Update takes.
func (l Language) Marks() *Marks { return &Marks{language: l} }

// Lines are the lines of the marks, in order.
func (m *Marks) Lines() []int {
	if m.open {
		return m.alike
	}
	return m.outside
}

// Update takes the text as it is now. Of the text before, so many lines at the beginning and at
// the end are unchanged.
func (m *Marks) Update(lines Lines, head, tail int) {
	count := lines.LineCount()
	moved := count - m.count
	m.count = count
	m.alike = spliced(m.alike, head, count-tail, moved, func(line int) bool { return m.language.isMark(lines.Line(line)) })
	before := m.outside
	kept, _ := slices.BinarySearch(before, head)
	m.outside = slices.Clone(before[:kept])
	if m.scan(lines, func(line int) bool { // a mark below the edit, as it was before: so is all that follows
		at, was := slices.BinarySearch(before, line-moved)
		if !was || line < count-tail {
			return false
		}
		for _, mark := range before[at:] {
			m.outside = append(m.outside, mark+moved)
		}
		return true
	}) {
		m.known = m.known && len(m.outside) < len(m.alike)
	} else {
		m.known = len(m.outside) < len(m.alike)
	}
	if len(m.outside) == len(m.alike) {
		m.open = false
	} else if !m.known {
		// The end was not read, for what is hidden stands before a mark that stayed.
		m.scan(lines, func(int) bool { return false })
		m.known = true
	}
}

// scan finds the marks below the last one that is known, up to one at which known says that
// the rest is, which it then adds. Else it reads on as long as it matters what is open.
func (m *Marks) scan(lines Lines, known func(line int) bool) (rest bool) {
	line := 0
	if n := len(m.outside); n > 0 {
		line = m.outside[n-1] + 1
	}
	next, _ := slices.BinarySearch(m.alike, line)
	l := m.language
	sc := scanner{syntax: l.syntax}
	for ; line < m.count && (next < len(m.alike) || len(m.outside) < len(m.alike)); line++ {
		text := lines.Line(line)
		if next < len(m.alike) && m.alike[next] == line {
			next++
			if !sc.inText() {
				if known(line) {
					return true
				}
				m.outside = append(m.outside, line)
				sc = scanner{syntax: l.syntax}
				continue
			}
		}
		if !sc.began && l.isCellMagic(text) {
			sc = scanner{syntax: l.body(text), began: true}
			continue
		}
		sc.line(text)
	}
	m.open = sc.inText()
	return false
}

// spliced are the lines of a text of which something holds, after an edit: of those between
// from and to it is asked, those behind have moved.
func spliced(lines []int, from, to, moved int, holds func(line int) bool) []int {
	first, _ := slices.BinarySearch(lines, from)
	rest, _ := slices.BinarySearch(lines, to-moved)
	now := slices.Clone(lines[:first])
	for line := from; line < to; line++ {
		if holds(line) {
			now = append(now, line)
		}
	}
	for _, line := range lines[max(first, rest):] {
		now = append(now, line+moved)
	}
	return now
}
