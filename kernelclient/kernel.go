package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// ErrDead is wrapped by the errors of a kernel that is no more.
var ErrDead = errors.New("kernel died")

// Options say how a Kernel treats what no execution waits for.
type Options struct {
	// Late is called with every event whose execution has ended (parent is its
	// message id) or that has none (parent is empty): what background threads
	// print, for example. Calls come in the kernel's order and must not block. What
	// other clients of the kernel caused is passed over.
	Late func(parent string, e Event)
	// Connection is called when the connection to a kernel's server breaks, with the
	// cause, again when an attempt to make it anew fails, and with nil when it is there
	// again. Nothing is lost with it but what its error to the caller says. It must not
	// block. Kernels on this machine have no connection that breaks without them.
	Connection func(err error)
	// Responsive is called with false when a kernel of this machine that something is
	// waited for is silent: nothing comes from it and its heartbeat is not answered for
	// a whole Heartbeat, as when the process is stopped. It is called with true when
	// the kernel answers again. It must not block. While nothing is waited for, and of a
	// kernel that answered no heartbeat at its start, nothing is asked. That a kernel
	// computes in silence is told of those alone that were heard while they ran code.
	Responsive func(bool)
	// Waiting is called while a kernel's start takes long, after 5 s and then from time to
	// time, with what is waited for and what the kernel's process said. It must not block.
	Waiting func(words string)
	// Heartbeat is the time between two questions, and for an answer; default 5 s.
	Heartbeat time.Duration
	// Logger gets malformed messages and the kernel's own output; nil discards.
	Logger *slog.Logger
}

func (o Options) log() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// Kernel is a kernel that runs, with its five channels.
//
// Goroutines: the channels' readers, and watch, started by connect, which waits for
// the process to exit, a channel to be lost, or Close, and then closes the
// channels; the one of watchHeart, which watch ends; and for an adopted kernel those of
// ascertain and hearInput, which end when it is through with what it was sent before, or with
// the Kernel. The reader of IOPub alone calls the events' functions, but for input
// requests, so that outputs keep the kernel's order.
type Kernel struct {
	session  string // of the messages that are sent
	identity string // the routing id of the sockets that they are sent from
	spec     Spec   // zero for an attached kernel
	file     string
	proc     *process // nil if it was not launched or adopted
	remote   *remote  // nil for a kernel on this machine
	options  Options

	registration *registration // nil for a kernel that ends with this process
	occupation   *occupation   // of an adopted kernel, else nil

	channels channels
	info     jupyter.KernelInfoReplyContent

	// patience is how long a reply may come after idle, and idle after the reply.
	patience  time.Duration
	published atomic.Uint64 // twice the messages of IOPub; odd while one is handled
	came      atomic.Int64  // messages of all channels
	dropped   atomic.Int64  // malformed messages
	waited    chan struct{} // tells the heart's goroutine that something is waited for
	silent    atomic.Bool   // Responsive was called with false
	stirred   chan struct{} // tells the heart's goroutine that a silent kernel sent a message

	heard    chan struct{} // closed when IOPub brought its first message but a welcome
	welcomed atomic.Bool   // IOPub brought a welcome
	echoes   atomic.Bool   // the kernel tells the session of the requests that it answers
	lost     chan error    // why the first channel was lost
	closing  chan struct{} // closed by close
	stopOnce sync.Once
	done     chan struct{} // closed when everything ended

	mu         sync.Mutex
	err        error                            // why it is done; set before done is closed
	expected   bool                             // the end was asked for
	released   bool                             // Release was called, nothing is done to the kernel any more
	replies    map[string]chan *jupyter.Message // by the request's message id
	executions map[string]*execution            // by the request's message id
	doubtful   map[string]bool                  // what was under way when the connection broke
	aside      aside
}

// Attach joins a kernel that runs, by its connection file. Closing the Kernel
// leaves it running.
func Attach(ctx context.Context, file string, o Options) (*Kernel, error) {
	info, err := jupyter.ReadConnectionFile(file)
	if err != nil {
		return nil, err
	}
	k := newKernel(o)
	k.file = file
	if err := k.connect(ctx, func(ctx context.Context) (channels, error) {
		ctx, cancel := context.WithTimeout(ctx, attachPatience)
		defer cancel()
		return dialSockets(ctx, info, k.identity, k.malformed)
	}, k.ready); err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("attach to the kernel of %s: it has ended, choose one that runs: %w", file, err)
		}
		return nil, fmt.Errorf("attach to the kernel of %s: %w", file, err)
	}
	return k, nil
}

// attachPatience bounds how long an attach tries to connect: a kernel whose file
// was just written may not listen yet, one that has ended never will.
const attachPatience = 3 * time.Second

func newKernel(o Options) *Kernel {
	o.Logger = o.log()
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	if o.Connection == nil {
		o.Connection = func(error) {}
	}
	if o.Late == nil {
		o.Late = func(string, Event) {}
	}
	session := jupyter.NewID()
	return &Kernel{
		session: session, identity: session, options: o, patience: defaultPatience,
		heard: make(chan struct{}), lost: make(chan error, 1), waited: make(chan struct{}, 1), stirred: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
		replies: map[string]chan *jupyter.Message{}, executions: map[string]*execution{},
	}
}

// Info is the kernel's answer to kernel_info_request.
func (k *Kernel) Info() jupyter.KernelInfoReplyContent { return k.info }

// Launched tells whether the kernel was started here, or by a program whose kernel was
// adopted, not attached to.
func (k *Kernel) Launched() bool { return k.proc != nil || k.remote != nil && k.remote.started }

// PID is the number of its process, if that was launched on this machine; else 0.
func (k *Kernel) PID() int {
	if k.proc == nil {
		return 0
	}
	return k.proc.pid
}

// Spec is the kernelspec it was launched by; zero if it was attached to.
func (k *Kernel) Spec() Spec { return k.spec }

// ConnectionFile is the path of the kernel's connection file.
func (k *Kernel) ConnectionFile() string { return k.file }

// Done is closed when the kernel is gone or was closed.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Err says why the kernel is done: nil if it was asked to end, else an error
// that wraps ErrDead and tells how it ended with the tail of its stderr.
func (k *Kernel) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// ExitStatus is the status that a kernel exited with, as a shell would tell it: 128 and the
// signal's number where a signal ended it. It is not known of a kernel that was attached to,
// that runs on a server, or whose end was asked for.
func (k *Kernel) ExitStatus() (status int, known bool) {
	if k.proc == nil || !errors.Is(k.Err(), ErrDead) {
		return 0, false
	}
	select {
	case <-k.proc.exited:
	default: // it has only closed its channels
		return 0, false
	}
	return k.proc.exitStatus()
}

// connect opens the channels and waits until the kernel is ready. On an error
// everything that it started has ended; the process is the caller's.
func (k *Kernel) connect(ctx context.Context, open func(context.Context) (channels, error), ready func(context.Context) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if k.proc != nil {
		stop := make(chan struct{})
		defer close(stop)
		go k.watchStart(cancel, stop)
	}
	if k.channels, err = open(ctx); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, ErrDead) || errors.Is(cause, errFloods) {
			return cause
		}
		return err
	}
	k.channels.read(k.handle, func(err error) {
		select {
		case k.lost <- err:
		default: // the first says enough
		}
	})
	started := make(chan struct{})
	go k.watch(k.watchHeart(started))
	if err := ready(ctx); err != nil {
		cause := context.Cause(ctx)
		k.expect()
		k.detach()
		if errors.Is(cause, ErrDead) || errors.Is(cause, errFloods) {
			return cause
		}
		return err
	}
	close(started)
	return nil
}

// droppedLogged is how many malformed messages are logged one by one. Of a kernel
// that sends nothing else it is one of so many times so many.
const droppedLogged = 100

// malformed notes a message that cannot be read; the channel goes on.
func (k *Kernel) malformed(channel jupyter.Channel, err error) {
	n := k.dropped.Add(1)
	if n <= droppedLogged || n%(droppedLogged*droppedLogged) == 0 {
		k.options.Logger.Warn("message dropped", "channel", channel, "error", err, "dropped so far", n)
	}
}

// handle takes a message of any channel.
func (k *Kernel) handle(channel jupyter.Channel, m *jupyter.Message) {
	k.came.Add(1)
	if k.silent.Load() {
		select {
		case k.stirred <- struct{}{}:
		default:
		}
	}
	switch channel {
	case jupyter.Shell, jupyter.Control:
		k.handleReply(m)
	case jupyter.Stdin:
		k.handleStdin(m)
	case jupyter.IOPub:
		k.handleIOPub(m)
	}
}

// Pauses of ready. A kernel that never publishes its status is taken as ready
// after iopubPatience, or sooner if it has welcomed the subscription; none is known that
// does not.
const (
	iopubPause      = 50 * time.Millisecond
	iopubPatience   = 10 * time.Second
	welcomePatience = time.Second
)

// ready repeats kernel_info until it is answered and IOPub brought something of it. A
// reply alone does not mean that the subscription has reached the kernel, and what is
// published before it has is lost. iopub_welcome (JEP 65) says that it has, where a
// kernel sends it, but not that all of the kernel publishes already: xeus-python, which
// hands messages to a thread that publishes them, lost one after its welcome.
func (k *Kernel) ready(ctx context.Context) error {
	var answered time.Time // zero before
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !answered.IsZero() {
			wait, cancel = context.WithTimeout(ctx, time.Second)
		}
		reply, err := k.askInfo(wait)
		cancel()
		switch {
		case err == nil:
			if err := reply.Decode(&k.info); err != nil {
				// A field of another type than expected leaves the others readable.
				k.malformed(jupyter.Shell, err)
			}
			if answered.IsZero() {
				answered = time.Now()
			}
		case ctx.Err() != nil || answered.IsZero():
			return fmt.Errorf("wait for kernel_info_reply: %w", err)
		}
		pause := time.NewTimer(iopubPause)
		select {
		case <-k.heard:
			pause.Stop()
			return nil
		case <-pause.C:
		case <-k.done:
			return k.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for iopub: %w", ctx.Err())
		}
		switch waited := time.Since(answered); {
		case waited > welcomePatience && k.welcomed.Load():
			return nil
		case waited > iopubPatience:
			k.options.Logger.Warn("kernel answers but publishes nothing", "kernel", k.info.Implementation)
			return nil
		}
	}
}

// lastOutputPatience bounds how long the last messages of a dead kernel are read.
const lastOutputPatience = 2 * time.Second

// watch ends the Kernel when its process exits, a channel is lost, or it is closed.
func (k *Kernel) watch(stopHeart func()) {
	var exited chan struct{}
	if k.proc != nil {
		exited = k.proc.exited
	}
	var err error
	select {
	case <-k.closing:
	case <-exited:
		err = fmt.Errorf("%w: %s", ErrDead, k.proc.death())
	case cause := <-k.lost:
		if k.remote != nil {
			err = fmt.Errorf("%w: %w", ErrDead, cause)
			break
		}
		if k.proc == nil {
			err = fmt.Errorf("%w: its connection was lost: %w", ErrDead, cause)
			break
		}
		// A kernel that dies closes its sockets a moment before it can be waited
		// for; its exit says more.
		timer := time.NewTimer(3 * time.Second)
		defer timer.Stop()
		select {
		case <-exited:
			err = fmt.Errorf("%w: %s", ErrDead, k.proc.death())
		case <-k.closing:
		case <-timer.C:
			err = fmt.Errorf("%w: it closed its %w", ErrDead, cause)
		}
	}
	if errors.Is(err, ErrDead) {
		// What it sent before its end is still to be read: a dead kernel's sockets
		// end by themselves, but not one that a child of it has inherited.
		rest := time.NewTimer(lastOutputPatience)
		defer rest.Stop()
		select {
		case <-k.channels.drained():
		case <-rest.C:
		case <-k.closing:
		}
	}
	stopHeart()
	k.channels.close()
	k.mu.Lock()
	if !k.expected {
		k.err = err
	}
	k.mu.Unlock()
	close(k.done)
}

// Close leaves the kernel: the channels are closed, and the kernel of Attach
// runs on. Of a launched or adopted kernel the process is killed; [Kernel.Shutdown] lets it
// end in order, [Kernel.Release] leaves it running. One that was started on a server is
// ended by it, if it answers.
func (k *Kernel) Close() {
	released := k.expect()
	k.detach()
	if released {
		return
	}
	if k.remote != nil && k.remote.started {
		k.remote.deleting.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
			defer cancel()
			if err := k.remote.server.delete(ctx, k.remote.id); err != nil {
				k.options.Logger.Warn("end kernel", "server", k.remote.server.String(), "error", err)
			}
		})
	}
	if k.proc != nil {
		k.proc.stopNow()
		os.Remove(k.file)
	}
}

// expect notes that the kernel's end is wanted. It tells whether the kernel was released, so
// that its end is others' business.
func (k *Kernel) expect() (released bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expected = true
	return k.released
}

// detach closes the channels.
func (k *Kernel) detach() {
	k.stopOnce.Do(func() { close(k.closing) })
	<-k.done
}

// Grace periods of a shutdown: after the request, and after SIGTERM.
const (
	shutdownGrace  = 5 * time.Second
	terminateGrace = time.Second
)

// Shutdown asks the kernel to end and, if it has not within five seconds or by
// the end of ctx, terminates and then kills it and its children. A kernel that
// was attached to is asked as well; use Close to leave it running. What a launched
// kernel runs is interrupted, since many end only between executions.
func (k *Kernel) Shutdown(ctx context.Context) error {
	if k.expect() {
		return fmt.Errorf("shut down: %w", ErrReleased)
	}
	k.mu.Lock()
	busy := len(k.executions) > 0
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()
	if k.remote != nil {
		var err error
		k.remote.deleting.Do(func() { err = k.remote.server.delete(ctx, k.remote.id) })
		k.Close()
		if err != nil {
			return fmt.Errorf("shut down: %w", err)
		}
		return nil
	}
	if busy && k.proc != nil {
		if err := k.Interrupt(ctx); err != nil {
			k.options.Logger.Debug("interrupt before shutdown", "error", err)
		}
	}
	// No reply is waited for: the exit is the answer.
	m, err := jupyter.NewMessage(k.session, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
	if err != nil {
		return err
	}
	err = k.send(ctx, jupyter.Control, m)
	if k.proc != nil {
		k.proc.stop(ctx, terminateGrace)
	} else if err == nil {
		select {
		case <-k.done:
		case <-ctx.Done():
			err = fmt.Errorf("shut down: the kernel is still there after %v", shutdownGrace)
		}
	}
	k.Close()
	if k.proc != nil {
		return nil
	}
	return err
}

func (k *Kernel) deadErr() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.err != nil:
		return k.err
	case k.released:
		return ErrReleased
	}
	return fmt.Errorf("%w: it was shut down", ErrDead)
}
