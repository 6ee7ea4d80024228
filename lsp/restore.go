package lsp

import (
	"context"
	"time"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/hub"
)

// Bounds of reval.restore: how many results are looked at, and how long that may take.
const (
	maxRestored     = 1000
	restoreDeadline = 10 * time.Second
)

// restore answers reval.restore: results of kernels that are gone are shown only when they
// are asked for, with their date.
func (s *Server) restore(ctx context.Context, p DocumentParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	d, err := s.lookup(p.URI)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	uris := []string{d.uri, string(d.key)}
	s.mu.Unlock()
	async(ctx)
	ctx, cancel := context.WithTimeout(ctx, restoreDeadline)
	defer cancel()
	past, err := s.hub.Past(ctx, maxRestored, uris...)
	if err != nil {
		return nil, err
	}
	for _, e := range past {
		s.bringBack(ks, d, e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := 0
	for _, r := range d.results {
		if r.restored {
			shown++
		}
	}
	s.publish(d)
	s.outbox.refresh()
	return RestoreResult{Shown: shown}, nil
}

// bringBack shows a result of an earlier session where its code stands, if that has no
// result but an older one of those.
func (s *Server) bringBack(ks *kernelSession, d *openDocument, e hub.Past) {
	var takes []func(*result)
	for _, entry := range e.Entries {
		takes = append(takes, ks.render(entry))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results[e.ID] != nil || d.closed || d.session != ks {
		return
	}
	passage := document.Passage{Line: e.Origin.Line, Lines: e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End}
	where, stands := d.Locate(passage, func(at document.Range) bool { return d.mayTake(at, e) })
	if !stands {
		return
	}
	r := s.place(ks, d, e.Evaluation, where)
	r.restored = true
	for _, take := range takes {
		take(r)
	}
	r.changed(e.Evaluation)
}

// mayTake tells whether a result of an earlier session may stand at a place: nothing stands
// there, or an older one of the same lines; mu is held.
func (d *openDocument) mayTake(at document.Range, e hub.Past) bool {
	for _, a := range d.Touching(at) {
		if r := d.anchored[a]; r != nil && !r.cleared && !(r.restored && (at.Start.Line == e.Origin.Line || r.eval.Origin.Line == e.Origin.Line)) {
			return false
		}
	}
	return true
}
