package language

import "strings"

// Definition is an outline's, of lines whose outline is not kept.
func (l Language) Definition(lines []string, line int) (start, end int, ok bool) {
	return l.Outline(strings.Join(lines, "\n")).Definition(line)
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
