package language

import "strings"

// Dedent takes away the leading blanks that all statements share, and says how many
// bytes that were. Line n stays line n. Only lines that start a statement count: not
// blank lines and comments, nor what stands in a bracket or behind an unfinished line,
// which may have fewer blanks. Lines that start in a string stay as they are, since
// their blanks are part of a value.
//
// A selection that starts behind the indentation of its first line must be widened
// to that line's start by the caller, if only blanks stand before it.
func (l Language) Dedent(code string) (dedented string, removed int) {
	lines := strings.Split(code, "\n")
	states := l.syntax.scan(lines)
	shared, found := "", false
	for i, line := range lines {
		if states[i].inside || !states[i].code {
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

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
