package kernelclient

import "unicode/utf8"

// Cursor is a position in code, in Unicode code points from its start, as the protocol
// counts ("cursor_pos"): Go counts a string's bytes, and most editors UTF-16 units.
// [CursorAt] gives the one of a byte. The positions in a completion's reply are Cursors,
// too.
type Cursor int

// CursorAt gives the position of a byte offset in code, which is cut to what code has.
func CursorAt(code string, offset int) Cursor {
	return Cursor(utf8.RuneCountInString(code[:min(max(offset, 0), len(code))]))
}

// Offset gives the byte offset of the position in code, which is cut to what code has.
func (c Cursor) Offset(code string) int {
	for offset := range code {
		if c <= 0 {
			return offset
		}
		c--
	}
	return len(code)
}
