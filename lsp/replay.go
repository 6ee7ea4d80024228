package lsp

import (
	"slices"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
)

// What other clients of a session evaluated in a document, among them the editor that had it
// open before this one, is shown beside the code that was evaluated, where that still stands:
// where it stood, else at the nearest place, never on other code.

// origin is where code comes from that this connection evaluates; mu is held.
func (r *result) origin() session.Origin {
	p := r.anchor.Passage()
	return session.Origin{
		Client: r.server.id, Name: r.server.client.name, URI: r.doc.uri, Version: r.doc.Version(),
		Line: p.Line, Lines: p.Lines, Start: p.Start, End: p.End,
	}
}

// passage is where code came from.
func passage(e session.Evaluation) document.Passage {
	return document.Passage{Line: e.Origin.Line, Lines: e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End}
}

// replay has the document's session tell what others evaluated in the document; mu is held.
func (s *Server) replay(d *openDocument) {
	d.session.listening.Replay(func(e session.Evaluation) bool {
		return s.results[e.ID] == nil && canonical(e.Origin.URI) == d.key
	})
}

// EvaluationReplayed is the listener's.
func (ks *kernelSession) EvaluationReplayed(e session.Evaluation) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.results[e.ID]
	if r == nil {
		r = s.adopt(ks, e, func(d *openDocument, at document.Range) bool { return d.free(at, e) })
	}
	if r == nil {
		return
	}
	s.voidInputs(r.id)
	r.outputs.Clear(false)
	if r.failure != nil {
		r.failure = nil
		r.doc.failed = without(r.doc.failed, r)
	}
	r.changed(e)
}

// adopt makes the result of an evaluation that another client asked for, if its document is
// open here. Where its code may stand, but for where it stood, is free to say, if that is not
// nil; mu is held.
func (s *Server) adopt(ks *kernelSession, e session.Evaluation, free func(*openDocument, document.Range) bool) *result {
	d := s.documents[canonical(e.Origin.URI)]
	if d == nil || d.session != ks {
		return nil
	}
	where, stands := d.Locate(passage(e), func(at document.Range) bool {
		return free == nil || at.Start.Line == e.Origin.Line || free(d, at)
	})
	if stands && (free == nil || !d.newer(where, e)) {
		r := s.place(ks, d, e, where)
		ks.sent(r, e.Code)
		return r
	}
	at := document.Position{Line: e.Origin.Line}
	r := s.newResult(ks, d, e, document.Range{Start: at, End: at})
	r.cleared = true
	ks.sent(r, e.Code)
	return r
}

// place makes the result of an evaluation that was asked for elsewhere, and shows it in the
// place of those that it touches; mu is held.
func (s *Server) place(ks *kernelSession, d *openDocument, e session.Evaluation, where document.Range) *result {
	if text, err := d.Slice(where); err == nil {
		s.replace(d, where, text)
	}
	r := s.newResult(ks, d, e, where)
	d.show(r)
	return r
}

// newResult makes the result of an evaluation that was asked for elsewhere; mu is held.
func (s *Server) newResult(ks *kernelSession, d *openDocument, e session.Evaluation, where document.Range) *result {
	s.evaluated++
	r := &result{
		server: s, session: ks, doc: d, id: e.ID, number: s.evaluated, anchor: d.Anchor(where),
		eval: session.Evaluation{ID: e.ID, Code: e.Code, Origin: e.Origin, State: session.Queued, Count: e.Count}, outputs: record.NewRendering(), leads: map[int][]lead{},
	}
	s.results[r.id] = r
	return r
}

// newer tells whether a result stands at a place that was asked for after an evaluation that is
// told now, as one may be before all is told that was there; mu is held.
func (d *openDocument) newer(at document.Range, e session.Evaluation) bool {
	return slices.ContainsFunc(d.Touching(at), func(a *document.Anchor) bool {
		r := d.anchored[a]
		// What this connection asked for has no time before it was told itself.
		return r != nil && !r.cleared && (r.eval.Queued.IsZero() || r.eval.Queued.After(e.Queued))
	})
}

// free tells whether the result of an evaluation may take a place: none stands there of the
// same code that was evaluated on other lines, as code that stands twice; mu is held.
func (d *openDocument) free(at document.Range, e session.Evaluation) bool {
	return !slices.ContainsFunc(d.Touching(at), func(a *document.Anchor) bool {
		r := d.anchored[a]
		return r != nil && r.eval.Origin.Lines == e.Origin.Lines && r.eval.Origin.Line != e.Origin.Line
	})
}
