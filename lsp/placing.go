package lsp

import (
	"fmt"
	"slices"

	"github.com/reval-editor/reval/internal/document"
)

// Bounds of what is remembered: results whose code was deleted in a document, and
// those of the connection that were replaced.
const (
	maxGone    = 1000
	maxRetired = 500
)

// show puts a result beside its code; mu is held.
func (d *openDocument) show(r *result) {
	r.cleared, r.gone = false, false
	at, _ := slices.BinarySearchFunc(d.results, r.number, func(o *result, n int) int { return o.number - n })
	d.results = slices.Insert(d.results, at, r)
	d.anchored[r.anchor] = r
	if r.failure != nil {
		d.failed = append(d.failed, r)
	}
}

// hide takes a result from beside its code; mu is held.
func (d *openDocument) hide(r *result) {
	if r.cleared {
		return
	}
	r.cleared = true
	d.results = without(d.results, r)
	d.failed = without(d.failed, r)
	r.touch()
}

func without(results []*result, r *result) []*result {
	if i := slices.Index(results, r); i >= 0 {
		return slices.Delete(results, i, i+1)
	}
	return results
}

// edited takes what the last edits did to a document's results: their code was
// changed, deleted, or put in again; mu is held.
func (s *Server) edited(d *openDocument) {
	diagnosed := false
	for _, a := range d.Settled() {
		r := d.anchored[a]
		if r == nil {
			continue
		}
		r.stale = a.Stale()
		switch {
		case a.Gone() && !r.cleared:
			r.gone = true
			d.hide(r)
			if d.gone = append(d.gone, r); len(d.gone) > maxGone {
				s.removeResult(d.gone[0])
			}
		case !a.Gone() && r.gone:
			d.gone = without(d.gone, r)
			d.show(r)
		}
		r.touch()
		diagnosed = diagnosed || r.failure != nil
	}
	if diagnosed {
		s.publish(d)
	}
}

// removeResult takes a result from its document for good, for clients to come, too. An
// evaluation that has not ended goes on, and its output is still told; mu is held.
func (s *Server) removeResult(r *result) {
	r.session.Hide(r.id)
	d := r.doc
	d.hide(r)
	d.gone = without(d.gone, r)
	r.gone = false
	delete(d.anchored, r.anchor)
	r.anchor.Forget()
	if r.ended() {
		s.forget(r)
	}
}

// removeGone takes results for good whose code was deleted; mu is held.
func (s *Server) removeGone(d *openDocument, which func(*result) bool) {
	for _, r := range slices.Clone(d.gone) {
		if which(r) {
			s.removeResult(r)
		}
	}
}

// forget drops a result that is neither shown nor running, after a while: late
// output and tracebacks may still name it; mu is held.
func (s *Server) forget(r *result) {
	s.retired = append(s.retired, r)
	if len(s.retired) > maxRetired {
		old := s.retired[0]
		s.retired = s.retired[1:]
		old.anchor.Release()
		for _, l := range old.lines {
			l.mark.Release()
		}
		s.drop(old)
		delete(s.results, old.id)
		old.session.forgetSent(old)
	}
}

// replace makes room for a new result: those that have a line in common with it are
// removed, errors on its lines are void, and nothing that was deleted comes back to
// code like its own; mu is held.
//
// It gives the evaluations of the same code that have not begun.
func (s *Server) replace(d *openDocument, where document.Range, code string) (again []string) {
	for _, a := range d.Touching(where) {
		if old := d.anchored[a]; old != nil {
			if !old.ran && !old.ended() && a.Text() == code {
				again = append(again, old.id)
			}
			s.removeResult(old)
		}
	}
	for _, old := range d.failed {
		if n := old.place.now(); where.Start.Line <= n && n <= lastLine(where) {
			old.resolved = true
		}
	}
	s.removeGone(d, func(old *result) bool { return old.anchor.Text() == code })
	return again
}

// clear answers reval.clear.
func (s *Server) clear(p ClearParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, err
	}
	if p.Range == nil {
		s.removeAll(d)
	} else {
		for _, a := range d.Touching(fromRange(*p.Range)) {
			if r := d.anchored[a]; r != nil {
				s.removeResult(r)
			}
		}
	}
	s.publish(d)
	s.outbox.refresh()
	return nil, nil
}

// removeAll removes every result of a document; mu is held.
func (s *Server) removeAll(d *openDocument) {
	for _, r := range slices.Concat(d.results, d.gone) {
		s.removeResult(r)
	}
}

// lastLine is the last line that a range covers some of.
func lastLine(r document.Range) int {
	if r.End.Character == 0 && r.End.Line > r.Start.Line {
		return r.End.Line - 1
	}
	return r.End.Line
}

// find finds an evaluation by reference; mu is held.
func (s *Server) find(p EvaluationRef) (*result, error) {
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, err
	}
	if p.Evaluation != "" {
		if r := s.results[p.Evaluation]; r != nil && r.doc == d {
			return r, nil
		}
		return nil, fmt.Errorf("this result is not there any more: evaluate its code in %s again", d.name())
	}
	if p.Position == nil {
		return nil, fmt.Errorf("neither evaluation nor position is given")
	}
	at := fromPosition(*p.Position)
	if r := d.lastIn(document.Range{Start: at, End: at}); r != nil {
		return r, nil
	}
	if cell, ok := d.markedCell(at.Line); ok {
		if r := d.lastIn(cell); r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no result at line %d of %s: evaluate it first", p.Position.Line+1, d.name())
}

// lastIn is the last evaluated result that has a line in common with a range; mu is held.
func (d *openDocument) lastIn(where document.Range) (last *result) {
	for _, a := range d.Touching(where) {
		if r := d.anchored[a]; r != nil && !r.cleared && (last == nil || r.number > last.number) {
			last = r
		}
	}
	return last
}

// markedCell is the cell that a line is in, if it has a mark; mu is held.
func (d *openDocument) markedCell(line int) (cell document.Range, ok bool) {
	if at := d.pieceAt(line); at.mark >= 0 && at.mark <= line {
		return d.lines(at.mark, at.end), true
	}
	return cell, false
}

// outputs answers reval.output with everything that the evaluation brought, or with one
// output and all of its data.
func (s *Server) outputs(p OutputRef) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(EvaluationRef{p.URI, p.Evaluation, p.Position})
	if err != nil {
		return nil, err
	}
	o := OutputParams{Evaluation: r.id, URI: r.doc.uri, Session: r.session.ID, Outputs: []Output{}}
	for whole := range r.outputs.All() {
		switch {
		case p.Index == nil:
			o.Outputs = append(o.Outputs, r.placed(whole.Light()))
		case *p.Index == whole.Index:
			o.Outputs = append(o.Outputs, r.placed(whole))
		}
	}
	if p.Index != nil && len(o.Outputs) == 0 {
		return nil, fmt.Errorf("output %d of the evaluation is not kept any more", *p.Index)
	}
	return o, nil
}

// evaluations answers reval.evaluations.
func (s *Server) evaluations(p EvaluationsParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, err
	}
	list := []EvaluationParams{}
	if p.Evaluations == nil {
		for _, r := range d.results {
			list = append(list, r.params())
		}
	}
	for _, id := range p.Evaluations {
		if r := s.results[id]; r != nil && r.doc == d && !r.cleared {
			list = append(list, r.params())
		}
	}
	return list, nil
}
