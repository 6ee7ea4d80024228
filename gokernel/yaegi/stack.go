package yaegi

import (
	"context"
	"errors"
	"runtime/metrics"
	"time"
)

// The interpreter has no place where its code could look how much stack it uses, and
// Go's own limit, 10⁹ bytes, ends the process. So while a cell runs, the process's
// stacks are looked at from time to time: at a thousandth of the time that it takes
// to fill one. A cell that fills one nevertheless, and a goroutine that does so when no
// cell runs, end the process.
const (
	// maxStack is how much more memory, in bytes, stacks may take than before a cell. A
	// stack doubles when it is full, so this is one that was full at 64 MiB: some 200,000
	// calls of a small function.
	maxStack = 100 << 20
	// stackInterval is the time between looks, some microseconds each.
	stackInterval = 10 * time.Millisecond
)

// errStackOverflow is why a cell was cancelled.
var errStackOverflow = errors.New("stack overflow: calls within calls take more than 64 MiB of stack; goroutines of earlier cells have ended too")

// watchStack gives a context that a stack overflow cancels, until stop is called.
func watchStack(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(stackInterval)
		defer tick.Stop()
		before := stackMemory()
		for {
			select {
			case <-tick.C:
				if stackMemory() > before+maxStack {
					cancel(errStackOverflow)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// stackMemory is what the process's stacks take, in bytes.
func stackMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
