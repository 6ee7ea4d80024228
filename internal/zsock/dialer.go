package zsock

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Backoff between attempts to connect. It starts small, because a server that was
// just started binds within milliseconds.
const (
	firstBackoff = 2 * time.Millisecond
	lastBackoff  = 250 * time.Millisecond
)

// dialer is what Dealer and Sub share: one connection to an endpoint, and the next
// one when Options.Reconnect wants it.
//
// Goroutines: newDialer starts one, which serves the connection and reads (run);
// it ends, and closes done, when the connection is lost for good or after Close.
// While connected, the connection's writer is another (see conn).
type dialer struct {
	typ      zmq4.SocketType
	endpoint string
	o        Options
	hello    [][]byte // single-frame messages that begin each connection

	in      chan [][]byte // messages received; closed by run at its end
	inBytes atomic.Int64  // of those
	read    atomic.Int64  // bytes received in all
	room    chan struct{} // tells deliver that inBytes is no longer over its cap

	out  *outbox
	life context.Context // ended by Close
	end  context.CancelFunc
	done chan struct{} // closed when run has returned
	err  error         // why there is no connection; set before in is closed and out killed
}

func newDialer(ctx context.Context, typ zmq4.SocketType, endpoint string, o Options, hello [][]byte) (*dialer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("zsock: %s %s: %w", typ, endpoint, err)
	}
	d := &dialer{
		typ: typ, endpoint: endpoint, o: o, hello: hello,
		in:   make(chan [][]byte, o.Queue),
		room: make(chan struct{}, 1),
		out:  newOutbox(o.Queue),
		done: make(chan struct{}),
	}
	d.o.received = &d.read
	c, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	d.life, d.end = context.WithCancel(context.Background())
	o.OnConnect()
	go d.run(c)
	return d, nil
}

// connect tries until there is a connection, or ctx ends, or trying is of no use.
func (d *dialer) connect(ctx context.Context) (*conn, error) {
	backoff := firstBackoff
	var cause error // of the last failure that was not ctx's doing
	for {
		c, final, err := d.attempt(ctx)
		if err == nil {
			return c, nil
		}
		if cause == nil || !over(ctx) {
			cause = err
		}
		if final {
			return nil, d.wrap("connect", err)
		}
		retry := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			retry.Stop()
			return nil, d.wrap("connect", fmt.Errorf("%w; last attempt: %w", ctx.Err(), cause))
		case <-retry.C:
		}
		backoff = min(backoff*3/2, lastBackoff)
	}
}

// over says that ctx has ended, or is about to: net applies a context's deadline
// itself, and may report it before the context does.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(deadline)
}

func (d *dialer) attempt(ctx context.Context) (c *conn, final bool, err error) {
	network, address, err := split(d.endpoint)
	if err != nil {
		return nil, true, err
	}
	nc, final, err := dial(ctx, network, address)
	if err != nil {
		return nil, final, err
	}
	c, err = newConn(ctx, nc, d.typ, false, d.o)
	if err != nil {
		// A peer that hangs up or stays mute may be about to be replaced; one
		// that speaks something else will go on doing so.
		return nil, errors.Is(err, ErrProtocol) || errors.Is(err, ErrTooLarge), fmt.Errorf("handshake: %w", err)
	}
	if len(d.hello) > 0 {
		nc.SetWriteDeadline(time.Now().Add(d.o.HandshakeTimeout))
		w := bufio.NewWriter(nc)
		for _, frame := range d.hello {
			writeFrame(w, 0, frame) // bufio keeps the error for Flush
		}
		err = w.Flush()
		nc.SetWriteDeadline(time.Time{})
		if err != nil {
			nc.Close()
			return nil, false, err
		}
	}
	return c, false, nil
}

func (d *dialer) run(c *conn) {
	defer close(d.done)
	for {
		cause := c.serve(d.life, d.o.Linger, d.out, d.deliver)
		closed := d.life.Err() != nil
		if closed || !d.o.Reconnect {
			d.finish(d.wrap("connection lost", cause))
		}
		if closed {
			return
		}
		d.o.OnDisconnect(d.wrap("connection lost", cause))
		if !d.o.Reconnect {
			return
		}
		var err error
		if c, err = d.connect(d.life); err != nil {
			d.finish(err)
			return
		}
		d.o.OnConnect()
	}
}

// deliver hands a message to recv; while closing it drops it. It waits while the
// queue is full, or holds too many bytes: the peer then notices by its own queue.
func (d *dialer) deliver(frames [][]byte) error {
	for d.inBytes.Load() > d.o.QueueBytes {
		select {
		case <-d.room:
		case <-d.life.Done():
			return nil
		}
	}
	d.inBytes.Add(size(frames))
	select {
	case d.in <- frames:
	case <-d.life.Done():
	}
	return nil
}

// finish tells recv and send that there will be no connection any more.
func (d *dialer) finish(err error) {
	d.err = err
	d.out.kill()
	close(d.in)
}

func (d *dialer) send(ctx context.Context, frames [][]byte) error {
	if len(frames) == 0 {
		return d.wrap("send", errNoFrames)
	}
	err := d.out.put(ctx, frames)
	switch {
	case err == nil:
		return nil
	case err == ErrNoPeer:
		return d.err
	}
	return d.wrap("send", err)
}

func (d *dialer) recv(ctx context.Context) ([][]byte, error) {
	if d.life.Err() != nil {
		return nil, d.wrap("receive", ErrClosed)
	}
	select {
	case frames, ok := <-d.in:
		return d.received(frames, ok)
	default:
	}
	select {
	case frames, ok := <-d.in:
		return d.received(frames, ok)
	case <-ctx.Done():
		return nil, d.wrap("receive", ctx.Err())
	case <-d.life.Done():
		return nil, d.wrap("receive", ErrClosed)
	}
}

func (d *dialer) received(frames [][]byte, ok bool) ([][]byte, error) {
	switch {
	case ok:
		if n := size(frames); d.inBytes.Add(-n)+n > d.o.QueueBytes {
			select {
			case d.room <- struct{}{}:
			default:
			}
		}
		return frames, nil
	case d.life.Err() != nil:
		return nil, d.wrap("receive", ErrClosed)
	}
	return nil, d.err
}

// size is that of a message's frames, in bytes.
func size(frames [][]byte) (n int64) {
	for _, f := range frames {
		n += int64(len(f))
	}
	return n
}

func (d *dialer) close() error {
	d.end()
	d.out.close()
	<-d.done
	return nil
}

func (d *dialer) wrap(doing string, err error) error {
	return fmt.Errorf("zsock: %s %s: %s: %w", d.typ, d.endpoint, doing, err)
}

// Dealer is a connected DEALER socket.
type Dealer struct{ d *dialer }

// DialDealer connects to endpoint. Until ctx ends it tries again what may be a
// matter of time: nobody listens yet, the ipc file is not there, a peer hangs up
// or stays mute. The error names the endpoint and the cause.
func DialDealer(ctx context.Context, endpoint string, o Options) (*Dealer, error) {
	o.Identity = bytes.Clone(o.Identity)
	d, err := newDialer(ctx, zmq4.Dealer, endpoint, o, nil)
	if err != nil {
		return nil, err
	}
	return &Dealer{d}, nil
}

// Send queues a message. It waits for room in the queue until ctx ends. After a
// loss that ended the socket the error wraps the loss's cause.
func (s *Dealer) Send(ctx context.Context, frames [][]byte) error { return s.d.send(ctx, frames) }

// Recv returns the next message. When the peer is lost, and Options.Reconnect not
// set, the messages that it had sent come first, then an error that wraps the
// cause, io.EOF for a peer that hung up.
func (s *Dealer) Recv(ctx context.Context) ([][]byte, error) { return s.d.recv(ctx) }

// Close writes what is queued, for Options.Linger at most, and ends the socket.
// Messages queued while there is no connection are dropped.
func (s *Dealer) Close() error { return s.d.close() }

// Sub is a connected SUB socket.
type Sub struct{ d *dialer }

// DialSub connects to endpoint as DialDealer does, and subscribes to
// Options.Subscribe at each connection. What is published before the peer has
// read the subscription does not arrive.
func DialSub(ctx context.Context, endpoint string, o Options) (*Sub, error) {
	topics := o.Subscribe
	if topics == nil {
		topics = [][]byte{nil}
	}
	hello := make([][]byte, len(topics))
	for i, topic := range topics {
		hello[i] = slices.Concat([]byte{subscribe}, topic)
	}
	d, err := newDialer(ctx, zmq4.Sub, endpoint, o, hello)
	if err != nil {
		return nil, err
	}
	return &Sub{d}, nil
}

// Recv returns the next message; see Dealer.Recv.
func (s *Sub) Recv(ctx context.Context) ([][]byte, error) { return s.d.recv(ctx) }

// Received is how many bytes have come so far, of whole messages or not: it tells a
// large message under way from silence.
func (s *Sub) Received() int64 { return s.d.read.Load() }

// Close ends the socket.
func (s *Sub) Close() error { return s.d.close() }
