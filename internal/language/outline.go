package language

import (
	"slices"
	"strings"
)

// Outline is a text that was taken apart once: its cells, and which lines belong together.
type Outline struct {
	language Language
	lines    []string
	cells    []Cell
	states   []lineState // of all lines, scanned cell by cell: what is not closed in one ends with it
	units    []unit
}

// Outline takes a text apart, of its lines as Source has them, without their ends.
func (l Language) Outline(lines []string) *Outline {
	o := &Outline{language: l, lines: lines}
	o.cells = l.cells(o.lines)
	o.states = make([]lineState, len(o.lines))
	for _, c := range o.cells {
		copy(o.states[c.Start:c.End], l.cellStates(o.lines[c.Start:c.End]))
	}
	o.units = l.units(o.lines, o.states)
	return o
}

// Cells finds the cells of a script, in order. What stands before the first mark
// is a cell if there is code in it; a text without marks is one cell. What looks
// like a mark in a string, a here-document or a block comment is none.
func (o *Outline) Cells() []Cell { return o.cells }

// CodeCells finds the cells of a script that have anything to evaluate, in order, without
// the blank lines around it and without what their kernel must not see. A Go file with
// a package clause is one cell: a program.
func (o *Outline) CodeCells() []Cell {
	cells := o.cells
	if o.language.IsProgram(strings.Join(o.lines, "\n")) {
		cells = []Cell{{MarkLine: -1, End: len(o.lines)}}
	}
	var found []Cell
	for _, c := range cells {
		for c.Start < c.End && strings.TrimSpace(o.lines[c.Start]) == "" {
			c.Start++ // some kernels drop blank lines there, and count from what follows
		}
		for c.Start < c.End && strings.TrimSpace(o.lines[c.End-1]) == "" {
			c.End--
		}
		if c.Start < c.End && !c.Markdown {
			c.Start += o.language.Lead(o.lines[c.Start:c.End])
			found = append(found, c)
		}
	}
	return found
}

// Definition finds the top-level definition or statement at a line: the lines
// [start, end), zero-based, from its unindented head (with decorators) to its last
// line that is not blank or a comment. A comment right above belongs to what it
// stands above; another place between two definitions, to the one before, where
// there is one. ok is false if there is no code at all.
func (o *Outline) Definition(line int) (start, end int, ok bool) {
	next, within := slices.BinarySearchFunc(o.units, line, func(u unit, line int) int {
		switch {
		case u.end <= line:
			return -1
		case u.start > line:
			return 1
		}
		return 0
	})
	if !within && next > 0 && (next == len(o.units) || !leadsTo(o.lines, line, o.units[next].start)) {
		next--
	}
	if next >= len(o.units) {
		return 0, 0, false
	}
	return o.units[next].start, o.units[next].end, true
}

// Statement finds the statement that a line belongs to: the lines [start, end),
// zero-based. A line in a block is a statement of its own, the line that opens or
// closes the block, or divides it, belongs to the statement with the whole block. A
// line without code is by itself, and so is one of a statement that is not finished
// in its cell.
func (o *Outline) Statement(line int) (start, end int) {
	if line >= len(o.lines) || !o.states[line].code && !o.states[line].inside {
		return line, line + 1
	}
	first, last := o.cellAround(line)
	l, cell := o.language, o.lines[first:last]
	at := line - first
	s := statements{l.syntax, cell, o.states[first:last]}
	if magic, is := l.cellMagicLine(cell); is && (at == magic || s.states[at].inside && l.body(cell[magic]) != l.syntax) {
		return first + magic, last // it is all one
	}
	var ok bool
	if l.syntax.indented {
		start, end, ok = s.indented(at)
	} else {
		start, end, ok = s.nested(at)
	}
	if !ok {
		return line, line + 1
	}
	return first + start, first + end
}

// cellAround gives the lines of the cell at a line of code.
func (o *Outline) cellAround(line int) (first, last int) {
	n, ok := slices.BinarySearchFunc(o.cells, line, func(c Cell, line int) int {
		switch {
		case c.End <= line:
			return -1
		case c.Start > line:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, len(o.lines)
	}
	return o.cells[n].Start, o.cells[n].End
}
