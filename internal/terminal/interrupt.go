package terminal

import (
	"context"
	"time"
)

// twice is how soon after an interrupt another one says that the kernel does not
// heed it.
const twice = 2 * time.Second

// heedInterrupts passes Ctrl-C on to the kernel. Twice in the same cell, or while
// no cell runs, it ends the run. It returns when ended is closed.
func (x *running) heedInterrupts(ctx context.Context, cancel context.CancelCauseFunc, ended <-chan struct{}) {
	var cell int
	var at time.Time
	for {
		select {
		case <-ended:
			return
		case <-x.Interrupts:
		}
		x.mu.Lock()
		k, running := x.kernel, x.cell
		x.mu.Unlock()
		if running == 0 {
			cancel(ExitError{exitInterrupted})
			continue
		}
		if running == cell && time.Since(at) < twice {
			if k.Launched() {
				x.warn("interrupted twice: the kernel is killed")
			} else {
				x.warn("interrupted twice: the kernel is left as it is")
			}
			cancel(ExitError{exitInterrupted})
			continue
		}
		cell, at = running, time.Now()
		go func() { // an answer may be long in coming, and the next Ctrl-C is to be heard
			if err := k.Interrupt(ctx); err != nil && ctx.Err() == nil {
				x.warn("%v", err)
			}
		}()
	}
}
