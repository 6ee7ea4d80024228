package zsock

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-zeromq/zmq4"
)

// maxTopics bounds the topics that one peer may subscribe to.
const maxTopics = 10_000

// XPub is a bound XPUB socket.
type XPub struct {
	s *server

	waiting atomic.Int32 // calls of Room that wait
	mu      sync.Mutex   // guards shrunk
	shrunk  chan struct{}
}

// ListenXPub binds endpoint as ListenRouter does.
func ListenXPub(ctx context.Context, endpoint string, o Options) (*XPub, error) {
	// All that peers send is subscriptions.
	o.MaxFrame, o.MaxMessage = maxCommand, 2*maxCommand
	s, err := newServer(ctx, zmq4.XPub, endpoint, o)
	if err != nil {
		return nil, err
	}
	x := &XPub{s: s, shrunk: make(chan struct{})}
	s.deliver, s.shrunk = x.deliver, x.onShrunk
	s.start()
	return x, nil
}

// Endpoint is what clients connect to, with the port that was bound.
func (x *XPub) Endpoint() string { return x.s.endpoint }

// Recv returns the next subscription (byte 1 and the topic) or its end (byte 0 and
// the topic), one frame, for every one of every peer. It is in force already. A
// caller need not receive: while Options.Queue of them are unread further ones are
// not reported. Nothing is reported of a peer that disconnects.
func (x *XPub) Recv(ctx context.Context) ([][]byte, error) { return x.s.recv(ctx) }

// Send queues a message for each peer that subscribes to a prefix of its first
// frame. A peer that is slow or gone is no error, but for the wait that
// Options.SlowPeer may ask for.
func (x *XPub) Send(ctx context.Context, frames [][]byte) error {
	if len(frames) == 0 {
		return x.s.wrap("send", errNoFrames)
	}
	x.s.mu.RLock()
	closed := x.s.closed
	to := make([]*peer, 0, len(x.s.peers))
	for _, p := range x.s.peers {
		if p.topics.match(frames[0]) {
			to = append(to, p)
		}
	}
	x.s.mu.RUnlock()
	if closed {
		return x.s.wrap("send", ErrClosed)
	}
	for _, p := range to {
		err := x.s.sendWithin(ctx, x.patience(p, to), p, frames)
		if err == ErrClosed || err != nil && ctx.Err() != nil {
			return x.s.wrap("send", err)
		}
	}
	return nil
}

// Close writes what is queued, for Options.Linger at most, and ends the socket.
func (x *XPub) Close() error { return x.s.close() }

func (x *XPub) deliver(p *peer, frames [][]byte) error {
	f := frames[0]
	if len(frames) > 1 || len(f) == 0 || f[0] > subscribe {
		return nil // a message of an XSUB, not a subscription
	}
	if f[0] == cancel {
		p.topics.remove(f[1:])
	} else if err := p.topics.add(f[1:]); err != nil {
		return err
	}
	select {
	case x.s.in <- frames:
	default:
	}
	return nil
}

// topics are the subscriptions of one peer. The same may be made several times,
// and then ends with as many cancels.
type topics struct {
	mu    sync.RWMutex // guards count
	count map[string]int
}

func (t *topics) add(topic []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = make(map[string]int)
	}
	if len(t.count) >= maxTopics {
		return fmt.Errorf("peer subscribed to more than %d topics: %w", maxTopics, ErrTooLarge)
	}
	t.count[string(topic)]++
	return nil
}

func (t *topics) remove(topic []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch n := t.count[string(topic)]; {
	case n > 1:
		t.count[string(topic)] = n - 1
	case n == 1:
		delete(t.count, string(topic))
	}
}

// any tells whether there is a subscription.
func (t *topics) any() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.count) > 0
}

func (t *topics) match(topic []byte) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.count[""] > 0 {
		return true
	}
	for prefix := range t.count {
		if bytes.HasPrefix(topic, []byte(prefix)) {
			return true
		}
	}
	return false
}
