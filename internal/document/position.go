package document

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Encoding is the unit in which an LSP position counts characters
// (PositionEncodingKind).
type Encoding int

// The encodings of LSP 3.17. UTF16 is what a client that says nothing means.
const (
	UTF16 Encoding = iota
	UTF8
	UTF32
)

// String is the name in the protocol.
func (e Encoding) String() string {
	switch e {
	case UTF8:
		return "utf-8"
	case UTF32:
		return "utf-32"
	default:
		return "utf-16"
	}
}

// ParseEncoding reads a PositionEncodingKind.
func ParseEncoding(name string) (Encoding, error) {
	for _, e := range []Encoding{UTF8, UTF16, UTF32} {
		if e.String() == name {
			return e, nil
		}
	}
	return UTF16, fmt.Errorf("position encoding %q is unknown: use utf-8, utf-16 or utf-32", name)
}

// Position is a place between two characters: zero-based line, and Character in
// units of the document's encoding.
type Position struct {
	Line, Character int
}

// Range is half-open.
type Range struct {
	Start, End Position
}

// Before says whether p stands before q.
func (p Position) Before(q Position) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Character < q.Character
}

func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Character) }

// Offset is the byte offset of p. A character beyond the end of its line is the
// end of that line; one inside a surrogate pair or a UTF-8 sequence is moved to
// its start; the start of the line after the last one is the end of the text, as
// clients write it that count terminators. Any other line is an error.
func (d *Document) Offset(p Position) (int, error) {
	if p.Line < 0 || p.Character < 0 {
		return 0, fmt.Errorf("position %v is negative", p)
	}
	if p.Line == len(d.starts) && p.Character == 0 {
		return len(d.text), nil
	}
	if p.Line >= len(d.starts) {
		return 0, fmt.Errorf("position %v is beyond the last line, %d", p, len(d.starts)-1)
	}
	start, end := d.lineBounds(p.Line)
	return start + bytesOf(d.text[start:end], p.Character, d.enc), nil
}

// Position is the position of a byte offset. An offset outside the text is moved
// to its nearest end, one inside a character to the character's start, and one
// inside a line terminator to the end of the line.
func (d *Document) Position(byteOffset int) Position {
	at := min(max(byteOffset, 0), len(d.text))
	line := d.lineAt(at)
	start, end := d.lineBounds(line)
	content := d.text[start:end]
	at = runeStart(content, min(at-start, len(content)))
	return Position{line, unitsOf(content[:at], d.enc)}
}

func (d *Document) offsets(r Range) (start, end int, err error) {
	if start, err = d.Offset(r.Start); err != nil {
		return 0, 0, err
	}
	if end, err = d.Offset(r.End); err != nil {
		return 0, 0, err
	}
	if r.End.Before(r.Start) {
		return 0, 0, fmt.Errorf("the range from line %d to line %d ends before it starts", r.Start.Line+1, r.End.Line+1)
	}
	return start, end, nil
}

// lineAt is the line in which a byte offset lies.
func (d *Document) lineAt(offset int) int {
	line, found := slices.BinarySearch(d.starts, offset)
	if !found {
		line--
	}
	return line
}

// lineBounds is the byte range of a line without its terminator.
func (d *Document) lineBounds(n int) (start, end int) {
	start, end = d.starts[n], len(d.text)
	if n+1 == len(d.starts) {
		return start, end
	}
	end = d.starts[n+1] - 1
	if d.text[end] == '\n' && end > start && d.text[end-1] == '\r' {
		end--
	}
	return start, end
}

// unitsOf counts the characters of b in an encoding.
func unitsOf(b []byte, enc Encoding) int {
	if enc == UTF8 {
		return len(b)
	}
	n := utf8.RuneCount(b)
	if enc == UTF16 {
		for i := bytes.IndexFunc(b, supplementary); i >= 0; {
			n++
			b = b[i+utf8.UTFMax:]
			i = bytes.IndexFunc(b, supplementary)
		}
	}
	return n
}

// bytesOf is how many bytes of b make up the given number of characters, the
// whole of b if it has fewer.
func bytesOf(b []byte, units int, enc Encoding) int {
	if enc == UTF8 {
		return runeStart(b, min(units, len(b)))
	}
	i := 0
	for i < len(b) && units > 0 {
		r, size := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b[i:])
		}
		units--
		if enc == UTF16 && supplementary(r) {
			if units == 0 {
				return i // between the two surrogates
			}
			units--
		}
		i += size
	}
	return i
}

// supplementary says whether r takes two units in UTF-16 and four in UTF-8.
func supplementary(r rune) bool { return r >= 0x10000 }

// runeStart moves an offset that points into a UTF-8 sequence to its start.
func runeStart(b []byte, at int) int {
	for i := at - 1; i >= 0 && i > at-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if _, size := utf8.DecodeRune(b[i:]); i+size > at {
				return i
			}
			break
		}
	}
	return at
}

// CodePoints turns a byte offset in text into code points, which is how a Jupyter
// cursor_pos counts. An offset outside the text is moved to its nearest end, one
// inside a character to the character's start.
func CodePoints(text string, byteOffset int) int {
	at := min(max(byteOffset, 0), len(text))
	base := max(at-utf8.UTFMax, 0)
	window := []byte(text[base:min(at+utf8.UTFMax, len(text))])
	return utf8.RuneCountInString(text[:base+runeStart(window, at-base)])
}

// ByteOffset turns a number of code points, such as a Jupyter cursor_start, into
// a byte offset in text. A number outside the text is moved to its nearest end.
func ByteOffset(text string, codePoints int) int {
	if codePoints <= 0 {
		return 0
	}
	for i := range text {
		if codePoints == 0 {
			return i
		}
		codePoints--
	}
	return len(text)
}
