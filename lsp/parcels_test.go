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

// Of a large value the client that says so gets its ends, and is told.
func TestCut(t *testing.T) {
	text := "begin" + strings.Repeat("é", 50_000) + "end"
	for _, c := range []struct {
		kind string
		size int
		cut  bool
	}{{OutputResult, 1000, true}, {OutputDisplay, 1000, true}, {OutputResult, 0, false}, {OutputResult, 60_000, false}, {OutputStream, 1000, false}, {OutputError, 1000, false}} {
		o := cut(Output{Kind: c.kind, Text: text, Spans: []output.Span{{Start: 3, End: 50_005}}}, c.size)
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

// A text that is cut keeps its end, of a long line its beginning, and says that something
// is missing; nothing is missing but what is said.
func TestTranscriptLimit(t *testing.T) {
	for name, c := range map[string]struct{ text, head, tail string }{
		"one line":   {strings.Repeat("x", 3000) + strings.Repeat("é", 30_000) + "the end\n", "xxx", "ééthe end\n"},
		"lines":      {strings.Repeat("line\n", 20_000) + "the end\n", leftOut + "line\n", "line\nthe end\n"},
		"long after": {"first\n" + strings.Repeat("y", 60_000) + "the end", leftOut + "yyy", "ythe end"},
	} {
		t.Run(name, func(t *testing.T) {
			var tr transcript
			tr.apply(output.Update{Text: c.text, Spans: []output.Span{{Start: 0, End: utf8.RuneCountInString(c.text)}}})
			tr.limit(20_000)
			got := string(tr.text)
			if !strings.HasPrefix(got, c.head) || !strings.HasSuffix(got, c.tail) {
				t.Errorf("%.40q … %q", got, got[len(got)-40:])
			}
			if len(got) > 22_000 || !utf8.ValidString(got) || tr.runes != utf8.RuneCountInString(got) {
				t.Errorf("%d bytes, %d characters of %d", len(got), tr.runes, utf8.RuneCountInString(got))
			}
			if strings.Count(got, "left out here]") == 0 {
				t.Error("nothing says that there is more")
			}
			for _, s := range tr.spans {
				if s.Start < 0 || s.End > tr.runes || s.Start >= s.End {
					t.Errorf("span %v of %d characters", s, tr.runes)
				}
			}
		})
	}
}
