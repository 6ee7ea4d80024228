package zsock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

// greetingSize is the length of a ZMTP 3 greeting, in bytes.
const greetingSize = 64

// handshake runs zmq4's ZMTP handshake over nc, within timeout and ctx, and returns
// the peer's identity and the reader that has whatever the peer sent after it.
func handshake(ctx context.Context, nc net.Conn, typ zmq4.SocketType, server bool, o Options) (identity string, br *bufio.Reader, err error) {
	nc.SetDeadline(time.Now().Add(o.HandshakeTimeout))
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	g := &guard{Conn: nc, br: bufio.NewReaderSize(counted(nc, o.received), bufferSize)}
	identity, err = open(g, typ, server, o.Identity)
	if !stop() {
		return "", nil, context.Cause(ctx)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("no ZMTP handshake within %v: %w", o.HandshakeTimeout, err)
	}
	if err != nil {
		return "", nil, err
	}
	return identity, g.br, nc.SetDeadline(time.Time{})
}

// counted is what nc reads, of which the bytes are counted if received is not nil.
func counted(nc net.Conn, received *atomic.Int64) io.Reader {
	if received == nil {
		return nc
	}
	return counting{nc, received}
}

type counting struct {
	nc       net.Conn
	received *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.nc.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// open calls zmq4.Open. It panics on metadata that is cut short and on a socket
// type that it does not know: both are the peer's doing, and are errors here.
func open(g *guard, typ zmq4.SocketType, server bool, identity []byte) (peer string, err error) {
	defer func() {
		switch p := recover(); {
		case p != nil:
			err = fmt.Errorf("malformed handshake (%v): %w", p, ErrProtocol)
		case g.err != nil:
			err = g.err // without zmq4's four layers of wrapping
		case err != nil:
			err = fmt.Errorf("%w: %w", ErrProtocol, err)
		}
	}()
	conn, err := zmq4.Open(g, null.Security(), typ, identity, server, nil)
	if err != nil {
		return "", err
	}
	peer = conn.Peer.Meta["Identity"]
	if len(peer) > 255 || len(peer) > 0 && peer[0] == 0 {
		return "", fmt.Errorf("peer has the identity %q, which is too long or reserved", peer)
	}
	return peer, nil
}

// guard is the connection as zmq4 sees it in a handshake. zmq4 allocates any
// length that a peer declares, so the guard reads the greeting and the one command
// that follows itself, bounded, and hands them on when they are there.
type guard struct {
	net.Conn
	br      *bufio.Reader
	greeted bool
	pending []byte // read from the peer, not yet by zmq4
	err     error  // the first error of reading or writing
}

func (g *guard) Read(p []byte) (int, error) {
	if len(g.pending) == 0 && g.err == nil {
		if !g.greeted {
			g.pending, g.err = g.greeting()
			g.greeted = true
		} else {
			g.pending, g.err = g.ready()
		}
	}
	if g.err != nil {
		return 0, g.err
	}
	n := copy(p, g.pending)
	g.pending = g.pending[n:]
	return n, nil
}

func (g *guard) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	if g.err == nil && err != nil {
		g.err = err
	}
	return n, err
}

// greeting looks at the first byte alone before it waits for the rest: what is not
// ZMTP may well be shorter than a greeting.
func (g *guard) greeting() ([]byte, error) {
	first, err := g.br.Peek(1)
	if err != nil {
		return nil, during(err)
	}
	if first[0] != 0xff {
		return nil, fmt.Errorf("peer does not speak ZMTP (its first byte is 0x%02x): %w", first[0], ErrProtocol)
	}
	p := make([]byte, greetingSize)
	if _, err := io.ReadFull(g.br, p); err != nil {
		return nil, during(err)
	}
	return p, nil
}

// ready reads the peer's READY command and returns it framed again, as zmq4 expects it.
func (g *guard) ready() ([]byte, error) {
	r := wireReader{br: g.br}
	flags, size, err := r.header()
	if err != nil {
		return nil, during(err)
	}
	if flags&flagCommand == 0 {
		return nil, fmt.Errorf("peer sent a message before its READY command: %w", ErrProtocol)
	}
	if size > maxCommand {
		return nil, fmt.Errorf("peer declared a handshake of %d bytes, cap is %d: %w", size, maxCommand, ErrTooLarge)
	}
	body, err := r.body(size)
	if err != nil {
		return nil, during(err)
	}
	name, data, err := parseCommand(body)
	if err != nil {
		return nil, err
	}
	if name == zmq4.CmdError {
		return nil, fmt.Errorf("peer refused the connection (%q): %w", data, ErrProtocol)
	}
	return append(appendHeader(nil, flagCommand, len(body)), body...), nil
}

// during names a connection that ends in the middle of a handshake.
func during(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("connection ended within the handshake: %w", io.ErrUnexpectedEOF)
	}
	return err
}
