package language

import (
	"regexp"
	"strings"
)

// Deno evaluates a print of the code: without blank lines and types, with each statement, each
// property of an object and each element of an array on a line of its own. As far as the code
// is written so from its first line on, lines of the print are lines of the code.

var (
	// unprinted are lines that the print has not, or has otherwise.
	unprinted = regexp.MustCompile(`^(?:interface|type|enum|const\s+enum|declare|namespace|abstract|import\s+type|export\s+(?:type|interface|enum)|@)\b|^(?:else|catch|finally)\b|^[.?:@]|/\*|\*/`)
	// inlined has in one line what is printed in several: other statements, what is in braces, elements.
	inlined = regexp.MustCompile(`;\s*\S|(?:^|[^$])\{\s*[^\s]|[^\s{(]\s*\}\s*\S|(?:^|[\s=(,:?&|>!])\[\s*[^\]\s]`)
	// several are elements of an array or properties of an object in one line.
	several = regexp.MustCompile(`^[^(]*,\s*\S`)
)

// printedLine is the line of code, from 1, that is line n of its print; 0 if that is not known.
func (l Language) printedLine(lines []string, n int) int {
	sc := scanner{syntax: l.syntax}
	opened := false
	for i, line := range lines {
		within := ""
		if t := sc.top(); t != nil && t.kind == bracketOpen && !sc.unfinished {
			within = t.close
		}
		st := sc.line(line)
		code := strings.TrimSpace(line[:st.end])
		switch {
		case st.quoted:
		case strings.TrimSpace(line) == "":
			continue
		case !st.code && !strings.HasPrefix(strings.TrimSpace(line), "//"),
			st.inside && (within != "}" && within != "]" || several.MatchString(code)),
			st.code && (unprinted.MatchString(code) || inlined.MatchString(code) || opened && strings.HasPrefix(code, "}")):
			return 0
		}
		if n--; n == 0 {
			return i + 1
		}
		opened = st.code && strings.HasSuffix(code, "{")
	}
	return 0
}
