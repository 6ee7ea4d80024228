package daemon

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Client is a connection that a daemon serves, after the preface.
type Client struct {
	Preface Preface
	Since   time.Time

	conn   *net.UnixConn
	r      *bufio.Reader   // has what came with the preface
	ending context.Context // the daemon's
	closed atomic.Bool
	died   atomic.Bool // it must not look like an end in order
}

// farewellPatience bounds how long a peer may take to close its end.
const farewellPatience = 5 * time.Second

func (c *Client) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *Client) Write(p []byte) (int, error) { return c.conn.Write(p) }

// stoppedError is why a daemon ends whose user has asked for that: editors are not to start it
// again.
type stoppedError struct{ error }

// dies tells whether the connection's end is to look like a death, after which an editor goes on
// with another daemon.
func (c *Client) dies() bool {
	return c.died.Load() || c.ending.Err() != nil && !errors.As(context.Cause(c.ending), new(stoppedError))
}

// Close breaks off reads and writes, and tells the peer that the connection has ended in
// order; where the daemon ends and was not stopped, that it has not.
func (c *Client) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	if c.dies() {
		return c.conn.Close()
	}
	err := c.conn.CloseWrite()
	c.conn.SetDeadline(time.Unix(1, 0))
	return err
}

// farewell waits until the peer has seen the end, which it may take for a death otherwise.
func (c *Client) farewell() {
	c.Close()
	if c.dies() {
		return
	}
	stop := context.AfterFunc(c.ending, func() {
		if c.dies() {
			c.conn.Close()
		}
	})
	defer stop()
	c.conn.SetDeadline(time.Now().Add(farewellPatience))
	io.Copy(io.Discard, c.conn)
}

// asks tells a client for which no daemon needs to stay.
func (c *Client) asks() bool {
	return c.Preface.Purpose == Control || c.Preface.Purpose == purposeStart
}
