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
	ExecutionCount int    // of the cell; 0 for the cell that raised the error if the kernel does not number it; Elsewhere
	Line           int    // in the cell, from 1
	Column         int    // from 1, 0 if the kernel does not say
	Function       string // "" at the top level of a cell
}

// traceback is how one kernel, or all kernels of a language, write a traceback.
type traceback struct {
	// places match what names a cell, in a line without colours. Groups: ref is what
	// the cell's own name takes the place of; count, line, col, func. Where the kernel
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
	// reprinted says that the kernel evaluates a print of the code, without its blank
	// lines and with other columns.
	reprinted bool
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
			regexp.MustCompile(`^(?P<ref>\S*ipykernel_\d+[/\\]\d+\.py) in (?P<func>[^( ]+)`),
			regexp.MustCompile(`^ *File "(?P<ref><ipython-input-(?P<count>\d+)-\w+>)", line (?P<line>\d+)`),
			regexp.MustCompile(`^ *File "(?P<ref>\S*ipykernel_\d+[/\\]\d+\.py)", line (?P<line>\d+)`),
			regexp.MustCompile(`^ *(?P<ref>File <ipython-input-(?P<count>\d+)-\w+>):(?P<line>\d+)(?:, in (?P<func>[^( ]+).*)?$`),
			// xeus-python without IPython: likewise.
			regexp.MustCompile(`^(?P<ref>In  \[(?P<count>\d+)\]):$`),
			// The value of a syntax error.
			regexp.MustCompile(`\((?P<ref>\d+\.py|<tokenize>|<ipython-input-(?P<count>\d+)-\w+>), line (?P<line>\d+)\)$`),
			// An indentation that no block has.
			regexp.MustCompile(`^ *(?P<ref>File <tokenize>):(?P<line>\d+)$`),
		},
		arrow:   regexp.MustCompile(`^(?:-+> ?|Line )(?P<line>\d+)(?:[ :]|$)`),
		context: regexp.MustCompile(`^(?:-+> ?|Line | *\(\.\.\.\) *| +)(?P<line>\d+)(?:[ :]|$)`),
	}
	irkernel = &traceback{
		places: []*regexp.Regexp{
			regexp.MustCompile(`(?P<ref><text>):(?P<line>\d+):(?P<col>\d+): `),
			regexp.MustCompile(`^\d+\. (?P<call>[\w.]+\().*# at line (?P<line>\d+) of file (?P<ref><text>)$`),
		},
		context: regexp.MustCompile(`^(?P<line>\d+): `),
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
			regexp.MustCompile(`^ *at (?:async )?(?:(?P<def>[^\s(]+) \()?(?P<ref><anonymous>):(?P<line>\d+):\d+\)?$`),
		},
		innermostFirst: true,
		reprinted:      true,
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
		if f.ExecutionCount != Elsewhere {
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
	var frames []Frame
	code := splitLines(e.Code)
	waiting := false // the last frame's line stands at an arrow
	text := strings.Join(e.Traceback, "\n")
	if text == "" {
		text = e.Value
	}
	for line := range strings.Lines(text) {
		line = plain(strings.TrimRight(line, "\r\n"))
		if p := t.place(line); p != nil {
			frames = append(frames, t.locate(p, line, code))
			waiting = p.groups["line"] == nil
		} else if waiting && t.arrow != nil {
			if m := t.arrow.FindStringSubmatch(line); m != nil {
				frames[len(frames)-1].Line, _ = strconv.Atoi(m[1])
				waiting = false
			}
		}
	}
	kept := frames[:0]
	for _, f := range frames {
		if f.Line > 0 {
			kept = append(kept, f)
		}
	}
	if t.innermostFirst {
		slices.Reverse(kept)
	}
	return kept
}

// locate makes a frame of a place, with what the evaluated code says of it.
func (t *traceback) locate(p *place, line string, code []string) Frame {
	f := p.frame(line)
	if t.reprinted {
		f.Line = nthNotBlank(code, f.Line)
	}
	call, def := p.text(line, "call"), p.text(line, "def")
	switch {
	case call != "":
		if f.Line < 1 || f.Line > len(code) || !strings.Contains(code[f.Line-1], call) {
			f.ExecutionCount = Elsewhere
		}
	case def != "":
		f.Function = def
		text := strings.Join(code, "\n")
		if !strings.Contains(text, "function "+def) && !strings.Contains(text, def+" = ") {
			f.ExecutionCount = Elsewhere
		}
	}
	return f
}

// nthNotBlank is the line, from 1, that is the n-th with something on it, or 0.
func nthNotBlank(lines []string, n int) int {
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if n--; n == 0 {
			return i + 1
		}
	}
	return 0
}

// Rewrite puts a buffer's own name and lines in the place of cells in a traceback,
// or in any text of this kernel's. resolve gets an execution count, or 0 for a cell
// that the kernel does not number (mostly the one that raised the error), and says
// what the text is to be called and on which line, from 1, the cell's first line
// stands there. Colours stay as they are, and so do places that cannot be told
// without the code.
func (l Language) Rewrite(text string, resolve func(executionCount int) (name string, firstLine int, ok bool)) string {
	t := l.traceback
	if t == nil {
		return text
	}
	lines := strings.Split(text, "\n")
	offset, within, indent := 0, false, 0
	for i, raw := range lines {
		line := plain(raw)
		if p := t.place(line); p != nil && !t.reprinted && p.groups["call"] == nil {
			name, first, ok := resolve(p.frame(line).ExecutionCount)
			if within = ok; ok {
				offset = first - 1
				lines[i] = p.rewrite(raw, name, offset)
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
		m := re.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		p := &place{map[string][]int{}}
		for i, name := range re.SubexpNames() {
			if name != "" && m[2*i] >= 0 {
				p.groups[name] = m[2*i : 2*i+2]
			}
		}
		return p
	}
	return nil
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
	return Frame{number("count"), number("line"), number("col"), function}
}

func (p *place) text(line, group string) string {
	if g := p.groups[group]; g != nil {
		return line[g[0]:g[1]]
	}
	return ""
}

func (p *place) rewrite(raw, name string, offset int) string {
	line := plain(raw)
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
