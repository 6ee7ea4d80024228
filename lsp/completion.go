package lsp

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// Deadlines of requests to the kernel: an editor waits for them.
const (
	idleDeadline = 15 * time.Second
	busyDeadline = 150 * time.Millisecond
)

// completion is what the last completion was asked with, for resolve.
type completion struct {
	id string
	at place
}

// resolveData is what a completion item carries to resolve.
type resolveData struct {
	Completion string `json:"completion"`
	// Start and End are code points of the line that was completed.
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"text"`
}

// place is a position in a document as a kernel is told of it: the cursor's line, and
// what belongs to it where the language's kernels understand names by that. From more
// than the line IPython would infer what names mean, and not look at what they are.
type place struct {
	doc     *openDocument
	session *kernelSession
	number  int // of the line
	line    string
	cursor  int // code points of line
	// above and below are the other lines of the definition that the line is in; empty for
	// most languages.
	above, below string
	// alone is the line as a document of its own: the answer may come after an edit,
	// and is to name positions of the document that the client asked about.
	alone *document.Document
}

// position of a byte offset in the line.
func (p place) position(offset int) protocol.Position {
	at := toPosition(p.alone.Position(offset))
	at.Line = uint32(p.number)
	return at
}

// placeAt finds what to send for a position of a document.
func (s *Server) placeAt(p protocol.TextDocumentPositionParams) (place, error) {
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
	line := d.Line(number)
	place := place{
		doc: d, session: d.session, number: number, line: line, cursor: document.CodePoints(line, at-start),
		alone: document.New(d.uri, d.LanguageID(), d.Version(), line, s.encoding),
	}
	if d.language.Context {
		place.above, place.below = d.around(number)
	}
	return place, nil
}

// around gives what stands above and below a line in its definition.
func (d *openDocument) around(number int) (above, below string) {
	all := d.allLines()
	start, end, ok := d.language.Definition(all, number)
	if !ok || number < start {
		return "", ""
	}
	for _, line := range all[start:number] {
		above += line + "\n"
	}
	for _, line := range all[number+1 : max(number+1, end)] {
		below += "\n" + line
	}
	return above, below
}

// completed gives what a kernel is asked to complete, and the cursor in it.
func (p place) completed() (code string, cursor kernelclient.Cursor) {
	return p.above + p.line + p.below, kernelclient.Cursor(utf8.RuneCountInString(p.above) + p.cursor)
}

// inspected gives what a kernel is asked about, the name that a text ends in which begins
// as the line does, and the cursor behind it.
func (p place) inspected(line string) (code string, cursor kernelclient.Cursor) {
	code = p.above + line
	if name := nameAtEnd.FindString(line); p.doc.language.NameAlone && name != "" {
		before := strings.TrimSuffix(line, name)
		if !strings.HasSuffix(before, ".") && strings.Trim(before, " \t%") != "" { // no part of an expression, no magic
			code = name
		}
	}
	return code, kernelclient.CursorAt(code, len(code))
}

// name is the place's line up to the end of the word under the cursor. Kernels
// look at what stands before the cursor, and IPython refuses the left side of an
// assignment when it sees that it is one.
func (p place) name() (line string) {
	end := document.ByteOffset(p.line, p.cursor)
	for end < len(p.line) {
		r, size := utf8.DecodeRuneInString(p.line[end:])
		if !inWord(r) {
			break
		}
		end += size
	}
	return p.line[:end]
}

func inWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// busy tells whether the kernel may not answer at once, for it runs code.
func (ks *kernelSession) busy() bool {
	switch ks.Status().State {
	case session.Busy, session.Disconnected, session.Unresponsive:
		return true
	}
	return false
}

// deadline bounds a request to the session's kernel.
func (ks *kernelSession) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if ks.busy() {
		return context.WithTimeout(ctx, busyDeadline)
	}
	return context.WithTimeout(ctx, idleDeadline)
}

// Completion asks the running namespace. While there is no kernel, or it does not
// answer in time, the list is empty and incomplete: the client asks again.
func (s *Server) Completion(ctx context.Context, p *protocol.CompletionParams) (protocol.CompletionResult, error) {
	at, err := s.placeAt(p.TextDocumentPositionParams)
	if err != nil {
		return nil, err
	}
	async(ctx)
	wait, cancel := at.session.deadline(ctx)
	defer cancel()
	list := &protocol.CompletionList{Items: []protocol.CompletionItem{}}
	code, cursor := at.completed()
	reply, err := at.session.Complete(wait, code, cursor)
	if err != nil || reply.Status != jupyter.StatusOK {
		if ctx.Err() != nil {
			return nil, protocol.ErrRequestCancelled
		}
		s.logger.Debug("no completions", "error", err)
		list.IsIncomplete = true
		return list, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents[at.doc.key] != at.doc {
		return list, nil
	}
	c := &completion{id: jupyter.NewID(), at: at}
	s.completed = c
	shift := int(cursor) - at.cursor
	types := reply.Metadata.Types
	for i, text := range reply.Matches {
		start, end := reply.CursorStart, reply.CursorEnd
		item := protocol.CompletionItem{Kind: protocol.CompletionItemKindText}
		if len(types) == len(reply.Matches) && types[i].Text == text {
			start, end = types[i].Start, types[i].End
			item.Kind = completionKind(types[i].Type)
			detail := types[i].Type
			if sig := types[i].Signature; sig != "" {
				detail = strings.TrimSpace(detail + " " + sig)
			}
			if detail != "" && detail != "<unknown>" {
				item.Detail = protocol.NewOptional(detail)
			}
		}
		start, end = start-shift, end-shift
		if start < 0 || end < start || start > at.cursor {
			continue // a kernel that contradicts itself
		}
		data, err := json.Marshal(resolveData{Completion: c.id, Start: start, End: end, Text: text})
		if err != nil {
			return nil, err
		}
		item.Data = protocol.LSPAny(data)
		from := document.ByteOffset(at.line, start)
		label, skip := sinceWord(text, at.line[from:document.ByteOffset(at.line, at.cursor)])
		item.Label = label
		item.FilterText = protocol.NewOptional(label)
		item.TextEdit = &protocol.TextEdit{NewText: label, Range: protocol.Range{
			Start: at.position(from + skip),
			End:   at.position(document.ByteOffset(at.line, end)),
		}}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

// sinceWord takes from a completion what stands before the word at the cursor
// already: of "x.foo" for the typed "x.f" it leaves "foo". skip is how many bytes
// that were.
func sinceWord(text, typed string) (label string, skip int) {
	word := len(typed)
	for word > 0 {
		r, size := utf8.DecodeLastRuneInString(typed[:word])
		if !inWord(r) {
			break
		}
		word -= size
	}
	if rest, ok := strings.CutPrefix(text, typed[:word]); ok && rest != "" {
		return rest, word
	}
	return text, 0
}

// completionKind maps the type that IPython and others name to LSP's.
func completionKind(t string) protocol.CompletionItemKind {
	switch strings.ToLower(t) {
	case "function", "func", "builtin":
		return protocol.CompletionItemKindFunction
	case "method":
		return protocol.CompletionItemKindMethod
	case "class", "type":
		return protocol.CompletionItemKindClass
	case "struct":
		return protocol.CompletionItemKindStruct
	case "interface":
		return protocol.CompletionItemKindInterface
	case "module", "package":
		return protocol.CompletionItemKindModule
	case "keyword", "magic":
		return protocol.CompletionItemKindKeyword
	case "instance", "statement", "variable", "var", "param":
		return protocol.CompletionItemKindVariable
	case "property", "field", "key":
		return protocol.CompletionItemKindField
	case "const", "constant":
		return protocol.CompletionItemKindConstant
	case "path":
		return protocol.CompletionItemKindFile
	}
	return protocol.CompletionItemKindText
}

// CompletionResolve adds the documentation, which kernels give by inspection.
func (s *Server) CompletionResolve(ctx context.Context, item *protocol.CompletionItem) (*protocol.CompletionItem, error) {
	var data resolveData
	if err := unmarshal(item.Data, &data); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the item's data is not what it came with: %v", err)
	}
	s.mu.Lock()
	c := s.completed
	s.mu.Unlock()
	if c == nil || c.id != data.Completion {
		return item, nil // of an older list
	}
	async(ctx)
	code, cursor := c.at.inspected(c.at.line[:document.ByteOffset(c.at.line, data.Start)] + data.Text)
	wait, cancel := c.at.session.deadline(ctx)
	defer cancel()
	reply, err := c.at.session.Inspect(wait, code, cursor, 0)
	if err != nil || !reply.Found {
		return item, nil
	}
	text, _ := output.Plain(c.at.session.inBuffers(output.PlainText(reply.Data)))
	item.Documentation = s.markup(text)
	return item, nil
}

// markup is plain text in the form that the client shows best.
func (s *Server) markup(text string) *protocol.MarkupContent {
	if !s.client.markdown {
		return &protocol.MarkupContent{Kind: protocol.MarkupKindPlainText, Value: text}
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: fence + "text\n" + strings.TrimRight(text, "\n") + "\n" + fence}
}
