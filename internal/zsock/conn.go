package zsock

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
)

// conn is one connection after its handshake.
//
// Goroutines: serve runs in that of its caller and reads; it starts one that
// writes (write). The reader waits for bytes or for deliver, the writer for
// messages, pongs or the loss of the connection. When reading fails, or another
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
		lost:     make(chan struct{}),
	}, nil
}

// serve exchanges messages until the connection is lost, or until out is closed and
// written; it returns the cause. Messages read are given to deliver, whose error
// ends the connection. When life ends there is linger left for all this.
func (c *conn) serve(life context.Context, linger time.Duration, out <-chan [][]byte, deliver func(frames [][]byte) error) error {
	stop := context.AfterFunc(life, func() { c.nc.SetDeadline(time.Now().Add(linger)) })
	defer stop()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(out)
	}()
	for {
		frames, err := c.r.next(func(name string, body []byte) error { return c.command(name, body, deliver) })
		if err == nil {
			err = deliver(frames)
		}
		if err != nil {
			c.fail(err)
			break
		}
	}
	<-written
	return c.err
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
func (c *conn) write(out <-chan [][]byte) {
	w := bufio.NewWriterSize(c.nc, bufferSize)
	send := func(frames [][]byte, open bool) (bool, error) {
		if !open {
			return false, w.Flush()
		}
		return true, writeMessage(w, frames)
	}
	open := true
	for open {
		var err error
		select {
		case frames, ok := <-out:
			open, err = send(frames, ok)
		case pong := <-c.pongs:
			err = writeCommand(w, zmq4.CmdPong, pong)
		default:
			if w.Buffered() > 0 {
				err = w.Flush()
				break
			}
			select {
			case frames, ok := <-out:
				open, err = send(frames, ok)
			case pong := <-c.pongs:
				err = writeCommand(w, zmq4.CmdPong, pong)
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
	c.nc.SetReadDeadline(time.Now().Add(closeWait))
}
