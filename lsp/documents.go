package lsp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/workspace"
)

// openDocument is a document that the client has open, with what it led to.
type openDocument struct {
	*document.Document
	uri      string            // as the client writes it
	key      uri.URI           // in Server.documents
	language language.Language // by the editor's name for it: that of its kernel
	session  *kernelSession
	results  []*result                    // shown ones, in order of evaluation
	gone     []*result                    // those whose code was deleted, oldest first
	anchored map[*document.Anchor]*result // both, by the places of their code
	failed   []*result                    // shown ones with an error
	errors   bool                         // diagnostics are published
	told     time.Time                    // when diagnostics were last sent
	doubtful bool                         // an edit did not fit: the client has another text
	closed   bool                         // the client has closed it
	left     *kernelSession               // its session until then
	pieces   *pieces                      // see table
}

// plainNames are what editors call a text of which they do not know the language.
var plainNames = []string{"", "plaintext", "text", "fundamental", "fundamental-mode", "text-mode"}

// languageOf finds a document's language by the editor's name for it and, if that says
// nothing, by the file's name. One that is in no table is run by no kernel but its own.
func languageOf(id, path string) language.Language {
	if l, ok := language.For(id); ok {
		return l
	}
	if slices.Contains(plainNames, strings.ToLower(id)) {
		if l, ok := language.ByExtension(path); ok {
			return l
		}
	}
	return language.Other(id)
}

// canBeRun tells whether there can be a kernel for what stands at a line: its language is one
// that kernels are known for, or it has one. mu is held.
func (d *openDocument) canBeRun(line int) bool {
	_, known := language.For(d.pieceAt(line).language.ID)
	return known || d.sessionAt(line).Spec().Name != ""
}

// name is what a traceback calls the document: that of its file, or of its buffer.
func (d *openDocument) name() string {
	if p := workspace.FilePath(d.key); p != "" {
		return filepath.Base(p)
	}
	if rest, ok := strings.CutPrefix(d.uri, "untitled:"); ok {
		if name, err := url.PathUnescape(path.Base(rest)); err == nil {
			return output.Line(name)
		}
	}
	return d.uri
}

// canonical is the key of a document: editors write one URI in several ways.
func canonical(u string) uri.URI {
	c, err := uri.Parse(u)
	if err != nil {
		return uri.URI(u)
	}
	return c
}

// lookup finds an open document; mu is held.
func (s *Server) lookup(u string) (*openDocument, error) {
	if u == "" {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the argument has no uri: pass {\"uri\": …} of an open document")
	}
	d := s.documents[canonical(u)]
	if d == nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s is not open: send textDocument/didOpen first", u)
	}
	return d, nil
}

// didOpen takes a document. Nothing is started or looked for: that is left to the first
// evaluation.
// It reads the parameters itself: LSP's types rewrite the URI, and the client
// is to get back the one that it sent.
func (s *Server) didOpen(params []byte) error {
	var p struct {
		TextDocument opened `json:"textDocument"`
	}
	if err := unmarshal(params, &p); err != nil {
		return fmt.Errorf("params: %w", err)
	}
	t := p.TextDocument
	if t.URI == "" {
		return errors.New("the document has no uri")
	}
	key := canonical(t.URI)
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.predecessor(key, t); d != nil {
		return s.reopen(d, key, t)
	}
	d := &openDocument{
		Document: document.New(t.URI, t.LanguageID, t.Version, t.Text, s.encoding),
		uri:      t.URI, key: key, language: languageOf(t.LanguageID, workspace.FilePath(key)),
		anchored: map[*document.Anchor]*result{},
	}
	s.documents[key] = d
	s.bind(d)
	return nil
}

// DidChange edits a document. After an edit that does not fit, which is told in the log,
// the text is doubtful until the client sends it whole.
func (s *Server) DidChange(_ context.Context, p *protocol.DidChangeTextDocumentParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(string(p.TextDocument.URI))
	if err != nil {
		return err
	}
	var edits []document.Edit
	whole := false
	for _, c := range p.ContentChanges {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangePartial:
			r := fromRange(c.Range)
			edits = append(edits, document.Edit{Range: &r, Text: c.Text})
		case *protocol.TextDocumentContentChangeWholeDocument:
			edits = append(edits, document.Edit{Text: c.Text})
			whole = true
		}
	}
	if err := d.Apply(int(p.TextDocument.Version), edits); err != nil {
		d.doubt(true)
		return fmt.Errorf("change %s: %w", d.uri, err)
	}
	s.edited(d)
	if whole {
		d.doubt(false)
	}
	return nil
}

// doubt notes whether the client has another text, and tells the results that are stale
// by it; Server.mu is held.
func (d *openDocument) doubt(doubtful bool) {
	if d.doubtful != doubtful {
		d.doubtful = doubtful
		for _, r := range d.results {
			r.touch()
		}
	}
}

// DidSave changes nothing.
func (s *Server) DidSave(context.Context, *protocol.DidSaveTextDocumentParams) error { return nil }

// DidClose lets a document go; its session lives on.
func (s *Server) DidClose(_ context.Context, p *protocol.DidCloseTextDocumentParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(string(p.TextDocument.URI))
	if err != nil {
		return err
	}
	s.close(d)
	s.closing.last, s.closing.at = d, time.Now()
	return nil
}

func fromPosition(p protocol.Position) document.Position {
	return document.Position{Line: int(p.Line), Character: int(p.Character)}
}

func toPosition(p document.Position) protocol.Position {
	return protocol.Position{Line: uint32(p.Line), Character: uint32(p.Character)}
}

func fromRange(r protocol.Range) document.Range {
	return document.Range{Start: fromPosition(r.Start), End: fromPosition(r.End)}
}

func toRange(r document.Range) protocol.Range {
	return protocol.Range{Start: toPosition(r.Start), End: toPosition(r.End)}
}
