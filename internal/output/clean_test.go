package output

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ text, clean, line string }{
		{"größe 日本 👩‍🔬 \u200c", "größe 日本 👩‍🔬 \u200c", "größe 日本 👩‍🔬 \u200c"},
		{"a\n\tb\n", "a\n\tb\n", "a  b "},
		{"a\r\nb\rc\vd\fe\u0085f\u2028g\u2029h\n\rx", "a\nb\nc\nd\ne\nf\ng\nh\n\nx", "a b c d e f g h  x"},
		{"\x1b[1;31mred\x1b[0m \x1b[38:5:1mx\x1b[?25l", "red x", "red x"},
		{"\x1b]52;c;aGVsbG8=\x07a\x1b]8;;http://x\x1b\\b\x1bPq#0\x1b\\c", "abc", "abc"},
		{"\u009b31mred\u009d52;c;x\u009cend\u0090q\u009c.", "redend.", "redend."},
		{"\x1b]0;open\nnext \x1b_Gopen", "\nnext ", " next "},
		{"\x1b(B\x1b7a\x1b[", "a", "a"},
		{"\x1b\x1b[\x1b]52;c;x\x1b\x1b[31mred", "red", "red"},
		{"a\x00\x07\b\x7f\u0080b\x0e", "ab", "ab"},
		{"\xff\xc3a\xed\xa0\x80", "\ufffda\ufffd", "\ufffda\ufffd"},
		{"user\u202egpj.exe\u2066x\u200e", "user<U+202E>gpj.exe<U+2066>x<U+200E>", "user<U+202E>gpj.exe<U+2066>x<U+200E>"},
	} {
		if got := Clean(tt.text); got != tt.clean {
			t.Errorf("Clean(%q) = %q, want %q", tt.text, got, tt.clean)
		}
		if got := Line(tt.text); got != tt.line {
			t.Errorf("Line(%q) = %q, want %q", tt.text, got, tt.line)
		}
	}
}

// Whatever comes, what goes on is harmless, no longer than promised, and clean.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		"\x1b\x1b]52;c;\x1b[31m\u009b\u202e\r\n\xff", "\x1b]0;\x1b]0;\x1b]0;", "\xc2\x1b[m\x9b31m", strings.Repeat("\x1b[", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []struct {
			got     string
			allowed string
		}{{Clean(s), "\n\t"}, {Line(s), ""}} {
			if !utf8.ValidString(c.got) || len(c.got) > 3*len(s) {
				t.Errorf("%q from %q", c.got, s)
			}
			for _, r := range c.got {
				if unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029 ||
					unicode.IsControl(r) && !strings.ContainsRune(c.allowed, r) {
					t.Errorf("%q has %q, from %q", c.got, r, s)
				}
			}
			if again := Clean(c.got); again != c.got {
				t.Errorf("%q is cleaned again to %q", c.got, again)
			}
		}
	})
}
