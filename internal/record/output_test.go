package record

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/output"
)

// Of a large value a listener that says so gets its ends, and is told.
func TestAbridged(t *testing.T) {
	text := "begin" + strings.Repeat("é", 50_000) + "end"
	for _, c := range []struct {
		kind Kind
		size int
		cut  bool
	}{{Result, 1000, true}, {Display, 1000, true}, {Result, 0, false}, {Result, 60_000, false}, {Stream, 1000, false}, {Error, 1000, false}} {
		o := Output{Kind: c.kind, Text: text, Spans: []output.Span{{Start: 3, End: 50_005}}}.Abridged(c.size)
		if o.Cut != c.cut || !o.Cut && o.Text != text {
			t.Errorf("%v: cut %v, %d bytes", c, o.Cut, len(o.Text))
		}
		if !strings.HasPrefix(o.Text, "beginé") || !strings.HasSuffix(o.Text, "éend") || !utf8.ValidString(o.Text) {
			t.Errorf("%v: %.20q … %q", c, o.Text, o.Text[len(o.Text)-20:])
		}
		if n := utf8.RuneCountInString(o.Text); o.Cut && (len(o.Text) > c.size+100 || o.Spans[len(o.Spans)-1].End != n-3) {
			t.Errorf("%v: %d bytes, spans %v of %d characters", c, len(o.Text), o.Spans, n)
		}
	}
}
