package output

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stream takes from what a program prints whatever a terminal would obey, but colours,
// tabs, line ends, and going back in the line. It is for one stream, whose pieces may end
// anywhere; the zero value is ready.
type Stream struct {
	// Colors lets sequences that choose colours through (SGR, ECMA-48 8.3.117).
	Colors bool

	held string // the start of a sequence
}

// maxHeld is how many bytes of a sequence are waited for; one that has more is dropped,
// and what comes after that is text.
const maxHeld = 256

var (
	colorSequence = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")
	// begun is a sequence that more of it may follow, at the end of a piece. Groups: how
	// a control string begins, and the first half of its end.
	begun = regexp.MustCompile("(?:(\x1b[]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x18\x1a\x1b\u009c\r\n]*(\x1b?)" +
		"|(?:\x1b\\[|\u009b)[0-?]*[ -/]*|\x1b[ -/]*)$")
)

// Take gives what of the next piece may be printed.
func (s *Stream) Take(piece string) string {
	text := strings.ToValidUTF8(s.held+piece, string(utf8.RuneError))
	s.held = ""
	if !strings.ContainsFunc(text, obeyed) {
		return text
	}
	if m := begun.FindStringSubmatchIndex(text); m != nil {
		text, s.held = text[:m[0]], text[m[0]:]
		if m[2] >= 0 { // what is in a string need not be kept
			s.held = s.held[:m[3]-m[2]] + s.held[m[4]-m[0]:m[5]-m[0]]
		} else if len(s.held) > maxHeld {
			s.held = ""
		}
	}
	text = escapes.ReplaceAllStringFunc(text, func(sequence string) string {
		if s.Colors && colorSequence.MatchString(sequence) {
			return sequence
		}
		return ""
	})
	// An escape that is left is a colour's.
	return strings.Map(func(r rune) rune {
		if obeyed(r) && r != 0x1b {
			return -1
		}
		return r
	}, text)
}

// obeyed says whether a terminal does something at a character, but what a text needs.
func obeyed(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' && r != '\b'
}

// Colored is a whole text of which Stream takes what it may print.
func Colored(s string) string {
	stream := Stream{Colors: true}
	return stream.Take(s)
}
