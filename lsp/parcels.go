package lsp

import (
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/output"
)

// maxParcel is how many bytes of text and data one notification has, but for an output
// that cannot be divided: while an editor takes it apart, it takes no key.
const maxParcel = 128 << 10

// parcels divides outputs among notifications, in order. A stream's text is divided,
// since text of the same index is appended.
func parcels(outputs []Output) [][]Output {
	var all [][]Output
	size := 0
	for _, o := range outputs {
		for _, part := range divided(o) {
			n := len(part.Text) + len(part.Data)
			if size += n; len(all) == 0 || size > maxParcel {
				all, size = append(all, nil), n
			}
			last := &all[len(all)-1]
			*last = append(*last, part)
		}
	}
	return all
}

// divided is an output as several of the same index, if it is a stream with much text.
func divided(o Output) []Output {
	if o.Kind != OutputStream || len(o.Text) <= maxParcel || len(o.Links) > 0 {
		return []Output{o}
	}
	var parts []Output
	for at := 0; o.Text != ""; {
		end := min(len(o.Text), maxParcel)
		for end < len(o.Text) && !utf8.RuneStart(o.Text[end]) {
			end--
		}
		part := o
		part.Text = o.Text[:end]
		runes := utf8.RuneCountInString(part.Text)
		part.Spans = within(o.Spans, at, at+runes)
		parts = append(parts, part)
		o.Text, o.Back, at = o.Text[end:], 0, at+runes
	}
	return parts
}

// within are the spans between two characters of a text, as those of that part alone.
func within(spans []output.Span, from, to int) []output.Span {
	var part []output.Span
	for _, s := range spans {
		if s.Start < to && s.End > from {
			s.Start, s.End = max(s.Start, from)-from, min(s.End, to)-from
			part = append(part, s)
		}
	}
	return part
}
