package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// adoptPatience bounds how long an adopted kernel's channels are tried for.
const adoptPatience = 10 * time.Second

// Adopt takes over a kernel that another program has started and let go of, by its end or by
// [Kernel.Release]. The Kernel is as if it had been launched here: Interrupt, Shutdown and
// Close do what they do to a child, and its death is told. Only how its process ended is
// not known, but what it said at last is.
//
// A process is never taken for the kernel's by its number alone, nor signalled. The error
// wraps ErrDead if the kernel has ended, ErrHeld if another program has it. With any other
// error it runs on, unless its start was broken off with the program that started it.
//
// The kernel may still run what that program sent: see [Kernel.Occupied] and [Kernel.Await].
func (r *Registry) Adopt(ctx context.Context, e Entry, o Options) (*Kernel, error) {
	k, err := r.adopt(ctx, e, o)
	if err != nil {
		return nil, fmt.Errorf("adopt kernel %s (process %d): %w", e.Spec.Name, e.PID, err)
	}
	return k, nil
}

func (r *Registry) adopt(ctx context.Context, e Entry, o Options) (*Kernel, error) {
	k := newKernel(o)
	handle, g, err := r.hold(e, k.options.Logger)
	if err != nil {
		return nil, err
	}
	e = g.entry
	k.session, k.spec, k.file, k.registration = e.Client, e.Spec, e.ConnectionFile, g
	k.identity = jupyter.NewID() // the kernel may have the last one's connection still
	k.proc = adoptProcess(handle, g.output, e.Started)
	k.proc.clean = g.end
	k.occupation = &occupation{settled: make(chan struct{}), fates: map[string]*fate{}}
	err = k.join(ctx, e)
	if err == nil {
		return k, nil
	}
	switch {
	case errors.Is(err, ErrDead):
		k.proc.stopNow()
	case e.Info == nil && ctx.Err() == nil:
		k.proc.stopNow()
		err = fmt.Errorf("%w: its start was broken off: %w", ErrDead, err)
	default:
		k.proc.release()
		g.leave()
	}
	return nil, err
}

// join connects to an adopted kernel. One whose start was not over goes on with that.
func (k *Kernel) join(ctx context.Context, e Entry) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ready, patience := k.ready, startTimeout
	if e.Info != nil {
		k.info = *e.Info
		ready, patience = k.ascertain, adoptPatience
	}
	if err := k.connect(ctx, func(ctx context.Context) (channels, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		info, err := jupyter.ReadConnectionFile(k.file)
		if err != nil {
			return nil, err
		}
		return dialSockets(ctx, info, k.identity, k.malformed)
	}, ready); err != nil {
		return err
	}
	if e.Info == nil {
		close(k.occupation.settled) // it has run nothing yet
	}
	k.hearInput(ctx, e.Identity)
	if err := k.registration.ready(k); err != nil {
		k.expect()
		k.detach()
		return err
	}
	return nil
}

// hold takes hold of a kernel's process and of its place in the registry.
func (r *Registry) hold(e Entry, logger *slog.Logger) (*processHandle, *registration, error) {
	host, err := thisHost()
	if err != nil {
		return nil, nil, err
	}
	if e.Host != host {
		return nil, nil, fmt.Errorf("it is on another machine, %s", onOneLine(e.Host))
	}
	handle, err := holdProcess(e.PID, e.Start)
	if errors.Is(err, errNoProcess) {
		dead, _ := r.sweep(e)
		return nil, nil, dead
	}
	if err != nil {
		return nil, nil, err
	}
	g, err := r.take(e.ID, logger)
	if err == nil {
		// It may have been adopted and released since the entry was read.
		if g.entry, err = r.read(e.ID); err == nil && !g.entry.same(e) {
			err = errors.New("its entry is another's by now")
		}
		if err == nil {
			return handle, g, nil
		}
		g.output.close()
	}
	handle.close()
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: it is in the registry no more", ErrDead)
	}
	return nil, nil, err
}

// End ends a kernel that no program has, as [Kernel.Close] does, also if it cannot be adopted,
// as one that is stopped. The error wraps ErrDead if it has ended, ErrHeld if a program has it.
func (r *Registry) End(e Entry) error {
	handle, g, err := r.hold(e, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("end kernel %s (process %d): %w", e.Spec.Name, e.PID, err)
	}
	p := adoptProcess(handle, g.output, e.Started)
	p.clean = g.end
	p.stopNow()
	return nil
}
