package lsp

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/workspace"
)

// A document that is closed and opened again, or renamed, keeps its results: it stays
// the same openDocument, which anchors, results and evaluations that run refer to.

// Bounds of what is remembered: documents that were closed, names of files to come, and
// how long after a document was closed one with the same text is taken for it.
const (
	maxClosed  = 20
	maxRenamed = 100
	succession = time.Second
)

// closing is what is remembered of documents after they were closed or renamed;
// Server.mu guards it.
type closing struct {
	documents []*openDocument     // closed ones with results, oldest first
	renamed   map[uri.URI]uri.URI // new name → old one, until the new one is opened
	last      *openDocument       // the message before closed it
	at        time.Time
}

// opened is what textDocument/didOpen says.
type opened struct {
	URI        string `json:"uri"`
	LanguageID string `json:"languageId"`
	Version    int    `json:"version"`
	Text       string `json:"text"`
}

// close lets a document go, with its session; mu is held. Evaluations of it that run go
// on. Its results are remembered for a while.
func (s *Server) close(d *openDocument) {
	delete(s.documents, d.key)
	d.closed = true
	for _, r := range d.results {
		r.touch()
	}
	s.publish(d)
	d.left = d.session
	s.unbind(d)
	if len(d.results)+len(d.gone) == 0 {
		return
	}
	s.closing.documents = append(s.closing.documents, d)
	if len(s.closing.documents) > maxClosed {
		for _, r := range slices.Concat(s.closing.documents[0].results, s.closing.documents[0].gone) {
			delete(s.results, r.id) // its session tells it again if the document is opened again
			s.drop(r)
			r.session.forgetSent(r)
		}
		s.closing.documents = s.closing.documents[1:]
	}
}

// predecessor is the document that one about to be opened was: under this name, under
// another before it was renamed, or under another a moment ago, as of clients that tell
// no renaming; mu is held.
func (s *Server) predecessor(key uri.URI, o opened) *openDocument {
	c := &s.closing
	names := []uri.URI{key}
	if old, ok := c.renamed[key]; ok {
		names = append(names, old)
		delete(c.renamed, key)
	}
	for _, name := range names {
		if d := s.documents[name]; d != nil {
			return d
		}
		for _, d := range slices.Backward(c.documents) {
			if d.key == name {
				return d
			}
		}
	}
	d := c.last
	if d != nil && time.Since(c.at) < succession && slices.Contains(c.documents, d) &&
		d.LanguageID() == o.LanguageID && s.stays(d, key) && d.Text() == o.Text {
		return d
	}
	return nil
}

// reopen takes a document that was closed, or that has another name now, for the one
// that is opened; mu is held.
func (s *Server) reopen(d *openDocument, key uri.URI, o opened) error {
	c := &s.closing
	c.documents = slices.DeleteFunc(c.documents, func(o *openDocument) bool { return o == d })
	if !d.closed {
		delete(s.documents, d.key)
		d.left = d.session
		s.unbind(d)
		if d.errors && d.key != key {
			s.outbox.closed = append(s.outbox.closed, d.uri)
			s.outbox.wake()
		}
	}
	language := languageOf(o.LanguageID, workspace.FilePath(key))
	if language.ID != d.language.ID {
		s.removeAll(d) // they are another language's
	}
	stays := language.ID == d.language.ID && s.stays(d, key)
	if d.key != key {
		for _, r := range slices.Concat(d.results, d.gone) {
			r.session.Moved(o.URI, r.id)
		}
	}
	d.closed, d.doubtful, d.uri, d.key, d.language = false, false, o.URI, key, language
	d.Rename(o.URI, o.LanguageID)
	s.documents[key] = d
	if stays {
		s.attach(d, d.left)
	} else {
		s.bind(d)
	}
	if err := d.Apply(o.Version, []document.Edit{{Text: o.Text}}); err != nil {
		return err
	}
	s.edited(d)
	for _, r := range d.results {
		r.touch()
	}
	s.publish(d)
	s.outbox.refresh()
	return nil
}

// DidRenameFiles notes what documents to come were called before. One that is open
// already under its new name takes over from the one with the old name at once.
func (s *Server) DidRenameFiles(_ context.Context, p *protocol.RenameFilesParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range p.Files {
		was, is := canonical(f.OldURI), canonical(f.NewURI)
		for _, d := range s.within(was) {
			name := is + d.key[len(was):]
			fresh := s.documents[name]
			switch {
			case fresh == d:
			case fresh == nil:
				if len(s.closing.renamed) < maxRenamed {
					s.closing.renamed[name] = d.key
				}
			case len(fresh.results) == 0:
				delete(s.documents, name)
				s.unbind(fresh)
				o := opened{URI: fresh.uri, LanguageID: fresh.LanguageID(), Version: fresh.Version(), Text: fresh.Text()}
				if err := s.reopen(d, name, o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// within are the documents of a name, or in the folder of a name, that are open or were
// closed with results; mu is held.
func (s *Server) within(name uri.URI) []*openDocument {
	var found []*openDocument
	folder := strings.TrimSuffix(string(name), "/") + "/"
	take := func(d *openDocument) {
		if d.key == name || strings.HasPrefix(string(d.key), folder) {
			found = append(found, d)
		}
	}
	for _, d := range s.closing.documents {
		take(d)
	}
	for _, d := range s.documents {
		take(d)
	}
	return found
}
