package lsp

import (
	"strings"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// place is a position in a document, with what stands around it, as kernels are told of it.
type place struct {
	doc      *openDocument
	language language.Language
	session  *kernelSession
	number   int // of the line
	line     string
	cursor   int // code points of line
	// above and below are the other lines of the definition that the line is in; empty for
	// most languages.
	above, below string
	// cell is the cell up to the cursor, and spot what its end is in. buffer has the cells
	// above, too, for kernels that infer.
	cell    string
	buffer  string
	spot    language.Spot
	imports imports // of a cell of Go
	// alone is the line as a document of its own: the answer may come after an edit,
	// and is to name positions of the document that the client asked about.
	alone *document.Document
}

// maxCell bounds what a kernel is sent of a cell or a buffer, in bytes: it has the lines before the
// cursor.
const maxCell = 16 << 10

// placeAt finds what to send for a position of a document.
func (s *Server) placeAt(p protocol.TextDocumentPositionParams) (place, error) {
	at, err := s.locate(p)
	if err != nil {
		return place{}, err
	}
	at.spot = at.language.Spot(at.cell)
	return at, nil
}

// locate takes from a document what a place has of it.
func (s *Server) locate(p protocol.TextDocumentPositionParams) (place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(string(p.TextDocument.URI))
	if err != nil {
		return place{}, err
	}
	at, err := d.Offset(fromPosition(p.Position))
	if err != nil {
		return place{}, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
	}
	number := min(int(p.Position.Line), d.LineCount()-1)
	start, err := d.Offset(document.Position{Line: number})
	if err != nil {
		return place{}, err
	}
	line, piece := d.code(number), d.pieceAt(number)
	place := place{
		doc: d, language: piece.language, session: d.sessionAt(number), number: number, line: line, cursor: document.CodePoints(line, at-start),
		alone: document.New(d.uri, d.LanguageID(), d.Version(), d.Line(number), s.encoding),
	}
	typed := lastBytes(line[:min(at-start, len(line))], maxCell)
	place.cell = d.textAbove(number, piece.above(number)) + typed
	if piece.language.NameAlone {
		place.buffer = d.textAbove(number, 0) + typed
	}
	if piece.language.Context {
		place.above, place.below = d.around(number)
		place.imports = d.importsAt(number)
	}
	return place, nil
}

// textAbove gives the lines above one, but for those above first, as far as a kernel is sent
// them.
func (d *openDocument) textAbove(number, first int) string {
	from, size := number, 0
	for ; from > first && size < maxCell; from-- {
		size += len(d.Line(from-1)) + 1
	}
	var b strings.Builder
	b.Grow(size)
	for n := from; n < number; n++ {
		b.WriteString(d.code(n))
		b.WriteByte('\n')
	}
	return b.String()
}

// lastBytes is the end of a text, of at most n bytes.
func lastBytes(text string, n int) string {
	if len(text) > n {
		text = strings.ToValidUTF8(text[len(text)-n:], "")
	}
	return text
}

// around gives what stands above and below a line in its definition.
func (d *openDocument) around(number int) (above, below string) {
	start, end, ok := d.table().definition(number)
	if !ok || number < start {
		return "", ""
	}
	for n := start; n < number; n++ {
		above += d.code(n) + "\n"
	}
	for n := number + 1; n < end; n++ {
		below += "\n" + d.code(n)
	}
	return above, below
}

// position of a byte offset in the line.
func (p place) position(offset int) protocol.Position {
	at := toPosition(p.alone.Position(offset))
	at.Line = uint32(p.number)
	return at
}

// typed is the line up to the cursor.
func (p place) typed() string { return p.line[:document.ByteOffset(p.line, p.cursor)] }

// logical is the text up to the cursor of the statement that the line is a part of, in one line.
func (p place) logical() string {
	if line, ok := p.language.OneLine(p.cell, p.spot); ok {
		return line
	}
	return p.typed()
}

// name is the line up to the end of the word under the cursor. Kernels look at what stands
// before the cursor, and IPython refuses the left side of an assignment when it sees that it
// is one.
func (p place) name() (line string) {
	end := document.ByteOffset(p.line, p.cursor)
	for end < len(p.line) {
		r, size := utf8.DecodeRuneInString(p.line[end:])
		if !p.language.InWord(r) {
			break
		}
		end += size
	}
	return p.line[:end]
}

// inspected gives what a kernel is asked about the name that a text ends in, which begins as
// the line or the cell does, and the cursor behind it; ok is false where the kernel would tell
// of something else than what is meant.
func (p place) inspected(text string) (code string, cursor kernelclient.Cursor, ok bool) {
	code = p.above + text
	path, whole := p.language.PathAtEnd(text)
	if path == "" && !p.language.Context || !whole && !p.language.Types {
		return "", 0, false
	}
	if before := strings.TrimSuffix(text, path); p.language.NameAlone && strings.Trim(before, " \t%") != "" { // no magic
		code = path
	}
	return code, kernelclient.CursorAt(code, len(code)), true
}
