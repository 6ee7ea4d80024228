package language

import (
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

// Cells finds the cells of a script, in order. What stands before the first mark
// is a cell if there is code in it; a text without marks is one cell.
func (l Language) Cells(text string) []Cell {
	lines := splitLines(text)
	cells := []Cell{{MarkLine: -1}}
	for i, line := range lines {
		m := l.mark.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		cells[len(cells)-1].End = i
		cell := Cell{MarkLine: i, Start: i + 1}
		cell.Title, cell.Markdown = title(m[1] + m[2])
		cells = append(cells, cell)
	}
	cells[len(cells)-1].End = len(lines)
	if len(cells) > 1 && !l.hasCode(lines[:cells[0].End]) {
		cells = cells[1:]
	}
	return cells
}

// title takes a mark's text apart: title, cell type in brackets, metadata.
func title(text string) (string, bool) {
	kind := cellType.FindStringSubmatch(text)
	text = cellType.ReplaceAllString(text, "")
	text = cellValue.ReplaceAllString(" "+text, "")
	return strings.TrimSpace(text), kind != nil
}

func (l Language) hasCode(lines []string) bool {
	for _, s := range l.syntax.scan(lines) {
		if s.code {
			return true
		}
	}
	return false
}
