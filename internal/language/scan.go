package language

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineState is what a line is before anything is said about its indentation.
type lineState struct {
	code   bool // has more than blanks and comments
	inside bool // starts in a bracket, a string, a block comment or an unfinished line
	text   bool // starts in what began as a string, a here-document or a block comment
	quoted bool // starts in a string or a here-document: its blanks are part of a value
	// depth is how much is open where the line starts, and after where it ends. low is
	// what its first tokens leave open, if they close something.
	depth, low, after int
	middle            bool // begins with a word between an opening and its end, as "else"
	more              bool // the next line belongs to it: in a bracket or a string, or it is unfinished
	end               int  // bytes of the line up to the end of its code
}

// opening is what a text has open, up to its end.
type opening struct {
	kind   openKind
	quote  quote  // of a text
	close  string // of a bracket; the last line of a here-document
	tabs   bool   // blanks may stand before close
	header bool   // a bracket behind "if" and the like, after which the statement goes on
	field  bool   // code in a string
	format bool   // a colon ends that code, and starts its format

	at, from int   // offsets of what it begins with, and behind that
	commas   []int // of a bracket: offsets
}

type openKind int

const (
	textOpen    openKind = iota // a string
	commentOpen                 // a comment of several lines
	hereDocOpen
	bracketOpen
	blockOpen // statements stand in it
)

// scanner goes through a text line by line and knows what is open.
type scanner struct {
	*syntax
	heads      bool // a head at the margin closes everything
	began      bool // there was code
	open       []opening
	hereDocs   []opening // they begin on the next line
	unfinished bool
	backslash  bool   // unfinished by a backslash, which a blank line ends
	opener     bool   // the statement belongs to what stands below it
	expects    bool   // and that comes now
	header     bool   // the last token closed the bracket of a header
	headed     bool   // as did that of the line before
	last       byte   // the last byte of code, 0 where a statement starts
	word       string // that it ends, if it ends one
	first      string // the first word of the statement

	base, at int      // offsets of the line, and of what is read
	comments [][2]int // offsets of what is commented
	comment  bool     // the line ends in a comment

	named func(at, size, depth int) // is told of each word of code, if it is not nil
}

// scan goes through all lines. Where something is nowhere closed, heads start anew:
// a bracket that is just being typed does not swallow what stands below it.
func (s *syntax) scan(lines []string) []lineState {
	states, balanced := s.scanWith(lines, false)
	if !balanced && s.heads != nil {
		states, _ = s.scanWith(lines, true)
	}
	return states
}

func (s *syntax) scanWith(lines []string, heads bool) (states []lineState, balanced bool) {
	sc := scanner{syntax: s, heads: heads}
	states = make([]lineState, len(lines))
	for i, line := range lines {
		states[i] = sc.line(line)
	}
	return states, len(sc.open) == 0 && len(sc.hereDocs) == 0
}

func (s *scanner) top() *opening {
	if len(s.open) == 0 {
		return nil
	}
	return &s.open[len(s.open)-1]
}

func (s *scanner) push(o opening) {
	o.at = s.at
	if o.from == 0 {
		o.from = s.at + 1
	}
	s.open = append(s.open, o)
}

func (s *scanner) pop() { s.open = s.open[:len(s.open)-1] }

// inText says whether a string, a here-document or a block comment is open.
func (s *scanner) inText() bool {
	for _, o := range s.open {
		if o.kind <= hereDocOpen {
			return true
		}
	}
	return false
}

// depth is how much is open, without comments, which hold no code.
func (s *scanner) depth() int {
	n := len(s.open)
	for n > 0 && s.open[n-1].kind == commentOpen {
		n--
	}
	return n
}

// within says whether what is open innermost is no block.
func (s *scanner) within() bool {
	n := s.depth()
	return n > 0 && s.open[n-1].kind != blockOpen
}

// inCode says whether code is read, be it in a bracket.
func (s *scanner) inCode() bool { t := s.top(); return t == nil || t.kind > hereDocOpen }

// line takes the next line.
func (s *scanner) line(line string) (st lineState) {
	st = s.begin(line)
	s.endLine(line, &st)
	s.base += len(line) + 1
	return st
}

// begin takes the next line as far as it is written.
func (s *scanner) begin(line string) (st lineState) {
	s.at, s.comment = s.base, false
	if s.heads && len(s.open) > 0 && s.inCode() && s.syntax.heads.MatchString(line) {
		s.open, s.unfinished = s.open[:0], false
	}
	if s.backslash && strings.TrimSpace(line) == "" {
		s.unfinished, s.backslash = false, false
	}
	t := s.top()
	st.inside = s.unfinished || s.within()
	st.text = s.inText()
	st.quoted = t != nil && (t.kind == textOpen || t.kind == hereDocOpen)
	st.depth, st.low = s.depth(), s.depth()
	if !st.inside {
		s.first = ""
		s.seen(0, "")
	}
	if t != nil && t.kind == hereDocOpen {
		st.code = true
		if line == t.close || t.tabs && strings.TrimLeft(line, "\t ") == t.close {
			s.pop()
		}
	} else {
		s.tokens(line, &st)
	}
	return st
}

// tokens reads a line that is no here-document's.
func (s *scanner) tokens(line string, st *lineState) {
	i := 0
	if !st.inside && s.magic != nil && strings.ContainsAny(line, "%!?") && s.magic.MatchString(line) {
		st.code, i, st.end = true, len(line), len(line)
		s.seen('"', "")
	}
	if (!st.inside || s.expects) && s.openers != nil && !s.isLabel(line) {
		s.opener = s.openers.MatchString(strings.TrimLeft(line, " \t"))
	}
	for i < len(line) {
		s.at = s.base + i
		if s.inCode() {
			i = s.token(line, i, st)
		} else {
			i = s.text(line, i, st)
		}
	}
}

// endLine settles what the next line is to be.
func (s *scanner) endLine(line string, st *lineState) {
	if t := s.top(); t != nil && t.kind == textOpen && !t.quote.lines && !strings.HasSuffix(line, `\`) {
		s.pop()
	}
	if st.code && s.inCode() {
		t := s.top()
		code := line[:st.end]
		s.backslash = strings.HasSuffix(line, `\`)
		s.expects = s.opener && (t == nil || t.kind == blockOpen)
		s.opener = s.opener && !s.expects
		s.headed = s.header
		s.unfinished = s.header || s.expects || s.syntax.unfinished != nil && s.syntax.unfinished.MatchString(code) &&
			!(strings.HasSuffix(code, ":") && s.isLabel(line))
	}
	for _, o := range slices.Backward(s.hereDocs) {
		s.push(o)
	}
	s.hereDocs = s.hereDocs[:0]
	s.began = s.began || st.code
	st.after = s.depth()
	st.more = s.unfinished || s.within()
}

// seen notes the last byte of code that was read, and the word that it ends.
func (s *scanner) seen(last byte, word string) { s.last, s.word, s.header = last, word, false }

// text reads on in a string or a block comment.
func (s *scanner) text(line string, i int, st *lineState) int {
	isCode := s.top().kind == textOpen
	end := s.inside(line, i)
	if isCode {
		st.code, st.end = true, end
	}
	return end
}

// inside reads one character of a string or a block comment, or what means more.
func (s *scanner) inside(line string, i int) int {
	t, rest := s.top(), line[i:]
	q := &t.quote
	switch {
	case strings.HasPrefix(rest, q.close):
		if t.kind == textOpen {
			s.seen('"', "")
		} else {
			s.comments = append(s.comments, [2]int{t.at, s.at + len(q.close)})
		}
		n := len(q.close)
		s.pop()
		return i + n
	case q.nested && strings.HasPrefix(rest, q.open):
		s.push(*t)
		return i + len(q.open)
	case !q.raw && rest[0] == '\\':
		return i + min(2, len(rest))
	case q.field == "{" && strings.HasPrefix(rest, "{{"):
		return i + 2
	case q.field != "" && strings.HasPrefix(rest, q.field):
		closing := closings[q.field[len(q.field)-1]]
		s.push(opening{kind: bracketOpen, close: closing, field: true, format: q.field == "{"})
		s.seen('(', "")
		return i + len(q.field)
	}
	return i + 1
}

// token reads one token of code.
func (s *scanner) token(line string, i int, st *lineState) int {
	rest := line[i:]
	switch {
	case strings.IndexByte(" \t\r\f\v", rest[0]) >= 0:
		return i + 1
	case s.block != nil && strings.HasPrefix(rest, s.block.open):
		s.push(opening{kind: commentOpen, quote: *s.block})
		return i + len(s.block.open)
	case s.startsComment(line, i):
		s.comment = true
		s.comments = append(s.comments, [2]int{s.at, s.base + len(line)})
		return len(line)
	}
	first := !st.code
	st.code = true
	n := s.literal(line, i)
	if n == 0 {
		n = wordLength(rest)
		switch {
		case n > 0:
			s.name(line, i, n, first, st)
		case rest[0] == '\\':
			n = min(2, len(rest))
			s.seen('\\', "")
		default:
			n = 1
			s.sign(line, i, first, st)
		}
	}
	st.end = i + n
	return st.end
}

// literal reads the start of a string, or all of a character or a regular expression.
func (s *scanner) literal(line string, i int) int {
	rest := line[i:]
	if s.hereDoc != nil && strings.HasPrefix(rest, "<<") && !strings.HasSuffix(line[:i], "<") && !s.arithmetic() {
		if m := s.hereDoc.FindStringSubmatch(rest); m != nil {
			s.hereDocs = append(s.hereDocs, opening{kind: hereDocOpen, close: m[2] + m[3] + m[4], tabs: m[1] != ""})
			s.seen('"', "")
			return len(m[0])
		}
	}
	if s.character != nil && strings.HasPrefix(rest, s.charSign) {
		n := 1
		if !s.charSuffix || !s.afterOperand(line, i) {
			n = max(1, len(s.character.FindString(rest)))
		}
		s.seen('\'', "")
		return n
	}
	if s.regexps && rest[0] == '/' && !s.operand() {
		if n := regexpLength(rest); n > 0 {
			s.seen('"', "")
			return n
		}
	}
	q, n := s.quoteAt(line, i)
	if n == 0 {
		return 0
	}
	s.push(opening{kind: textOpen, quote: q, from: s.at + n})
	return n
}

// quoteAt is the string that starts at i, or that the word before i is a part of.
func (s *scanner) quoteAt(line string, i int) (quote, int) {
	rest := line[i:]
	prefix := ""
	if s.word != "" && strings.HasSuffix(line[:i], s.word) {
		prefix = s.word
	}
	if s.prefixed != nil {
		if q, n := s.prefixed(prefix, rest); n > 0 {
			return q, n
		}
	}
	for _, q := range s.quotes {
		if strings.HasPrefix(rest, q.open) {
			return q, len(q.open)
		}
	}
	return quote{}, 0
}

// afterOperand says whether a sign stands right behind a name, a number or a bracket.
func (s *scanner) afterOperand(line string, i int) bool {
	if i == 0 {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(line[:i])
	return r == '_' || r == ')' || r == ']' || r == '}' || r == '\'' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// operand says whether a value stands before what is read: a slash divides it.
func (s *scanner) operand() bool {
	switch s.word {
	case "return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw", "await", "yield", "if", "unless", "when", "and", "or", "not":
		return false
	}
	return s.word != "" || s.last == ')' || s.last == ']' || s.last == '}' || s.last == '"' || s.last == '\'' || '0' <= s.last && s.last <= '9'
}

// arithmetic says whether "((" is open, where "<<" shifts.
func (s *scanner) arithmetic() bool {
	n := len(s.open)
	return n > 1 && s.open[n-1].close == ")" && s.open[n-2].close == ")"
}

// name takes a word of n bytes, which may open or close a block.
func (s *scanner) name(line string, i, n int, first bool, st *lineState) {
	if s.named != nil {
		s.named(s.at, n, s.depth())
	}
	word := line[i : i+n]
	role := s.words[word]
	if role != noRole && s.isWord(line, i, n) {
		switch role {
		case opens:
			s.push(opening{kind: blockOpen})
		case encloses:
			s.push(opening{kind: bracketOpen})
		case closes:
			s.popBlock(first, st)
		case divides:
			st.middle = st.middle || first
		}
	}
	if s.first == "" {
		s.first = word
	}
	if i > 0 && line[i-1] == '.' {
		word = "." + word // a part, whatever its name
	}
	s.seen(line[i+n-1], word)
	s.header = s.goesOn[word]
}

// isWord says whether a word that opens or closes blocks means that where it stands.
func (s *scanner) isWord(line string, i, n int) bool {
	if t := s.top(); t != nil && t.kind == bracketOpen && !s.commands {
		return false // an index "end", a comprehension
	}
	if i > 0 && strings.IndexByte(".:@$-\\", line[i-1]) >= 0 && !strings.HasSuffix(line[:i], "::") || strings.HasPrefix(line[i+n:], ":") && s.loops != nil {
		return false
	}
	word := line[i : i+n]
	if role := s.words[word]; role == opens || role == encloses {
		switch {
		case s.except != nil && s.except.MatchString(line[i:]):
			return false
		case word == "do" && s.loops[s.first]:
			return false // the loop has opened the block
		case s.commands || s.modifiers[word]:
			return s.startsCommand()
		}
	}
	return !s.commands || s.startsCommand()
}

// startsCommand says whether a command or statement starts here.
func (s *scanner) startsCommand() bool {
	if s.word != "" {
		return s.leads[s.word]
	}
	return s.last == 0 || strings.IndexByte(";&|({!=)", s.last) >= 0
}

// sign takes a bracket or another byte of code.
func (s *scanner) sign(line string, i int, first bool, st *lineState) {
	c := line[i]
	t := s.top()
	header := false
	switch c {
	case '(', '[', '{':
		if c == '[' && s.commands {
			break // a command's name
		}
		o := opening{kind: bracketOpen, close: closings[c], header: c == '(' && s.headers[s.word]}
		if c == '(' && s.commands && s.last != '=' || c == '{' && s.isBlock(line[:i], st) {
			o.kind = blockOpen
		}
		s.push(o)
	case ')', ']', '}':
		header = s.popBracket(line[i:i+1], first, st)
	case ',':
		if t != nil {
			t.commas = append(t.commas, s.at)
		}
	case ':':
		if t != nil && t.format {
			*t = opening{kind: textOpen, quote: quote{close: "}", raw: true, field: "{", lines: true}}
		}
	case ';':
		if t == nil || t.kind == blockOpen {
			s.first = ""
		}
	}
	s.seen(c, "")
	s.header = header
}

// maxBefore bounds what is looked at before a brace, in bytes: a line may be long and have many.
const maxBefore = 200

// isBlock says whether statements stand in the brace behind before.
func (s *scanner) isBlock(before string, st *lineState) bool {
	if s.blocks == nil {
		return false
	}
	if strings.TrimSpace(before) == "" {
		return !st.inside || s.headed || s.closers != nil && s.closers.MatchString("{")
	}
	before = before[max(0, len(before)-maxBefore):]
	return s.blocks.MatchString(before) && (s.noBlocks == nil || !s.noBlocks.MatchString(before))
}

// popBracket closes a bracket, with the blocks in it that were not closed. One that
// closes nothing, as behind a pattern of the shell, is not heeded.
func (s *scanner) popBracket(sign string, first bool, st *lineState) (header bool) {
	for n := len(s.open) - 1; n >= 0 && s.open[n].kind > hereDocOpen; n-- {
		o := s.open[n]
		if o.close == sign {
			s.open = s.open[:n]
			if first || st.low == n+1 {
				st.low = n
			}
			return o.header
		}
		if o.close == "" && s.commands || o.field {
			return false
		}
	}
	return false
}

// popBlock closes a block that a word opened.
func (s *scanner) popBlock(first bool, st *lineState) {
	if t := s.top(); t != nil && t.kind >= bracketOpen && (t.close == "" || s.commands && t.kind == blockOpen) {
		s.pop()
		if first {
			st.low = len(s.open)
		}
	}
}

// closings are the brackets that close others.
var closings = map[byte]string{'(': ")", '[': "]", '{': "}"}

func (s *syntax) isLabel(line string) bool {
	return s.labels != nil && s.labels.MatchString(strings.TrimLeft(line, " \t"))
}

func (s *syntax) startsComment(line string, i int) bool {
	for _, sign := range s.comments {
		if strings.HasPrefix(line[i:], sign) {
			return !s.wordSign || i == 0 || strings.IndexByte(" \t;()", line[i-1]) >= 0
		}
	}
	return false
}

// wordLength is the number of bytes of the name that a text begins with.
func wordLength(text string) int {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			return i
		}
	}
	return len(text)
}

// regexpLength is the number of bytes of the regular expression between slashes that
// a text begins with, 0 if it does not end on its line.
func regexpLength(text string) int {
	class := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				return i + 1
			}
		}
	}
	return 0
}
