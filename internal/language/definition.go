package language

import "strings"

// Definition finds the top-level definition or statement at a line: the lines
// [start, end), zero-based, from its unindented head (with decorators) to its last
// line that is not blank or a comment. A comment right above belongs to what it
// stands above; another place between two definitions, to the one before, where
// there is one. ok is false if there is no code at all.
func (l Language) Definition(lines []string, line int) (start, end int, ok bool) {
	states := l.states(lines)
	var before *unit
	for _, u := range l.units(lines, states) {
		if line >= u.end {
			before = &u
			continue
		}
		if line >= u.start || before == nil || leadsTo(lines, line, u.start) {
			return u.start, u.end, true
		}
		break
	}
	if before == nil {
		return 0, 0, false
	}
	return before.start, before.end, true
}

// unit is a range of lines that makes sense by itself.
type unit struct{ start, end int }

func (l Language) units(lines []string, states []lineState) []unit {
	var units []unit
	for i, st := range states {
		if !st.code {
			continue
		}
		if len(units) == 0 || !st.inside && l.isHead(lines[i]) {
			units = append(units, unit{start: i})
		}
		units[len(units)-1].end = i + 1
	}
	return units
}

// isHead says whether a line can start a unit: it is not indented, and it closes or
// continues nothing.
func (l Language) isHead(line string) bool {
	switch line[0] {
	case ' ', '\t', '}', ')', ']':
		return false
	}
	return l.syntax.closers == nil || !l.syntax.closers.MatchString(line)
}

// leadsTo says whether the lines [from, to) are comments without a blank line.
func leadsTo(lines []string, from, to int) bool {
	for _, line := range lines[from:to] {
		if strings.TrimSpace(line) == "" {
			return false
		}
	}
	return true
}
