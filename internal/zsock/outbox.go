package zsock

import (
	"context"
	"errors"
	"sync"
)

// errFull is the answer of tryPut when there is no room.
var errFull = errors.New("queue full")

// outbox is a bounded queue of messages on their way out, with an end that loses
// nothing: after close no message enters, and those that did are still to be read
// from ch, which is closed behind the last.
type outbox struct {
	ch      chan [][]byte
	closing chan struct{} // closed by close
	dead    chan struct{} // closed by kill: nobody reads ch any more

	mu      sync.Mutex // guards closed, and senders.Add against close
	closed  bool
	senders sync.WaitGroup // calls of put that may still write to ch
	kill    func()
}

func newOutbox(size int) *outbox {
	q := &outbox{ch: make(chan [][]byte, size), closing: make(chan struct{}), dead: make(chan struct{})}
	q.kill = sync.OnceFunc(func() { close(q.dead) })
	return q
}

// put queues a message, waiting for room until ctx ends. The error is ctx's,
// ErrClosed, or ErrNoPeer after kill.
func (q *outbox) put(ctx context.Context, frames [][]byte) error {
	err := q.tryPut(frames)
	if err != errFull {
		return err
	}
	if !q.enter() {
		return ErrClosed
	}
	defer q.senders.Done()
	select {
	case q.ch <- frames:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-q.dead:
		return ErrNoPeer
	case <-q.closing:
		return ErrClosed
	}
}

// tryPut queues a message if there is room, and otherwise returns errFull.
func (q *outbox) tryPut(frames [][]byte) error {
	if !q.enter() {
		return ErrClosed
	}
	defer q.senders.Done()
	select {
	case <-q.dead:
		return ErrNoPeer
	default:
	}
	select {
	case q.ch <- frames:
		return nil
	default:
		return errFull
	}
}

func (q *outbox) enter() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.senders.Add(1)
	return true
}

// close ends the queue; it waits for calls of put to leave, which they do at once.
func (q *outbox) close() {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	if first {
		close(q.closing)
		q.senders.Wait()
		close(q.ch)
	}
}
