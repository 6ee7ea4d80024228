package session

import (
	"context"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// Journal keeps evaluations and what came of them for good. What is told must not wait for
// long.
type Journal interface {
	// Evaluation takes each state of an evaluation, before its outputs.
	Evaluation(Evaluation)
	// Output takes what came of an evaluation.
	Output(id string, e record.Entry)
	// Hidden takes the evaluations whose results were cleared, or have others in their place.
	Hidden(ids ...string)
	// Moved takes the URI that the document of evaluations has now.
	Moved(uri string, ids ...string)
	// Flush waits until what was told before is kept, or ctx ends.
	Flush(ctx context.Context) error
}

// flushPatience bounds how long the end of an evaluation waits to be told for what came
// of it to be kept.
const flushPatience = time.Second

// keepEnd has an evaluation's end, and what came of it, kept before a listener hears of it. It
// gives the evaluation as it is kept.
func (s *Session) keepEnd(e *Evaluation, end func(*Evaluation)) (ended Evaluation) {
	if s.journal == nil {
		return ended
	}
	s.mu.Lock()
	ended = *e
	s.mu.Unlock()
	end(&ended)
	s.journal.Evaluation(ended)
	s.flush()
	return ended
}

// flush has what came so far kept.
func (s *Session) flush() {
	if s.journal == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), flushPatience)
	defer cancel()
	if err := s.journal.Flush(ctx); err != nil {
		s.logger.Debug("what came of an evaluation is not kept yet", "error", err)
	}
}
