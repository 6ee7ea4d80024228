package lsp

import (
	"fmt"
	"strings"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
)

// Units of reval.evaluate.
const (
	unitLine       = "line"
	unitCell       = "cell"
	unitDefinition = "definition"
	unitFile       = "file"
	unitToHere     = "toHere"
)

// regions are what to evaluate, in order: one, or one for each cell that it has code in.
func (d *openDocument) regions(p EvaluateParams) ([]document.Range, error) {
	switch {
	case p.Range != nil:
		r := fromRange(*p.Range)
		if _, err := d.Slice(r); err != nil {
			return nil, err
		}
		return d.byCells(r, "the range")
	case p.Unit == unitFile:
		return d.byCells(d.lines(0, d.LineCount()), "the file")
	case p.Unit == "":
		return nil, fmt.Errorf("neither range nor unit is given")
	case p.Position == nil:
		return nil, fmt.Errorf("unit %s needs a position", p.Unit)
	}
	at := fromPosition(*p.Position)
	if _, err := d.Offset(at); err != nil {
		return nil, err
	}
	line := min(at.Line, d.LineCount()-1)
	if p.Unit == unitToHere {
		return d.byCells(d.lines(0, d.statementsEnd(line)), fmt.Sprintf("everything up to line %d", line+1))
	}
	r, err := d.unit(p.Unit, line)
	return []document.Range{r}, err
}

// unit is the unit of code at a line.
func (d *openDocument) unit(unit string, line int) (document.Range, error) {
	switch unit {
	case unitLine:
		start, end := d.table().statement(line)
		return d.trim(d.lines(start, end), fmt.Sprintf("line %d", line+1))
	case unitCell:
		at := d.pieceAt(line)
		if at.kind != codePiece {
			return document.Range{}, fmt.Errorf("the cell at line %d is text, not code", line+1)
		}
		return d.trim(d.lines(at.start, at.end), fmt.Sprintf("the cell at line %d", line+1))
	case unitDefinition:
		start, end, ok := d.table().definition(line)
		if !ok {
			return document.Range{}, fmt.Errorf("no definition or statement at line %d", line+1)
		}
		return d.trim(d.lines(start, end), fmt.Sprintf("the definition at line %d", line+1))
	}
	return document.Range{}, fmt.Errorf("unit %q is none of line, cell, definition, file, toHere", unit)
}

// statementsEnd is the line behind the outermost statement that a line belongs to.
func (d *openDocument) statementsEnd(line int) int {
	start, end, ok := d.table().definition(line)
	if ok && start <= line && line < end {
		return end
	}
	return line + 1
}

// byCells divides a range into the pieces that it has code of.
func (d *openDocument) byCells(r document.Range, what string) ([]document.Range, error) {
	whole, err := d.trim(r, what)
	if err != nil {
		return nil, err
	}
	if d.table().program() {
		return []document.Range{whole}, nil
	}
	var regions []document.Range
	for _, at := range d.table().all {
		start, end, ok := d.table().code(at)
		if !ok || start > lastLine(whole) || end <= whole.Start.Line {
			continue
		}
		part := d.lines(start, end)
		if start <= whole.Start.Line {
			part.Start = whole.Start
		}
		if end > lastLine(whole) {
			part.End = whole.End
		}
		if part, err := d.trim(part, what); err == nil {
			regions = append(regions, part)
		}
	}
	if regions == nil { // text that its user selected
		regions = append(regions, whole)
	}
	return regions, nil
}

// code is the text of a line, with as many blanks in the place of a byte order mark.
func (d *openDocument) code(line int) string {
	text := d.Line(line)
	if rest, ok := strings.CutPrefix(text, byteOrderMark); ok && line == 0 {
		return strings.Repeat(" ", len(text)-len(rest)) + rest
	}
	return text
}

// lines is the range of the lines [from, to).
func (d *openDocument) lines(from, to int) document.Range {
	to = max(min(to, d.LineCount()), from+1)
	return document.Range{
		Start: document.Position{Line: from},
		End:   document.Position{Line: to - 1, Character: d.LineLength(to - 1)},
	}
}

// trim takes blank lines and blanks at the end from a range that lies in the
// document, and what stands before a cell magic. what names it in the error for a
// blank one.
func (d *openDocument) trim(r document.Range, what string) (document.Range, error) {
	start, err := d.Offset(r.Start)
	if err != nil {
		return r, err
	}
	end, err := d.Offset(r.End)
	if err != nil {
		return r, err
	}
	text := d.Text()
	const blanks = " \t\r\n\f\v\ufeff"
	piece := text[start:end]
	if strings.Trim(piece, blanks) == "" {
		return r, fmt.Errorf("%s is empty: there is nothing to evaluate", what)
	}
	end -= len(piece) - len(strings.TrimRight(piece, blanks))
	start += len(piece) - len(strings.TrimLeft(piece, blanks))
	head := strings.LastIndexAny(text[:start], "\r\n") + 1
	if indent := strings.TrimPrefix(text[head:start], "\ufeff"); strings.Trim(indent, blanks) == "" {
		start -= len(indent)
	}
	trimmed := document.Range{Start: d.Document.Position(start), End: d.Document.Position(end)}
	if lead := d.pieceAt(trimmed.Start.Line).language.Lead(strings.Split(language.Source(text[start:end]), "\n")); lead > 0 {
		trimmed.Start = document.Position{Line: trimmed.Start.Line + lead}
	}
	return trimmed, nil
}
