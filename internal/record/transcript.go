package record

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/output"
)

// maxSpans is how many styled parts are kept of a text at least; before them it is plain.
const maxSpans = 10_000

// transcript is a text that grows at its end, with its styles.
type transcript struct {
	text  []byte
	runes int
	spans []output.Span
}

// apply erases at the end and appends.
func (t *transcript) apply(u output.Update) {
	cut := len(t.text)
	for range u.Back {
		_, size := utf8.DecodeLastRune(t.text[:cut])
		cut -= size
	}
	t.runes -= utf8.RuneCount(t.text[cut:])
	t.text = t.text[:cut]
	for len(t.spans) > 0 && t.spans[len(t.spans)-1].End > t.runes {
		last := &t.spans[len(t.spans)-1]
		if last.Start < t.runes {
			last.End = t.runes
			break
		}
		t.spans = t.spans[:len(t.spans)-1]
	}
	t.spans = append(t.spans, shift(u.Spans, t.runes)...)
	if over := len(t.spans) - 2*maxSpans; over > 0 {
		t.spans = append([]output.Span(nil), t.spans[over+maxSpans:]...)
	}
	t.text = append(t.text, u.Text...)
	t.runes += utf8.RuneCountInString(u.Text)
}

// A text that is cut off says where, and of a long line that is cut its beginning stays.
const (
	leftOut   = "[lines left out here]\n"
	inLine    = " [characters left out here] "
	lineStart = 1000    // bytes of a line's beginning that stay
	longLine  = 4 << 10 // bytes that are passed over for the next line to begin
)

// limit cuts a text of more than twice size bytes, until size are left at its end:
// between two lines, or within one that is long.
func (t *transcript) limit(size int) {
	if len(t.text) <= 2*size {
		return
	}
	cut := len(t.text) - size
	if end := bytes.IndexByte(t.text[cut:cut+min(size, longLine)], '\n'); end >= 0 {
		t.cut(0, cut+end+1, leftOut)
		return
	}
	if start := bytes.LastIndexByte(t.text[:cut], '\n') + 1; start > 0 {
		t.cut(0, start, leftOut)
		cut -= start - len(leftOut)
	}
	line := bytes.LastIndexByte(t.text[:cut], '\n') + 1
	t.cut(t.rune(line+lineStart), t.rune(cut), inLine)
}

// rune is where the character begins that the byte at this offset is a part of, or the
// next one.
func (t *transcript) rune(at int) int {
	for at < len(t.text) && !utf8.RuneStart(t.text[at]) {
		at++
	}
	return at
}

// cut puts a note in the place of the bytes from one offset to another.
func (t *transcript) cut(from, to int, note string) {
	first, last := utf8.RuneCount(t.text[:from]), utf8.RuneCount(t.text[:to])
	by := utf8.RuneCountInString(note) - (last - first)
	var spans []output.Span
	for _, s := range t.spans {
		if s.Start < first {
			before := s
			before.End = min(s.End, first)
			spans = append(spans, before)
		}
		if s.End > last {
			s.Start, s.End = max(s.Start, last)+by, s.End+by
			spans = append(spans, s)
		}
	}
	t.text = slices.Concat(t.text[:from], []byte(note), t.text[to:])
	t.spans, t.runes = spans, t.runes+by
}

// shift moves spans, and drops what falls before the text's start.
func shift(spans []output.Span, by int) []output.Span {
	var moved []output.Span
	for _, s := range spans {
		s.Start, s.End = max(s.Start+by, 0), s.End+by
		if s.End > s.Start {
			moved = append(moved, s)
		}
	}
	return moved
}
