package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// flushPatience bounds how long what the daemon still says is waited for, or an editor
// that does not read, after the editor has closed its end.
const flushPatience = 5 * time.Second

// Forward copies bytes between an editor and a daemon until one of them ends or ctx does.
// The error says that the daemon ended without having ended the connection in order. Reads
// of in and writes to out may go on after it: nothing breaks them off.
func Forward(ctx context.Context, c *Conn, in io.Reader, out io.Writer) error {
	defer c.Close()
	fromEditor, fromDaemon := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := io.Copy(c.UnixConn, in)
		fromEditor <- err // before the daemon can answer to that
		c.CloseWrite()
	}()
	go func() {
		_, err := io.Copy(out, c.UnixConn)
		fromDaemon <- err
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-fromEditor:
		c.flush(ctx, fromDaemon)
		return c.editorEnded(err)
	case err := <-fromDaemon:
		select {
		case err := <-fromEditor:
			return c.editorEnded(err)
		default:
			return c.daemonEnded(err)
		}
	}
}

// flush waits for what the daemon says at the editor's end.
func (c *Conn) flush(ctx context.Context, fromDaemon <-chan error) {
	patience := time.NewTimer(flushPatience)
	defer patience.Stop()
	select {
	case <-ctx.Done():
	case <-patience.C:
	case <-fromDaemon:
	}
}

// editorEnded tells the end of an editor from that of the daemon, to which there is nothing
// to be written then.
func (c *Conn) editorEnded(err error) error {
	if errors.As(err, new(*net.OpError)) {
		return c.died()
	}
	return nil
}

// daemonEnded tells an end in order from a death: after that the daemon reads on, so that it can
// be written to.
func (c *Conn) daemonEnded(err error) error {
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return nil // the editor does not read any more
	}
	if _, err := c.Write([]byte("\n")); err != nil {
		return c.died()
	}
	return nil
}

func (c *Conn) died() error {
	return fmt.Errorf("the daemon (process %d) has ended, and with it this connection: `reval daemon log` may tell why; restart the server", c.Daemon.PID)
}
