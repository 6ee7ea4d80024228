package lsp

import (
	"bytes"
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

// limit drops whole lines from the beginning of a text of more than twice size
// bytes until size are left, and puts note there.
func (t *transcript) limit(size int, note string) {
	if len(t.text) <= 2*size {
		return
	}
	cut := len(t.text) - size
	if end := bytes.IndexByte(t.text[cut:], '\n'); end >= 0 {
		cut += end + 1
	}
	for cut < len(t.text) && !utf8.RuneStart(t.text[cut]) {
		cut++
	}
	dropped := utf8.RuneCount(t.text[:cut])
	t.text = append([]byte(note), t.text[cut:]...)
	by := utf8.RuneCountInString(note) - dropped
	t.spans = shift(t.spans, by)
	t.runes += by
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
