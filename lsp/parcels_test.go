package lsp

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/output"
)

// Whatever outputs are divided into parcels, a client that puts them together has them
// all, and no parcel of several outputs is larger than its bound.
func TestParcels(t *testing.T) {
	style := output.Style{Bold: true}
	rapid.Check(t, func(t *rapid.T) {
		var outputs []Output
		for i := range rapid.IntRange(0, 5).Draw(t, "outputs") {
			text := strings.Repeat(rapid.SampledFrom([]string{"größe 🎈\n", "x", "漢字"}).Draw(t, "unit"), rapid.IntRange(0, 60_000).Draw(t, "times"))
			o := Output{Index: i, Kind: OutputStream, Text: text, Back: rapid.IntRange(0, 3).Draw(t, "back")}
			if n := utf8.RuneCountInString(text); n > 1 {
				start := rapid.IntRange(0, n-1).Draw(t, "start")
				o.Spans = []output.Span{{Start: start, End: rapid.IntRange(start+1, n).Draw(t, "end"), Style: style}}
			}
			if rapid.Bool().Draw(t, "display") {
				o.Kind, o.Back, o.Data = OutputDisplay, 0, text
			}
			outputs = append(outputs, o)
		}

		got := make([]Output, len(outputs))
		for _, parcel := range parcels(outputs) {
			size := 0
			for _, o := range parcel {
				size += len(o.Text) + len(o.Data)
				g := &got[o.Index]
				at := utf8.RuneCountInString(g.Text)
				for _, s := range o.Spans {
					s.Start, s.End = s.Start+at, s.End+at
					if n := len(g.Spans); n > 0 && g.Spans[n-1].End == s.Start {
						g.Spans[n-1].End = s.End
						continue
					}
					g.Spans = append(g.Spans, s)
				}
				g.Index, g.Kind, g.Back, g.Data = o.Index, o.Kind, g.Back+o.Back, g.Data+o.Data
				g.Text += o.Text
				if !utf8.ValidString(o.Text) {
					t.Fatalf("a character is divided")
				}
			}
			if size > maxParcel && len(parcel) > 1 {
				t.Fatalf("%d outputs of %d bytes in one parcel", len(parcel), size)
			}
		}
		for i, o := range outputs {
			if g := got[i]; g.Text != o.Text || g.Data != o.Data || g.Back != o.Back || g.Kind != o.Kind || !slices.Equal(g.Spans, o.Spans) {
				t.Fatalf("output %d: %d bytes, back %d, spans %v; want %d, %d, %v", i, len(g.Text), g.Back, g.Spans, len(o.Text), o.Back, o.Spans)
			}
		}
	})
}
