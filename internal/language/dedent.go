package language

import "strings"

// Dedent takes away the leading blanks that all lines share, and says how many
// bytes that were. Line n stays line n. Blank lines, comments and the inner lines
// of triple-quoted strings do not count, and the last stay as they are, since their
// blanks are part of a value.
//
// A selection that starts behind the indentation of its first line must be widened
// to that line's start by the caller, if only blanks stand before it.
func Dedent(code string) (dedented string, removed int) {
	lines := strings.Split(code, "\n")
	states := python.scan(lines)
	shared, found := "", false
	for i, line := range lines {
		if states[i].quoted || !counts(line) {
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if !found {
			shared, found = indent, true
		}
		shared = shared[:commonPrefix(shared, indent)]
	}
	if shared == "" {
		return code, 0
	}
	for i, line := range lines {
		if !states[i].quoted {
			lines[i] = line[commonPrefix(line, shared):]
		}
	}
	return strings.Join(lines, "\n"), len(shared)
}

// counts says whether a line's indentation means something. The comment signs are
// those of all languages: a line that wrongly does not count keeps its text.
func counts(line string) bool {
	text := strings.TrimSpace(line)
	for _, sign := range []string{"#", "//", "--", ";", "%"} {
		if strings.HasPrefix(text, sign) {
			return false
		}
	}
	return text != ""
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
