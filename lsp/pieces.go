package lsp

import (
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
)

// A document is a table of pieces, each with a kind and a language of its own. What depends on
// either asks for the piece of a line; nothing asks the document.

// piece is a part of a document: a cell of a script, or the whole of one without cell marks.
// It stays the same one over edits elsewhere.
type piece struct {
	kind     pieceKind
	language language.Language
	title    string
	// first is the first line that belongs to it, and mark that of its cell mark, or -1.
	// [start, end) are the lines of its text: what it has to evaluate, if it is code.
	first, mark, start, end int

	outlined *language.Outline // of its text, once that is asked for
}

type pieceKind int

const (
	codePiece pieceKind = iota
	prosePiece
	rawPiece // neither code nor prose, for who exports the document
)

// pieces is a document's table, in order: each line belongs to one of them. It is brought up to
// date when it is asked for, at the cost of what was edited since; Server.mu guards it.
type pieces struct {
	doc   *document.Document
	lang  language.Language
	marks *language.Marks
	count int  // lines of the document
	above int  // lines above the first mark
	head  bool // there is code in them
	all   []*piece
}

func newPieces(d *document.Document, lang language.Language) *pieces {
	p := &pieces{doc: d, lang: lang, marks: lang.Marks()}
	p.update(0, 0)
	return p
}

// table is the document's pieces as they are now; Server.mu is held.
func (d *openDocument) table() *pieces {
	switch head, tail, changed := d.Changed(); {
	case d.pieces == nil || d.pieces.lang.ID != d.language.ID:
		d.pieces = newPieces(d.Document, d.language)
	case changed:
		d.pieces.update(head, tail)
	}
	return d.pieces
}

// pieceAt is the piece that a line belongs to: one that is no line, to the piece at that end;
// Server.mu is held.
func (d *openDocument) pieceAt(line int) *piece {
	p := d.table()
	return p.all[p.index(line)]
}

// sessionAt is the session of the piece at a line: all pieces of a document share one so far;
// Server.mu is held.
func (d *openDocument) sessionAt(int) *kernelSession { return d.session }

// index is which piece a line belongs to.
func (p *pieces) index(line int) int {
	n, found := slices.BinarySearchFunc(p.all, line, func(at *piece, line int) int { return at.first - line })
	if !found {
		n--
	}
	return max(0, n)
}

// LineCount and Line are those of the code, without a byte order mark.
func (p *pieces) LineCount() int { return p.doc.LineCount() }

func (p *pieces) Line(n int) string {
	text := p.doc.Line(n)
	if n == 0 {
		text = strings.TrimPrefix(text, byteOrderMark)
	}
	return text
}

const byteOrderMark = "\ufeff"

// text gives the lines [from, to).
func (p *pieces) text(from, to int) []string {
	lines := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		lines = append(lines, p.Line(n))
	}
	return lines
}

// update finds the pieces again after edits that left so many lines at the beginning and at the
// end as they were.
func (p *pieces) update(head, tail int) {
	p.marks.Update(p, head, tail)
	marks := p.marks.Lines()
	before, moved := p.all, p.doc.LineCount()-p.count
	p.count = p.doc.LineCount()
	if len(marks) > 0 && (head <= marks[0] || marks[0] != p.above) {
		p.above, p.head = marks[0], p.lang.HasCode(p.text(0, marks[0]))
	}
	// What begins each piece, with -1 for what stands above the marks.
	begins := marks
	if len(marks) == 0 || p.head {
		begins = append([]int{-1}, marks...)
	}
	end := func(n int) int {
		if n+1 < len(begins) {
			return begins[n+1]
		}
		return p.count
	}
	p.all = make([]*piece, len(begins))
	same, most := 0, min(len(before), len(begins))
	for ; same < most && before[same].mark == begins[same] && end(same) <= head && p.last(before, same, p.count-moved) == end(same); same++ {
		p.all[same] = before[same]
	}
	behind := 0 // how many at the end are as they were, and have moved
	for ; behind < most-same && begins[len(begins)-1-behind] >= 0; behind++ {
		n, old := len(begins)-1-behind, before[len(before)-1-behind]
		if begins[n] < p.count-tail || begins[n] != old.mark+moved {
			break
		}
		old.first, old.mark, old.start, old.end = old.mark+moved, old.mark+moved, old.start+moved, old.end+moved
		p.all[n] = old
	}
	edited := before[same : len(before)-behind]
	for n := same; n < len(begins)-behind; n++ {
		at := new(piece)
		if one := n - same; one < len(edited) && (len(edited) == len(begins)-behind-same || one == 0 && edited[0].mark == begins[n]) {
			at = edited[one]
		}
		p.read(at, begins[n], end(n))
		p.all[n] = at
	}
	p.all[0].first = 0 // and what stands above its mark, if that is no code
}

// last is the line behind a piece of a table of so many lines.
func (p *pieces) last(all []*piece, n, count int) int {
	if n+1 < len(all) {
		return all[n+1].mark
	}
	return count
}

// read takes a piece from the text: begin is the line of its mark, or -1.
func (p *pieces) read(at *piece, begin, end int) {
	*at = piece{language: p.lang, first: begin, mark: begin, start: begin + 1, end: end}
	if end == p.count && end > 1 && p.Line(end-1) == "" {
		at.end-- // nothing stands behind the last line's end
	}
	if begin < 0 {
		return
	}
	var kind string
	at.title, kind = p.lang.ReadMark(p.Line(begin))
	switch kind {
	case "":
	case "raw":
		at.kind = rawPiece
	default:
		at.kind = prosePiece
	}
}

// outline is the piece's text taken apart.
func (p *pieces) outline(at *piece) *language.Outline {
	if at.outlined == nil {
		at.outlined = at.language.Outline(p.text(at.start, at.end))
	}
	return at.outlined
}

// code is what a piece has to evaluate: the lines [start, end), without blank ones around it and
// what its kernel must not see. ok is false if there is nothing.
func (p *pieces) code(at *piece) (start, end int, ok bool) {
	if at.kind != codePiece {
		return 0, 0, false
	}
	for _, c := range p.outline(at).CodeCells() {
		return at.start + c.Start, at.start + c.End, true
	}
	return 0, 0, false
}

// statement is the statement that a line belongs to: the lines [start, end).
func (p *pieces) statement(line int) (start, end int) {
	at := p.all[p.index(line)]
	if line < at.start || line >= at.end {
		return line, line + 1
	}
	start, end = p.outline(at).Statement(line - at.start)
	return at.start + start, at.start + end
}

// definition is the definition or statement at a line: the lines [start, end). A comment right
// above belongs to what it stands above; another place above the first one of its piece, to the
// one before, where there is one. ok is false if there is no code at all.
func (p *pieces) definition(line int) (start, end int, ok bool) {
	at := p.index(line)
	in := func(one *piece, line int) bool {
		start, end, ok = p.outline(one).Definition(line - one.start)
		start, end = one.start+start, one.start+end
		return ok
	}
	next := slices.IndexFunc(p.all[at:], func(one *piece) bool { return in(one, line) })
	if next == 0 && line >= start || next >= 0 && p.unbroken(line, start) {
		return start, end, true
	}
	for _, before := range slices.Backward(p.all[:at]) {
		if in(before, before.end) {
			return start, end, true
		}
	}
	if next < 0 {
		return 0, 0, false
	}
	in(p.all[at+next], line)
	return start, end, true
}

// unbroken says that no line of [from, to) is blank.
func (p *pieces) unbroken(from, to int) bool {
	for n := max(0, from); n < to; n++ {
		if strings.TrimSpace(p.Line(n)) == "" {
			return false
		}
	}
	return true
}

// program tells whether all pieces are one program, which is evaluated whole.
func (p *pieces) program() bool { return p.lang.IsProgram(strings.Join(p.text(0, p.count), "\n")) }

// above is the first line of the piece that is told with another one of it: where its text
// begins, or what stands above its mark.
func (at *piece) above(line int) int {
	switch {
	case line >= at.start:
		return at.start
	case line == at.mark:
		return line
	}
	return at.first
}
