package zsock

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-zeromq/zmq4"
)

// Router is a bound ROUTER socket.
type Router struct{ s *server }

// ListenRouter binds endpoint. tcp://127.0.0.1:0 binds a free port. An ipc file
// whose owner is dead is replaced; one that is served is an error.
func ListenRouter(ctx context.Context, endpoint string, o Options) (*Router, error) {
	return listenRouter(ctx, zmq4.Router, endpoint, o)
}

// listenRouter is for Rep too, which is a Router with another name in its handshake.
func listenRouter(ctx context.Context, typ zmq4.SocketType, endpoint string, o Options) (*Router, error) {
	s, err := newServer(ctx, typ, endpoint, o)
	if err != nil {
		return nil, err
	}
	r := &Router{s}
	s.deliver = r.deliver
	s.start()
	return r, nil
}

// Endpoint is what clients connect to, with the port that was bound.
func (r *Router) Endpoint() string { return r.s.endpoint }

// Recv returns the next message of any peer. Its first frame is the peer's
// identity, made by the socket if the peer has none.
func (r *Router) Recv(ctx context.Context) ([][]byte, error) { return r.s.recv(ctx) }

// Send queues a message for the peer whose identity is the first frame, which is
// not sent. The error wraps ErrNoPeer if it is not connected, and ErrSlowPeer if
// it was dropped by Options.SlowPeer.
func (r *Router) Send(ctx context.Context, frames [][]byte) error {
	return r.send(ctx, frames, false)
}

// SendToClaims is Send to all that say to have the identity, strangers among them:
// where a peer has to be asked before it says anything, it cannot be known.
func (r *Router) SendToClaims(ctx context.Context, frames [][]byte) error {
	return r.send(ctx, frames, true)
}

func (r *Router) send(ctx context.Context, frames [][]byte, claims bool) error {
	if len(frames) < 2 {
		return r.s.wrap("send", fmt.Errorf("want an identity and a message: %w", errNoFrames))
	}
	err := error(ErrNoPeer)
	if r.s.life.Err() != nil {
		err = ErrClosed
	} else {
		for _, p := range r.s.peersOf(frames[0], claims) {
			if sent := r.s.send(ctx, p, frames[1:]); err != nil {
				err = sent // nil if one of them got it
			}
		}
	}
	if err != nil {
		return r.s.wrap(fmt.Sprintf("send to %q", frames[0]), err)
	}
	return nil
}

// Close writes what is queued, for Options.Linger at most, and ends the socket.
func (r *Router) Close() error { return r.s.close() }

// deliver waits while nobody receives: the peer then notices by its own full queue.
// What a stranger sends is dropped.
func (r *Router) deliver(p *peer, frames [][]byte) error {
	if !r.s.admit(p, frames) {
		return nil
	}
	select {
	case r.s.in <- slices.Insert(frames, 0, []byte(p.id)):
	case <-p.lost:
	case <-r.s.life.Done():
	}
	return nil
}

// Rep is a bound REP socket that serves requests one after the other.
type Rep struct{ r *Router }

// ListenRep binds endpoint as ListenRouter does.
func ListenRep(ctx context.Context, endpoint string, o Options) (*Rep, error) {
	o.Verify = nil // nothing in a request could be verified
	r, err := listenRouter(ctx, zmq4.Rep, endpoint, o)
	if err != nil {
		return nil, err
	}
	return &Rep{r}, nil
}

// Endpoint is what clients connect to, with the port that was bound.
func (r *Rep) Endpoint() string { return r.r.Endpoint() }

// Serve answers each request with the frames that reply returns, until ctx ends or
// Close; the error wraps ctx's or ErrClosed. A request without the empty frame
// that ends its envelope is dropped, as is a reply whose peer is gone. A reply of
// no frames is not sent.
func (r *Rep) Serve(ctx context.Context, reply func(request [][]byte) [][]byte) error {
	for {
		frames, err := r.r.Recv(ctx)
		if err != nil {
			return err
		}
		// The identity is never empty, so this is the delimiter or absent.
		end := slices.IndexFunc(frames, func(f []byte) bool { return len(f) == 0 })
		if end < 0 || end == len(frames)-1 {
			continue
		}
		body := reply(frames[end+1:])
		if len(body) == 0 {
			continue
		}
		if err := r.r.Send(ctx, slices.Concat(frames[:end+1], body)); err != nil && ctx.Err() != nil {
			return err
		}
	}
}

// Close writes the replies that are queued, for Options.Linger at most, and ends
// the socket.
func (r *Rep) Close() error { return r.r.Close() }
