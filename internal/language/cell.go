package language

import (
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// Cell is a piece of a script between two cell marks. Lines are zero-based, and
// [Start, End) leaves out the mark.
type Cell struct {
	MarkLine   int // line of the mark, -1 without one
	Start, End int
	Title      string
	Markdown   bool // the cell is prose in comments, not code
}

// cellMark is a mark of the percent format, as Jupytext, Spyder and VS Code read
// it, or the prompt that nbconvert leaves in a script. The sign is a pattern. A
// letter right after "%%" makes a cell magic of it, which is no mark.
func cellMark(sign string) *regexp.Regexp {
	return regexp.MustCompile(`^` + sign + `\s*(?:%%+(?:\s+(.*)|(\[.*))?|In\s?\[[ \d*]*\]:?\s*)$`)
}

var (
	cellType  = regexp.MustCompile(`\[(markdown|md|raw)\]`)
	cellValue = regexp.MustCompile(`\s+[\w.-]+=(?:"(?:[^"\\]|\\.)*"|\[.*\]|\{.*\}|\S+)`)
)

// cells finds the cells of the lines of a script.
func (l Language) cells(lines []string) []Cell {
	cells := []Cell{{MarkLine: -1}}
	marks := l.Marks()
	marks.Update(allLines(lines), 0, 0)
	for _, i := range marks.Lines() {
		cells[len(cells)-1].End = i
		title, kind := l.ReadMark(lines[i])
		cells = append(cells, Cell{MarkLine: i, Start: i + 1, Title: title, Markdown: kind != ""})
	}
	cells[len(cells)-1].End = len(lines)
	if len(cells) > 1 && !l.HasCode(lines[:cells[0].End]) {
		cells = cells[1:]
	}
	return cells
}

// isMark says whether a line looks like a cell mark.
func (l Language) isMark(line string) bool {
	return (strings.Contains(line, "%%") || strings.Contains(line, "In")) && l.mark.MatchString(line)
}

// cellStates scans the lines of one cell.
func (l Language) cellStates(lines []string) []lineState {
	at, ok := l.cellMagicLine(lines)
	if !ok {
		return l.syntax.scan(lines)
	}
	states := make([]lineState, at, len(lines))
	states = append(states, lineState{code: true, end: len(lines[at])})
	body := l.body(lines[at])
	for _, st := range body.scan(lines[at+1:]) {
		if body != l.syntax {
			st.inside = true // the magic takes it all
		}
		states = append(states, st)
	}
	return states
}

// cellMagic is the line that makes a cell be for something else than the kernel's
// own language. Group: its name.
var cellMagic = regexp.MustCompile(`^\s*%%([A-Za-z_]\w*)`)

func (l Language) isCellMagic(line string) bool { return l.Magics && cellMagic.MatchString(line) }

// ownMagics are cell magics whose lines are of the kernel's language.
var ownMagics = set(`time timeit capture prun debug`)

// body is the syntax of the lines below a cell magic.
func (l Language) body(line string) *syntax {
	name := cellMagic.FindStringSubmatch(line)[1]
	if ownMagics[name] {
		return l.syntax
	}
	if other, ok := For(name); ok {
		return other.syntax
	}
	return new(syntax)
}

// cellMagicLine finds the cell magic of a cell, which is one only if nothing but
// comments stands before it.
func (l Language) cellMagicLine(lines []string) (at int, ok bool) {
	for i, line := range lines {
		text := strings.TrimSpace(line)
		switch {
		case l.isCellMagic(line):
			return i, true
		case text != "" && !strings.HasPrefix(text, l.Comment):
			return 0, false
		}
	}
	return 0, false
}

// Lead is how many of a cell's first lines its kernel must not see: those before a cell
// magic, which has to stand first.
func (l Language) Lead(lines []string) int {
	at, _ := l.cellMagicLine(lines)
	return at
}

// IsProgram tells whether a text is a program, of which no part is evaluated by itself where
// all of it is asked for: a Go file with a package clause.
func (l Language) IsProgram(text string) bool {
	if l.ID != "go" {
		return false
	}
	_, err := parser.ParseFile(token.NewFileSet(), "", text, parser.PackageClauseOnly)
	return err == nil
}

// ReadMark takes a mark apart: the cell's title, and what the cell is if it is no code:
// "markdown", "md" or "raw".
func (l Language) ReadMark(line string) (title, kind string) {
	m := l.mark.FindStringSubmatch(line)
	text := m[1] + m[2]
	if named := cellType.FindStringSubmatch(text); named != nil {
		kind = named[1]
	}
	text = cellType.ReplaceAllString(text, "")
	text = cellValue.ReplaceAllString(" "+text, "")
	return strings.TrimSpace(text), kind
}

// HasCode tells whether lines have more than blanks and comments.
func (l Language) HasCode(lines []string) bool {
	for _, s := range l.syntax.scan(lines) {
		if s.code {
			return true
		}
	}
	return false
}

// allLines are Lines.
type allLines []string

func (l allLines) LineCount() int    { return len(l) }
func (l allLines) Line(n int) string { return l[n] }
