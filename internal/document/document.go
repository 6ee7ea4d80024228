// Package document holds the text of an open document: positions in the three
// encodings of LSP, edits as editors send them, and anchors that stay on their
// piece of text while everything around it changes.
package document

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
)

// Document is one open text document. It is not safe for concurrent use: its
// owner holds one lock around the document and all of its anchors.
type Document struct {
	uri        string
	languageID string
	version    int
	enc        Encoding

	text   []byte
	cached *string // text as a string, until the next edit
	starts []int   // byte offset of every line's first byte; starts[0] is 0
	// head and tail are how many lines at the beginning and at the end are as they were when
	// Changed was asked last.
	head, tail int

	anchors []*Anchor
	wanted  map[uint64][]*Anchor // those that are gone, by the first lines of their texts
	touched []*Anchor            // by the edits of this Apply
	spans   []span               // what they put in
	earlier []span               // what those of the Apply before did
	settled []*Anchor            // by the last Apply
	seed    maphash.Seed
}

// Edit replaces Range by Text. A nil Range stands for the whole document, as in
// a TextDocumentContentChangeEvent without range.
type Edit struct {
	Range *Range
	Text  string
}

// New makes a document. Text may be any bytes: an invalid UTF-8 byte counts as
// one character in every encoding and is kept as it is.
func New(uri, languageID string, version int, text string, enc Encoding) *Document {
	d := &Document{
		uri:        uri,
		languageID: languageID,
		version:    version,
		enc:        enc,
		text:       []byte(text),
		wanted:     map[uint64][]*Anchor{},
		seed:       maphash.MakeSeed(),
	}
	d.starts = append([]int{0}, lineStarts(d.text, 1, len(d.text))...)
	return d
}

// URI is the document's URI as the editor wrote it.
func (d *Document) URI() string { return d.uri }

// LanguageID is the LSP language identifier that the editor gave.
func (d *Document) LanguageID() string { return d.languageID }

// Version is the version of the last edit, or of the opening.
func (d *Document) Version() int { return d.version }

// Encoding is the unit in which positions count characters.
func (d *Document) Encoding() Encoding { return d.enc }

// Rename gives the document another URI and language identifier.
func (d *Document) Rename(uri, languageID string) { d.uri, d.languageID = uri, languageID }

// Text is the whole text.
func (d *Document) Text() string {
	if d.cached == nil {
		s := string(d.text)
		d.cached = &s
	}
	return *d.cached
}

// LineCount is the number of lines. The text after the last terminator is a
// line too, even if it is empty: "a\n" has two lines and "" has one.
func (d *Document) LineCount() int { return len(d.starts) }

// Line is the text of the zero-based line n without its terminator, or "" if
// there is no such line.
func (d *Document) Line(n int) string {
	if n < 0 || n >= len(d.starts) {
		return ""
	}
	start, end := d.lineBounds(n)
	return string(d.text[start:end])
}

// LineLength is the number of characters of line n without its terminator, in units
// of the document's encoding: a Position with it is the end of the line.
func (d *Document) LineLength(n int) int {
	if n < 0 || n >= len(d.starts) {
		return 0
	}
	start, end := d.lineBounds(n)
	return unitsOf(d.text[start:end], d.enc)
}

// Changed tells whether there were edits since it was asked last, and how many lines at the
// beginning and at the end are as they were then. Who asks is one.
func (d *Document) Changed() (head, tail int, changed bool) {
	head, tail = d.head, d.tail
	d.head, d.tail = unchanged, unchanged
	return head, tail, head != unchanged
}

// unchanged is more than any text has lines.
const unchanged = int(^uint(0) >> 1)

// Slice is the text in r. Errors are those of Offset, or an inverted range.
func (d *Document) Slice(r Range) (string, error) {
	start, end, err := d.offsets(r)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", d.uri, err)
	}
	return string(d.text[start:end]), nil
}

// Apply makes the edits of one didChange, each against the state that the former
// one left, and takes over the version. A character beyond the end of its line is
// the end of that line (LSP, Position). A line beyond the end of the document or
// an inverted range is an error, and then the document is as it was before.
func (d *Document) Apply(version int, edits []Edit) error {
	var before *snapshot
	if len(edits) > 1 { // the first edit is checked before anything changes
		before = d.snapshot()
	}
	d.settled, d.earlier, d.spans = nil, d.spans, d.earlier[:0]
	for i, e := range edits {
		if e.Range == nil {
			d.replace(0, len(d.text), e.Text)
			continue
		}
		start, end, err := d.offsets(*e.Range)
		if err != nil {
			if i > 0 {
				d.restore(before)
			}
			return fmt.Errorf("edit %d of %d in %s: %w; open the document again or send its full text", i+1, len(edits), d.uri, err)
		}
		d.replace(start, end, e.Text)
	}
	d.version = version
	d.settle()
	return nil
}

// replace puts text in the place of the bytes [start, end), touching no more than
// what differs.
func (d *Document) replace(start, end int, text string) {
	switch {
	case start == end && text == "":
	case start == end || text == "":
		d.edit([]hunk{{start, end, []byte(text)}})
	default:
		d.edit(hunks(d.text[start:end], []byte(text), start))
	}
}

// edit changes the text in several places, and moves the anchors.
func (d *Document) edit(hunks []hunk) {
	if len(hunks) == 0 {
		return
	}
	d.head = min(d.head, d.lineAt(hunks[0].start))
	d.tail = min(d.tail, len(d.starts)-1-d.lineAt(hunks[len(hunks)-1].end))
	changes := make([]change, len(hunks))
	for i, h := range hunks {
		head, tail := d.linesAround(h.start, h.end)
		changes[i] = change{h.start, h.end, len(h.text), head, tail, bytes.ContainsAny(h.text, lineEnds)}
	}
	d.move(changes)
	d.note(changes)
	if len(hunks) == 1 {
		d.splice(hunks[0].start, hunks[0].end, hunks[0].text)
		return
	}
	d.cached = nil
	var text []byte
	done := 0
	for _, h := range hunks {
		text = append(append(text, d.text[done:h.start]...), h.text...)
		done = h.end
	}
	d.text = append(text, d.text[done:]...)
	d.starts = append([]int{0}, lineStarts(d.text, 1, len(d.text))...)
}

// splice changes text and line index. A line starts at p because of the bytes
// p-1 and p ("\r" ends a line only if no "\n" follows), so the starts below
// start and above end are kept and those between are looked for again.
func (d *Document) splice(start, end int, text []byte) {
	d.cached = nil
	d.text = slices.Replace(d.text, start, end, text...)

	first, _ := slices.BinarySearch(d.starts, max(start, 1))
	last, _ := slices.BinarySearch(d.starts, end+1)
	last = max(last, first)
	fresh := lineStarts(d.text, max(start, 1), start+len(text))
	d.starts = slices.Replace(d.starts, first, last, fresh...)
	if delta := len(text) - (end - start); delta != 0 {
		tail := d.starts[first+len(fresh):]
		for i := range tail {
			tail[i] += delta
		}
	}
}

// lineStarts finds the offsets p with from <= p <= to at which a line starts.
// from is at least 1: a document's first line needs no finding.
func lineStarts(text []byte, from, to int) []int {
	var starts []int
	for p := from; p <= to; {
		i := bytes.IndexAny(text[p-1:to], "\r\n")
		if i < 0 {
			break
		}
		p += i + 1 // one past the terminator
		at := p - 1
		if text[at-1] == '\n' || at == len(text) || text[at] != '\n' {
			starts = append(starts, at)
		}
	}
	return starts
}

// snapshot is what Apply goes back to when a later edit of several is wrong.
type snapshot struct {
	text    []byte
	starts  []int
	anchors []Anchor
}

func (d *Document) snapshot() *snapshot {
	s := &snapshot{bytes.Clone(d.text), slices.Clone(d.starts), make([]Anchor, len(d.anchors))}
	for i, a := range d.anchors {
		s.anchors[i] = *a
	}
	return s
}

func (d *Document) restore(s *snapshot) {
	d.text, d.starts, d.cached = s.text, s.starts, nil
	for i, a := range d.anchors {
		*a = s.anchors[i]
	}
	d.touched, d.spans, d.earlier = d.touched[:0], nil, nil
}
