// Package output makes what kernels send displayable: streams with their colours
// and cursor movements applied, and the form of a value that a client can show.
package output

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

const (
	// windowLines is how many lines the cursor can go back to.
	windowLines = 50
	// maxLine is how many code points of one line the cursor can go back to, which
	// bounds the memory that a text without line ends takes.
	maxLine = 16 << 10
	// maxWindow is how many code points the lines have, about, that the cursor can go
	// back to: what one escape sequence can have drawn again.
	maxWindow = 2 * maxLine
	// width is as far as the cursor moves to the right of a line that is shorter, and
	// how much of a line before the cursor is erased, where a terminal has its margin.
	width = 256
	// The blanks that moves to the right make of nothing are not many more than the
	// bytes that came.
	blanksAtFirst, blanksPerByte = 64 << 10, 8
	// maxSpans is how many styled parts an update has; the rest of it is plain.
	maxSpans = 10_000
	// maxReuse is how many bytes of a taken update's buffer are kept for the next.
	maxReuse = 256 << 10
)

// Screen is the state of one block of output: one run of a stream. It does what a
// terminal without a right margin would do with "\r", "\b", "\t", colours, moving
// up and down and erasing; every code point takes one column. Other sequences and
// control characters are dropped. What it does and what it keeps does not grow faster
// than the bytes that are written. The zero value is ready. It is not safe for
// concurrent use.
type Screen struct {
	parser *ansi.Parser // set at the first escape sequence
	held   string       // the start of a UTF-8 sequence
	style  *Style       // of what is written next; nil is plain

	lines    []*line // the last lines, never more than windowLines; empty until written to
	free     *line   // one that left the window, to be used again
	row, col int     // cursor; row is an index of lines
	cells    int     // code points of lines
	came     int     // bytes that were written
	blanks   int     // cells that were filled because the cursor stood behind them

	// Before (dirtyRow, dirtyCol) all is as the client has it.
	dirtyRow, dirtyCol int
	removed            int // code points that the client has of lines that are no more

	// When a line leaves the window that the client does not have as it is, it is
	// settled, and how much the client has to erase is fixed.
	settling bool
	back     int
	settled  rendering
}

// Update changes a block as the client has it: the last Back code points are
// erased, then Text is appended. Spans are the styles of Text.
type Update struct {
	Back  int    `json:"back,omitzero"`
	Text  string `json:"text"`
	Spans []Span `json:"spans,omitzero"`
}

type line struct {
	text   []rune
	styles []*Style // as long as text, or empty if all of it is plain
	ended  bool     // by a line end; else the next line goes on, or there is none
	// What the client has of it: code points, with the line end.
	shown int
}

// Write takes in a piece of the stream, which may end anywhere.
func (s *Screen) Write(p string) {
	if len(s.lines) == 0 {
		s.lines = append(s.lines, &line{})
	}
	before := s.came - len(s.held)
	if s.held != "" {
		p, s.held = s.held+p, ""
	}
	for i := 0; i < len(p); {
		s.came = before + i
		switch c := p[i]; {
		case s.inSequence():
			i += s.advance(c)
		case c == 0x1b:
			s.startSequence()
			i++
		case c >= ' ' && c < 0x7f:
			n := i + 1
			for n < len(p) && p[n] >= ' ' && p[n] < 0x7f {
				n++
			}
			s.putASCII(p[i:n])
			i = n
		case c < utf8.RuneSelf:
			s.control(c)
			i++
		case !utf8.FullRuneInString(p[i:]):
			s.held = p[i:]
			s.came = before + len(p)
			return
		default:
			r, size := utf8.DecodeRuneInString(p[i:])
			if r >= 0xa0 { // below are the C1 controls
				s.put(r)
			}
			i += size
		}
	}
	s.came = before + len(p)
}

// Take says what has changed since it was last called. It is false if nothing has.
func (s *Screen) Take() (Update, bool) {
	if len(s.lines) == 0 {
		return Update{}, false
	}
	back := s.back
	if !s.settling {
		back = s.shownFrom(s.dirtyRow, s.dirtyCol)
	}
	out := s.settled
	for i := s.dirtyRow; i < len(s.lines); i++ {
		from := 0
		if i == s.dirtyRow {
			from = s.dirtyCol
		}
		out.add(s.lines[i], from)
		s.lines[i].shown = s.lines[i].length()
	}
	s.settling, s.back, s.removed, s.settled = false, 0, 0, rendering{}
	if cap(out.text) <= maxReuse {
		s.settled.text = out.text[:0]
	}
	s.dirtyRow = len(s.lines) - 1
	s.dirtyCol = len(s.lines[s.dirtyRow].text)
	return Update{back, string(out.text), out.spans}, back > 0 || len(out.text) > 0
}

// Plain takes a whole text apart, such as a traceback.
func Plain(s string) (text string, spans []Span) {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError
	}) {
		return s, nil
	}
	var screen Screen
	screen.Write(s)
	u, _ := screen.Take()
	return u.Text, u.Spans
}

// put writes one character at the cursor.
func (s *Screen) put(r rune) {
	s.wrap()
	if l := s.lines[s.row]; s.col < len(l.text) {
		if l.text[s.col] != r || !sameStyle(l.styleAt(s.col), s.style) {
			s.mark(s.row, s.col)
			l.text[s.col] = r
			l.setStyle(s.col, s.style)
		}
		s.col++
		return
	}
	l := s.extend()
	l.text = append(l.text, r)
	s.cells++
	if s.style != nil || len(l.styles) > 0 {
		l.setStyle(s.col, s.style)
	}
	s.col++
}

// putASCII does what put does with each character of run, quicker at a line's end.
func (s *Screen) putASCII(run string) {
	for run != "" {
		s.wrap()
		if s.col < len(s.lines[s.row].text) {
			s.put(rune(run[0]))
			run = run[1:]
			continue
		}
		l := s.extend()
		n := min(len(run), max(1, maxLine-len(l.text)))
		for i := range n {
			l.text = append(l.text, rune(run[i]))
		}
		s.cells += n
		if s.style != nil || len(l.styles) > 0 {
			for len(l.styles) < len(l.text)-n {
				l.styles = append(l.styles, nil)
			}
			for range n {
				l.styles = append(l.styles, s.style)
			}
		}
		s.col += n
		run = run[n:]
	}
}

// wrap goes to the next line if the cursor stands behind one that is full.
func (s *Screen) wrap() {
	switch l := s.lines[s.row]; {
	case s.col < len(l.text) || len(l.text) < maxLine:
	case s.row == len(s.lines)-1:
		s.mark(s.row, len(l.text))
		s.addLine()
	default:
		s.row, s.col = s.row+1, 0
	}
}

// extend readies the cursor's line for one more character at its end: blanks up to
// the cursor.
func (s *Screen) extend() *line {
	for s.cells > maxWindow && s.row > 0 {
		s.evict()
	}
	l := s.lines[s.row]
	s.mark(s.row, len(l.text))
	s.col = min(s.col, max(width, len(l.text)))
	if s.blanks+s.col-len(l.text) > blanksAtFirst+blanksPerByte*s.came {
		s.col = len(l.text)
	}
	for len(l.text) < s.col {
		l.text = append(l.text, ' ')
		s.cells++
		s.blanks++
	}
	return l
}

// control does what a control character asks for.
func (s *Screen) control(c byte) {
	switch c {
	case '\n', '\v', '\f':
		for s.row < len(s.lines)-1 && !s.lines[s.row].ended {
			s.row++
		}
		if s.row == len(s.lines)-1 {
			s.mark(s.row, len(s.lines[s.row].text))
			s.lines[s.row].ended = true
			s.addLine()
			return
		}
		s.row++
		s.col = 0
	case '\r':
		s.col = 0
	case '\b':
		s.col = max(0, s.col-1)
	case '\t':
		s.put('\t')
	}
}

// addLine puts a line below the last one, with the cursor at its start.
func (s *Screen) addLine() {
	if len(s.lines) == windowLines {
		s.evict()
	}
	l := s.free
	if l == nil {
		l = &line{}
	}
	s.free = nil
	s.lines = append(s.lines, l)
	s.row, s.col = len(s.lines)-1, 0
}

// evict lets go of the first line.
func (s *Screen) evict() {
	first := s.lines[0]
	if s.dirtyRow == 0 {
		if !s.settling {
			s.settling, s.back = true, s.shownFrom(0, s.dirtyCol)
		}
		s.settled.add(first, s.dirtyCol)
		s.dirtyCol = 0
	} else {
		s.dirtyRow--
	}
	copy(s.lines, s.lines[1:])
	s.lines = s.lines[:len(s.lines)-1]
	s.row--
	s.cells -= len(first.text)
	*first = line{text: first.text[:0], styles: first.styles[:0]}
	s.free = first
}

// mark says that from here on the client has something else.
func (s *Screen) mark(row, col int) {
	if row < s.dirtyRow || row == s.dirtyRow && col < s.dirtyCol {
		s.dirtyRow, s.dirtyCol = row, col
	}
}

// shownFrom is how many code points the client has from a place on.
func (s *Screen) shownFrom(row, col int) int {
	n := s.removed - col
	for _, l := range s.lines[row:] {
		n += l.shown
	}
	return n
}

// length is the line's code points with its end.
func (l *line) length() int {
	if l.ended {
		return len(l.text) + 1
	}
	return len(l.text)
}

func (l *line) styleAt(col int) *Style {
	if col >= len(l.styles) {
		return nil
	}
	return l.styles[col]
}

func (l *line) setStyle(col int, style *Style) {
	for len(l.styles) < len(l.text) {
		l.styles = append(l.styles, nil)
	}
	l.styles[col] = style
}

func (l *line) cut(col int) {
	l.text = l.text[:col]
	l.styles = l.styles[:min(col, len(l.styles))]
}

func sameStyle(a, b *Style) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// rendering is a text with its styles.
type rendering struct {
	text   []byte
	points int // code points of text
	spans  []Span
}

// add appends a line from a column on.
func (r *rendering) add(l *line, from int) {
	for col := from; col < len(l.text); col++ {
		if c := l.text[col]; c < utf8.RuneSelf {
			r.text = append(r.text, byte(c))
		} else {
			r.text = utf8.AppendRune(r.text, c)
		}
	}
	for col := from; col < len(l.styles); {
		style := l.styles[col]
		end := col + 1
		for end < len(l.styles) && sameStyle(l.styles[end], style) {
			end++
		}
		if style != nil && len(r.spans) < maxSpans {
			r.spans = append(r.spans, Span{r.points + col - from, r.points + end - from, *style})
		}
		col = end
	}
	r.points += len(l.text) - from
	if l.ended {
		r.text = append(r.text, '\n')
		r.points++
	}
}

// inSequence says whether an escape sequence has begun and not ended.
func (s *Screen) inSequence() bool {
	return s.parser != nil && s.parser.State() != parser.GroundState
}

func (s *Screen) startSequence() {
	if s.parser == nil {
		s.parser = new(ansi.Parser)
		s.parser.SetParamsSize(parser.MaxParamsSize)
		s.parser.SetDataSize(1) // what is in a string is dropped
		s.parser.SetHandler(ansi.Handler{Execute: s.control, HandleCsi: s.csi})
	}
	s.parser.Advance(0x1b)
}

// advance gives a byte to the open sequence and says whether it took it: 0 or 1.
// A line end closes an OSC string that its writer left open, and a byte that is not
// ASCII any sequence but a string.
func (s *Screen) advance(c byte) int {
	state := s.parser.State()
	switch {
	case state == parser.OscStringState && c == '\n', c >= utf8.RuneSelf && !inString(state):
		s.parser.Reset()
		return 0
	case c < utf8.RuneSelf:
		s.parser.Advance(c)
	}
	return 1
}

// inString says whether a parser is in a control string (DCS, OSC, SOS, PM, APC).
func inString(state parser.State) bool {
	switch state {
	case parser.DcsStringState, parser.OscStringState, parser.SosStringState, parser.PmStringState, parser.ApcStringState:
		return true
	}
	return false
}

// csi does a control sequence (ECMA-48 8.3).
func (s *Screen) csi(cmd ansi.Cmd, params ansi.Params) {
	if cmd.Prefix() != 0 || cmd.Intermediate() != 0 {
		return
	}
	param := func(byDefault int) int {
		n, _, _ := params.Param(0, byDefault)
		return min(max(n, 0), maxLine)
	}
	count := max(1, param(1))
	switch cmd.Final() {
	case 'm':
		var style Style
		if s.style != nil {
			style = *s.style
		}
		style.apply(params)
		if s.style = nil; style != (Style{}) {
			s.style = &style
		}
	case 'A':
		s.row = max(0, s.row-count)
	case 'B':
		s.row = min(len(s.lines)-1, s.row+count)
	case 'C':
		s.moveTo(s.col + count)
	case 'D':
		s.col = max(0, s.col-count)
	case 'E':
		s.row, s.col = min(len(s.lines)-1, s.row+count), 0
	case 'F':
		s.row, s.col = max(0, s.row-count), 0
	case 'G':
		s.moveTo(count - 1)
	case 'J':
		if param(0) == 0 {
			s.eraseLine(0)
			s.eraseBelow()
		}
	case 'K':
		s.eraseLine(param(0))
	}
}

// moveTo moves the cursor to the right, or in its line.
func (s *Screen) moveTo(col int) {
	s.col = min(col, max(width, s.col, len(s.lines[s.row].text)))
}

// eraseLine erases the cursor's line: 0 from the cursor on, 1 up to it, 2 all. A
// terminal would have broken a long line, and erase what stands before the cursor in
// the last of its rows.
func (s *Screen) eraseLine(part int) {
	l := s.lines[s.row]
	switch part {
	case 0, 2:
		from := s.col
		if part == 2 {
			from = 0
		}
		if from < len(l.text) {
			s.mark(s.row, from)
			s.cells -= len(l.text) - from
			l.cut(from)
		}
	case 1:
		for col := s.col - s.col%width; col < min(s.col+1, len(l.text)); col++ {
			s.mark(s.row, col)
			l.text[col] = ' '
			l.setStyle(col, nil)
		}
	}
}

func (s *Screen) eraseBelow() {
	l := s.lines[s.row]
	if s.row == len(s.lines)-1 {
		return
	}
	s.mark(s.row, len(l.text))
	l.ended = false
	for _, gone := range s.lines[s.row+1:] {
		s.removed += gone.shown
		s.cells -= len(gone.text)
	}
	s.lines = s.lines[:s.row+1]
}
