package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// LaunchOptions say where and with what a kernel is started.
type LaunchOptions struct {
	Options
	// Dir is the kernel's working directory; empty for this process's.
	Dir string
	// Env is the environment it starts from, as of os.Environ; nil for this
	// process's.
	Env []string
	// Stdin is what the kernel's process itself reads, apart from input requests; nil for
	// nothing. It must be no terminal, which stops who reads it from the background.
	Stdin *os.File
	// Transport is TransportIPC or TransportTCP to have that and no other; empty
	// for the better one of those that the kernel can.
	Transport string
	// Registry, if it is not nil, has the kernel outlive this process: it gets a session of
	// the system of its own, so that no terminal's signal reaches it, has nothing to read,
	// writes its own output to a file, and is entered there for [Registry.Adopt]. It ends
	// with [Kernel.Shutdown] or [Kernel.Close], not when this process does. Stdin must be nil.
	Registry *Registry
	// Session is what the caller wants to find in the kernel's [Entry].
	Session string
}

// startTimeout bounds a start for which the caller set no deadline: a first
// import of a large Python environment from a cold disk takes tens of seconds.
const startTimeout = 2 * time.Minute

// Launch starts a kernel in a process group of its own, with a random key, and
// waits until it is ready. The kernel ends with [Kernel.Shutdown] or [Kernel.Close].
//
// Unless the options say otherwise it talks over Unix sockets in a folder of mode
// 0700, and over tcp on loopback if it turns out that it cannot; that is remembered
// in the user's cache folder.
func Launch(ctx context.Context, spec Spec, o LaunchOptions) (*Kernel, error) {
	if spec.Missing != "" {
		return nil, errors.New(spec.Missing)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registry != nil && o.Stdin != nil {
		return nil, fmt.Errorf("start kernel %s: one that outlives this process cannot have its input", spec.Name)
	}
	k, err := tryWays(ctx, spec, o)
	if err != nil {
		return nil, fmt.Errorf("start kernel %s: %w", spec.Name, err)
	}
	return k, nil
}

// tryWays starts a kernel in the first way that it can.
func tryWays(ctx context.Context, spec Spec, o LaunchOptions) (*Kernel, error) {
	vars := environMap(o.Env)
	ways, err := ways(spec, o.Transport, vars)
	if err != nil {
		return nil, err
	}
	learned := true
	for i, w := range ways {
		var k *Kernel
		var otherwise bool
		for range launchAttempts {
			if k, otherwise, err = launchBy(ctx, w, spec, o, vars); !portTaken(err) {
				break
			}
		}
		if err == nil {
			if learned {
				if err := remember(spec, o.Transport, w, vars); err != nil {
					o.Logger.Debug("remember the kernel's transport", "error", err)
				}
			}
			return k, nil
		}
		if !otherwise || i == len(ways)-1 || ctx.Err() != nil {
			return nil, err
		}
		learned = learned && !errors.Is(err, errNoPlace)
		o.Logger.Debug("kernel is started in another way", "kernel", spec.Name, "failed", w, "error", err)
	}
	return nil, err
}

// launchAttempts is how often a start is tried when another program took one of
// the kernel's ports between the time they were found free and the kernel's bind.
const launchAttempts = 4

// portTaken tells it by the words of the system's error (EADDRINUSE), which the
// kernel's own are taken from, or by who is there: another kernel's socket, of a type that
// does not fit.
func portTaken(err error) bool {
	return errors.Is(err, zsock.ErrProtocol) || errors.Is(err, ErrDead) && strings.Contains(strings.ToLower(err.Error()), "address already in use")
}

// launchBy starts a kernel in one way. With an error, otherwise says that it may
// be the way that was wrong.
func launchBy(ctx context.Context, w way, spec Spec, o LaunchOptions, vars map[string]string) (k *Kernel, otherwise bool, err error) {
	k = newKernel(o.Options)
	k.spec = spec
	if k.file, err = newConnectionFile(vars); err != nil {
		return nil, false, err
	}
	opening, err := w.open(ctx, spec.Name, vars, k.options.Logger)
	if err != nil {
		return nil, true, err
	}
	defer opening.end()
	if err := opening.info.WriteFile(k.file); err != nil {
		removeSockets(opening.info)
		return nil, false, err
	}
	read := watchReading(k.file)
	if err := k.begin(opening.info, o); err != nil {
		os.Remove(k.file)
		removeSockets(opening.info)
		return nil, false, err
	}
	err = k.connect(ctx, func(ctx context.Context) (channels, error) {
		info, err := opening.await(ctx, w, read)
		if err != nil {
			return nil, err
		}
		if info != opening.info { // for other clients, and a later attach
			if err := info.WriteFile(k.file); err != nil {
				return nil, err
			}
		}
		return dialSockets(ctx, info, k.identity, k.malformed)
	}, k.ready)
	if err == nil {
		if err = k.started(); err == nil {
			return k, false, nil
		}
		k.Close()
		return nil, false, err
	}
	wasRead, known := read.done()
	otherwise = errors.Is(err, errUnopened) || errors.Is(err, ErrDead) && (wasRead || !known)
	k.proc.stopNow()
	os.Remove(k.file)
	switch {
	case errors.Is(err, ErrDead): // it ends with what it said
	case errors.Is(err, errUnopened):
		err = fmt.Errorf("%w%s", err, k.proc.said())
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("not ready in time: %w%s", err, k.proc.said())
	}
	return nil, otherwise, err
}

// begin starts the process, and enters it where it is to be found again.
func (k *Kernel) begin(info jupyter.ConnectionInfo, o LaunchOptions) (err error) {
	run := program{dir: o.Dir, stdin: o.Stdin}
	env := append(o.Env[:len(o.Env):len(o.Env)], parentPID())
	if o.Registry != nil {
		if k.registration, err = o.Registry.begin(k.options.Logger); err != nil {
			return err
		}
		run.output, env = k.registration.output, withoutParent(o.Env)
	}
	run.argv, run.env = k.spec.command(realPath(k.file), env)
	if k.proc, err = startProcess(run, k.options.Logger); err != nil {
		if k.registration != nil {
			k.registration.remove()
		}
		return err
	}
	k.proc.clean = func() { removeSockets(info) }
	if k.registration == nil {
		return nil
	}
	k.proc.clean = func() {
		removeSockets(info)
		k.registration.remove()
	}
	// One that has ended already is told like every other death.
	if err := k.registration.enter(k, o.Dir, o.Session); err != nil && !errors.Is(err, errNoProcess) {
		k.proc.stopNow()
		return err
	}
	return nil
}

// started notes that the start has succeeded.
func (k *Kernel) started() error {
	if k.registration == nil {
		k.proc.stderr.forget()
		return nil
	}
	k.proc.output.forget()
	return k.registration.ready(k)
}

// When a start that takes long is told.
const (
	firstTold = 5 * time.Second
	nextTold  = 15 * time.Second
)

// errFloods ends the start of what prints and prints, and becomes no kernel.
var errFloods = errors.New("it prints without end and becomes no kernel")

// watchStart ends a start whose process exits, at once and not at the deadline, or prints
// without end, and tells of one that takes long. It returns when stop is closed.
func (k *Kernel) watchStart(end context.CancelCauseFunc, stop <-chan struct{}) {
	tell := time.NewTimer(firstTold)
	defer tell.Stop()
	for {
		select {
		case <-k.proc.exited:
			end(fmt.Errorf("%w: %s", ErrDead, k.proc.death()))
			return
		case <-k.proc.stderr.flooded:
			end(fmt.Errorf("%w%s", errFloods, k.proc.said()))
			return
		case <-tell.C:
			k.options.Waiting(fmt.Sprintf("kernel %s was started %.0f s ago and does not answer yet%s", k.spec.Name, time.Since(k.proc.began).Seconds(), k.proc.said()))
			tell.Reset(nextTold)
		case <-stop:
			return
		}
	}
}

// said gives what the process wrote last, as the end of an error's text.
func (p *process) said() string {
	if l := p.stderr.lastLines(3); l != "" {
		return "; it said: " + l
	}
	return ""
}
