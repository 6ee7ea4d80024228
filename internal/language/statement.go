package language

import (
	"regexp"
	"strings"
)

// statements finds statements in the lines of a cell.
type statements struct {
	*syntax
	lines  []string
	states []lineState
}

func (s *statements) trimmed(i int) string { return strings.TrimLeft(s.lines[i], " \t") }

// indent is how far a line is indented, in bytes.
func (s *statements) indent(i int) int { return len(s.lines[i]) - len(s.trimmed(i)) }

// next is the next line with code behind i, or the number of lines.
func (s *statements) next(i int) int {
	for i++; i < len(s.lines) && !s.states[i].code; i++ {
	}
	return i
}

// logical gives the first line of the logical line that i belongs to.
func (s *statements) logical(i int) int {
	for i > 0 && (s.states[i].inside || !s.states[i].code) {
		i--
	}
	return i
}

// logicalEnd gives the line behind the logical line that starts at i. What is cut off by
// the end of the cell, or by what starts anew below it, is not finished.
func (s *statements) logicalEnd(i int) (end int, finished bool) {
	for ; s.states[i].more; i++ {
		if s.cutOff(i) {
			return i + 1, false
		}
	}
	return i + 1, true
}

// cutOff says whether a line that is not finished does not go on in the next.
func (s *statements) cutOff(i int) bool {
	return i+1 == len(s.lines) || s.states[i].more && !s.states[i+1].inside
}

var (
	caseLine  = regexp.MustCompile(`^case\b.*:`) // on one line
	matchLine = regexp.MustCompile(`^match\b.*:`)
	// compoundLine starts what may have clauses.
	compoundLine = regexp.MustCompile(`^(?:(?:async\s+)?for|if|while|try)\b`)
)

// indented finds a statement of a language whose blocks are made by indentation.
func (s *statements) indented(line int) (start, end int, ok bool) {
	start = s.logical(line)
	for s.clause(start) {
		head := s.headOf(start)
		if head == start {
			return 0, 0, false // a clause without a head
		}
		start = head
	}
	margin, compound := s.indent(start), compoundLine.MatchString(s.trimmed(start))
	end, ok = s.logicalEnd(start)
	opens := s.opensBlock(end - 1)
	for i := s.next(end - 1); ok && i < len(s.lines); i = s.next(end - 1) {
		in := s.indent(i)
		isClause := compound && in == margin && s.closers.MatchString(s.trimmed(i))
		if !isClause && !(opens && in > margin) {
			break
		}
		if end, ok = s.logicalEnd(i); isClause {
			opens = s.opensBlock(end - 1)
		}
	}
	return start, end, ok
}

// opensBlock says whether an indented block follows a line.
func (s *statements) opensBlock(i int) bool {
	return strings.HasSuffix(s.lines[i][:s.states[i].end], ":")
}

// clause says whether a line goes on with a statement above it.
func (s *statements) clause(i int) bool {
	return s.closers.MatchString(s.trimmed(i)) || s.isCase(i)
}

func (s *statements) isCase(i int) bool {
	end, _ := s.logicalEnd(i)
	return caseLine.MatchString(strings.TrimLeft(strings.Join(s.lines[i:end], " "), " \t"))
}

// headOf is the line of the statement that a clause is of, or the clause's own.
func (s *statements) headOf(clause int) int {
	isCase := s.isCase(clause)
	for i := clause - 1; i >= 0; i-- {
		if !s.states[i].code || s.states[i].inside {
			continue
		}
		switch in := s.indent(i); {
		case isCase && in < s.indent(clause) && matchLine.MatchString(s.trimmed(i)):
			return i
		case in < s.indent(clause):
			return clause
		case !isCase && in == s.indent(clause) && !s.closers.MatchString(s.trimmed(i)):
			return i
		}
	}
	return clause
}

// nested finds a statement of a language whose blocks are made by braces or words.
func (s *statements) nested(line int) (start, end int, ok bool) {
	start = line
	if !s.starts(line) {
		depth := s.outer(line)
		for start = line - 1; start >= 0 && !(s.starts(start) && s.states[start].depth <= depth); start-- {
			depth = min(depth, s.states[start].low) // what was closed there does not hold the line
		}
		if start < 0 {
			return 0, 0, false
		}
	}
	depth := s.states[start].depth
	for i := start; i < len(s.lines); {
		if st := s.states[i]; st.after > depth || st.more {
			if s.cutOff(i) {
				break
			}
			i++
			continue
		}
		next := s.next(i)
		if s.states[i].after < depth || next == len(s.lines) || !s.joins(next, i) {
			return start, i + 1, line <= i
		}
		i = next
	}
	return 0, 0, false
}

// starts says whether a statement starts at a line.
func (s *statements) starts(i int) bool {
	st := s.states[i]
	if !st.code || st.inside || st.low < st.depth || s.divides(i) {
		return false
	}
	before := i - 1
	for ; before >= 0 && !s.states[before].code; before-- {
	}
	return before < 0 || s.states[before].after != st.depth || s.endsInBlock(before) || !s.joins(i, before)
}

// endsInBlock says whether a line ends in a block that it opens itself.
func (s *statements) endsInBlock(i int) bool { return s.states[i].after > s.states[i].low }

// outer is the depth of the statement that a line belongs to which starts none.
func (s *statements) outer(i int) int {
	st := s.states[i]
	if st.low < st.depth {
		return st.low
	}
	first := i
	for first > 0 && s.states[first].inside {
		first--
	}
	if s.divides(first) && s.states[first].depth == st.depth {
		return st.depth - 1
	}
	return st.depth
}

// divides says whether a line, such as "else" or "case", divides the block around it.
func (s *statements) divides(i int) bool {
	st := s.states[i]
	return st.middle || st.depth > 0 && !st.inside && s.isLabel(s.lines[i])
}

// joins says whether a line goes on with the statement that ends at the line before.
func (s *statements) joins(i, before int) bool {
	st := s.states[i]
	if st.low < st.depth || s.divides(i) {
		return false
	}
	text := s.trimmed(i)
	if s.closers != nil && s.closers.MatchString(text) {
		return true
	}
	code := s.lines[before][:s.states[before].end]
	return s.leaders != nil && s.leaders.MatchString(text) && !strings.HasSuffix(code, ";") && !strings.HasSuffix(code, "}") && !strings.HasSuffix(code, "{")
}
