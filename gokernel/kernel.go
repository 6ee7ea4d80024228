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
	// Log takes what goes wrong with single messages; by default nothing is logged.
	Log *slog.Logger
}

// ServeFile serves one kernel at the endpoints of a connection file until a
// client shuts it down or ctx ends. It takes over the process: its standard
// streams become those of the cells, and SIGINT interrupts the running cell.
func ServeFile(ctx context.Context, path string, o Options) error {
	info, err := jupyter.ReadConnectionFile(path)
	if err != nil {
		return err
	}
	k, err := newKernel(ctx, info, o)
	if err != nil {
		return fmt.Errorf("start the Go kernel of %s: %w", path, err)
	}
	return k.serve(ctx)
}

// kernel is one kernel. Its goroutines, all started by serve, which waits for
// them: a receiver for each of shell, control, stdin and the subscriptions, the
// heartbeat, the executor, the two readers of the captured streams, and one for
// each request that is answered beside the running cell. The stop function ends
// them all.
type kernel struct {
	options Options
	log     *slog.Logger
	wire    *jupyter.Wire
	session string // id of the kernel's messages

	shell, control, stdin *zsock.Router
	iopub                 *zsock.XPub
	heartbeat             *zsock.Rep

	engine    front.Engine
	namespace *front.Session
	streams   *streams
	input     *input
	queue     *queue
	history   history

	stop context.CancelFunc
	wg   sync.WaitGroup

	publishing sync.Mutex // keeps signing and sending of IOPub in one order

	mu        sync.Mutex
	running   *jupyter.Message   // the execute_request under way, or the last one
	interrupt context.CancelFunc // of the running cell; nil between cells
	count     int                // execution count
}

func newKernel(ctx context.Context, info jupyter.ConnectionInfo, o Options) (made *kernel, err error) {
	k := &kernel{options: o, log: o.Log, session: jupyter.NewID(), queue: newQueue()}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.wire, err = jupyter.NewWire(info.SignatureScheme, info.Key); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
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
	if k.streams, err = captureStreams(k.publishStream); err != nil {
		return nil, err
	}
	k.input = &input{k: k}
	if k.engine, err = k.newEngine(); err != nil {
		return nil, err
	}
	k.namespace = front.NewSession(k.engine)
	return k, nil
}

func (k *kernel) listen(ctx context.Context, info jupyter.ConnectionInfo) (err error) {
	if k.shell, err = zsock.ListenRouter(ctx, info.Endpoint(jupyter.Shell), zsock.Options{}); err != nil {
		return err
	}
	if k.control, err = zsock.ListenRouter(ctx, info.Endpoint(jupyter.Control), zsock.Options{}); err != nil {
		return err
	}
	if k.stdin, err = zsock.ListenRouter(ctx, info.Endpoint(jupyter.Stdin), zsock.Options{}); err != nil {
		return err
	}
	// A flood waits for its slowest reader rather than lose a line.
	if k.iopub, err = zsock.ListenXPub(ctx, info.Endpoint(jupyter.IOPub), zsock.Options{SlowPeer: zsock.Block, SlowTimeout: slowReader}); err != nil {
		return err
	}
	k.heartbeat, err = zsock.ListenRep(ctx, info.Endpoint(jupyter.Heartbeat), zsock.Options{})
	return err
}

func (k *kernel) serve(ctx context.Context) error {
	ctx, k.stop = context.WithCancel(ctx)
	defer k.stop()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)

	// Before the first welcome, so that no client gets it amid its own messages.
	k.publish(nil, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: jupyter.StateStarting})
	k.start(func() { k.receive(ctx, k.shell, k.onShell) })
	k.start(func() { k.receive(ctx, k.control, k.onControl) })
	k.start(func() { k.receive(ctx, k.stdin, k.input.onReply) })
	k.start(func() { k.welcome(ctx) })
	k.start(func() { k.execute(ctx) })
	k.start(func() {
		_ = k.heartbeat.Serve(ctx, func(request [][]byte) [][]byte { return request })
	})
	k.start(func() {
		for {
			select {
			case <-interrupts:
				k.interruptCell()
			case <-ctx.Done():
				return
			}
		}
	})
	<-ctx.Done()
	k.interruptCell()
	k.queue.close()
	k.wg.Wait()
	k.streams.close()
	k.close()
	return nil
}

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
		if err != nil {
			k.log.Warn("message dropped", "endpoint", from.Endpoint(), "error", err)
			continue
		}
		handle(ctx, m)
	}
}

// interruptCell ends the running cell, if there is one.
func (k *kernel) interruptCell() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.interrupt != nil {
		k.interrupt()
	}
}

// goroutinePanic tells, on stderr, of a panic that ended a goroutine of a cell.
func (k *kernel) goroutinePanic(p *front.Panic) {
	lines := append([]string{"panic in a goroutine: " + panicLine(p)}, k.namespace.Trace(p.Frames)...)
	fmt.Fprintln(k.streams.orderedStderr(), strings.Join(lines, "\n"))
}
