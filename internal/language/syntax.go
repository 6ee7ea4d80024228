package language

import (
	"regexp"
	"strings"
)

// syntax is as much of a language as is needed to know which lines belong
// together: comments, strings, brackets, and what goes on at the margin.
type syntax struct {
	comments []string
	// wordSign says that the comment sign means something else inside a word.
	wordSign bool
	block    *quote // comment of several lines
	quotes   []quote
	// character matches a character that starts with charSign; where it does not
	// match, the sign means something else (a lifetime, a transposed matrix).
	charSign  string
	character *regexp.Regexp
	hereDoc   *regexp.Regexp // group 1: the word that ends it
	// closers matches an unindented line that belongs to what stands above it.
	closers *regexp.Regexp
	// openers matches an unindented line that belongs to what stands below it.
	openers *regexp.Regexp
	// unfinished matches a line that goes on in the next one.
	unfinished *regexp.Regexp
	// heads matches an unindented line that starts anew even where a bracket above
	// was not closed.
	heads *regexp.Regexp
}

// quote is what starts and ends a string or a block comment.
type quote struct {
	open, close string
	raw         bool // a backslash is a backslash
	lines       bool // may hold line ends
}

var (
	double   = quote{open: `"`, close: `"`}
	single   = quote{open: `'`, close: `'`}
	slashes  = &quote{open: "/*", close: "*/", raw: true, lines: true}
	charLike = regexp.MustCompile(`^'(?:\\[^\s']{1,9}|\\'|[^\\'])'`)

	python = &syntax{
		comments: []string{"#"},
		quotes: []quote{
			{open: `"""`, close: `"""`, lines: true}, {open: `'''`, close: `'''`, lines: true}, double, single,
		},
		closers:    regexp.MustCompile(`^(?:else|elif|except|finally)\b`),
		openers:    regexp.MustCompile(`^@`),
		unfinished: regexp.MustCompile(`\\$`),
		heads:      regexp.MustCompile(`^(?:def|class|import|async def)\s|^from\s.*\simport\b|^@\w`),
	}
	rSyntax = &syntax{
		comments: []string{"#"},
		quotes: []quote{
			{open: `"`, close: `"`, lines: true}, {open: `'`, close: `'`, lines: true}, {open: "`", close: "`", raw: true},
		},
		closers:    regexp.MustCompile(`^else\b`),
		unfinished: regexp.MustCompile(`(?:%[^%\s]*%|\|>|<-|->|[-+*/=,~&|])\s*(?:#.*)?$`),
	}
	julia = &syntax{
		comments: []string{"#"},
		block:    &quote{open: "#=", close: "=#", raw: true, lines: true},
		quotes: []quote{
			{open: `"""`, close: `"""`, lines: true}, {open: `"`, close: `"`, lines: true},
		},
		charSign:   `'`,
		character:  charLike,
		closers:    regexp.MustCompile(`^(?:end|else|elseif|catch|finally)\b`),
		unfinished: regexp.MustCompile(`(?:\|>|&&|\|\||[-+*=,])\s*(?:#.*)?$`),
		heads:      regexp.MustCompile(`^(?:function|struct|mutable struct|module|using|import|macro)\s`),
	}
	golang = &syntax{
		comments: []string{"//"},
		block:    slashes,
		quotes:   []quote{double, single, {open: "`", close: "`", raw: true, lines: true}},
		heads:    regexp.MustCompile(`^(?:func|type|import|package|var|const)\s`),
	}
	javascript = &syntax{
		comments:   []string{"//"},
		block:      slashes,
		quotes:     []quote{double, single, {open: "`", close: "`", lines: true}},
		closers:    regexp.MustCompile(`^(?:else|catch|finally)\b|^[.?:]`),
		openers:    regexp.MustCompile(`^@\w`),
		unfinished: regexp.MustCompile(`(?:&&|\|\||=>|[^+]\+|[^-]-|[*=,?:])\s*(?://.*)?$`),
		heads:      regexp.MustCompile(`^(?:function|class|import|export|const|let|var|interface|type)\s`),
	}
	cFamily = &syntax{
		comments: []string{"//"},
		block:    slashes,
		quotes:   []quote{double, single},
		closers:  regexp.MustCompile(`^(?:else|catch)\b|^\{`),
		openers:  regexp.MustCompile(`^template\b`),
	}
	rust = &syntax{
		comments:  []string{"//"},
		block:     slashes,
		quotes:    []quote{{open: `"`, close: `"`, lines: true}},
		charSign:  `'`,
		character: charLike,
		closers:   regexp.MustCompile(`^(?:else|where)\b|^[.{]`),
		openers:   regexp.MustCompile(`^#!?\[`),
		heads:     regexp.MustCompile(`^(?:pub|fn|struct|enum|impl|trait|use|mod)\s`),
	}
	shell = &syntax{
		comments: []string{"#"},
		wordSign: true,
		quotes: []quote{
			{open: `"`, close: `"`, lines: true}, {open: `'`, close: `'`, raw: true, lines: true},
		},
		hereDoc:    regexp.MustCompile(`(?:^|[^<])<<[-~]?\s*\\?['"]?(\w+)`),
		closers:    regexp.MustCompile(`^(?:done|fi|esac|then|do|else|elif)\b|^[{]`),
		unfinished: regexp.MustCompile(`(?:\\|\||&&)$`),
	}
	ruby = &syntax{
		comments:   []string{"#"},
		block:      &quote{open: "=begin", close: "=end", raw: true, lines: true},
		quotes:     []quote{{open: `"`, close: `"`, lines: true}, single},
		hereDoc:    regexp.MustCompile(`<<[-~]['"]?(\w+)`),
		closers:    regexp.MustCompile(`^(?:end|else|elsif|rescue|ensure|when|in)\b|^\.`),
		unfinished: regexp.MustCompile(`(?:\\|&&|\|\||[-+*=,])$`),
	}
	lua = &syntax{
		comments: []string{"--"},
		block:    &quote{open: "--[[", close: "]]", raw: true, lines: true},
		quotes:   []quote{double, single, {open: "[[", close: "]]", raw: true, lines: true}},
		closers:  regexp.MustCompile(`^(?:end|else|elseif|until)\b`),
	}
	lisp = &syntax{
		comments:  []string{";"},
		block:     &quote{open: "#|", close: "|#", raw: true, lines: true},
		quotes:    []quote{{open: `"`, close: `"`, lines: true}},
		charSign:  `#\`,
		character: regexp.MustCompile(`^#\\.`),
		heads:     regexp.MustCompile(`^\((?:define|import)\b`),
	}
	octave = &syntax{
		comments:   []string{"%", "#"},
		quotes:     []quote{double},
		charSign:   `'`,
		character:  regexp.MustCompile(`^'[^']*'`),
		closers:    regexp.MustCompile(`^(?:end\w*|else|elseif|case|otherwise|catch|until)\b`),
		unfinished: regexp.MustCompile(`\.\.\.\s*$`),
	}
)

// lineState is what a line is before anything is said about its indentation.
type lineState struct {
	code   bool // has more than blanks and comments
	inside bool // starts in a bracket, a string, a block comment or an unfinished line
	quoted bool // starts in a string that goes over several lines
}

// scan goes through all lines once.
func (s *syntax) scan(lines []string) []lineState {
	states := make([]lineState, len(lines))
	var in *quote    // the string or block comment that is open
	comment := false // in is a comment
	ends := ""       // the word that ends a here-document, read up to it
	depth := 0
	unfinished := false
	for n, line := range lines {
		st := &states[n]
		if in == nil && depth > 0 && s.heads != nil && s.heads.MatchString(line) {
			depth = 0
		}
		st.inside = in != nil || depth > 0 || unfinished || ends != ""
		st.quoted = in != nil && !comment
		if ends != "" {
			st.code = true
			if strings.TrimLeft(line, "\t ") == ends {
				ends = ""
			}
			continue
		}
		for i := 0; i < len(line); {
			rest := line[i:]
			switch {
			case in != nil:
				st.code = st.code || !comment
				closed := strings.HasPrefix(rest, in.close)
				i += in.step(rest)
				if closed {
					in, comment = nil, false
				}
			case s.block != nil && strings.HasPrefix(rest, s.block.open):
				in, comment = s.block, true
				i += len(in.open)
			case s.startsComment(line, i):
				i = len(line)
			case s.character != nil && strings.HasPrefix(rest, s.charSign):
				st.code = true
				i += max(1, len(s.character.FindString(rest)))
			default:
				if q := s.quoteAt(rest); q != nil {
					st.code = true
					in = q
					i += len(q.open)
					break
				}
				switch line[i] {
				case '(', '[', '{':
					depth++
				case ')', ']', '}':
					depth = max(0, depth-1)
				case '\\':
					i++ // what follows is no quote
				}
				st.code = st.code || line[min(i, len(line)-1)] != ' ' && line[min(i, len(line)-1)] != '\t'
				i++
			}
		}
		if in != nil && !in.lines && !strings.HasSuffix(line, `\`) {
			in, comment = nil, false
		}
		unfinished = in == nil && st.code && s.unfinished != nil && s.unfinished.MatchString(line)
		if s.hereDoc != nil && in == nil {
			if m := s.hereDoc.FindStringSubmatch(line); m != nil {
				ends = m[1]
			}
		}
	}
	return states
}

// step is how far an open string goes on at once: one character, one escape
// sequence, or its end.
func (q *quote) step(rest string) int {
	switch {
	case strings.HasPrefix(rest, q.close):
		return len(q.close)
	case !q.raw && rest[0] == '\\':
		return min(2, len(rest))
	default:
		return 1
	}
}

func (s *syntax) quoteAt(rest string) *quote {
	for i := range s.quotes {
		if strings.HasPrefix(rest, s.quotes[i].open) {
			return &s.quotes[i]
		}
	}
	return nil
}

func (s *syntax) startsComment(line string, i int) bool {
	for _, sign := range s.comments {
		if strings.HasPrefix(line[i:], sign) {
			return !s.wordSign || i == 0 || line[i-1] == ' ' || line[i-1] == '\t' || line[i-1] == ';'
		}
	}
	return false
}
