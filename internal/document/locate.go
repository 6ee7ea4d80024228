package document

import "bytes"

// Passage is a piece of a document's text with the lines that it stands on, to be found
// again in a document of another time or place. The zero Passage is in no text.
type Passage struct {
	// Line is that of its beginning, from 0.
	Line int
	// Lines is the text of its lines, with the line ends between them.
	Lines string
	// Start and End are its bounds in Lines, in bytes.
	Start, End int
}

// Passage is the anchor's text where it stands now.
func (a *Anchor) Passage() Passage {
	start, end := a.extent()
	d := a.doc
	first, last := d.lineAt(start), d.lineAt(end)
	from, _ := d.lineBounds(first)
	_, to := d.lineBounds(last)
	return Passage{Line: first, Lines: string(d.text[from:to]), Start: start - from, End: end - from}
}

// Locate finds where a passage's lines stand as they were: where they stood, else at the
// nearest place. Places that are not free are passed over.
func (d *Document) Locate(p Passage, free func(Range) bool) (Range, bool) {
	if p.Lines == "" || p.Start < 0 || p.End < p.Start || p.End > len(p.Lines) {
		return Range{}, false
	}
	for away := range max(p.Line, len(d.starts)-p.Line) + 1 {
		for i, line := range []int{p.Line - away, p.Line + away} {
			if line < 0 || line >= len(d.starts) || i == 1 && away == 0 || !d.standsOn(line, p.Lines) {
				continue
			}
			at := d.starts[line]
			r := Range{Start: d.Position(at + p.Start), End: d.Position(at + p.End)}
			if free == nil || free(r) {
				return r, true
			}
		}
	}
	return Range{}, false
}

// standsOn tells whether the lines from one on are these.
func (d *Document) standsOn(line int, lines string) bool {
	at := d.starts[line]
	end := at + len(lines)
	if end > len(d.text) || !bytes.Equal(d.text[at:end], []byte(lines)) {
		return false
	}
	return end == len(d.text) || d.text[end] == '\n' || d.text[end] == '\r'
}
