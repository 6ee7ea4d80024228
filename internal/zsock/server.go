package zsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// server is what Router, XPub and Rep share: a listener and its peers.
//
// Goroutines: newServer starts one that accepts (accept); it waits for connections
// and is stopped by the close of the listener. It starts one for each connection
// (meet), which shakes hands, then serves and reads; it ends with its connection.
// Each served connection has its writer beside (see conn). close ends them all:
// it closes the listener and every peer's outbox, and waits for running.
type server struct {
	typ      zmq4.SocketType
	ln       net.Listener
	endpoint string // with the port that was bound
	o        Options
	deliver  func(p *peer, frames [][]byte) error // a message of a peer has arrived
	shrunk   func()                               // what waits for a peer has become less; nil = nobody wants to know

	in      chan [][]byte   // what recv returns
	life    context.Context // ended by close
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.RWMutex // guards what follows
	closed bool         // no peer may join
	peers  map[string]*peer
	claims map[string][]*peer // who else says to be one of peers, the oldest first
	// strangers are the connections whose peers nothing is known of, the oldest first.
	strangers []net.Conn
	nextID    uint32 // for peers without an identity
}

// peer is one connection of a server.
type peer struct {
	*conn
	id     string // the identity, given or made; key of server.peers
	out    *outbox
	topics topics      // of an XPub
	behind atomic.Bool // nobody waits for it; an XPub's
	// known says that a message of this connection has verified, or need not.
	known atomic.Bool
}

func newServer(ctx context.Context, typ zmq4.SocketType, endpoint string, o Options) (*server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("zsock: %s %s: %w", typ, endpoint, err)
	}
	ln, bound, err := listen(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("zsock: %s %s: listen: %w", typ, endpoint, err)
	}
	s := &server{
		typ: typ, ln: ln, endpoint: bound, o: o,
		in:    make(chan [][]byte, o.Queue),
		peers: make(map[string]*peer), claims: make(map[string][]*peer),
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// start begins to accept; deliver is set by then.
func (s *server) start() {
	s.running.Add(1)
	go s.accept()
}

func (s *server) accept() {
	defer s.running.Done()
	backoff := firstBackoff
	for {
		nc, err := s.ln.Accept()
		if err == nil {
			backoff = firstBackoff
			s.enter(nc)
			s.running.Add(1)
			go s.meet(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Mostly the process has no file descriptor left: others may be closed.
		s.o.OnRefuse(s.wrap("accept", err))
		retry := time.NewTimer(backoff)
		select {
		case <-retry.C:
		case <-s.life.Done():
			retry.Stop()
		}
		backoff = min(backoff*2, lastBackoff)
	}
}

// meet is the life of one connection.
func (s *server) meet(nc net.Conn) {
	defer s.running.Done()
	defer s.acquaint(nc)
	c, err := newConn(s.life, nc, s.typ, true, s.o)
	if err != nil {
		if s.life.Err() == nil {
			s.o.OnRefuse(s.wrap("handshake", err))
		}
		return
	}
	p := &peer{conn: c, out: newOutbox(s.o.Queue)}
	p.out.shrunk = s.shrunk
	if p.known.Store(s.o.Verify == nil); s.o.Verify != nil {
		p.r.maxFrame, p.r.maxMessage = s.o.MaxStrange, s.o.MaxStrange
	}
	if !s.join(p) {
		nc.Close()
		return
	}
	s.o.OnConnect()
	cause := p.serve(s.life, s.o.Linger, p.out, func(frames [][]byte) error { return s.deliver(p, frames) })
	s.leave(p)
	if s.life.Err() == nil {
		s.o.OnDisconnect(s.wrap(fmt.Sprintf("peer %q lost", p.id), cause))
	}
}

// enter counts a connection among those of strangers. The last that came before makes way
// where there are too many.
func (s *server) enter(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.strangers); n >= s.o.MaxStrangers {
		s.strangers[n-1].Close()
		s.strangers = s.strangers[:n-1]
	}
	s.strangers = append(s.strangers, nc)
}

// acquaint takes a connection from those of strangers.
func (s *server) acquaint(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers = slices.DeleteFunc(s.strangers, func(other net.Conn) bool { return other == nc })
}

// join makes p a peer. One with the identity of another takes its place, because
// a client that comes back is often here before its old connection is known dead; but
// a stranger has to show first that it is that client (admit).
func (s *server) join(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if p.id = p.identity; p.id == "" {
		// A zero byte and a number, as libzmq does: no peer may choose such a one.
		s.nextID++
		p.id = string([]byte{0, byte(s.nextID >> 24), byte(s.nextID >> 16), byte(s.nextID >> 8), byte(s.nextID)})
	}
	switch old := s.peers[p.id]; {
	case old != nil && !p.known.Load():
		s.claims[p.id] = append(s.claims[p.id], p)
	default:
		s.own(p)
	}
	return true
}

// own gives p its identity, and ends the connection that had it; mu is held.
func (s *server) own(p *peer) {
	if old := s.peers[p.id]; old != nil {
		old.out.kill()
		old.fail(errReplaced)
	}
	s.peers[p.id] = p
}

// admit looks whether a message of p is to be taken, and makes a stranger one that is
// known when it is.
func (s *server) admit(p *peer, message [][]byte) bool {
	if p.known.Load() {
		return true
	}
	if s.o.Verify(message) != nil {
		return false
	}
	p.known.Store(true)
	s.acquaint(p.nc)
	p.r.maxFrame, p.r.maxMessage = s.o.MaxFrame, s.o.MaxMessage
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[p.id] != p {
		s.unclaim(p)
		s.own(p)
	}
	return true
}

// unclaim forgets that p says to be another; mu is held.
func (s *server) unclaim(p *peer) {
	left := slices.DeleteFunc(s.claims[p.id], func(other *peer) bool { return other == p })
	if len(left) == 0 {
		delete(s.claims, p.id)
	} else {
		s.claims[p.id] = left
	}
}

var errReplaced = errors.New("another connection has the same identity")

func (s *server) leave(p *peer) {
	p.out.kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[p.id] != p {
		s.unclaim(p)
		return
	}
	delete(s.peers, p.id)
	if claims := s.claims[p.id]; len(claims) > 0 {
		next := claims[0]
		s.unclaim(next)
		s.peers[p.id] = next
	}
}

// peersOf gives the connection that has an identity and, with claims, those that say so.
func (s *server) peersOf(id []byte, claims bool) []*peer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.peers[string(id)]
	if p == nil {
		return nil
	}
	to := []*peer{p}
	if claims {
		to = append(to, s.claims[string(id)]...)
	}
	return to
}

// send queues frames for p, with the policy of Options.SlowPeer when there is no
// room. The error is ctx's, ErrClosed, ErrNoPeer for one that is gone, or
// ErrSlowPeer for one that was dropped.
func (s *server) send(ctx context.Context, p *peer, frames [][]byte) error {
	patience := s.o.SlowTimeout
	if s.o.SlowPeer == DropPeer || !p.known.Load() { // nobody waits for a stranger
		patience = 0
	}
	return s.sendWithin(ctx, patience, p, frames)
}

// sendWithin is send with another patience than that of the options.
func (s *server) sendWithin(ctx context.Context, patience time.Duration, p *peer, frames [][]byte) error {
	err := p.out.tryPut(frames)
	if err != errFull {
		return err
	}
	if patience > 0 {
		limited, stop := context.WithTimeout(ctx, patience)
		err = p.out.put(limited, frames)
		stop()
		if err != context.DeadlineExceeded || ctx.Err() != nil {
			return err
		}
	}
	p.out.kill()
	p.fail(ErrSlowPeer)
	return ErrSlowPeer
}

func (s *server) recv(ctx context.Context) ([][]byte, error) {
	if s.life.Err() != nil {
		return nil, s.wrap("receive", ErrClosed)
	}
	select {
	case frames := <-s.in:
		return frames, nil
	default:
	}
	select {
	case frames := <-s.in:
		return frames, nil
	case <-ctx.Done():
		return nil, s.wrap("receive", ctx.Err())
	case <-s.life.Done():
		return nil, s.wrap("receive", ErrClosed)
	}
}

func (s *server) close() error {
	s.end()
	err := s.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // closed twice
	}
	s.mu.Lock()
	s.closed = true
	peers := make([]*peer, 0, len(s.peers))
	for _, p := range s.peers {
		peers = append(peers, p)
	}
	for _, claims := range s.claims {
		peers = append(peers, claims...)
	}
	s.mu.Unlock()
	for _, p := range peers {
		p.out.close()
	}
	s.running.Wait()
	return err
}

func (s *server) wrap(doing string, err error) error {
	return fmt.Errorf("zsock: %s %s: %s: %w", s.typ, s.endpoint, doing, err)
}
