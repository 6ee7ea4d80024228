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

	peer func(*net.UnixConn) (peer, error) // nil for peerOf
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
	if !errors.As(err, new(unreachedError)) {
		return c, err
	}
	if o.Command == nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, 2*startPatience, errors.New("another process is starting a daemon and does not come to an end"))
	defer cancel()
	starting, err := lockFile(waiting, o.Place.start())
	if err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	defer starting.Close()
	c, err = o.dial(ctx)
	unreached := unreachedError{}
	if !errors.As(err, &unreached) {
		return c, err
	}
	if err := o.clear(ctx, unreached.pid); err != nil {
		return nil, err
	}
	if err := o.start(ctx, starting); err != nil {
		return nil, err
	}
	return o.dial(ctx)
}

// unreachedError is of a daemon that is not there, or that does not answer.
type unreachedError struct {
	pid int // of the daemon that does not answer; 0 if there is none
	err error
}

func (e unreachedError) Error() string {
	if e.pid != 0 {
		return fmt.Sprintf("the daemon (process %d) does not answer: %v", e.pid, e.err)
	}
	return fmt.Sprintf("no daemon listens: %v", e.err)
}

func (e unreachedError) Unwrap() error { return e.err }

// dial connects to the daemon and introduces this process.
func (o JoinOptions) dial(ctx context.Context) (*Conn, error) {
	deadline := time.Now().Add(o.Patience)
	dialer := net.Dialer{Deadline: deadline}
	nc, err := dialer.DialContext(ctx, "unix", o.Place.Socket())
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, unreachedError{0, err}
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
	peer, err := checkPeer(c, o.peer)
	if err != nil {
		return Welcome{}, err
	}
	w, err := greet(c, o.Preface, deadline)
	switch {
	case gone(err): // it ended just now
		err = unreachedError{0, err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = unreachedError{peer.pid, err}
	}
	return w, err
}

// gone tells whether an error is the end of a peer.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// clear sees to it that no daemon has the lock of this build. One that lives although it
// is not reached may be just about to end; one that accepts a connection and does not answer,
// pid, is ended. The lock of starts is held, so that none is about to listen.
func (o JoinOptions) clear(ctx context.Context, pid int) error {
	patience := o.Patience
	if pid == 0 {
		patience *= endingFactor
	}
	free := o.waitForLock(ctx, patience)
	if pid > 1 { // the system told it of a socket that is open: it is no other process's by now
		for _, end := range []func(pid int) error{terminate, kill} {
			if free || ctx.Err() != nil {
				break
			}
			if err := end(pid); err != nil {
				return fmt.Errorf("end the daemon that does not answer (process %d): %w", pid, err)
			}
			free = o.waitForLock(ctx, o.Patience)
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !free:
		return fmt.Errorf("a daemon lives and is not reached; by its lock, %s, it is process %d: end that if it is `reval daemon run`", o.Place.lock(), readPID(o.Place.lock()))
	}
	return nil
}

// endingFactor is how much longer than for an answer is waited for a daemon that does not
// listen any more: it ends what it has.
const endingFactor = 6

// waitForLock waits until no daemon has the lock.
func (o JoinOptions) waitForLock(ctx context.Context, patience time.Duration) bool {
	path := o.Place.lock()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := lockFile(ctx, path)
	if err == nil {
		f.Close()
	}
	return err == nil
}
