package lsp

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/uri"
)

// Bounds of one text's links, and of the files that are looked for because it names them.
const (
	maxLinks = 500
	maxFiles = 100
)

// textPlace is a part of a text, in bytes, that names a line of a file, from 0.
type textPlace struct {
	start, end int
	uri        string
	line       int
}

// filePlace matches how tracebacks and inspections name places in files:
// File ~/lib/a.py:12, File "/lib/a.py", line 12, and IPython's File: /lib/a.py.
var filePlace = regexp.MustCompile(`File:?\s+(?:"([^"\n]+)", line (\d+)|((?:~|/|[A-Za-z]:\\)[^\n:"]*)(?::(\d+))?)`)

// maxPath is longer than any path is, in bytes.
const maxPath = 4 << 10

// existing are the files that a text names and that are there, of the first ones and
// the last ones: many if it is made up.
func existing(text string) map[string]bool {
	places := namedFiles(text)
	files, asked := map[string]bool{}, 0
	for i := range places {
		p := places[i/2] // from both ends, where most is to be learnt
		if i%2 == 1 {
			p = places[len(places)-1-i/2]
		}
		if _, known := files[p.uri]; known {
			continue
		}
		if asked++; asked > maxFiles {
			break
		}
		st, err := os.Stat(p.uri)
		files[p.uri] = err == nil && st.Mode().IsRegular()
	}
	return files
}

// filePlaces are the places in those files that a text names.
func filePlaces(text string, files map[string]bool) []textPlace {
	var places []textPlace
	for _, p := range namedFiles(text) {
		if files[p.uri] {
			p.uri = string(uri.File(p.uri))
			places = append(places, p)
		}
	}
	return places
}

// namedFiles are the places in files that a text names, with a path for each URI.
func namedFiles(text string) []textPlace {
	home, homeErr := os.UserHomeDir()
	var places []textPlace
	for _, m := range filePlace.FindAllStringSubmatchIndex(text, -1) {
		path, number, end := group(text, m, 1), group(text, m, 2), m[1]
		start := m[2]
		if path == "" {
			path, number, start = strings.TrimRight(group(text, m, 3), " "), group(text, m, 4), m[6]
			if number == "" {
				end = start + len(path)
			}
		}
		if rest, ok := strings.CutPrefix(path, "~/"); ok && homeErr == nil {
			path = filepath.Join(home, rest)
		}
		if !filepath.IsAbs(path) || len(path) > maxPath || onAnotherHost(path) {
			continue
		}
		line := 0
		if n, err := strconv.Atoi(number); err == nil {
			line = n - 1
		}
		places = append(places, textPlace{start, end, path, line})
	}
	return places
}

// onAnotherHost tells whether Windows would look for a path on another host, which it
// would give the user's name and a proof of the password, or among its devices.
func onAnotherHost(path string) bool {
	slash := func(i int) bool { return path[i] == '/' || path[i] == '\\' }
	return len(path) > 1 && slash(0) && slash(1)
}

func group(text string, m []int, n int) string {
	if m[2*n] < 0 {
		return ""
	}
	return text[m[2*n]:m[2*n+1]]
}

// bufferPlaces are the mentions in a text of those lines of documents.
func bufferPlaces(text string, lines map[documentLine]bool) []textPlace {
	var docs []*openDocument
	for l := range lines {
		if !slices.Contains(docs, l.doc) {
			docs = append(docs, l.doc)
		}
	}
	return placesIn(text, docs, lines)
}

// placesIn are the mentions in a text of lines of documents, of all of them if lines is nil.
func placesIn(text string, docs []*openDocument, lines map[documentLine]bool) []textPlace {
	if len(docs) == 0 {
		return nil
	}
	byName := map[string][]*openDocument{}
	var names []string
	for _, d := range docs {
		if byName[d.name()] == nil {
			names = append(names, regexp.QuoteMeta(d.name()))
		}
		byName[d.name()] = append(byName[d.name()], d)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // the longest is the one that is meant
	var places []textPlace
	mention := regexp.MustCompile(`(` + strings.Join(names, "|") + `)(?:, line |:)(\d+)\b`)
	for _, m := range mention.FindAllStringSubmatchIndex(text, -1) {
		n, err := strconv.Atoi(group(text, m, 2))
		if err != nil || n < 1 {
			continue
		}
		for _, d := range byName[group(text, m, 1)] {
			if lines == nil || lines[documentLine{d, n - 1}] {
				places = append(places, textPlace{m[0], m[1], d.uri, n - 1})
				break
			}
		}
	}
	return places
}

// makeLinks makes links of places in a text, which do not overlap: what comes first
// in the arguments goes before.
func makeLinks(text string, kinds ...[]textPlace) []Link {
	places := slices.Concat(kinds...)
	slices.SortStableFunc(places, func(a, b textPlace) int { return cmp.Compare(a.start, b.start) })
	var links []Link
	end, points := 0, 0 // of what was looked at, in bytes and code points
	count := func(to int) int {
		points += utf8.RuneCountInString(text[end:to])
		end = to
		return points
	}
	for _, p := range places {
		if p.start < end || len(links) == maxLinks {
			continue
		}
		links = append(links, Link{Start: count(p.start), End: count(p.end), URI: p.uri, Line: p.line})
	}
	return links
}
