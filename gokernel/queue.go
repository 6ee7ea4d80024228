package gokernel

import (
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// queue holds messages in their order until the one goroutine that handles them takes them.
type queue struct {
	mu     sync.Mutex
	ready  *sync.Cond
	items  []*jupyter.Message
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// put adds a message; it gives false after close.
func (q *queue) put(m *jupyter.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, m)
	q.ready.Signal()
	return true
}

// take waits for a message; it gives false after close.
func (q *queue) take() (*jupyter.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return nil, false
	}
	m := q.items[0]
	q.items = q.items[1:]
	return m, true
}

// drain gives all messages that wait.
func (q *queue) drain() []*jupyter.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
