package zsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
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
	nextID uint32 // for peers without an identity
}

// peer is one connection of a server.
type peer struct {
	*conn
	id     string // the identity, given or made; key of server.peers
	out    *outbox
	topics topics // of an XPub
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
		peers: make(map[string]*peer),
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
	c, err := newConn(s.life, nc, s.typ, true, s.o)
	if err != nil {
		if s.life.Err() == nil {
			s.o.OnRefuse(s.wrap("handshake", err))
		}
		return
	}
	p := &peer{conn: c, out: newOutbox(s.o.Queue)}
	p.out.shrunk = s.shrunk
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

// join makes p known. One with the identity of another takes its place, because
// a client that comes back is often here before its old connection is known dead.
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
	if old := s.peers[p.id]; old != nil {
		old.out.kill()
		old.fail(errReplaced)
	}
	s.peers[p.id] = p
	return true
}

var errReplaced = errors.New("another connection has the same identity")

func (s *server) leave(p *peer) {
	p.out.kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[p.id] == p {
		delete(s.peers, p.id)
	}
}

func (s *server) peer(id []byte) *peer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.peers[string(id)]
}

// send queues frames for p, with the policy of Options.SlowPeer when there is no
// room. The error is ctx's, ErrClosed, ErrNoPeer for one that is gone, or
// ErrSlowPeer for one that was dropped.
func (s *server) send(ctx context.Context, p *peer, frames [][]byte) error {
	err := p.out.tryPut(frames)
	if err != errFull {
		return err
	}
	if s.o.SlowPeer == Block {
		limited, stop := context.WithTimeout(ctx, s.o.SlowTimeout)
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
