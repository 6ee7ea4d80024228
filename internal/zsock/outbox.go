package zsock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errFull is the answer of tryPut when there is no room.
var errFull = errors.New("queue full")

// outbox is a bounded queue of messages on their way out, with an end that loses
// nothing: after close no message enters, and those that did are still to be read
// from ch, which is closed behind the last. A message that comes alone goes past the
// queue, to the connection.
type outbox struct {
	ch      chan [][]byte
	pending atomic.Int64         // messages that are in ch, or about to be, or read from it and not yet written
	bytes   atomic.Int64         // of those messages
	taken   atomic.Int64         // bytes of all that left the queue
	shrunk  func()               // called when bytes has become less, or nobody reads ch any more; nil = nothing is
	conn    atomic.Pointer[conn] // which reads ch; nil while there is none
	born    time.Time
	last    atomic.Int64 // when a message came last, in nanoseconds after born

	closing chan struct{} // closed by close
	dead    chan struct{} // closed by kill: nobody reads ch any more

	mu      sync.Mutex // guards closed, and senders.Add against close
	closed  bool
	senders sync.WaitGroup // calls of put that may still write to ch
	kill    func()
}

func newOutbox(size int) *outbox {
	q := &outbox{born: time.Now(), ch: make(chan [][]byte, size), closing: make(chan struct{}), dead: make(chan struct{})}
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
	q.count(frames, 1)
	select {
	case q.ch <- frames:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-q.dead:
		err = ErrNoPeer
	case <-q.closing:
		err = ErrClosed
	}
	q.count(frames, -1)
	return err
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
	if c := q.conn.Load(); c != nil && q.alone(c) && c.writeNow(q, frames) {
		return nil
	}
	q.count(frames, 1)
	select {
	case q.ch <- frames:
		return nil
	default:
		q.count(frames, -1)
		return errFull
	}
}

// count counts a message in, or out with -1.
func (q *outbox) count(frames [][]byte, n int64) {
	q.pending.Add(n)
	q.bytes.Add(n * int64(wireSize(frames)))
	if n < 0 {
		q.taken.Add(int64(wireSize(frames)))
		q.signal()
	}
}

func (q *outbox) signal() {
	if q.shrunk != nil {
		q.shrunk()
	}
}

// aloneAfter is how long after the one before a message is alone. Messages that come
// faster are gathered by the connection's writer: a system call for each would cost
// more than it gains.
const aloneAfter = 20 * time.Microsecond

// alone tells whether the message that comes now is probably not one of many: the peer
// has said something since the last, which this may answer, or some time has passed.
func (q *outbox) alone(c *conn) bool {
	now := time.Since(q.born)
	passed := now - time.Duration(q.last.Swap(int64(now)))
	return c.heard.Swap(false) || passed >= aloneAfter
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
