package kernelclient

import (
	"context"
	"fmt"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// beginPatience bounds how long an interrupt waits for code that was sent to begin.
const beginPatience = 500 * time.Millisecond

// begun waits until the kernel runs what it was sent, which an interrupt that
// overtook it would miss. Some kernels do not say that they begin.
func (k *Kernel) begun(ctx context.Context) {
	timer := time.NewTimer(beginPatience)
	defer timer.Stop()
	k.mu.Lock()
	var waits []chan struct{}
	for _, x := range k.executions {
		if x.hasBegun {
			k.mu.Unlock()
			return
		}
		waits = append(waits, x.begun)
	}
	k.mu.Unlock()
	for _, begun := range waits {
		select {
		case <-begun:
			return // one runs; the others wait behind it
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		case <-k.done:
			return
		}
	}
}

// Interrupt stops what the kernel runs, in the way its kernelspec says: by
// SIGINT to its process group or by interrupt_request. A kernel that was
// attached to is asked by message, one on a server by the server.
func (k *Kernel) Interrupt(ctx context.Context) error {
	k.mu.Lock()
	for _, x := range k.executions {
		x.interrupted = true
	}
	k.mu.Unlock()
	k.begun(ctx)
	if k.remote != nil {
		if err := k.remote.server.interrupt(ctx, k.remote.id); err != nil {
			return fmt.Errorf("interrupt kernel: %w", err)
		}
		return nil
	}
	if k.proc != nil && k.spec.InterruptMode != InterruptByMessage {
		select {
		case <-k.done:
			return k.deadErr()
		default:
		}
		if err := k.proc.interrupt(); err != nil {
			return fmt.Errorf("interrupt kernel: %w", err)
		}
		return nil
	}
	m, err := jupyter.NewMessage(k.session, jupyter.InterruptRequest, struct{}{})
	if err != nil {
		return err
	}
	if _, err := k.roundTrip(ctx, jupyter.Control, m); err != nil {
		return fmt.Errorf("interrupt kernel: %w", err)
	}
	return nil
}
