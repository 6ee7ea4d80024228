package session

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// A session outlives the process that has it, with its kernel: Release lets go of it in order,
// or the process dies, and in another one Resume takes it up. What runs is gone on listening to,
// and nothing is sent before its end. What waits is sent only if the last process has said so
// itself: of one that died it is not known what it has sent still, and nothing is sent twice.

// Handover is what of a session's work is not done, and of its kernel's past, for the process that
// takes it up.
type Handover struct {
	// Namespace is Status.Namespace.
	Namespace int `json:"namespace,omitempty"`
	// Running is the evaluation that runs, and Queue those that wait, in order.
	Running *Pending  `json:"running,omitempty"`
	Queue   []Pending `json:"queue,omitempty"`
	// Question is what the kernel waits to be told.
	Question *Question `json:"question,omitempty"`
}

// Pending is an evaluation that has not ended.
type Pending struct {
	Evaluation
	AllowInput bool `json:"allowInput,omitempty"`
	Batch      int  `json:"batch,omitempty"`
}

// Question is a request for a line of input that was not answered.
type Question struct {
	Prompt   string `json:"prompt"`
	Password bool   `json:"password,omitempty"`
}

// Past is what is known of a session that another process has had.
type Past struct {
	Handover
	// Evaluations are those of which listeners that come later are told, in the order in which
	// they were asked for.
	Evaluations []Recorded
	// Used is when it was used last.
	Used time.Time
	// Released says that the Handover is all that was to be done: the last process has let go of
	// the session in order.
	Released bool
}

// Recorded is an evaluation and what came of it.
type Recorded struct {
	Evaluation Evaluation
	Outputs    []record.Entry
}

const (
	notRun   = "it did not run: reval was replaced while it waited; evaluate it again"
	doubtful = "whether it ran is not known: reval's daemon was ended while it waited"
	unheard  = "how it ended is not known: it did while reval's daemon was being replaced"
	gap      = "[reval's daemon was replaced while this ran: what was printed %smeanwhile is missing here]\n"
)

// Release lets go of the session without ending its kernel: nothing more is sent to it. note
// is called with what is not done, before the kernel is let go of. The error says why that
// cannot be; then the session goes on to its Close.
func (s *Session) Release(note func(*kernelclient.Kernel, Handover) error) error {
	var kernel *kernelclient.Kernel
	s.change(func() []*Evaluation {
		s.closed = true // nothing is taken from the queue any more
		if s.stop != nil {
			s.stop()
		}
		if kernel = s.kernel; kernel == nil {
			return nil
		}
		return s.dropUnsent()
	})
	if kernel == nil {
		return errors.New("it has no kernel")
	}
	if err := note(kernel, s.Handover()); err != nil {
		return err
	}
	if err := kernel.Release(); err != nil {
		return err
	}
	s.cancel()
	s.wait.Wait()
	s.flush()
	s.left()
	return nil
}

// Handover is what is not done at the moment.
func (s *Session) Handover() Handover {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Handover{Namespace: s.ended}
	if s.current != nil {
		h.Running = pending(s.current)
	}
	for _, e := range s.queue {
		h.Queue = append(h.Queue, *pending(e))
	}
	if q := s.question; q != nil {
		h.Question = &Question{q.prompt, q.password}
	}
	return h
}

func pending(e *Evaluation) *Pending { return &Pending{*e, e.allowInput, e.batch} }

func (p Pending) evaluation() *Evaluation {
	e := p.Evaluation
	e.allowInput, e.batch = p.AllowInput, p.Batch
	return &e
}

// dropUnsent takes from the queue what no other process could evaluate: a script has
// surroundings that this one knows; mu is held.
func (s *Session) dropUnsent() (dropped []*Evaluation) {
	s.queue = slices.DeleteFunc(s.queue, func(e *Evaluation) bool {
		if e.around != nil {
			e.State, e.Message, e.Ahead = Cancelled, notRun, 0
			dropped = append(dropped, e)
		}
		return e.around != nil
	})
	return dropped
}

// resumption is what a session was at that is being taken up; Session.mu guards it.
type resumption struct {
	doubtful []*Evaluation // which may have been sent, or not
	question *Question     // of what runs
}

// Resume makes a session of what another process knew of it. Its kernel is taken over by
// connect, in the background, which gives an error that wraps kernelclient.ErrDead if that has
// ended.
func Resume(connect Connect, past Past, o Options) *Session {
	s := New(connect, o)
	s.state, s.ended, s.used = Starting, past.Namespace, past.Used
	s.resuming = &resumption{question: past.Question}
	var open []*Evaluation
	for _, r := range past.Evaluations {
		e := r.Evaluation
		s.records.restore(e, r.Outputs)
		if !e.State.Ended() {
			open = append(open, &e)
		}
	}
	s.change(func() (changed []*Evaluation) {
		if past.Released {
			changed = s.takeOver(past.Handover)
		} else {
			s.guess(open)
		}
		for _, e := range open {
			of := func(o *Evaluation) bool { return o.ID == e.ID }
			if !slices.ContainsFunc(s.queue, of) && !slices.ContainsFunc(s.resuming.doubtful, of) && (s.current == nil || !of(s.current)) {
				changed = append(changed, lose(e, unheard))
			}
		}
		return append(changed, s.renumber()...)
	})
	if s.current != nil {
		before := "just before or " // the journal is not written to at once
		if past.Released {
			before = ""
		}
		s.event(s.current.ID, kernelclient.Stream{Name: "stderr", Text: fmt.Sprintf(gap, before)})
	}
	s.Start()
	return s
}

// takeOver takes up what is not done, but for what was given up since by a process that never had the
// kernel; mu is held.
func (s *Session) takeOver(h Handover) (taken []*Evaluation) {
	ended := func(e *Evaluation) bool {
		k := s.records.byID[e.ID]
		return k != nil && k.evaluation.State.Ended()
	}
	if h.Running != nil && !ended(&h.Running.Evaluation) {
		s.current = h.Running.evaluation()
		taken = append(taken, s.current)
	}
	for _, p := range h.Queue {
		e := p.evaluation()
		if ended(e) {
			continue
		}
		s.queue = append(s.queue, e)
		s.batches = max(s.batches, e.batch)
	}
	return append(taken, s.queue...)
}

// guess takes up what had not ended, in the order in which it was asked for, when the last
// process died; mu is held.
func (s *Session) guess(open []*Evaluation) {
	for _, e := range open {
		if e.State == Running {
			s.current = e
		} else {
			s.resuming.doubtful = append(s.resuming.doubtful, e)
		}
	}
}

// lose ends an evaluation of which nothing more is known.
func lose(e *Evaluation, why string) *Evaluation {
	e.State, e.Message, e.Ahead, e.Ended = Lost, why, 0, time.Now()
	return e
}

// taken notes that a kernel that another process had is the session's; mu is held. It gives what
// has ended by that.
func (s *Session) taken(kernel *kernelclient.Kernel) (changed []*Evaluation) {
	r := s.resuming
	if r == nil {
		return nil
	}
	if id, occupied := kernel.Occupied(); occupied && (s.current == nil || id != "" && s.current.ID != id) {
		// That it was sent had not been written down yet. If the kernel has not said what it
		// runs, that is what waited first, or nothing of the session's.
		if i := slices.IndexFunc(r.doubtful, func(e *Evaluation) bool { return id == "" || e.ID == id }); i >= 0 {
			if s.current != nil {
				changed = append(changed, lose(s.current, unheard))
			}
			s.current = r.doubtful[i]
			s.current.State, s.current.Started = Running, time.Now()
			changed = append(changed, s.current)
			r.doubtful = slices.Delete(r.doubtful, i, i+1)
		}
	}
	for _, e := range r.doubtful {
		changed = append(changed, lose(e, doubtful))
	}
	r.doubtful = nil
	if s.current != nil {
		s.state = Busy
		return changed
	}
	s.resuming = nil
	return changed
}

// notTaken gives up what a session was at whose kernel is not had; mu is held.
func (s *Session) notTaken(err error) (changed []*Evaluation) {
	r := s.resuming
	if r == nil {
		return nil
	}
	if s.current != nil {
		changed = append(changed, lose(s.current, cmp.Or(s.current.ending, err.Error())))
		s.current = nil
	}
	for _, e := range r.doubtful {
		changed = append(changed, lose(e, doubtful))
	}
	s.resuming = nil
	if errors.Is(err, kernelclient.ErrDead) {
		s.ended++
		s.mourned = err.Error()
	}
	return changed
}

// resume goes on listening to what a kernel runs that was taken over; false if it runs nothing.
func (s *Session) resume(kernel *kernelclient.Kernel) bool {
	s.mu.Lock()
	r, e := s.resuming, s.current
	s.resuming = nil
	s.mu.Unlock()
	if r == nil || e == nil {
		return false
	}
	if q := r.question; q != nil {
		s.event(e.ID, kernelclient.InputRequest{Prompt: q.Prompt, Password: q.Password, Reply: func(value string) error {
			return kernel.Answer(s.ctx, e.ID, value)
		}})
	}
	var x brought
	status, err := kernel.Await(s.ctx, e.ID, func(ev kernelclient.Event) { s.hear(e, &x, ev) })
	x.asked = x.asked || r.question != nil
	if err == nil && status == "" {
		err = kernelclient.ErrMissed
	}
	if errors.Is(err, kernelclient.ErrMissed) {
		err = errors.New(unheard)
	}
	s.ends(kernel, e, x, jupyter.ExecuteReplyContent{Status: status}, err)
	return true
}
