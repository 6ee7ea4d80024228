package lsp

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/uri"
)

// filePlace matches how tracebacks and inspections name places in files:
// File ~/lib/a.py:12, File "/lib/a.py", line 12, and IPython's File: /lib/a.py.
var filePlace = regexp.MustCompile(`File:?\s+(?:"([^"\n]+)", line (\d+)|((?:~|/|[A-Za-z]:\\)[^\n:"]*)(?::(\d+))?)`)

// findLinks links the files that a text names and that are there.
func findLinks(text string) []Link {
	var links []Link
	for _, m := range filePlace.FindAllStringSubmatchIndex(text, -1) {
		path, number, end := group(text, m, 1), group(text, m, 2), m[1]
		start := m[2]
		if path == "" {
			path, number, start = strings.TrimRight(group(text, m, 3), " "), group(text, m, 4), m[6]
			if number == "" {
				end = start + len(path)
			}
		}
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			if home, err := os.UserHomeDir(); err == nil {
				path = filepath.Join(home, rest)
			}
		}
		if st, err := os.Stat(path); err != nil || st.IsDir() || !filepath.IsAbs(path) {
			continue
		}
		line := 0
		if n, err := strconv.Atoi(number); err == nil {
			line = n - 1
		}
		links = append(links, newLink(text, start, end, string(uri.File(path)), line))
	}
	return links
}

func group(text string, m []int, n int) string {
	if m[2*n] < 0 {
		return ""
	}
	return text[m[2*n]:m[2*n+1]]
}

// linkTo links every mention of a document's line, which is zero-based, in a text.
func linkTo(text, name, u string, line int) []Link {
	var links []Link
	place := regexp.MustCompile(regexp.QuoteMeta(name) + `(?:, line |:)` + strconv.Itoa(line+1) + `\b`)
	for _, m := range place.FindAllStringIndex(text, -1) {
		links = append(links, newLink(text, m[0], m[1], u, line))
	}
	return links
}

// newLink makes a link of the bytes [start, end).
func newLink(text string, start, end int, u string, line int) Link {
	at := utf8.RuneCountInString(text[:start])
	return Link{Start: at, End: at + utf8.RuneCountInString(text[start:end]), URI: u, Line: line}
}
