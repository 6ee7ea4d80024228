package language

import (
	"regexp"
	"strings"
)

// syntax is as much of a language as is needed to know which lines belong
// together: comments, strings, brackets, blocks, and what goes on in the next line.
type syntax struct {
	comments []string
	// wordSign says that the comment sign means something else inside a word.
	wordSign bool
	block    *quote // comment of several lines
	quotes   []quote
	// prefixed reads the start of a string whose end depends on it, or on the word right
	// before it, and says how many bytes that takes.
	prefixed func(word, rest string) (quote, int)
	// character matches a character that starts with charSign; where it does not
	// match, the sign means something else (a lifetime, a transposed matrix). With
	// charSuffix it always does behind a value.
	charSign   string
	charSuffix bool
	character  *regexp.Regexp
	regexps    bool           // regular expressions stand between slashes
	hereDoc    *regexp.Regexp // group 1: its end may be indented; 2, 3 or 4: the word that ends it
	// magic matches a line that is for the kernel and not code, where a statement may start.
	magic *regexp.Regexp

	// closers matches a line, without its indentation, that belongs to what stands above
	// it. leaders does so where that does not end with a semicolon.
	closers, leaders *regexp.Regexp
	// openers matches a line, without its indentation, that belongs to what stands below it.
	openers *regexp.Regexp
	// unfinished matches a line, without its comment, that goes on in the next one.
	unfinished *regexp.Regexp
	// heads matches an unindented line that starts anew even where a bracket above
	// was not closed.
	heads *regexp.Regexp

	// indented says that blocks are made by indentation.
	indented bool
	// blocks matches what stands before a brace in which there are statements, unless
	// noBlocks matches it, too.
	blocks, noBlocks *regexp.Regexp
	// labels matches a line, without its indentation, that divides the block in braces
	// that it stands in.
	labels *regexp.Regexp
	// headers are the words before a bracket after which a statement goes on, goesOn those
	// after which it does without one.
	headers, goesOn map[string]bool
	// words open, divide and close blocks.
	words map[string]wordRole
	// commands says that they mean so only as the first word of a command. leads are
	// the words that a command may follow.
	commands bool
	leads    map[string]bool
	// modifiers open a block only where a statement starts.
	modifiers map[string]bool
	// loops are the words whose "do" opens no block of its own.
	loops map[string]bool
	// except matches from an opening word on what opens nothing.
	except *regexp.Regexp
}

// wordRole is what a word does to a block.
type wordRole int

const (
	noRole wordRole = iota
	opens
	encloses // opens what has no statements right in it
	divides
	closes
)

// blockWords gives words their roles.
func blockWords(opening, dividing, closing string) map[string]wordRole {
	roles := map[string]wordRole{}
	for role, words := range map[wordRole]string{opens: opening, divides: dividing, closes: closing} {
		for word := range strings.FieldsSeq(words) {
			roles[word] = role
		}
	}
	return roles
}

func shellWords() map[string]wordRole {
	roles := blockWords(`if do`, `then else elif`, `fi done esac`)
	roles["case"] = encloses // patterns stand in it
	return roles
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

// quote is what starts and ends a string or a block comment.
type quote struct {
	open, close string
	raw         bool   // a backslash is a backslash
	lines       bool   // may hold line ends
	nested      bool   // holds others of its kind
	field       string // starts code in it
}

var (
	double       = quote{open: `"`, close: `"`}
	single       = quote{open: `'`, close: `'`}
	slashes      = &quote{open: "/*", close: "*/", raw: true, lines: true}
	pythonQuotes = []quote{
		{open: `"""`, close: `"""`, lines: true}, {open: `'''`, close: `'''`, lines: true}, double, single,
	}
	charLike = regexp.MustCompile(`^'(?:\\[^\s']{1,9}|\\'|[^\\'])'`)

	python = &syntax{
		comments:   []string{"#"},
		quotes:     pythonQuotes,
		prefixed:   formatted,
		magic:      regexp.MustCompile(`^\s*(?:[%!?]|[\w.,\s\[\]]+=\s*[%!])`),
		closers:    regexp.MustCompile(`^(?:else|elif|except|finally)\b`),
		openers:    regexp.MustCompile(`^@`),
		unfinished: regexp.MustCompile(`\\$`),
		heads:      regexp.MustCompile(`^(?:def|class|import|async def)\s|^from\s.*\simport\b|^@\w`),
		indented:   true,
	}
	rSyntax = &syntax{
		comments: []string{"#"},
		quotes: []quote{
			{open: `"`, close: `"`, lines: true}, {open: `'`, close: `'`, lines: true}, {open: "`", close: "`", raw: true},
		},
		prefixed:   rawR,
		closers:    regexp.MustCompile(`^else\b`),
		unfinished: regexp.MustCompile(`(?:%[^%\s]*%|\|>|<-|->|[-+*/=,~&|<>!^$@:?])$`),
		blocks:     regexp.MustCompile(``),
		headers:    set(`if for while function`),
		goesOn:     set(`else repeat`),
	}
	julia = &syntax{
		comments: []string{"#"},
		block:    &quote{open: "#=", close: "=#", raw: true, lines: true, nested: true},
		quotes: []quote{
			{open: `"""`, close: `"""`, lines: true, field: "$("}, {open: `"`, close: `"`, lines: true, field: "$("},
			{open: "```", close: "```", lines: true, field: "$("}, {open: "`", close: "`", lines: true, field: "$("},
		},
		prefixed:   rawJulia,
		charSign:   `'`,
		charSuffix: true,
		character:  charLike,
		closers:    regexp.MustCompile(`^(?:end|else|elseif|catch|finally)\b`),
		unfinished: regexp.MustCompile(`(?:\|>|&&|\|\||[-+*/=,<>?^%&|~:÷])$`),
		heads:      regexp.MustCompile(`^(?:function|struct|mutable struct|module|using|import|macro)\s`),
		words: blockWords(`function if for while begin let try struct module baremodule macro quote do abstract primitive`,
			`else elseif catch finally`, `end`),
	}
	golang = &syntax{
		comments:   []string{"//"},
		block:      slashes,
		quotes:     []quote{double, single, {open: "`", close: "`", raw: true, lines: true}},
		magic:      regexp.MustCompile(`^\s*(?:%{1,2}\pL|!)`),
		unfinished: regexp.MustCompile(`(?:(?:^|[^+])\+|(?:^|[^-])-|[*/%&|^<>=!,.])$`),
		heads:      regexp.MustCompile(`^(?:func|type|import|package|var|const)\s`),
		openers:    regexp.MustCompile(`^[\pL_]\w*:$`),
		blocks:     regexp.MustCompile(`[^,(\[{=:\s]\s$`), // as gofmt writes them
		noBlocks:   regexp.MustCompile(`\b(?:struct|interface)\s*$`),
		labels:     regexp.MustCompile(`^(?:case\b|default\s*:)`),
	}
	javascript = &syntax{
		comments:   []string{"//"},
		block:      slashes,
		quotes:     []quote{double, single, {open: "`", close: "`", lines: true, field: "${"}},
		regexps:    true,
		closers:    regexp.MustCompile(`^(?:else|catch|finally)\b|^[.?:]`),
		leaders:    regexp.MustCompile(`^(?:[*%&|^<>=,]|\+(?:[^+]|$)|-(?:[^-]|$)|(?:instanceof|in)\b)`),
		openers:    regexp.MustCompile(`^@[\w.]+(?:\([^)]*|\(.*\))?$`),
		unfinished: regexp.MustCompile(`(?:&&|\|\||=>|(?:^|[^+])\+|(?:^|[^-])-|[*/=,?:%&|^<>!.])$`),
		heads:      regexp.MustCompile(`^(?:function|class|import|export|const|let|var|interface|type)\s`),
		blocks:     regexp.MustCompile(`(?:\)|\)\s*:\s*[^{}=]+|=>|[{};]|\b(?:else|try|finally|do|static))\s*$`),
		noBlocks:   regexp.MustCompile(`(?:^|\s)(?:class|interface|enum|namespace|type)\s`),
		labels:     regexp.MustCompile(`^(?:case\b|default\s*:)`),
		headers:    set(`if for while with catch`),
		goesOn:     set(`else do try finally`),
	}
	cFamily = &syntax{
		comments:   []string{"//"},
		block:      slashes,
		quotes:     []quote{double},
		prefixed:   rawCpp,
		charSign:   `'`,
		charSuffix: true,
		character:  regexp.MustCompile(`^'(?:\\.|[^'\\])[^']*'`),
		magic:      regexp.MustCompile(`^\s*%{1,2}\pL`),
		closers:    regexp.MustCompile(`^(?:else|catch)\b|^\{`),
		leaders:    regexp.MustCompile(`^(?:[.?:*/%&|^<>=,]|\+(?:[^+]|$)|-(?:[^-]|$))`),
		openers:    regexp.MustCompile(`^template\s*<[^{;]*>$`),
		unfinished: regexp.MustCompile(`(?:(?:^|[^+])\+|(?:^|[^-])-|[*/=,?%&|^<.\\]|&&|\|\|)$`),
		blocks:     regexp.MustCompile(`(?:[){};]|\)\s*->.*|\b(?:else|do|try|const|noexcept|override|final))\s*$`),
		noBlocks:   regexp.MustCompile(`(?:^|\s)(?:class|struct|union|enum|namespace|extern)\s`),
		labels:     regexp.MustCompile(`^(?:case\b|default\s*:)`),
		headers:    set(`if for while switch catch`),
		goesOn:     set(`else do try`),
	}
	rust = &syntax{
		comments:   []string{"//"},
		block:      &quote{open: "/*", close: "*/", raw: true, lines: true, nested: true},
		quotes:     []quote{{open: `"`, close: `"`, lines: true}},
		prefixed:   rawRust,
		charSign:   `'`,
		character:  charLike,
		closers:    regexp.MustCompile(`^(?:else|where)\b|^[.{?]`),
		leaders:    regexp.MustCompile(`^(?:[/%|^<>=,]|\*|&&|\+|->)`),
		openers:    regexp.MustCompile(`^#!?\[.*\]$`),
		unfinished: regexp.MustCompile(`(?:[-+*/=,%&|^<.]|->|=>)$`),
		heads:      regexp.MustCompile(`^(?:pub|fn|struct|enum|impl|trait|use|mod)\s`),
		blocks:     regexp.MustCompile(`(?:^|\W)(?:fn|if|else|for|while|loop|unsafe|async)\b.*$|(?:[{};]|\|)\s*$|=>\s*$`),
		noBlocks:   regexp.MustCompile(`(?:^|\s)(?:struct|enum|union|trait|impl|match|mod|use)\s`),
	}
	shell = &syntax{
		comments: []string{"#"},
		wordSign: true,
		quotes: []quote{
			{open: `"`, close: `"`, lines: true, field: "$("}, {open: `'`, close: `'`, raw: true, lines: true},
		},
		prefixed:   escapedShell,
		hereDoc:    regexp.MustCompile(`^<<([-~]?)[ \t]*(?:\\?([A-Za-z_][\w.+-]*)|'([^'\n]+)'|"([^"\n]+)")`),
		closers:    regexp.MustCompile(`^(?:done|fi|esac|then|do|else|elif)\b|^[{]`),
		unfinished: regexp.MustCompile(`(?:\\|\||&&)$`),
		blocks:     regexp.MustCompile(`(?:^|[\s;&|()])$`),
		words:      shellWords(),
		commands:   true,
		leads:      set(`then do else elif if while until time`),
	}
	ruby = &syntax{
		comments:   []string{"#"},
		block:      &quote{open: "=begin", close: "=end", raw: true, lines: true},
		quotes:     []quote{{open: `"`, close: `"`, lines: true, field: "#{"}, {open: `'`, close: `'`, lines: true}, {open: "`", close: "`", field: "#{"}},
		prefixed:   percentRuby,
		regexps:    true,
		hereDoc:    regexp.MustCompile(`^<<([-~])(?:([A-Za-z_]\w*)|'([^'\n]+)'|"([^"\n]+)")`),
		closers:    regexp.MustCompile(`^(?:end|else|elsif|rescue|ensure|when|in)\b|^\.|^&\.`),
		unfinished: regexp.MustCompile(`(?:\\|&&|\|\||[-+*/=,.<>&^])$`),
		words: blockWords(`def class module if unless while until for case begin do`,
			`else elsif rescue ensure when in`, `end`),
		modifiers: set(`if unless while until`),
		leads:     set(`then do else begin return and or not ensure`),
		loops:     set(`while until for`),
		except:    regexp.MustCompile(`^def\s+[\w.?!]+\s*(?:\([^)]*\))?\s+=\s`),
	}
	lua = &syntax{
		comments:   []string{"--"},
		block:      &quote{open: "--[[", close: "]]", raw: true, lines: true},
		quotes:     []quote{double, single},
		prefixed:   longLua,
		closers:    regexp.MustCompile(`^(?:end|else|elseif|until)\b`),
		leaders:    regexp.MustCompile(`^(?:[.:]|(?:and|or)\b|[-+*/=<>~%^])`),
		unfinished: regexp.MustCompile(`(?:[-+*/=,<>~%^.]|\b(?:and|or|not))$`),
		words:      blockWords(`function do if repeat`, `else elseif`, `end until`),
	}
	lisp = &syntax{
		comments:  []string{";"},
		block:     &quote{open: "#|", close: "|#", raw: true, lines: true, nested: true},
		quotes:    []quote{{open: `"`, close: `"`, lines: true}, {open: "|", close: "|"}},
		charSign:  `#\`,
		character: regexp.MustCompile(`^#\\.`),
		magic:     regexp.MustCompile(`^\s*%{1,2}\pL`),
		heads:     regexp.MustCompile(`^\((?:define|import)\b`),
	}
	octave = &syntax{
		comments:   []string{"%", "#"},
		quotes:     []quote{double},
		charSign:   `'`,
		charSuffix: true,
		character:  regexp.MustCompile(`^'[^']*'`),
		closers:    regexp.MustCompile(`^(?:end\w*|else|elseif|case|otherwise|catch|until)\b`),
		unfinished: regexp.MustCompile(`\.\.\.\s*$`),
		words: blockWords(`if while for parfor switch function try do unwind_protect`,
			`else elseif case otherwise catch unwind_protect_cleanup`,
			`end endif endwhile endfor endparfor endswitch endfunction end_try_catch end_unwind_protect until`),
		modifiers: set(`if while for parfor switch function try do unwind_protect`),
	}
)

// formatted reads Python's strings that have code in them.
func formatted(word, rest string) (quote, int) {
	switch strings.ToLower(word) {
	case "f", "rf", "fr", "t", "rt", "tr":
	default:
		return quote{}, 0
	}
	for _, q := range pythonQuotes {
		if strings.HasPrefix(rest, q.open) {
			q.field = "{"
			return q, len(q.open)
		}
	}
	return quote{}, 0
}

var (
	rawRStart    = regexp.MustCompile(`^(["'])(-*)([(\[{])`)
	rawCppStart  = regexp.MustCompile(`^"([^()\\\s]{0,16})\(`)
	rawRustStart = regexp.MustCompile(`^(#*)"`)
	longLuaStart = regexp.MustCompile(`^\[(=*)\[`)
	percentStart = regexp.MustCompile(`^%[qQwWiIrsx]([(\[{<!/|])`)
)

func rawR(word, rest string) (quote, int) {
	m := rawRStart.FindStringSubmatch(rest)
	if m == nil || word != "r" && word != "R" {
		return quote{}, 0
	}
	return quote{close: closings[m[3][0]] + m[2] + m[1], raw: true, lines: true}, len(m[0])
}

// rawJulia reads the strings of macros, which have no code in them.
func rawJulia(word, rest string) (quote, int) {
	if word == "" {
		return quote{}, 0
	}
	for _, q := range []string{`"""`, `"`, "`"} {
		if strings.HasPrefix(rest, q) {
			return quote{open: q, close: q, lines: true}, len(q)
		}
	}
	return quote{}, 0
}

func rawCpp(word, rest string) (quote, int) {
	m := rawCppStart.FindStringSubmatch(rest)
	if m == nil || !strings.HasSuffix(word, "R") {
		return quote{}, 0
	}
	return quote{close: ")" + m[1] + `"`, raw: true, lines: true}, len(m[0])
}

func rawRust(word, rest string) (quote, int) {
	m := rawRustStart.FindStringSubmatch(rest)
	if m == nil || word != "r" && word != "br" && word != "cr" {
		return quote{}, 0
	}
	return quote{close: `"` + m[1], raw: true, lines: true}, len(m[0])
}

func longLua(_, rest string) (quote, int) {
	m := longLuaStart.FindStringSubmatch(rest)
	if m == nil {
		return quote{}, 0
	}
	return quote{close: "]" + m[1] + "]", raw: true, lines: true}, len(m[0])
}

// escapedShell reads $'…', in which a backslash escapes.
func escapedShell(_, rest string) (quote, int) {
	if !strings.HasPrefix(rest, "$'") {
		return quote{}, 0
	}
	return quote{close: "'", lines: true}, 2
}

// percentRuby reads Ruby's lists of words and the like.
func percentRuby(_, rest string) (quote, int) {
	m := percentStart.FindStringSubmatch(rest)
	if m == nil {
		return quote{}, 0
	}
	closing, ok := closings[m[1][0]]
	switch {
	case m[1] == "<":
		closing = ">"
	case !ok:
		closing = m[1]
	}
	return quote{close: closing, lines: true}, len(m[0])
}
