package language

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Error is the content of a Jupyter error message. Traceback may hold ANSI colours.
type Error struct {
	Name, Value string
	Traceback   []string
	// Code is what was evaluated, as it was sent. Kernels that do not number cells,
	// or that count lines in their own way, can be understood only with it.
	Code string
}

// Elsewhere is the execution count of a frame in a cell that is not known, and not
// the one that raised the error.
const Elsewhere = -1

// Frame is a place in a cell.
type Frame struct {
	Cell     Ref    // its Count may be Elsewhere
	Line     int    // in the cell, from 1
	Column   int    // from 1, 0 if the kernel does not say
	Function string // "" at the top level of a cell
	Text     string // of the line as the traceback shows it, without blanks around it; empty if it does not
	Part     bool   // it is of an exception that another one is a group of
}

// traceback is how one kernel, or all kernels of a language, write a traceback.
type traceback struct {
	// places match what names a cell, in a line without colours. Groups: ref is what
	// the cell's own name takes the place of; count, hash, line, col, func; body where the
	// lines are counted from the one below a cell magic. Where the kernel
	// does not number its cells, the frame is in the evaluated code if call stands on
	// its line there, and if def is defined there.
	places []*regexp.Regexp
	// arrow matches the context line at which a frame stands, where its place gives
	// no line. Group: line.
	arrow *regexp.Regexp
	// context matches a numbered source line. Group: line.
	context *regexp.Regexp
	// innermostFirst says that the failing line comes first.
	innermostFirst bool
	// named says that a line with the error's name stands behind the frames, and its
	// message behind that.
	named bool
	// deparsed says that the calls stand there as text, the outermost first, and that
	// those at the top level have no line.
	deparsed bool
	// reprinted says that the kernel evaluates a print of the code, with other lines and
	// columns.
	reprinted bool
	// told finds the line, from 1, of an error that comes without a place, or with one in
	// a print, by what it says; 0 if that does not tell.
	told func(l Language, e Error, code []string) int
}

var (
	ipython = &traceback{
		places: []*regexp.Regexp{
			// IPython 8.7 and later, and before that 8.x for syntax errors.
			regexp.MustCompile(`^ *(?P<ref>(?:Cell|Input) In ?\[(?P<count>\d+)\]), line (?P<line>\d+)(?:, in (?P<func>[^( ]+(?: [^( ]+)?).*)?$`),
			// IPython 8.0 to 8.6: the line stands at the arrow.
			regexp.MustCompile(`^ *(?P<ref>Input In \[(?P<count>\d+)\])(?:, in (?P<func><cell line: \d+>|[^( ]+).*)?$`),
			// IPython 7: likewise; the second is ipykernel 6 with it.
			regexp.MustCompile(`^(?P<ref><ipython-input-(?P<count>\d+)-\w+>) in (?P<func>[^( ]+)`),
			regexp.MustCompile(`^(?P<ref>\S*` + temporary + `) in (?P<func>[^( ]+)`),
			regexp.MustCompile(`^ *File "(?P<ref><ipython-input-(?P<count>\d+)-\w+>)", line (?P<line>\d+)`),
			// Python's own, in a group of exceptions behind bars.
			regexp.MustCompile(`^[ |]*File "(?P<ref>[^"]*` + temporary + `)", line (?P<line>\d+)(?:, in (?P<func>\S+))?`),
			// The debugger's.
			regexp.MustCompile(`^(?:\(?[Pp]db\)? |ipdb> )?> (?P<ref>\S*` + temporary + `)\((?P<line>\d+)\)(?P<func>[^( ]+)`),
			// What a cell magic evaluates.
			regexp.MustCompile(`^ *(?P<ref>File (?P<body><timed exec>|<timed eval>|<magic-timeit>|<string>|<unknown>)):(?P<line>\d+)(?:, in (?P<func>[^( ]+).*)?$`),
			regexp.MustCompile(`^ *(?P<ref>File <ipython-input-(?P<count>\d+)-\w+>):(?P<line>\d+)(?:, in (?P<func>[^( ]+).*)?$`),
			// xeus-python without IPython: likewise.
			regexp.MustCompile(`^(?P<ref>In  \[(?P<count>\d+)\]):$`),
			// The value of a syntax error.
			regexp.MustCompile(`\((?P<ref>(?P<hash>\d+)\.py|<tokenize>|<ipython-input-(?P<count>\d+)-\w+>), line (?P<line>\d+)\)$`),
			// An indentation that no block has.
			regexp.MustCompile(`^ *(?P<ref>File <tokenize>):(?P<line>\d+)$`),
		},
		named:   true,
		told:    toldByIPython,
		arrow:   regexp.MustCompile(`^(?:-+> ?|Line )(?P<line>\d+)(?:[ :]|$)`),
		context: regexp.MustCompile(`^(?:-+> ?|Line | *\(\.\.\.\) *| +)(?P<line>\d+)(?:[ :]|$)`),
	}
	irkernel = &traceback{
		places: []*regexp.Regexp{
			regexp.MustCompile(`(?P<ref><text>):(?P<line>\d+):(?P<col>\d+): `),
			regexp.MustCompile(`^\d+\. (?P<call>[\w.]+\().*# at line (?P<line>\d+)(?:-(?P<last>\d+))? of file (?P<ref><text>)$`),
		},
		deparsed: true,
		context:  regexp.MustCompile(`^(?P<line>\d+): `),
	}
	ijulia = &traceback{
		places:         []*regexp.Regexp{regexp.MustCompile(`(?P<ref>(?:\./)?In\[(?P<count>\d+)\]):(?P<line>\d+)`)},
		innermostFirst: true,
	}
	gokernel = &traceback{
		places: []*regexp.Regexp{
			regexp.MustCompile(`(?P<ref>cell\[(?P<count>\d+)\](?:\.go)?):(?P<line>\d+)(?::(?P<col>\d+))?`),
		},
		context:        regexp.MustCompile(`^ +(?P<line>\d+) \| `),
		innermostFirst: true,
	}
	deno = &traceback{
		places: []*regexp.Regexp{
			regexp.MustCompile(`^ *at (?:async )?(?:(?P<def>[^(]+) \()?(?P<ref><anonymous>):(?P<line>\d+):\d+\)?$`),
		},
		innermostFirst: true,
		reprinted:      true,
		told:           toldByDeno,
	}
	calysto = &traceback{
		places: []*regexp.Regexp{
			regexp.MustCompile(`File "(?P<ref>In \[(?P<count>\d+)\])", line (?P<line>\d+), col (?P<col>\d+)(?:, in '?(?P<func>[^']+)'?)?`),
		},
	}

	// caret is the line below the code at fault.
	caret = regexp.MustCompile(`^ +(?:\|\s*)?[\^~ ]+$`)

	ansiSequence = regexp.MustCompile(`\x1b\[[0-9;:]*[A-Za-z]`)
)

// Locate finds the line that failed: the innermost frame in a cell that is known.
func (l Language) Locate(e Error) (Frame, bool) {
	for _, f := range slices.Backward(l.Frames(e)) {
		if f.Cell.Count != Elsewhere && !f.Part {
			return f, true
		}
	}
	return Frame{}, false
}

// Frames finds the frames that lie in cells, the innermost last.
func (l Language) Frames(e Error) []Frame {
	t := l.traceback
	if t == nil {
		return nil
	}
	text := strings.Join(e.Traceback, "\n")
	if text == "" {
		text = e.Value
	}
	r := frameReader{traceback: t, language: l, name: ClassName(e.Name), code: splitLines(e.Code)}
	for line := range strings.Lines(text) {
		r.line(plain(strings.TrimRight(line, "\r\n")))
	}
	var kept []Frame
	for _, f := range r.frames {
		if f.Line > 0 {
			kept = append(kept, f)
		}
	}
	if t.innermostFirst {
		slices.Reverse(kept)
	}
	kept = l.innermost(kept, e, r)
	called := l.calledAt(e, text)
	if len(kept) == 0 && t.named {
		called = ranAt(r.code, plain(text))
	}
	if called > 0 {
		kept = slices.Insert(kept, 0, Frame{Line: called})
	}
	if missed := l.missedAt(e, text); missed > 0 {
		kept = append(kept, Frame{Line: missed})
	}
	return kept
}

// innermost adds to frames, of which the innermost is the last, the line that an error tells of
// in words; a line in a print gives way to that.
func (l Language) innermost(frames []Frame, e Error, r frameReader) []Frame {
	elsewhere := len(r.frames) > 0 && (!r.reprinted || r.frames[0].Cell.Count == Elsewhere)
	if r.told == nil || elsewhere {
		return frames
	}
	line := r.told(l, e, r.code)
	switch {
	case line == 0:
	case len(r.frames) > 0 && r.frames[0].Line > 0:
		frames[len(frames)-1].Line = line
	default:
		frames = append(frames, Frame{Line: line})
	}
	return frames
}

// ClassName is the name of an error's class; xeus-python prints the class.
func ClassName(name string) string {
	if inner, ok := strings.CutPrefix(name, "<class '"); ok {
		name = strings.TrimSuffix(inner, "'>")
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	return name
}

// frameReader reads a traceback.
type frameReader struct {
	*traceback
	language Language
	name     string   // the error's
	code     []string // that was evaluated

	frames  []Frame
	waiting bool // the last frame's line stands at an arrow
	part    bool // an exception of a group is read
	ended   bool // what comes is a message
}

// groupPart is the line before an exception of a group.
var groupPart = regexp.MustCompile(`^[ |]*\+-[+-]*-+ \d+ -+$`)

func (r *frameReader) line(line string) {
	switch {
	case groupPart.MatchString(line):
		r.part, r.ended = true, false
	case strings.Contains(line, "Traceback (most recent call last)"):
		r.part = r.part && strings.HasPrefix(strings.TrimLeft(line, " "), "|")
		r.ended = false
	case r.ended:
		return
	case r.named && r.isName(line):
		r.ended = true
		return
	}
	if p := r.place(line); p != nil {
		f := r.locate(p, line)
		if p.groups["body"] != nil {
			if !r.language.evaluatesBody(p.text(line, "body"), r.code) {
				return
			}
			f.Line += r.language.bodyStart(r.code)
		}
		f.Part = r.part
		r.frames = append(r.frames, f)
		r.waiting = p.groups["line"] == nil
		return
	}
	if r.arrow == nil || len(r.frames) == 0 {
		return
	}
	m := r.arrow.FindStringSubmatch(line)
	if m == nil {
		return
	}
	last := &r.frames[len(r.frames)-1]
	n, _ := strconv.Atoi(m[1])
	if r.waiting {
		last.Line, r.waiting = n, false
	}
	if n == last.Line && last.Text == "" {
		last.Text = strings.TrimSpace(line[len(m[0]):])
		if strings.HasPrefix(last.Text, "'Could not get source") {
			last.Text = ""
		}
	}
}

// isName says whether a line is the one with the error's name.
func (r *frameReader) isName(line string) bool {
	line = strings.TrimLeft(line, " |")
	i := strings.Index(line, r.name)
	if r.name == "" || i < 0 || strings.ContainsAny(line[:i], " ([") || i > 0 && line[i-1] != '.' {
		return false
	}
	rest := line[i+len(r.name):]
	return rest == "" || rest[0] == ':'
}

// evaluatesBody says whether code has a cell magic that evaluates the lines below it
// under that name.
func (l Language) evaluatesBody(name string, code []string) bool {
	magic := l.ownMagic(code)
	switch name {
	case "<timed exec>", "<timed eval>":
		return magic == "time"
	case "<magic-timeit>":
		return magic == "timeit"
	case "<string>":
		return magic == "prun"
	default:
		return magic != ""
	}
}

// ownMagic is the name of the cell magic that code begins with, if it evaluates what
// stands below it in the kernel's language.
func (l Language) ownMagic(code []string) string {
	if len(code) == 0 || !l.isCellMagic(code[0]) {
		return ""
	}
	if name := cellMagic.FindStringSubmatch(code[0])[1]; ownMagics[name] {
		return name
	}
	return ""
}

// BodyStart is the number of code's first lines that its kernel does not count where it
// names what a cell magic evaluates: the magic's, and blank ones. It is 0 where there is
// no such magic.
func (l Language) BodyStart(code string) int {
	if first, _, _ := strings.Cut(code, "\n"); !l.isCellMagic(first) {
		return 0
	}
	return l.bodyStart(strings.Split(code, "\n"))
}

func (l Language) bodyStart(code []string) int {
	if l.ownMagic(code) == "" {
		return 0
	}
	n := 1
	for n < len(code) && strings.TrimSpace(code[n]) == "" {
		n++
	}
	return n
}

// locate makes a frame of a place, with what the evaluated code says of it.
func (r *frameReader) locate(p *place, line string) Frame {
	f, code := p.frame(line), r.code
	if r.reprinted {
		f.Line = r.language.printedLine(code, f.Line)
	}
	call, def := p.text(line, "call"), p.text(line, "def")
	switch {
	case p.groups["body"] != nil:
		f.Cell.Body = false // the reader has added what stands before it
	case call != "":
		last, _ := strconv.Atoi(p.text(line, "last"))
		f.Cell.Count = Elsewhere
		for n := f.Line; n <= max(f.Line, last) && n <= len(code); n++ {
			if n > 0 && strings.Contains(code[n-1], call) {
				f.Cell.Count, f.Line = 0, n
				break
			}
		}
	case def != "":
		f.Function = def
		if !defines(strings.Join(code, "\n"), def) {
			f.Cell.Count = Elsewhere
		}
	}
	return f
}

// methodName is a function as V8 names it. Groups: new; its own name.
var methodName = regexp.MustCompile(`^(?:(new) )?(?:.*[. ])?([^. ]+?)(?: \[as [^\]]*\])?$`)

// defines says whether code has a JavaScript function of that name.
func defines(code, function string) bool {
	m := methodName.FindStringSubmatch(function)
	if m == nil {
		return false
	}
	name := regexp.QuoteMeta(m[2])
	form := `function\s*\*?\s*` + name + `\b|(?:^|[^\w$])` + name + `\s*(?:=|:|(?:<[^>]*>)?\([^()]*\)[^;(){}=]*\{)`
	if m[1] != "" {
		form = `\bclass\s+` + name + `\b`
	}
	defined, err := regexp.MatchString(form, code)
	return err == nil && defined
}

// Rewrite puts a buffer's own name and lines in the place of cells in a traceback,
// or in any text of this kernel's. resolve says what the text of a cell is to be
// called and on which line, from 1, the cell's first line stands there; for a
// Ref to a body that of the first line below the cell magic. Colours stay as they are,
// and so do places that cannot be told without the code.
func (l Language) Rewrite(text string, resolve func(cell Ref) (name string, firstLine int, ok bool)) string {
	t := l.traceback
	if t == nil {
		return text
	}
	lines := strings.Split(text, "\n")
	offset, within, indent := 0, false, 0
	for i, raw := range lines {
		line := plain(raw)
		if p := t.place(line); p != nil && !t.reprinted && p.groups["call"] == nil {
			name, first, ok := resolve(p.frame(line).Cell)
			if within = ok; ok {
				offset = first - 1
				lines[i] = p.rewrite(raw, line, name, offset)
				// The source line of a syntax error is not numbered.
				within = t.context != nil && !strings.HasPrefix(line, " ")
			}
			indent = 0
			continue
		}
		if !within {
			continue
		}
		m := t.context.FindStringSubmatchIndex(line)
		switch {
		case m != nil:
			lines[i], indent = renumber(raw, line, m[2], m[3], offset)
		case caret.MatchString(line):
			lines[i] = strings.Repeat(" ", indent) + raw // it follows its line
		default:
			within = false
		}
	}
	return strings.Join(lines, "\n")
}

// place is a match of one of a traceback's patterns.
type place struct {
	groups map[string][]int // bounds in the line without colours
}

func (t *traceback) place(line string) *place {
	for _, re := range t.places {
		if m := re.FindStringSubmatchIndex(line); m != nil {
			return newPlace(re, m)
		}
	}
	return nil
}

// placesOf are the first n matches of a pattern in a line.
func placesOf(re *regexp.Regexp, line string, n int) (places []*place) {
	for _, m := range re.FindAllStringSubmatchIndex(line, n) {
		places = append(places, newPlace(re, m))
	}
	return places
}

func newPlace(re *regexp.Regexp, m []int) *place {
	p := &place{map[string][]int{}}
	for i, name := range re.SubexpNames() {
		if name != "" && m[2*i] >= 0 {
			p.groups[name] = m[2*i : 2*i+2]
		}
	}
	return p
}

func (p *place) frame(line string) Frame {
	number := func(group string) int {
		n, _ := strconv.Atoi(p.text(line, group))
		return n
	}
	function := p.text(line, "func")
	if strings.HasPrefix(function, "<module") || strings.HasPrefix(function, "<cell line") {
		function = ""
	}
	hash, _ := strconv.ParseUint(p.text(line, "hash"), 10, 32)
	return Frame{
		Cell: Ref{Count: number("count"), Hash: uint32(hash), Body: p.groups["body"] != nil},
		Line: number("line"), Column: number("col"), Function: function,
	}
}

func (p *place) text(line, group string) string {
	if g := p.groups[group]; g != nil {
		return line[g[0]:g[1]]
	}
	return ""
}

// rewrite puts a name and a line in the place of p in raw, whose text without colours,
// up to the end of p, is line's.
func (p *place) rewrite(raw, line, name string, offset int) string {
	ref, number := p.groups["ref"], p.groups["line"]
	renumbered := func(s string) string {
		if number == nil {
			return s
		}
		n, _ := strconv.Atoi(p.text(line, "line"))
		return replacePlain(s, number[0], number[1], strconv.Itoa(n+offset))
	}
	if number != nil && number[0] < ref[0] { // so that offsets stay true
		return renumbered(replacePlain(raw, ref[0], ref[1], name))
	}
	return replacePlain(renumbered(raw), ref[0], ref[1], name)
}

// renumber adds offset to the number at [from, to) of line. The blanks or the
// arrow's shaft before it give way to new digits; indent is by how much they could
// not, and the rest of the line moved to the right.
func renumber(raw, line string, from, to, offset int) (renumbered string, indent int) {
	n, _ := strconv.Atoi(line[from:to])
	digits := strconv.Itoa(n + offset)
	grown := len(digits) - (to - from)
	raw = replacePlain(raw, from, to, digits)
	shaft := from
	if arrow := strings.LastIndex(line[:from], ">"); arrow >= 0 {
		shaft = arrow
	}
	room := 0 // a blank or one dash is left
	for room < grown && shaft-room > 1 && (line[shaft-1-room] == ' ' || line[shaft-1-room] == '-') && line[shaft-2-room] == line[shaft-1-room] {
		room++
	}
	return replacePlain(raw, shaft-room, shaft, ""), grown - room
}

// plain is a line without its colours.
func plain(raw string) string { return ansiSequence.ReplaceAllString(raw, "") }

// replacePlain replaces [from, to), counted without colours, and keeps the colours.
func replacePlain(raw string, from, to int, text string) string {
	var b strings.Builder
	at := 0 // in the line without colours
	done := from == to && text == ""
	visible := func(piece string) {
		for i := range len(piece) {
			if at == from && !done {
				b.WriteString(text)
				done = true
			}
			if at < from || at >= to {
				b.WriteByte(piece[i])
			}
			at++
		}
	}
	last := 0
	for _, m := range ansiSequence.FindAllStringIndex(raw, -1) {
		visible(raw[last:m[0]])
		b.WriteString(raw[m[0]:m[1]])
		last = m[1]
	}
	visible(raw[last:])
	return b.String()
}
