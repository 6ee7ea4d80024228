package record

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/output"
)

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
