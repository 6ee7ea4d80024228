package gokernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/stdinfo"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// Options of a kernel. The zero value is usable.
type Options struct {
	// Version is the implementation_version that the kernel tells.
	Version string
	// Engine is what runs the cells, one of Engines; "" is the first.
	Engine string
	// History is the folder that keeps what was executed, for later sessions; "" keeps
	// nothing. Startup is a file of Go code that is evaluated before the first cell, as
	// one, if it exists; "" = none.
	History, Startup string
	// Log takes what goes wrong with single messages; by default nothing is logged.
	Log *slog.Logger
}

// ServeFile serves one kernel at the endpoints of a connection file until a
// client shuts it down or ctx ends. It takes over the process: its standard
// streams become those of the cells, and SIGINT interrupts the running cells. To
// serve inside a program that does something else, see Serve.
func ServeFile(ctx context.Context, path string, o Options) error {
	info, err := jupyter.ReadConnectionFile(path)
	if err != nil {
		return err
	}
	k, err := newKernel(ctx, info, o, nil)
	if err != nil {
		return fmt.Errorf("start the Go kernel of %s: %w", path, err)
	}
	setArguments([]string{ownName}) // the rest is the kernel's own
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	k.serve(interrupts)
	return nil
}

// kernel is one kernel. Its goroutines, all started by serve, which waits for
// them: a receiver for each of shell, control, stdin and the subscriptions, the
// heartbeat, an executor for each shell, the two readers of the captured streams, and
// one for each request that is answered beside the running cells. The stop function
// ends them all.
type kernel struct {
	options Options
	host    *Host // the program around it; nil = the process is the kernel's
	log     *slog.Logger
	wire    *jupyter.Wire
	session string // id of the kernel's messages

	shell, control, stdin *zsock.Router
	iopub                 *zsock.XPub
	heartbeat             *zsock.Rep

	space   atomic.Pointer[namespace]
	loading sync.Mutex // one cell is prepared and loaded at a time
	cells   *cells
	streams *streams
	input   *input
	history *history
	comms   comms
	magics  magics
	shells  shells

	ctx  context.Context // ends when the kernel does
	stop context.CancelFunc
	wg   sync.WaitGroup

	publishing sync.Mutex // keeps signing and sending of IOPub in one order
	pressure   *backpressure

	mu    sync.Mutex
	count int // execution count
}

// namespace is what cells see, and the engine that holds it. A reset makes a new one.
type namespace struct {
	*front.Session
	engine front.Engine
}

// newKernel makes a kernel that listens; host is nil where the process is its own.
func newKernel(ctx context.Context, info jupyter.ConnectionInfo, o Options, host *Host) (made *kernel, err error) {
	k := &kernel{
		options: o, host: host, log: o.Log, session: jupyter.NewID(),
		cells: &cells{running: map[*cell]bool{}}, history: newHistory(o.History),
	}
	k.ctx, k.stop = context.WithCancel(ctx)
	k.shells.m = map[string]*shell{"": {queue: newQueue()}}
	k.comms.queue = newQueue()
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.wire, err = jupyter.NewWire(info.SignatureScheme, info.Key); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			k.stop()
			if k.streams != nil {
				k.streams.close()
			}
			k.close()
		}
	}()
	if err := k.listen(ctx, info); err != nil {
		return nil, err
	}
	stdinfo.Preload()
	if host != nil {
		k.streams = newStreams(k.cells, k.publishStream)
	} else if k.streams, err = captureStreams(k.cells, k.publishStream); err != nil {
		return nil, err
	}
	k.input = &input{k: k}
	return k, k.reset()
}

// reset makes the namespace a new one.
func (k *kernel) reset() error {
	k.loading.Lock()
	defer k.loading.Unlock()
	engine, err := k.newEngine()
	if err != nil {
		return err
	}
	n := &namespace{front.NewSession(engine), engine}
	n.SetQuiet(func() bool { return k.host == nil && k.cells.quiet() }) // a program's own goroutines cannot be told
	packages := []front.Package{k.revalPackage()}
	if k.host != nil {
		for _, p := range k.host.Packages {
			made, err := p.front()
			if err != nil {
				return err
			}
			packages = append(packages, made)
		}
	}
	if err := n.Provide(packages...); err != nil {
		return err
	}
	k.magics.clear()
	k.space.Store(n)
	return nil
}

func (k *kernel) listen(ctx context.Context, info jupyter.ConnectionInfo) (err error) {
	for channel, socket := range map[jupyter.Channel]**zsock.Router{jupyter.Shell: &k.shell, jupyter.Control: &k.control, jupyter.Stdin: &k.stdin} {
		verify := func(frames [][]byte) error { return k.verify(channel, frames) }
		if *socket, err = zsock.ListenRouter(ctx, info.Endpoint(channel), zsock.Options{Verify: verify}); err != nil {
			return err
		}
	}
	published := zsock.Options{Queue: stateRoom, SlowPeer: zsock.Block, SlowTimeout: slowReader}
	if info.Transport == "tcp" { // where anybody on the machine can be a subscriber
		published.Stall = stalledReader
	}
	if k.iopub, err = zsock.ListenXPub(ctx, info.Endpoint(jupyter.IOPub), published); err != nil {
		return err
	}
	k.pressure = newBackpressure(k.ctx, k.iopub)
	// At once: to a client that has subscribed by then, the welcome must come first.
	k.publish(nil, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: jupyter.StateStarting})
	k.heartbeat, err = zsock.ListenRep(ctx, info.Endpoint(jupyter.Heartbeat), zsock.Options{MaxFrame: maxHeartbeat, MaxMessage: maxHeartbeat, SlowPeer: zsock.DropPeer})
	return err
}

// maxHeartbeat bounds what is echoed, in bytes, since everybody may send it.
const maxHeartbeat = 4 << 10

// verify says why the first message of a connection is not by a client of the kernel.
func (k *kernel) verify(channel jupyter.Channel, frames [][]byte) error {
	m, err := k.wire.Check(frames)
	if err == nil {
		err = k.notOwn(m)
	}
	if err != nil {
		k.log.Warn("message dropped", "channel", channel, "error", err)
	}
	return err
}

// errOwn is said of messages that the kernel published, where everybody can read them.
var errOwn = errors.New("the kernel itself signed it")

func (k *kernel) notOwn(m *jupyter.Message) error {
	if m.Header.Session == k.session {
		return errOwn
	}
	return nil
}

// serve serves until a client or the kernel's context ends it.
func (k *kernel) serve(interrupts <-chan os.Signal) {
	ctx := k.ctx
	defer k.stop()
	k.start(func() { k.receive(ctx, k.shell, k.onShell) })
	k.start(func() { k.receive(ctx, k.control, k.onControl) })
	k.start(func() { k.receive(ctx, k.stdin, k.input.onReply) })
	k.start(func() { k.welcome(ctx) })
	k.start(func() {
		for m, ok := k.comms.queue.take(); ok; m, ok = k.comms.queue.take() {
			k.answer(ctx, k.shell, m)
		}
	})
	k.start(func() {
		k.startup(ctx)
		k.execute(ctx, k.shells.get(""))
	})
	k.start(func() {
		_ = k.heartbeat.Serve(ctx, func(request [][]byte) [][]byte { return request })
	})
	k.start(func() {
		for {
			select {
			case <-interrupts:
				k.cells.interrupt()
			case <-ctx.Done():
				return
			}
		}
	})
	<-ctx.Done() // which interrupts what runs
	defer time.AfterFunc(farewell, k.cells.interrupt).Stop()
	k.shells.close()
	k.comms.queue.close()
	k.wg.Wait()
	k.streams.close()
	k.history.close()
	k.close()
}

// farewell is how long a cell's deferred calls may run when the kernel ends.
const farewell = time.Second

func (k *kernel) start(f func()) {
	k.wg.Add(1)
	go func() {
		defer k.wg.Done()
		f()
	}()
}

// close ends the sockets that are open; what is queued on them is written first.
func (k *kernel) close() {
	if k.shell != nil {
		k.shell.Close()
	}
	if k.control != nil {
		k.control.Close()
	}
	if k.stdin != nil {
		k.stdin.Close()
	}
	if k.iopub != nil {
		k.iopub.Close()
	}
	if k.heartbeat != nil {
		k.heartbeat.Close()
	}
}

// receive reads a channel's messages one by one. Messages that do not verify, or
// came before, are dropped.
func (k *kernel) receive(ctx context.Context, from *zsock.Router, handle func(context.Context, *jupyter.Message)) {
	for {
		frames, err := from.Recv(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, zsock.ErrClosed) {
				k.log.Error("kernel stops", "error", err)
			}
			k.stop()
			return
		}
		m, err := k.wire.Decode(frames)
		if err == nil {
			err = k.notOwn(m)
		}
		if err != nil {
			k.log.Warn("message dropped", "endpoint", from.Endpoint(), "error", err)
			continue
		}
		handle(ctx, m)
	}
}

// goroutinePanic tells, on stderr, of a panic that ended a goroutine of a cell.
func (k *kernel) goroutinePanic(p *front.Panic) {
	lines := append([]string{"panic in a goroutine: " + panicLine(p)}, k.space.Load().Trace(p.Frames)...)
	fmt.Fprintln(k.streams.writer("stderr"), strings.Join(lines, "\n"))
}
