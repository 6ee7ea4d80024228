package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// completion is what the last completion was asked with, for resolve.
type completion struct {
	id string
	at place
}

// resolveData is what a completion item carries to resolve.
type resolveData struct {
	Completion string `json:"completion"`
	// Name is the text before the cursor with the item in its place, for the kernel to tell
	// what it knows of it; "" where it would tell of something else.
	Name string `json:"name"`
}

// Completion asks the running namespace. While there is no kernel, or it does not
// answer in time, the list is empty and incomplete: the client asks again.
func (s *Server) Completion(ctx context.Context, p *protocol.CompletionParams) (protocol.CompletionResult, error) {
	at, err := s.placeAt(p.TextDocumentPositionParams)
	if err != nil {
		return nil, err
	}
	list := &protocol.CompletionList{Items: []protocol.CompletionItem{}}
	if !at.completes(&p.Context) {
		return list, nil
	}
	async(ctx)
	c := &completion{id: jupyter.NewID(), at: at}
	matches, whole := at.offered(ctx, trigger(&p.Context))
	if ctx.Err() != nil {
		return nil, protocol.ErrRequestCancelled
	}
	if list.Items, err = c.items(matches); err != nil {
		return nil, err
	}
	list.IsIncomplete = !whole || len(matches) >= maxMatches
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents[at.doc.key] != at.doc {
		return &protocol.CompletionList{Items: []protocol.CompletionItem{}}, nil
	}
	s.completed = c
	return list, nil
}

// offered asks the kernel what could stand at a place, and adds the names that are written there;
// whole is false if the kernel was not heard in time. sign is the one that brought the request.
func (p place) offered(ctx context.Context, sign string) (matches []match, whole bool) {
	wait, cancel := p.session.patience(ctx, jupyter.CompleteRequest)
	defer cancel()
	for _, q := range p.questions() {
		reply, err := p.session.complete(wait, q.code, q.at())
		switch {
		case errors.Is(err, errAnswer):
			continue
		case err != nil:
			p.session.server.logger.Debug("no completions", "error", err)
			if errors.Is(err, session.ErrNoKernel) {
				return nil, false
			}
			return p.withWritten(nil), false
		}
		if matches = p.wanted(p.matches(q, reply), sign); len(matches) > 0 && !p.ofError(wait, q, matches) {
			break
		}
		matches = nil
	}
	return p.withWritten(matches), true
}

// ofError says whether matches are the members of an error: Deno gives those of a name that it does
// not know.
func (p place) ofError(ctx context.Context, q question, matches []match) bool {
	code := strings.TrimSuffix(q.code[:q.cursor], p.language.WordAtEnd(q.code[:q.cursor]))
	path, whole := p.language.PathAtEnd(code)
	has := func(text string) bool {
		return slices.ContainsFunc(matches, func(m match) bool { return m.text == text && !m.known })
	}
	if !whole || p.language.MemberAtEnd(code) == "" || !p.language.Types || p.language.Context || !has("stack") && !has("message") {
		return false
	}
	name := path[:max(0, strings.IndexFunc(path, func(r rune) bool { return !p.language.InWord(r) }))]
	code = code[:len(code)-len(path)+len(name)]
	reply, err := p.session.complete(ctx, code, kernelclient.CursorAt(code, len(code)))
	return err == nil && !slices.Contains(reply.Matches, name)
}

// items gives a client's form of matches, in their order.
func (c *completion) items(matches []match) ([]protocol.CompletionItem, error) {
	cursor := len(c.at.typed())
	items := make([]protocol.CompletionItem, 0, len(matches))
	for i, m := range matches {
		data, err := json.Marshal(resolveData{Completion: c.id, Name: m.meant})
		if err != nil {
			return nil, err
		}
		item := protocol.CompletionItem{
			Label: strings.TrimSpace(m.text), Kind: m.kind, Data: protocol.LSPAny(data),
			SortText:   protocol.NewOptional(fmt.Sprintf("%05d", i)),
			FilterText: protocol.NewOptional(m.text),
			TextEdit: &protocol.TextEdit{NewText: m.text, Range: protocol.Range{
				Start: c.at.position(cursor - len(m.typed)), End: c.at.position(cursor + m.behind),
			}},
		}
		if !begins(m.text, m.typed) {
			// What is written otherwise than it is typed, as a sign by its name.
			item.FilterText = protocol.NewOptional(m.typed)
		}
		item.AdditionalTextEdits = c.at.imports.edit(m.needs, item.TextEdit.(*protocol.TextEdit).Range)
		if m.detail != "" {
			item.Detail = protocol.NewOptional(m.detail)
		}
		items = append(items, item)
	}
	return items, nil
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
	if data.Name == "" {
		return item, nil
	}
	code, cursor, ok := c.at.inspected(data.Name)
	if !ok {
		return item, nil
	}
	async(ctx)
	wait, cancel := c.at.session.patience(ctx, jupyter.InspectRequest)
	defer cancel()
	reply, err := c.at.session.inspect(wait, code, cursor, 0)
	if err != nil || !reply.Found {
		return item, nil
	}
	text, _ := output.Plain(c.at.session.inBuffers(output.PlainText(reply.Data)))
	item.Documentation = s.markup(text)
	return item, nil
}

// maxDocumentation bounds what is told of a name in a hover or beside a list, in bytes.
const maxDocumentation = 64 << 10

// markup is plain text in the form that the client shows best.
func (s *Server) markup(text string) *protocol.MarkupContent {
	text = output.Cut(text, maxDocumentation)
	if !s.client.markdown {
		return &protocol.MarkupContent{Kind: protocol.MarkupKindPlainText, Value: text}
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: fence + "text\n" + strings.TrimRight(text, "\n") + "\n" + fence}
}
