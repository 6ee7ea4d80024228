package lsp

import (
	"context"
	"slices"
	"time"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
)

// Bounds of reval.restore: how many results are looked at, and how long that may take.
const (
	maxRestored     = 1000
	restoreDeadline = 10 * time.Second
)

// restore answers reval.restore: results of kernels that are gone are shown only when they
// are asked for, with their date.
func (s *Server) restore(ctx context.Context, p EvaluationsParams) (any, error) {
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
	ks.listening.Wait(ctx) // what the session has of the document is no past
	past, err := s.hub.Past(ctx, maxRestored, uris...)
	if err != nil {
		return nil, err
	}
	if p.Evaluations != nil {
		past = slices.DeleteFunc(past, func(e session.Evaluation) bool { return !slices.Contains(p.Evaluations, e.ID) })
	}
	for _, e := range slices.Backward(s.newest(d, past)) {
		entries, err := s.hub.PastOutputs(ctx, e.ID)
		if err != nil {
			return nil, err
		}
		s.bringBack(ks, d, e, entries)
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

// newest are those of past evaluations, the last first, whose code stands where neither a
// result stands nor the code of a later one.
func (s *Server) newest(d *openDocument, past []session.Evaluation) (newest []session.Evaluation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := map[int]bool{} // lines
	for _, e := range past {
		if s.results[e.ID] != nil {
			continue
		}
		where, stands := d.Locate(passage(e), func(at document.Range) bool { return !taken[at.Start.Line] && d.bare(at) })
		if stands {
			newest = append(newest, e)
			for line := where.Start.Line; line <= where.End.Line; line++ {
				taken[line] = true
			}
		}
	}
	return newest
}

// bringBack shows a result of an earlier session where its code stands, if that has none.
func (s *Server) bringBack(ks *kernelSession, d *openDocument, e session.Evaluation, entries []record.Entry) {
	var takes []func(*result)
	for _, entry := range entries {
		takes = append(takes, ks.render(entry))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results[e.ID] != nil || d.closed || d.session != ks {
		return
	}
	where, stands := d.Locate(passage(e), d.bare)
	if !stands {
		return
	}
	r := s.place(ks, d, e, where)
	r.restored = true
	for _, take := range takes {
		take(r)
	}
	r.changed(e)
}

// bare tells whether no result stands at a place; mu is held.
func (d *openDocument) bare(at document.Range) bool { return d.lastIn(at) == nil }
