package language

import (
	"regexp"
	"slices"
	"strings"
)

// Some errors come without a place, or with one in a text that nobody has. Where what they say
// is in one line of the code alone, that is the line that failed.

// FirstCode is the first line of code, from 0, that has more than blanks and comments.
func (l Language) FirstCode(code string) int {
	return max(0, slices.IndexFunc(l.syntax.scan(splitLines(code)), func(st lineState) bool { return st.code }))
}

// only gives the one line, from 1, that a test holds for; 0 if there is none, or another.
func only(lines []string, holds func(line string) bool) int {
	found := 0
	for i, line := range lines {
		switch {
		case !holds(line):
		case found > 0:
			return 0
		default:
			found = i + 1
		}
	}
	return found
}

// code are the lines without their comments, and empty where a string or a comment goes on.
func (l Language) codeLines(lines []string) []string {
	code := make([]string, len(lines))
	for i, st := range l.syntax.scan(lines) {
		if st.code && !st.text {
			code[i] = lines[i][:st.end]
		}
	}
	return code
}

// inCode says whether what a line has first of a pattern is in no string.
func (l Language) inCode(line string, pattern *regexp.Regexp) bool {
	m := pattern.FindStringIndex(line)
	return m != nil && l.Spot(line[:m[0]]).Code()
}

// quotes says whether a line has a value as a literal.
func quotes(line, value string) bool {
	if value == "" {
		return false
	}
	return slices.ContainsFunc([]string{`"`, "'", "`"}, func(q string) bool { return strings.Contains(line, q+value+q) })
}

var (
	pythonExit  = regexp.MustCompile(`(?:^|[^\pL\pN_])(?:SystemExit|exit|quit|_exit)\s*\(|\braise\s+SystemExit\b`)
	namedMagic  = regexp.MustCompile("function `(%%?[^`]+)` not found")
	magicLine   = regexp.MustCompile(`^\s*(?:[\pL_][\pL\pN_]*\s*=\s*)?(?:%|!)`)
	innerPython = regexp.MustCompile(`^\s`)
)

// toldByIPython finds the line of an error that IPython tells of without a traceback: of a
// program's exit, and of magics.
func toldByIPython(l Language, e Error, lines []string) int {
	code := l.codeLines(lines)
	switch ClassName(e.Name) {
	case "SystemExit":
		exact := only(code, func(line string) bool {
			return l.inCode(line, pythonExit) && (quotes(line, e.Value) || strings.Contains(line, "("+e.Value+")"))
		})
		if exact > 0 {
			return exact
		}
		at := only(code, func(line string) bool { return l.inCode(line, pythonExit) })
		if at > 0 && !innerPython.MatchString(code[at-1]) {
			return at
		}
	case "UsageError":
		if m := namedMagic.FindStringSubmatch(plain(e.Value)); m != nil {
			word := regexp.MustCompile(regexp.QuoteMeta(m[1]) + `(?:[^\pL\pN_]|$)`)
			return only(lines, func(line string) bool { return magicLine.MatchString(line) && word.MatchString(line) })
		}
		return only(code, func(line string) bool { return magicLine.MatchString(line) })
	}
	return 0
}

var (
	notDefined = regexp.MustCompile(`^([\w$]+) is not defined$`)
	property   = regexp.MustCompile(`\((?:reading|setting) '([^']+)'\)$`)
	noFunction = regexp.MustCompile(`^([\w$.]+) is not (?:a function|a constructor|iterable)\b`)
	throws     = regexp.MustCompile(`\bthrow\b|\breject\s*\(`)
	mayThrow   = regexp.MustCompile(`\bthrow\b|\breject\s*\(|\w*Error\s*\(`)
)

// toldByDeno finds the line of an error by what it says. What is thrown and is no Error comes
// without a place, and places are lines of what Deno makes of the code.
func toldByDeno(l Language, e Error, lines []string) int {
	code := l.codeLines(lines)
	has := func(pattern string) int {
		re := regexp.MustCompile(pattern)
		return only(code, func(line string) bool { return re.MatchString(line) })
	}
	value := strings.TrimSpace(plain(e.Value))
	if m := notDefined.FindStringSubmatch(value); m != nil {
		return has(`(?:^|[^\w$.])` + regexp.QuoteMeta(m[1]) + `(?:[^\w$]|$)`)
	}
	if m := property.FindStringSubmatch(value); m != nil {
		return has(`\.\s*` + regexp.QuoteMeta(m[1]) + `(?:[^\w$]|$)|\[["'` + "`" + `]` + regexp.QuoteMeta(m[1]) + `["'` + "`" + `]\]`)
	}
	if m := noFunction.FindStringSubmatch(value); m != nil {
		return has(`(?:^|[^\w$.])` + regexp.QuoteMeta(m[1]) + `(?:[^\w$]|$)`)
	}
	if at := only(code, func(line string) bool { return l.inCode(line, mayThrow) && quotes(line, value) }); at > 0 {
		return at
	}
	if strings.TrimSpace(strings.Join(e.Traceback, "")) != "" {
		return 0
	}
	at := only(code, func(line string) bool { return l.inCode(line, throws) })
	if at > 0 && (!innerPython.MatchString(code[at-1]) || regexp.MustCompile(`\bthrow\s+`+regexp.QuoteMeta(value)+`(?:[^\w.]|$)`).MatchString(code[at-1])) {
		return at
	}
	return 0
}
