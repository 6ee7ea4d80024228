package output

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText is the text of a piece of HTML, with a line for each block and blanks
// between the cells of a table. It is for values that have no text/plain; nothing
// of it is ever run or loaded.
func htmlText(source string) string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(source))
	hidden, verbatim := 0, 0
	for {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			return tidy(b.String())
		case html.TextToken:
			text := string(tokens.Text())
			switch {
			case hidden > 0:
			case verbatim > 0:
				b.WriteString(text)
			default:
				b.WriteString(collapse(text))
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			depth := 1
			if kind == html.EndTagToken {
				depth = -1
			}
			if kind == html.SelfClosingTagToken {
				depth = 0
			}
			switch tag := atom.Lookup(name); tag {
			case atom.Script, atom.Style, atom.Title, atom.Template:
				hidden = max(0, hidden+depth)
			case atom.Pre:
				verbatim = max(0, verbatim+depth)
				b.WriteByte('\n')
			case atom.Td, atom.Th:
				if kind == html.EndTagToken {
					b.WriteString("  ")
				}
			case atom.Br, atom.P, atom.Div, atom.Tr, atom.Table, atom.Li, atom.Ul, atom.Ol, atom.Dt, atom.Dd,
				atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Hr, atom.Blockquote, atom.Section:
				b.WriteByte('\n')
			}
		}
	}
}

// collapse makes one blank of each run of blanks, as a browser does.
func collapse(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	if words == "" {
		if text == "" || strings.Contains(text, "\n") {
			return ""
		}
		return " "
	}
	if strings.ContainsAny(text[:1], " \t\n") {
		words = " " + words
	}
	if strings.ContainsAny(text[len(text)-1:], " \t\n") {
		words += " "
	}
	return words
}

// tidy takes away empty lines and blanks at line ends.
func tidy(text string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimRight(line, " \t\r"); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
