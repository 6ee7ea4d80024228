package language

import (
	"slices"
	"strings"
)

// unit is a range of lines that makes sense by itself.
type unit struct{ start, end int }

func (l Language) units(lines []string, states []lineState) []unit {
	var units []unit
	closed := closedBelow(states)
	for i, st := range states {
		if !st.code {
			continue
		}
		if len(units) == 0 || !st.inside && !closed[i] && l.isHead(lines[i]) {
			units = append(units, unit{start: i})
		}
		units[len(units)-1].end = i + 1
	}
	return units
}

// closedBelow says of each line whether it starts in a block that is closed in it or below: what
// stands there belongs to the block even if it is not indented. A block that is just being
// typed has nothing yet.
func closedBelow(states []lineState) []bool {
	closed := make([]bool, len(states))
	for i, st := range slices.Backward(states) {
		within := i+1 < len(states) && states[i+1].depth > 0 && closed[i+1]
		closed[i] = st.depth > 0 && (min(st.low, st.after) == 0 || within)
	}
	return closed
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
