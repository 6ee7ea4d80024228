package output

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// summaryWidth is how many terminal cells of a value's first line are kept, and
// summaryBytes how many bytes, since some characters take no cell.
const (
	summaryWidth = 200
	summaryBytes = 16 * summaryWidth
)

// Kinds of Summary.
const (
	SummaryNone  = "none"  // there is nothing but blanks
	SummaryLine  = "line"  // one line
	SummaryBlock = "block" // more
)

// Summary is what can be said of a value beside the code.
type Summary struct {
	Kind  string
	First string // the first line that is not blank, cut to 200 cells with "…" at its end
	Lines int    // without blank lines at both ends
}

// Summarize looks at a value's text, which holds no escape sequences.
func Summarize(text string) Summary {
	text = strings.TrimRight(text, " \t\r\n")
	for {
		first, rest, more := strings.Cut(text, "\n")
		if strings.TrimSpace(first) != "" {
			break
		}
		if !more {
			return Summary{Kind: SummaryNone}
		}
		text = rest
	}
	first, _, _ := strings.Cut(text, "\n")
	s := Summary{
		Kind:  SummaryLine,
		First: ansi.Truncate(Cut(Line(strings.TrimRight(first, " \t\r")), summaryBytes), summaryWidth, "…"),
		Lines: strings.Count(text, "\n") + 1,
	}
	if s.Lines > 1 {
		s.Kind = SummaryBlock
	}
	return s
}
