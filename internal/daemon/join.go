package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// JoinOptions say which daemon is joined, by whom, and how one is started.
type JoinOptions struct {
	Place   Place
	Preface Preface
	// Command starts a daemon of the place's build, which calls [Serve] with Detached: the
	// arguments after this program's name. Without it none is started.
	Command []string
	// Patience bounds each wait for a daemon that may be hanging; 0 for 5 s.
	Patience time.Duration

	peer func(*net.UnixConn) (uid int, err error) // nil for peerOf
}

// ErrNone is of a daemon that does not run and was not to be started.
var ErrNone = errors.New("no daemon runs")

// Conn is a connection to a daemon that has welcomed this process.
type Conn struct {
	*net.UnixConn
	Daemon Welcome
}

const (
	defaultPatience = 5 * time.Second
	// startPatience bounds a daemon's start, on a machine that is busy with others, too.
	startPatience = 30 * time.Second
)

// Join connects to the user's daemon, and starts one if there is none: of any number of
// processes that join at once one starts it and the others wait for that. A daemon that
// lives but cannot be reached, or does not answer, is ended and replaced.
func Join(ctx context.Context, o JoinOptions) (*Conn, error) {
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.peer == nil {
		o.peer = peerOf
	}
	c, err := o.dial(ctx)
	if !errors.Is(err, errUnreached) {
		return c, err
	}
	if o.Command == nil {
		return nil, fmt.Errorf("%w (%w)", ErrNone, err)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("another process is starting a daemon and does not come to an end"))
	defer cancel()
	starting, err := lockFile(waiting, o.Place.start())
	if err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	defer starting.Close()
	if c, err = o.dial(ctx); !errors.Is(err, errUnreached) {
		return c, err
	}
	if err := o.clear(ctx); err != nil {
		return nil, err
	}
	if err := o.start(waiting, starting); err != nil {
		return nil, err
	}
	return o.dial(ctx)
}

// errUnreached is of a daemon that is not there, or that does not answer.
var errUnreached = errors.New("the daemon is not reached")

// dial connects to the daemon and introduces this process.
func (o JoinOptions) dial(ctx context.Context) (*Conn, error) {
	deadline := time.Now().Add(o.Patience)
	dialer := net.Dialer{Deadline: deadline}
	nc, err := dialer.DialContext(ctx, "unix", o.Place.Socket())
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", errUnreached, err)
	}
	c := nc.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { c.Close() })
	w, err := o.greet(c, deadline)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return &Conn{c, w}, nil
}

func (o JoinOptions) greet(c *net.UnixConn, deadline time.Time) (Welcome, error) {
	if err := checkPeer(c, o.peer); err != nil {
		return Welcome{}, err
	}
	w, err := greet(c, o.Preface, deadline)
	if gone(err) || errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %w", errUnreached, err)
	}
	return w, err
}

// checkPeer refuses what is not this user's.
func checkPeer(c *net.UnixConn, peer func(*net.UnixConn) (int, error)) error {
	uid, err := peer(c)
	if err != nil {
		return fmt.Errorf("ask whose process is at the other end of the daemon's socket: %w", err)
	}
	if uid != os.Geteuid() {
		return fmt.Errorf("at the other end of the daemon's socket is a process of another user, uid %d", uid)
	}
	return nil
}

// gone tells whether an error is the end of a peer.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// clear ends a daemon that lives although it is not reached; the lock of starts is held,
// so that none is about to listen. Its process id is believed because of its lock: it
// wrote it after it had that, and no other process has that file open.
func (o JoinOptions) clear(ctx context.Context) error {
	path := o.Place.lock()
	// It may be just about to end.
	free := o.waitForLock(ctx, path)
	for _, end := range []func(pid int) error{terminate, kill} {
		if free || ctx.Err() != nil {
			break
		}
		pid := readPID(path)
		if pid == 0 {
			break
		}
		if err := end(pid); err != nil {
			return fmt.Errorf("end the daemon that does not answer (process %d): %w", pid, err)
		}
		free = o.waitForLock(ctx, path)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !free:
		return fmt.Errorf("a daemon has %s locked, does not answer and does not end", path)
	}
	return nil
}

// waitForLock waits until nobody has a lock.
func (o JoinOptions) waitForLock(ctx context.Context, path string) bool {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	f, err := lockFile(ctx, path)
	if err == nil {
		f.Close()
	}
	return err == nil
}
