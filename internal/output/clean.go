package output

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one line of a text from elsewhere, for a label, a message, a name, a
// line of a terminal: it is Clean with blanks for line ends and tabs.
func Line(s string) string {
	return clean(s, ' ')
}

// Clean makes a text from elsewhere harmless wherever it is shown: escape sequences
// and control characters are taken out, every kind of line end is "\n", and what
// turns the direction of text is spelt, so that a text reads as it is. Only "\n" and
// "\t" are left of the control characters. The text is valid UTF-8 and at most
// three times as long.
func Clean(s string) string {
	return clean(s, '\n')
}

// escapes are the sequences of ECMA-48: control sequences, control strings and the
// short ones. A string that its writer left open ends with its line, so that it
// hides no more than that.
var escapes = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]?" +
	"|(?:\x1b[]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x18\x1a\x1b\u009c\r\n]*(?:[\x07\u009c]|\x1b\\\\)?" +
	"|\x1b[ -/]*[0-~]?")

func clean(s string, lineEnd rune) string {
	if isClean(s, lineEnd) {
		return s
	}
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = escapes.ReplaceAllLiteralString(s, "")
	var b strings.Builder
	b.Grow(len(s))
	last := rune(0)
	for _, r := range s {
		switch {
		case isLineEnd(r):
			if r != '\n' || last != '\r' {
				b.WriteRune(lineEnd)
			}
		case r == '\t' && lineEnd == ' ':
			b.WriteByte(' ')
		case r == '\t' || !unicode.IsControl(r) && !turnsText(r):
			b.WriteRune(r)
		case turnsText(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
		last = r
	}
	return b.String()
}

// isClean says whether there is nothing to do, as in most texts.
func isClean(s string, lineEnd rune) bool {
	for _, r := range s {
		if r == lineEnd || r == '\t' && lineEnd == '\n' {
			continue
		}
		if unicode.IsControl(r) || r == utf8.RuneError || isLineEnd(r) || turnsText(r) {
			return false
		}
	}
	return true
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// turnsText says whether a character is one of those by which a text is shown in
// another order than it has (Unicode's Bidi_Control).
func turnsText(r rune) bool {
	return unicode.Is(unicode.Bidi_Control, r)
}

// Cut is the beginning of a text that is longer than size bytes, with "…" at its end.
func Cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size] + "…"
}
