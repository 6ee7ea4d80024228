package lsp

import (
	"regexp"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"
)

// imports is where a cell of Go takes another import.
type imports struct {
	paths  map[string]bool // those that it has
	at     protocol.Position
	before string // what stands before the import there, and after it
	after  string
	ok     bool // there is such a place
}

var (
	packageClause = regexp.MustCompile(`^package\s+\w+`)
	importGroup   = regexp.MustCompile(`^import\s*\(\s*(?://.*)?$`)
	importLine    = regexp.MustCompile(`^import\s+(?:[\w.]+\s+)?"([^"]+)"`)
	importedPath  = regexp.MustCompile(`^\s*(?:[\w.]+\s+)?"([^"]+)"`)
	blankLine     = regexp.MustCompile(`^\s*(?://.*)?$`)
)

// importsAt finds where the piece of a line takes another import: among those that it has, below
// its package clause, or at its beginning; mu is held.
func (d *openDocument) importsAt(number int) imports {
	start := d.pieceAt(number).above(number)
	at := imports{paths: map[string]bool{}, at: protocol.Position{Line: uint32(start)}, before: "import ", after: "\n\n"}
	group := false
	for n := start; n <= number; n++ {
		line := strings.TrimSuffix(d.Line(n), "\r")
		below := protocol.Position{Line: uint32(n + 1)}
		switch {
		case group && strings.HasPrefix(line, ")"):
			group = false
		case group:
			if m := importedPath.FindStringSubmatch(line); m != nil {
				at.paths[m[1]] = true
			}
		case importGroup.MatchString(line):
			group = true
			at.at, at.before, at.after = below, "\t", "\n"
		case importLine.MatchString(line):
			at.paths[importLine.FindStringSubmatch(line)[1]] = true
			if at.before != "\t" {
				at.at, at.before, at.after = below, "import ", "\n"
			}
		case packageClause.MatchString(line):
			at.at, at.before, at.after = below, "\nimport ", "\n"
		case blankLine.MatchString(line):
		default:
			n = number // code: no import follows
		}
	}
	// An edit beside the completion must not begin where that does.
	at.ok = at.at.Line < uint32(number) || at.at.Line == uint32(number) && strings.TrimLeft(d.Line(number), " \t") != ""
	return at
}

// edit imports a package beside an edit; nil if the cell does so already, or has no place for it.
func (i imports) edit(path string, beside protocol.Range) []protocol.TextEdit {
	if path == "" || i.paths[path] || !i.ok || i.at == beside.Start {
		return nil
	}
	return []protocol.TextEdit{{
		Range: protocol.Range{Start: i.at, End: i.at}, NewText: i.before + strconv.Quote(path) + i.after,
	}}
}
