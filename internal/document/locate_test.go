package document

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLocate(t *testing.T) {
	at := func(line, from, to int) Range {
		return Range{Start: Position{line, from}, End: Position{line, to}}
	}
	for _, tt := range []struct {
		name, was string
		of        Range
		is        string
		taken     []Range
		want      string // the line, or none
	}{
		{"where it was", "a\nb\n", at(1, 0, 1), "a\nb\n", nil, "1:0-1:1"},
		{"moved down", "a\nb\n", at(1, 0, 1), "x\ny\na\nb\n", nil, "3:0-3:1"},
		{"moved up", "x\ny\nb", at(2, 0, 1), "b\nx", nil, "0:0-0:1"},
		{"nearest", "b\nx\nx\nb\nb", at(3, 0, 1), "b\nx\nx\nx\nx\nb\nb", nil, "5:0-5:1"},
		{"taken", "b\nx\nb", at(2, 0, 1), "b\nx\nb", []Range{at(2, 0, 1)}, "0:0-0:1"},
		{"longer now", "g\n", at(0, 0, 1), "g + 1\n", nil, ""},
		{"part of a word", "x\n", at(0, 0, 1), "max\n", nil, ""},
		{"indented otherwise", "  x\n", at(0, 2, 3), "x\n", nil, ""},
		{"part of a line", "f(x)\n", at(0, 2, 3), "\nf(x)\n", nil, "1:2-1:3"},
		{"part of another line", "f(x)\n", at(0, 2, 3), "f(x + 1)\n", nil, ""},
		{"other line ends", "a\nb", Range{Start: Position{0, 0}, End: Position{1, 1}}, "a\r\nb", nil, ""},
		{"without its end", "größe\n", at(0, 0, 5), "größe", nil, "0:0-0:5"},
		{"gone", "a\n", at(0, 0, 1), "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := New("", "", 0, tt.was, UTF16).Anchor(tt.of).Passage()
			r, ok := New("", "", 0, tt.is, UTF16).Locate(p, func(r Range) bool {
				for _, taken := range tt.taken {
					if taken == r {
						return false
					}
				}
				return true
			})
			got := ""
			if ok {
				got = r.Start.String() + "-" + r.End.String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever a text has become, a passage is only found where its lines stand.
func TestLocateFindsTheSameLines(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab \n\r")), 0, 20, -1)
	rapid.Check(t, func(t *rapid.T) {
		was := New("", "", 0, text.Draw(t, "was"), UTF8)
		is := New("", "", 0, text.Draw(t, "is"), UTF8)
		from := was.Position(rapid.IntRange(0, len(was.Text())).Draw(t, "from"))
		to := was.Position(rapid.IntRange(0, len(was.Text())).Draw(t, "to"))
		a := was.Anchor(Range{Start: from, End: to})
		p := a.Passage()
		r, ok := is.Locate(p, nil)
		if !ok {
			if p.Lines != "" && p.Lines == strings.TrimRight(is.Text(), "\n\r") {
				t.Fatalf("%+v is not found in %q", p, is.Text())
			}
			return
		}
		got := is.Anchor(r)
		if got.Text() != a.Text() || got.Passage().Lines != p.Lines {
			t.Fatalf("%+v is found at %v of %q, where %q stands", p, r, is.Text(), got.Text())
		}
	})
}
