package session

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/reval-editor/reval/kernelclient"
)

// The queue's rules: one evaluation at a time, in the order in which they were asked for, unless
// one is moved; code that waits and is asked for again is evaluated once, in the place where
// it waited; nothing else comes between pieces that were asked for together; an error takes
// what waits of the same group with it, unless Options.GoOn says otherwise; an interrupt, a restart and a death take all that waits.

// Request is code to evaluate.
type Request struct {
	// ID becomes the evaluation's.
	ID, Code, Group string
	Origin          Origin
	// Again are evaluations of the same code: the first of them that waits loses its place in
	// the queue to this one, the others lose theirs.
	Again []string
	// AllowInput says that the listener answers input requests. Code that asks for
	// input gets an error without it.
	AllowInput bool
	// Around gives, for a kernel's language as it names it, code that is evaluated in
	// silence before and after; nil = none.
	Around func(language string) (begin, end string)
}

// MaxAhead is as far as Ahead counts: with each evaluation that ends, no more than so
// many others have news, however long the queue is.
const MaxAhead = 10

// Evaluate queues code, and starts the kernel if there is none. Nothing comes between
// several pieces, they have one surrounding, and the failure of one finds all that are
// behind it.
func (s *Session) Evaluate(pieces ...Request) {
	s.change(func() []*Evaluation {
		var queued []*Evaluation
		s.batches++
		for _, r := range pieces {
			e := &Evaluation{
				ID: r.ID, Code: r.Code, Origin: r.Origin, Group: r.Group, State: Queued, Queued: time.Now(),
				allowInput: r.AllowInput, around: r.Around, batch: s.batches,
			}
			if s.closed {
				e.State, e.Message = Lost, "the session was closed"
			} else {
				queued = append(queued, s.supersede(e, r.Again)...)
			}
			e.Ahead = min(s.ahead(e), MaxAhead)
			queued = append(queued, e)
		}
		return append(queued, s.renumber()...)
	})
	s.mu.Lock()
	if len(s.queue) > 0 {
		s.work()
	}
	s.mu.Unlock()
	// The kernel gets the code before this goroutine goes on to answer an editor.
	runtime.Gosched()
}

// supersede puts an evaluation into the queue: in the place of the first of those that it is
// again, or at the end. It gives those that it drops; mu is held.
func (s *Session) supersede(e *Evaluation, again []string) (dropped []*Evaluation) {
	place := -1
	for i, old := range s.queue {
		if slices.Contains(again, old.ID) {
			if place < 0 {
				place = i
			}
			dropped = append(dropped, old)
		}
	}
	if place < 0 {
		s.queue = append(s.queue, e)
		return nil
	}
	e.batch, e.around = s.queue[place].batch, s.queue[place].around
	s.queue[place] = e
	s.queue = slices.DeleteFunc(s.queue, func(o *Evaluation) bool { return slices.Contains(dropped, o) })
	for _, old := range dropped {
		old.State, old.Message, old.Ahead = Cancelled, "it was evaluated again before it ran", 0
	}
	return dropped
}

// ahead counts the evaluations before one; mu is held.
func (s *Session) ahead(e *Evaluation) int {
	ahead := max(0, len(s.queue)-1)
	for ahead > 0 && s.queue[ahead] != e {
		ahead--
	}
	if s.current != nil {
		ahead++
	}
	return ahead
}

// Queue is what runs and what waits, in order.
func (s *Session) Queue() (queue []Evaluation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		queue = append(queue, *s.current)
	}
	for _, e := range s.queue {
		queue = append(queue, *e)
	}
	return queue
}

// Move moves an evaluation that waits to another place among those that wait, counted from
// 0; one that is too high is the last.
func (s *Session) Move(id string, to int) error {
	found := false
	s.change(func() []*Evaluation {
		i := slices.IndexFunc(s.queue, func(e *Evaluation) bool { return e.ID == id })
		if found = i >= 0; !found {
			return nil
		}
		e := s.queue[i]
		s.queue = slices.Delete(s.queue, i, i+1)
		s.queue = slices.Insert(s.queue, min(max(to, 0), len(s.queue)), e)
		e.Ahead = min(s.ahead(e), MaxAhead)
		return append([]*Evaluation{e}, s.renumber()...)
	})
	if !found {
		return errors.New("the evaluation does not wait any more")
	}
	return nil
}

// next takes the first evaluation from the queue, and tells that it runs. Nothing
// is taken for a kernel that is the session's no more.
func (s *Session) next(kernel *kernelclient.Kernel) (next *Evaluation) {
	s.change(func() []*Evaluation {
		if len(s.queue) == 0 || s.kernel != kernel || s.closed {
			return nil
		}
		next = s.queue[0]
		s.queue = s.queue[1:]
		s.current = next
		s.state = Busy
		next.State, next.Ahead, next.Namespace, next.Started = Running, 0, s.ended, time.Now()
		return append([]*Evaluation{next}, s.renumber()...)
	})
	return next
}

// Cancel takes an evaluation from the queue, or interrupts it if it runs.
func (s *Session) Cancel(ctx context.Context, id string) error {
	runs := false
	found := false
	s.change(func() []*Evaluation {
		if s.current != nil && s.current.ID == id {
			found, runs = true, s.current.State == Running
			s.current.interrupted = s.current.beginning
			return nil
		}
		i := slices.IndexFunc(s.queue, func(e *Evaluation) bool { return e.ID == id })
		if i < 0 {
			return nil
		}
		found = true
		e := s.queue[i]
		s.queue = slices.Delete(s.queue, i, i+1)
		e.State, e.Message, e.Ahead = Cancelled, "cancelled before it ran", 0
		return append([]*Evaluation{e}, s.renumber()...)
	})
	switch {
	case runs:
		if k := s.Kernel(); k != nil {
			return k.Interrupt(ctx)
		}
		return nil
	case found:
		return nil
	}
	return errors.New("the evaluation has ended already")
}

// drop takes everything from the queue; mu is held.
func (s *Session) drop(state EvaluationState, message string) []*Evaluation {
	dropped := s.queue
	s.queue = nil
	for _, e := range dropped {
		e.State, e.Message, e.Ahead = state, message, 0
	}
	return dropped
}

// dropGroup takes from the queue what waits behind a failed evaluation of the
// same group; mu is held.
func (s *Session) dropGroup(group string) []*Evaluation {
	var dropped, rest []*Evaluation
	for _, e := range s.queue {
		if e.Group == group {
			e.State, e.Message, e.Ahead = Cancelled, "not run: what came before it failed", 0
			dropped = append(dropped, e)
		} else {
			rest = append(rest, e)
		}
	}
	s.queue = rest
	return dropped
}

// renumber counts again how many evaluations are ahead of each queued one, as far as
// that is told, and gives those whose number changed; mu is held.
func (s *Session) renumber() []*Evaluation {
	ahead := 0
	if s.current != nil {
		ahead = 1
	}
	var changed []*Evaluation
	for i, e := range s.queue[:min(len(s.queue), MaxAhead)] {
		if n := min(ahead+i, MaxAhead); e.Ahead != n {
			e.Ahead = n
			changed = append(changed, e)
		}
	}
	return changed
}

// follows says whether the next piece in the queue is of the same batch.
func (s *Session) follows(batch int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0 && s.queue[0].batch == batch
}
