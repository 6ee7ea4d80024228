package lsp

import (
	"time"

	"github.com/reval-editor/reval/internal/output"
)

// waiting answers reval.queue.
func (s *Server) waiting(p DocumentParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	list := []Waiting{}
	for _, e := range ks.Queue() {
		w := Waiting{
			Evaluation: e.ID, State: string(e.State), URI: e.Origin.URI, Line: e.Origin.Line, By: e.Origin.Name,
			Text: output.Summarize(output.Clean(e.Code)).First,
		}
		if !e.Started.IsZero() {
			w.Elapsed = float64(time.Since(e.Started).Microseconds()) / 1000
		}
		list = append(list, w)
	}
	return list, nil
}

// move answers reval.move.
func (s *Server) move(p MoveParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	return nil, ks.Move(p.Evaluation, p.To)
}
