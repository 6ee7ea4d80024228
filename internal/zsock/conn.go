package zsock

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
)

// conn is one connection after its handshake.
//
// Goroutines: serve runs in that of its caller and reads; it starts one that
// writes (write). The reader waits for bytes or for deliver, the writer for
// messages, pongs or the loss of the connection. A message on its own is written by
// its sender (writeNow). When reading fails, or another
// goroutine calls fail, nc is closed, which stops both; serve returns when both have.
// When writing fails the writer alone ends: the peer may have sent something before
// it died, and the reader comes to the same fault behind that.
// On a close of the socket the writer ends when it has written everything, and the
// reader when the peer has closed its end, or closeWait is over.
type conn struct {
	typ      zmq4.SocketType // our side
	nc       net.Conn
	r        wireReader
	identity string      // the peer's, empty if it gave none
	pongs    chan []byte // contexts of PINGs to be answered
	heard    atomic.Bool // a message has come since one was sent

	mu   sync.Mutex // guards w, and what is written to nc
	w    *bufio.Writer
	some func(p []byte) int // writes what the system takes of p now; nil if nothing can
	rest chan struct{}      // tells the writer that writeNow left something in w

	closing atomic.Bool // the socket is, and everything is written
	closeBy time.Time   // when closing waits for the peer no more; set before closing

	failing sync.Once
	err     error         // why the connection ended; set before lost is closed
	lost    chan struct{} // closed by fail
}

func newConn(ctx context.Context, nc net.Conn, typ zmq4.SocketType, server bool, o Options) (*conn, error) {
	identity, br, err := handshake(ctx, nc, typ, server, o)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &conn{
		typ:      typ,
		nc:       nc,
		r:        wireReader{br: br, maxFrame: o.MaxFrame, maxMessage: o.MaxMessage},
		identity: identity,
		pongs:    make(chan []byte, 16),
		w:        bufio.NewWriterSize(nc, bufferSize),
		some:     someWriter(nc),
		rest:     make(chan struct{}, 1),
		lost:     make(chan struct{}),
	}, nil
}

// serve exchanges messages until the connection is lost, or until out is closed and
// written; it returns the cause. Messages read are given to deliver, whose error
// ends the connection. When life ends there is linger left to write, and then closeWait
// for the peer to hang up, or to send more.
func (c *conn) serve(life context.Context, linger time.Duration, out *outbox, deliver func(frames [][]byte) error) error {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(out)
	}()
	stop := context.AfterFunc(life, func() {
		end := time.Now().Add(linger)
		c.nc.SetWriteDeadline(end)
		<-written
		c.closeBy = end.Add(closeWait)
		c.closing.Store(true)
		c.waitForEnd()
	})
	defer stop()
	for {
		frames, err := c.r.next(func(name string, body []byte) error { return c.command(name, body, deliver) })
		if err == nil {
			if !c.heard.Load() { // else the sender's cache line stays untouched
				c.heard.Store(true)
			}
			err = deliver(frames)
			if c.closing.Load() {
				c.waitForEnd()
			}
		}
		if err != nil {
			c.fail(err)
			break
		}
	}
	<-written
	return c.err
}

// waitForEnd gives the peer, of which something may just have come, time to close its end.
func (c *conn) waitForEnd() {
	end := time.Now().Add(closeWait)
	if end.After(c.closeBy) {
		end = c.closeBy
	}
	c.nc.SetReadDeadline(end)
}

// fail ends the connection. Only the first cause counts.
func (c *conn) fail(err error) {
	c.failing.Do(func() {
		c.err = err
		c.nc.Close()
		close(c.lost)
	})
}

// command handles what a peer may send between messages. Unknown commands are
// ignored, as ZMTP 3.0 wants it.
func (c *conn) command(name string, body []byte, deliver func([][]byte) error) error {
	switch name {
	case zmq4.CmdPing: // ZMTP 3.1: a time to live of 2 bytes, a context of up to 16
		if len(body) < 2 || len(body) > 18 {
			return fmt.Errorf("PING of %d bytes: %w", len(body), ErrProtocol)
		}
		select {
		case c.pongs <- body[2:]:
		default: // a flood; the answers under way say all that these would
		}
	case zmq4.CmdSubscribe, zmq4.CmdCancel: // ZMTP 3.1; 3.0 has messages for them
		if c.typ != zmq4.XPub {
			return fmt.Errorf("%s sent to a %s: %w", name, c.typ, ErrProtocol)
		}
		kind := subscribe
		if name == zmq4.CmdCancel {
			kind = cancel
		}
		return deliver([][]byte{append([]byte{kind}, body...)})
	case zmq4.CmdError:
		return fmt.Errorf("peer reported %q: %w", body, ErrProtocol)
	}
	return nil
}

// write sends what comes, and flushes when nothing more is waiting.
func (c *conn) write(out *outbox) {
	out.conn.Store(c)
	defer out.signal()
	defer out.conn.CompareAndSwap(c, nil)
	for open := true; open; {
		var err error
		select {
		case frames, ok := <-out.ch:
			open, err = c.writeQueued(out, frames, ok)
		case pong := <-c.pongs:
			err = c.writePong(pong)
		default:
			var flushed bool
			if flushed, err = c.flush(); flushed {
				break
			}
			select {
			case frames, ok := <-out.ch:
				open, err = c.writeQueued(out, frames, ok)
			case pong := <-c.pongs:
				err = c.writePong(pong)
			case <-c.rest:
			case <-c.lost:
				return
			}
		}
		if err != nil {
			return
		}
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// writeQueued takes what was received from the queue, whose close is the end.
func (c *conn) writeQueued(out *outbox, frames [][]byte, open bool) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !open {
		return false, c.w.Flush()
	}
	defer out.count(frames, -1)
	return true, writeMessage(c.w, frames)
}

func (c *conn) writePong(context []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return writeCommand(c.w, zmq4.CmdPong, context)
}

// flush tells whether there was something to be written.
func (c *conn) flush() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w.Buffered() == 0 {
		return false, nil
	}
	return true, c.w.Flush()
}

// maxNow is the size, in bytes, of the largest message that writeNow takes.
const maxNow = 8 << 10

// writeNow gives a small message to the operating system at once, in the goroutine of
// its sender: the two changes of goroutine that the queue costs take about as long as
// all else that happens to a message. It does not wait, and gives up, with false, if
// anything else is to be written before.
func (c *conn) writeNow(out *outbox, frames [][]byte) bool {
	if c.some == nil || wireSize(frames) > maxNow || !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	if out.pending.Load() > 0 || c.w.Buffered() > 0 {
		return false
	}
	p := appendMessage(c.w.AvailableBuffer(), frames)
	n := c.some(p)
	if n == 0 {
		return false
	}
	if n < len(p) {
		c.w.Write(p[n:])
		select {
		case c.rest <- struct{}{}:
		default:
		}
	}
	return true
}
