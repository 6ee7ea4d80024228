// Package session is the heart of reval: one kernel, the queue of what is to be
// evaluated in it, and who listens. It knows no editor and no document; a
// front end gives it code and an id, and gets told what becomes of it.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// State is a session's state.
type State string

// States of a session.
const (
	None       State = "none" // no kernel has been needed yet
	Starting   State = "starting"
	Idle       State = "idle"
	Busy       State = "busy"
	Restarting State = "restarting"
	Dead       State = "dead"
	// Disconnected is a session whose kernel's server is not reached at the moment;
	// what runs there goes on.
	Disconnected State = "disconnected"
	// Unresponsive is a session whose kernel is silent while something is waited for
	// (kernelclient.Options.Responsive); nothing is lost by that, and nothing is done.
	Unresponsive State = "unresponsive"
)

// silent is the message of an Unresponsive session.
const silent = "the kernel does not answer: it is stopped, or computes where it hears nothing; restart it if that does not end"

// ErrNoKernel is returned by requests that need a kernel and do not start one.
var ErrNoKernel = errors.New("no kernel runs: evaluate something first")

// errStopped ends a kernel's start that Interrupt, Restart, Shutdown or Close broke off.
var errStopped = errors.New("the kernel's start was interrupted")

// Status is a session's state at one time.
type Status struct {
	State State
	// Queued counts the evaluations that wait, without the one that runs.
	Queued int
	// Running is the evaluation that runs; empty if none does.
	Running string
	// Namespace counts the kernels of the session that have ended, and their namespaces.
	Namespace int
	// Message says in one line why a session is Dead, Disconnected or Unresponsive.
	Message string
}

// Connect starts the session's kernel or attaches to it.
type Connect func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error)

// Session is one kernel, its queue and its listeners.
//
// Goroutines: run, started by the first evaluation after a time with an empty
// queue, starts the kernel if there is none and evaluates until the queue is
// empty; follow, one for each kernel, waits for its end. Close stops both.
type Session struct {
	connect Connect
	journal Journal // nil for none
	asked   func()  // Options.Asked
	goOn    bool    // Options.GoOn
	logger  *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	wait    sync.WaitGroup
	gone    chan struct{} // closed by leaving, at the end of Close
	leaving sync.Once

	surrounded surroundings // run's alone

	// telling orders what listeners are told; mu is never taken before it.
	telling   sync.Mutex
	listeners []*Listening
	records   records
	question  *question

	mu      sync.Mutex
	state   State
	message string
	kernel  *kernelclient.Kernel
	// mourned is how the last kernel died, until an evaluation has told of it.
	mourned string
	// resuming is what another process was at, until this one has the kernel.
	resuming *resumption
	link     *link // to kernel
	queue    []*Evaluation
	batches  int // that were queued
	current  *Evaluation
	ended    int       // kernels that have ended
	used     time.Time // when the last evaluation ended, or the kernel came
	running  bool      // run is at work
	wanted   bool      // a kernel is wanted even if nothing is queued
	closed   bool      // Close was called
	stop     func()    // breaks off a kernel's start
}

// link is the way to one kernel, which may be told of after the session has another.
// Guarded by Session.mu.
type link struct {
	offline string // why the kernel's server is not reached; empty if it is
	silent  bool   // the kernel does not answer
}

// Options configure a session.
type Options struct {
	// Journal is told what came of evaluations; nil for none.
	Journal Journal
	// GoOn has what waits behind an error run all the same.
	GoOn bool
	// Asked is called when the kernel has asked for input, and when that is over; nil for nothing.
	Asked func()
	// Logger is nil for none.
	Logger *slog.Logger
}

// New makes a session whose kernel is started when it is first needed.
func New(connect Connect, o Options) *Session {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Asked == nil {
		o.Asked = func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Session{
		connect: connect, journal: o.Journal, asked: o.Asked, goOn: o.GoOn, logger: o.Logger, ctx: ctx, cancel: cancel,
		state: None, link: new(link), gone: make(chan struct{}), records: newRecords(),
	}
}

// Status gives the session's state.
func (s *Session) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status()
}

func (s *Session) status() Status {
	st := Status{State: s.state, Queued: len(s.queue), Namespace: s.ended, Message: s.message}
	if st.State == Idle || st.State == Busy {
		switch {
		case s.link.offline != "":
			st.State, st.Message = Disconnected, s.link.offline
		case s.link.silent:
			st.State, st.Message = Unresponsive, silent
		}
	}
	if s.current != nil {
		st.Running = s.current.ID
	}
	return st
}

// Kernel gives the kernel that runs, or nil.
func (s *Session) Kernel() *kernelclient.Kernel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kernel
}

// Used is when the last evaluation ended, or the kernel came.
func (s *Session) Used() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// change applies f to the state and then has the listeners told the evaluations that f
// returned, and the session's status.
func (s *Session) change(f func() []*Evaluation) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status()
	for _, changed := range f() {
		e := *changed
		s.records.changed(e)
		if s.journal != nil && !e.kept {
			s.journal.Evaluation(e)
		}
		changed.kept = false
		s.tell(0, func(l Listener) { l.EvaluationChanged(e) })
	}
	if after := s.status(); before != after {
		s.tell(0, func(l Listener) { l.SessionChanged(after) })
	}
}

// Start brings up the kernel if there is none, in the background.
func (s *Session) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = true
	s.work()
}

// work sees that run is at work; mu is held.
func (s *Session) work() {
	if s.running || s.closed {
		return
	}
	s.running = true
	s.wait.Go(s.run)
}

// run brings up the kernel and evaluates what is queued, one at a time, until the
// queue is empty.
func (s *Session) run() {
	for more := true; more; {
		kernel, err := s.ensureKernel()
		if err != nil {
			s.fail(err)
		} else if s.resume(kernel) {
			// what another process had sent has ended
		} else if next := s.next(kernel); next != nil {
			s.evaluate(kernel, next)
		} else if s.surrounded.end != "" {
			s.leaveSurroundings(kernel)
		}
		s.mu.Lock()
		more = !s.closed && (s.wanted || len(s.queue) > 0 || kernel != nil && s.kernel == kernel && s.surrounded.end != "")
		s.running = more
		s.mu.Unlock()
	}
}

// fail gives up what is queued because no kernel could be had.
func (s *Session) fail(err error) {
	s.change(func() []*Evaluation {
		lost := s.notTaken(err)
		if s.wanted || s.closed {
			return lost // a restart or the end broke the start off
		}
		if errors.Is(err, errStopped) {
			// Whoever stopped it emptied the queue; what came since gets a kernel.
			if s.state == Starting || s.state == Restarting {
				s.state, s.message = None, ""
			}
			return lost
		}
		if s.state == Starting || s.state == Restarting {
			s.state, s.message = Dead, err.Error()
		}
		return append(lost, s.drop(Lost, err.Error())...)
	})
}

// ensureKernel gives the session's kernel; it starts one if there is none, or if
// the last one died.
func (s *Session) ensureKernel() (*kernelclient.Kernel, error) {
	var kernel *kernelclient.Kernel
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.change(func() []*Evaluation {
		s.wanted = false
		if kernel = s.kernel; kernel == nil {
			if s.state != Restarting {
				s.state = Starting
			}
			s.message = ""
			s.stop = cancel
		}
		return nil
	})
	if kernel != nil {
		return kernel, nil
	}
	l := new(link)
	kernel, err := s.connect(ctx, kernelclient.Options{
		Late: func(parent string, e kernelclient.Event) { s.late(l, parent, e) }, Logger: s.logger,
		Connection: func(err error) { s.connection(l, err) },
		Responsive: func(answers bool) { s.responsive(l, answers) },
		Waiting:    s.waiting,
	})
	stopped := ctx.Err() != nil
	s.change(func() (changed []*Evaluation) {
		s.stop = nil
		if stopped = stopped || ctx.Err() != nil; err == nil && !stopped {
			s.kernel, s.state, s.message, s.link = kernel, Idle, "", l
			if s.resuming == nil {
				s.used = time.Now()
			}
			s.wait.Go(func() { s.follow(kernel) })
			changed = s.taken(kernel)
		}
		return changed
	})
	switch {
	case stopped:
		if err == nil {
			s.leave(context.Background(), kernel)
		}
		return nil, errStopped
	case err != nil:
		return nil, err
	}
	return kernel, nil
}

// waiting notes what a start that takes long waits for.
func (s *Session) waiting(words string) {
	s.change(func() []*Evaluation {
		if s.state == Starting || s.state == Restarting {
			s.message = words
		}
		return nil
	})
}

// follow waits for a kernel's end and tells it.
func (s *Session) follow(kernel *kernelclient.Kernel) {
	<-kernel.Done()
	if err := kernel.Err(); err != nil {
		kernel.Close() // what its process left behind
		s.change(func() []*Evaluation { return s.died(kernel, err) })
	}
}

// died notes a kernel's death, and gives up what waits for it; mu is held.
func (s *Session) died(kernel *kernelclient.Kernel, err error) []*Evaluation {
	if s.kernel != kernel {
		return nil // it was told or replaced already
	}
	s.kernel, s.state, s.message = nil, Dead, err.Error()
	s.ended++
	s.mourned = err.Error()
	return s.drop(Lost, err.Error())
}

// Rest does what is left of a change to the session, which has taken effect for all
// that is evaluated later: it waits for the kernel, at most until ctx ends.
type Rest func(ctx context.Context) error

// Interrupt stops what runs, and takes from the queue what waits behind it. A
// kernel's start is broken off.
func (s *Session) Interrupt() Rest {
	var kernel *kernelclient.Kernel
	var stop func()
	s.change(func() []*Evaluation {
		kernel, stop = s.kernel, s.stop
		if s.current != nil {
			s.current.interrupted = s.current.beginning
		}
		return s.drop(Cancelled, "interrupted before it ran")
	})
	return func(ctx context.Context) error {
		switch {
		case kernel != nil:
			return kernel.Interrupt(ctx)
		case stop != nil:
			stop()
			return nil
		}
		return ErrNoKernel
	}
}

// Restart ends the kernel, with what it runs and what is queued, and starts it
// anew. One that was attached to is started anew by its server; without a server it
// cannot be started from here.
func (s *Session) Restart() Rest {
	if k := s.Kernel(); k != nil && !k.Launched() && !k.Remote() {
		return func(context.Context) error {
			return errors.New("this kernel was started elsewhere: restart it there, then attach again")
		}
	}
	return s.end(Restarting, "the kernel was restarted")
}

// Shutdown ends the kernel, or leaves the one that was attached to; the next
// evaluation starts another.
func (s *Session) Shutdown() Rest {
	return s.end(None, "the kernel was shut down")
}

func (s *Session) end(then State, message string) Rest {
	var kernel *kernelclient.Kernel
	s.change(func() []*Evaluation {
		kernel = s.kernel
		if s.stop != nil {
			s.wanted = then == Restarting
			s.stop()
		}
		if kernel != nil {
			s.ended++
		}
		s.kernel, s.state, s.message, s.mourned = nil, then, "", ""
		if s.current != nil {
			s.current.ending = message
		}
		return s.drop(Lost, message)
	})
	return func(ctx context.Context) error {
		var err error
		if kernel != nil {
			if then == Restarting && !kernel.Launched() {
				err = kernel.Restart(ctx)
			} else {
				err = s.leave(ctx, kernel)
			}
		}
		if then == Restarting {
			s.Start()
		}
		return err
	}
}

// leave ends a kernel that the session started, and detaches from another.
func (s *Session) leave(ctx context.Context, kernel *kernelclient.Kernel) error {
	if !kernel.Launched() {
		kernel.Close()
		return nil
	}
	return kernel.Shutdown(ctx)
}

// Close ends the session and its kernel: a kernel that was attached to is left
// running. It returns when every goroutine has ended, and the listeners were told all.
func (s *Session) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if err := s.end(None, "the session was closed")(ctx); err != nil {
		s.logger.Warn("shut down kernel", "error", err)
	}
	s.cancel()
	s.wait.Wait()
	s.left()
}

// left has the listeners told all, and then that the session has ended.
func (s *Session) left() {
	s.telling.Lock()
	listeners := s.listeners
	s.telling.Unlock()
	for _, g := range listeners {
		g.Wait(context.Background())
	}
	s.leaving.Do(func() { close(s.gone) })
}

// Closed is closed when the session has ended and the listeners were told all.
func (s *Session) Closed() <-chan struct{} { return s.gone }

// connection notes that the way to the kernel's server is lost, or is there again.
func (s *Session) connection(l *link, err error) {
	s.change(func() []*Evaluation {
		l.offline = ""
		if err != nil {
			l.offline = err.Error()
		}
		return nil
	})
}

// responsive notes that the kernel is silent, or answers again.
func (s *Session) responsive(l *link, answers bool) {
	s.change(func() []*Evaluation {
		l.silent = !answers
		return nil
	})
}

// late routes events that came after their evaluation's end. What a kernel says of its own end,
// if that was asked for, is of no interest: ipykernel complains of the tasks that it leaves.
func (s *Session) late(l *link, parent string, e kernelclient.Event) {
	s.mu.Lock()
	heard := s.link == l && s.kernel != nil
	s.mu.Unlock()
	if parent != "" && heard {
		s.event(parent, e)
	}
}

// AsksAside says whether what is evaluated does not wait for the answers to questions.
func (s *Session) AsksAside() bool {
	k := s.Kernel()
	return k != nil && k.AsksAside()
}

// Complete asks the kernel for completions at a position.
func (s *Session) Complete(ctx context.Context, code string, at kernelclient.Cursor) (jupyter.CompleteReplyContent, error) {
	k := s.Kernel()
	if k == nil {
		return jupyter.CompleteReplyContent{}, ErrNoKernel
	}
	r, err := k.Complete(ctx, code, at)
	if err != nil {
		return r, fmt.Errorf("ask kernel: %w", err)
	}
	return r, nil
}

// Inspect asks the kernel about the name at a position.
func (s *Session) Inspect(ctx context.Context, code string, at kernelclient.Cursor, detail int) (jupyter.InspectReplyContent, error) {
	k := s.Kernel()
	if k == nil {
		return jupyter.InspectReplyContent{}, ErrNoKernel
	}
	r, err := k.Inspect(ctx, code, at, detail)
	if err != nil {
		return r, fmt.Errorf("ask kernel: %w", err)
	}
	return r, nil
}
