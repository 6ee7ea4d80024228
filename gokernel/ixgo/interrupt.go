package ixgo

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/timandy/routine"
)

// errInterrupted is what an interrupt panics with in the cell's goroutine.
var errInterrupted = errors.New("interrupted")

const (
	// deaf is how long a cell may take to hear an interrupt. One that is in a
	// compiled function that does not return hears it when that returns.
	deaf = 80 * time.Millisecond
	// patience is how long code may run after a second interrupt, when every poll
	// panics, so that no code that recovers goes on. Then it is left behind.
	patience = time.Second
)

// run is one running cell. Interrupting it panics in its goroutine, and only
// there: at a poll, or in a blocking operation, which waits for done as well.
type run struct {
	engine *Engine

	mu     sync.Mutex
	done   chan struct{} // closed while an interrupt waits to be heard
	armed  bool          // done is closed, and counted in engine.stop
	waking bool          // counted in engine.waking; it is then armed
	sticky bool          // heard interrupts stay
	heard  chan struct{} // closed when the first interrupt was heard

	idle atomic.Pointer[worker] // that waits for a call; see await.go
}

// arm counts the run among those that are to stop, and wakes what waits for a channel.
// The run's mu is held, as for disarm.
func (r *run) arm() {
	r.armed, r.waking = true, true
	r.engine.stop.Add(1)
	r.engine.wake(1)
	close(r.done)
}

func (r *run) disarm() {
	r.armed = false
	r.engine.stop.Add(-1)
	r.rest()
}

// rest wakes nothing any more: the run is to stop still, but in compiled code, and will
// look for that before it waits for a channel.
func (r *run) rest() {
	if r.waking {
		r.waking = false
		r.engine.wake(-1)
	}
}

// leave leaves the run behind.
func (r *run) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest()
}

// wake counts a run for which gone is closed, or one that is no more.
func (e *Engine) wake(n int) {
	e.wakingMu.Lock()
	defer e.wakingMu.Unlock()
	before := e.waking
	e.waking += n
	switch {
	case before == 0:
		e.close()
	case e.waking == 0:
		e.renew()
	}
}

// renew makes the channel that the next run closes which is to stop.
func (e *Engine) renew() {
	gone := make(chan struct{})
	e.close = func() { close(gone) }
	setGone(&e.gone, gone)
}

// setGone stores what interpreted code reads without synchronization. It sees the new
// channel, or the old one, which is closed: then it looks again.
//
//go:norace
func setGone(variable *<-chan struct{}, gone <-chan struct{}) { *variable = gone }

// adopt makes the calling goroutine the run's, until the returned function is called.
func (e *Engine) adopt(r *run) (end func()) {
	id := routine.Goid()
	r.heard = make(chan struct{})
	e.runs.Store(id, r)
	faults := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(faults)
		e.runs.Delete(id)
		if w := r.idle.Swap(nil); w != nil {
			close(w.calls)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.armed {
			r.disarm()
		}
	}
}

// wait waits for the run's end, or for its interruption.
func (r *run) wait(ctx context.Context, ended <-chan error) (err error, interrupted bool) {
	select {
	case err = <-ended:
		return err, errors.Is(err, errInterrupted)
	case <-ctx.Done():
	}
	r.fire(false)
	timer := time.NewTimer(deaf)
	defer timer.Stop()
	select {
	case <-ended:
		return nil, true
	case <-timer.C:
	}
	select {
	case <-r.heard:
	default:
		r.leave() // it is in compiled code
		return nil, true
	}
	select {
	case <-ended:
		return nil, true
	case <-front.Second(ctx):
	}
	r.fire(true)
	timer.Reset(patience)
	select {
	case <-ended:
	case <-timer.C:
		r.leave()
	}
	return nil, true
}

// fire asks the run to stop.
func (r *run) fire(sticky bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sticky = sticky
	if !r.armed {
		r.arm()
	}
}

// owner gives the run whose goroutine calls, or nil.
func (e *Engine) owner() *run {
	if r, ok := e.runs.Load(routine.Goid()); ok {
		return r.(*run)
	}
	return nil
}

// interrupted panics if the calling goroutine was interrupted.
func (e *Engine) interrupted() {
	r := e.owner()
	if r == nil {
		runtime.Gosched() // it is about another goroutine, which should hear it
		return
	}
	r.mu.Lock()
	if !r.armed {
		r.mu.Unlock()
		return
	}
	select {
	case <-r.heard:
	default:
		close(r.heard)
	}
	if !r.sticky { // deferred code runs undisturbed
		r.disarm()
		r.done = make(chan struct{})
	}
	r.mu.Unlock()
	panic(errInterrupted)
}

// done gives the channel that an interrupt of the calling goroutine closes; nil
// in goroutines that are no cell's.
func (e *Engine) done() <-chan struct{} {
	r := e.owner()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}

// The functions that follow replace those of the library that block.

func (e *Engine) sleep(d time.Duration) {
	done := e.done()
	if done == nil {
		time.Sleep(d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
		e.interrupted()
	}
}

func (e *Engine) waitGroup(wg *sync.WaitGroup) { e.blocking(wg.Wait) }

// blocking calls a function that an interrupt leaves behind.
func (e *Engine) blocking(f func()) {
	done := e.done()
	if done == nil {
		f()
		return
	}
	ended := make(chan struct{})
	go func() { f(); close(ended) }()
	select {
	case <-ended:
	case <-done:
		e.interrupted()
	}
}

func (e *Engine) lockMutex(m *sync.Mutex)    { e.lock(m.TryLock, m.Lock) }
func (e *Engine) lockRW(m *sync.RWMutex)     { e.lock(m.TryLock, m.Lock) }
func (e *Engine) readLockRW(m *sync.RWMutex) { e.lock(m.TryRLock, m.RLock) }

// lock takes a lock that an interrupt stops waiting for. A waiter cannot be left
// behind, since it would take the lock; so it tries, ever more rarely.
func (e *Engine) lock(try func() bool, lock func()) {
	if try() {
		return
	}
	done := e.done()
	if done == nil {
		lock()
		return
	}
	const first, most = 10 * time.Microsecond, 2 * time.Millisecond
	timer := time.NewTimer(first)
	defer timer.Stop()
	for d := first; ; d = min(2*d, most) {
		select {
		case <-done:
			e.interrupted()
		case <-timer.C:
		}
		if try() {
			return
		}
		timer.Reset(d)
	}
}

// waitCommand waits for a process and kills it when the cell is interrupted.
func (e *Engine) waitCommand(c *exec.Cmd) error {
	done := e.done()
	if done == nil {
		return c.Wait()
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-done:
		_ = c.Process.Kill()
		e.interrupted()
		return nil
	}
}
