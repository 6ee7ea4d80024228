package session

import (
	"context"
	"errors"
	"time"

	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// EvaluationState is the state of an evaluation.
type EvaluationState string

// States of an evaluation. The last four are ends.
const (
	Queued    EvaluationState = "queued"
	Running   EvaluationState = "running"
	Done      EvaluationState = "done"
	Failed    EvaluationState = "error"
	Cancelled EvaluationState = "cancelled" // it was taken from the queue before it ran
	Lost      EvaluationState = "lost"      // its kernel went away
)

// Evaluation is one piece of code and what became of it.
type Evaluation struct {
	// ID is the message id of its execute request, which its outputs name.
	ID   string
	Code string
	// Origin is where the code comes from.
	Origin Origin
	// Group joins evaluations that belong together, as those of one document: an
	// error of one takes the others that wait behind it from the queue.
	Group string
	State EvaluationState
	// Ahead counts the evaluations before a queued one, up to MaxAhead.
	Ahead int
	// Count is the kernel's execution count, 0 if it gave none.
	Count int
	// Namespace is Status.Namespace when it began to run.
	Namespace int
	// Queued is when it was asked for.
	Queued, Started, Ended time.Time
	// Message explains in one line why it was lost or cancelled.
	Message string

	allowInput bool
	around     func(string) (begin, end string)
	batch      int // the same for pieces that were queued together
	// While around's begin is evaluated, an interrupt is for the code that follows it.
	beginning, interrupted bool
	ending                 string // why its kernel is being ended; empty if it is not
	kept                   bool   // the journal was told its end
}

// Origin is where code comes from.
type Origin struct {
	// Client is who asked for the evaluation, as it listens; Name is what people call it.
	Client, Name string
	// URI is the document's.
	URI string
	// Line is where the code begins in it, from 0; Lines is the text of its lines, and Start and
	// End, in bytes, are its bounds in that.
	Line       int
	Lines      string
	Start, End int
	// Version is the document's, as its editor counts.
	Version int
}

// begun is the evaluation as it was before its end.
func (e Evaluation) begun() Evaluation {
	switch {
	case !e.State.Ended():
	case e.Started.IsZero():
		e.State = Queued
	default:
		e.State, e.Ended = Running, time.Time{}
	}
	return e
}

// Ended tells whether the state is final.
func (s EvaluationState) Ended() bool { return s != Queued && s != Running }

// evaluate runs one evaluation to its end.
func (s *Session) evaluate(kernel *kernelclient.Kernel, e *Evaluation) {
	s.tellNewKernel(e)
	end, interrupted := s.begin(kernel, e)
	if interrupted {
		s.silently(kernel, end)
		s.change(func() []*Evaluation {
			e.State, e.Message, e.Ended = Cancelled, "interrupted before it ran", time.Now()
			s.current = nil
			if s.state == Busy {
				s.state = Idle
			}
			return append([]*Evaluation{e}, s.renumber()...)
		})
		return
	}
	var x brought
	reply, err := kernel.Execute(s.ctx, kernelclient.ExecuteRequest{ID: e.ID, Code: e.Code, AllowInput: e.allowInput}, func(ev kernelclient.Event) {
		s.hear(e, &x, ev)
	})
	if err == nil && !x.failed && reply.Status == jupyter.StatusOK && s.follows(e.batch) {
		s.surrounded = surroundings{kernel, e.batch, end}
	} else {
		s.surrounded = surroundings{}
		s.silently(kernel, end)
	}
	if err == nil && reply.Status == jupyter.StatusError && !x.failed {
		// Some kernels report an error in the reply only.
		s.event(e.ID, kernelclient.Error{ErrorContent: reply.Failure()})
	}
	s.ends(kernel, e, x, reply, err)
}

// brought is what an evaluation has brought while it ran.
type brought struct{ failed, asked bool }

// hear tells an event of what runs.
func (s *Session) hear(e *Evaluation, x *brought, ev kernelclient.Event) {
	switch ev := ev.(type) {
	case kernelclient.Input:
		s.change(func() []*Evaluation {
			e.Count = ev.Count
			return []*Evaluation{e}
		})
	case kernelclient.Error:
		x.failed = true
	case kernelclient.InputRequest:
		x.asked = true
	}
	s.event(e.ID, ev)
}

// ends tells the end of what ran, unless the kernel was released: then another process will.
func (s *Session) ends(kernel *kernelclient.Kernel, e *Evaluation, x brought, reply jupyter.ExecuteReplyContent, err error) {
	if errors.Is(err, kernelclient.ErrReleased) {
		return
	}
	if x.asked {
		s.void(e.ID)
	}
	ended := time.Now()
	kept := s.keepEnd(e, func(e *Evaluation) { e.end(ended, reply, err, x.failed) })
	s.change(func() []*Evaluation {
		e.end(ended, reply, err, x.failed)
		e.kept = e.State == kept.State && e.Message == kept.Message
		s.used = e.Ended
		s.current = nil
		if s.state == Busy {
			s.state = Idle
		}
		changed := []*Evaluation{e}
		switch {
		case e.State == Lost && e.ending == "" && errors.Is(err, kernelclient.ErrDead):
			// Told with the loss: who sees it and evaluates again gets a new kernel.
			cause := kernel.Err()
			if cause == nil { // its end was asked for, though not of the session
				cause = err
			}
			changed = append(changed, s.died(kernel, cause)...)
		case e.State == Failed && !s.goOn:
			changed = append(changed, s.dropGroup(e.Group)...)
		}
		return append(changed, s.renumber()...)
	})
}

// end gives an evaluation the state that follows from its kernel's reply, or err, and from
// whether an error was among its outputs.
func (e *Evaluation) end(at time.Time, reply jupyter.ExecuteReplyContent, err error, failed bool) {
	e.Ended = at
	if reply.ExecutionCount > 0 {
		e.Count = reply.ExecutionCount
	}
	switch {
	case e.ending != "" && (err != nil || failed || reply.Status != jupyter.StatusOK):
		// Its kernel was told to end, and what it said of that is of no interest.
		e.State, e.Message = Lost, e.ending
	case err != nil:
		e.State, e.Message = Lost, err.Error()
	case reply.Status == jupyter.StatusAborted:
		e.State, e.Message = Cancelled, "the kernel aborted it"
	case reply.Status == jupyter.StatusError || failed:
		e.State = Failed
	default:
		e.State = Done
	}
}

// tellNewKernel tells with the first evaluation after a kernel's death that it runs in
// another one: nobody asked for that.
func (s *Session) tellNewKernel(e *Evaluation) {
	s.mu.Lock()
	death := s.mourned
	s.mourned = ""
	s.mu.Unlock()
	if death != "" {
		s.event(e.ID, kernelclient.Stream{
			Name: "stderr", Text: "[a new kernel was started, without what was defined before: " + death + "]\n",
		})
	}
}

// begin evaluates what is to be evaluated before the code, and gives what is to be
// evaluated after it. An interrupt that came meanwhile is for the code.
func (s *Session) begin(kernel *kernelclient.Kernel, e *Evaluation) (end string, interrupted bool) {
	if was := s.surrounded; was.end != "" {
		if was.kernel == kernel && was.batch == e.batch {
			return was.end, false
		}
		s.leaveSurroundings(kernel)
	}
	if e.around == nil {
		return "", false
	}
	s.mu.Lock()
	e.beginning = true
	s.mu.Unlock()
	begin, end := e.around(kernel.Info().LanguageInfo.Name)
	s.silently(kernel, begin)
	s.mu.Lock()
	e.beginning, interrupted = false, e.interrupted
	s.mu.Unlock()
	return end, interrupted
}

// surroundings are what was made for pieces of which not all have run.
type surroundings struct {
	kernel *kernelclient.Kernel
	batch  int
	end    string
}

// leaveSurroundings undoes what was made for pieces that were taken from the queue.
func (s *Session) leaveSurroundings(kernel *kernelclient.Kernel) {
	was := s.surrounded
	s.surrounded = surroundings{}
	if was.kernel == kernel {
		s.silently(kernel, was.end)
	}
}

// silencePatience bounds the wait for code that is evaluated in silence: the kernel may
// have other clients. What is evaluated next waits in the kernel.
const silencePatience = 5 * time.Second

// silently evaluates code of which nobody is told.
func (s *Session) silently(kernel *kernelclient.Kernel, code string) {
	if code == "" {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, silencePatience)
	defer cancel()
	reply, err := kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: code, Silent: true}, func(kernelclient.Event) {})
	if err == nil && reply.Status != jupyter.StatusOK {
		err = errors.New(reply.Failure().Value)
	}
	if err != nil {
		s.logger.Debug("surroundings of a script", "error", err)
	}
}
