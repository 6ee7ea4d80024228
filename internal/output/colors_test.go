package output

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestStream(t *testing.T) {
	for _, tt := range []struct{ text, colors, plain string }{
		{"größe 👩‍🔬\n50%\r100%\b\t", "größe 👩‍🔬\n50%\r100%\b\t", "größe 👩‍🔬\n50%\r100%\b\t"},
		{"\x1b[1;38;2;1;2;3mred\x1b[0m\x1b[m", "\x1b[1;38;2;1;2;3mred\x1b[0m\x1b[m", "red"},
		{"a\x1b]52;c;aGVsbG8=\x07b\x1b]0;t\x1b\\c\x1bPq\x1b\\d", "abcd", "abcd"},
		{"a\x1b[2J\x1b[A\x1b[6n\x1b[?1049h\x1b[>4;2m\x1bcb", "ab", "ab"},
		{"a\u009b31mb\u009d52;c;x\u009cc\x07\x0e\x7f", "abc", "abc"},
		{"a\x1b[3\x1b[31mb", "a\x1b[31mb", "ab"},
		{"open \x1b]52;c;x\nnext", "open \nnext", "open \nnext"},
		{"a\x1b", "a", "a"},
		{"a\x1b\nb", "a\nb", "a\nb"},
	} {
		for _, c := range []struct {
			colors bool
			want   string
		}{{true, tt.colors}, {false, tt.plain}} {
			// However it comes in pieces.
			for size := 1; size <= len(tt.text); size++ {
				s := Stream{Colors: c.colors}
				var got strings.Builder
				for rest := []rune(tt.text); len(rest) > 0; {
					n := min(size, len(rest))
					got.WriteString(s.Take(string(rest[:n])))
					rest = rest[n:]
				}
				if got.String() != c.want {
					t.Errorf("%q in pieces of %d, colours %v: %q, want %q", tt.text, size, c.colors, got.String(), c.want)
				}
			}
		}
	}
}

// What comes out has nothing that is obeyed but colours, and no more than came in; a
// sequence that never ends holds up nothing for ever.
func FuzzStream(f *testing.F) {
	for _, flood := range floods {
		f.Add(flood+flood, uint64(1))
	}
	colors := regexp.MustCompile("\x1b\\[[0-9;:]*m")
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		for _, keep := range []bool{true, false} {
			s := Stream{Colors: keep}
			var b strings.Builder
			for rest := text; rest != ""; {
				n := 1 + rnd.IntN(len(rest))
				b.WriteString(s.Take(rest[:n]))
				rest = rest[n:]
			}
			got := b.String()
			if len(got) > 3*len(text) || len(s.held) > maxHeld {
				t.Errorf("%d bytes of %d, %d held", len(got), len(text), len(s.held))
			}
			if keep {
				got = colors.ReplaceAllString(got, "")
			}
			for _, r := range got {
				if unicode.IsControl(r) && !strings.ContainsRune("\n\t\r\b", r) {
					t.Errorf("%q has %q, from %q", got, r, text)
				}
			}
		}
	})
}

func TestStreamHoldsUpNothingForEver(t *testing.T) {
	s := Stream{Colors: true}
	s.Take("\x1b]52;c;")
	for range 100 {
		s.Take(strings.Repeat("x", 10_000))
	}
	if got := s.Take("\ntext\n"); !strings.HasSuffix(got, "text\n") || len(s.held) > 0 {
		t.Errorf("%q, %d held", got, len(s.held))
	}
}
