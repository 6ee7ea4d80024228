package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errNoIdle ends an execution whose kernel replied and then fell silent. A publisher
// drops messages for a subscriber that does not keep up, and idle may be among them.
var errNoIdle = errors.New("the kernel replied but never became idle: the last of its output may be lost")

// receiving are channels that count the bytes of IOPub. Where a message may be under
// way unseen, its lack is no silence.
type receiving interface{ received() int64 }

// waitIdle returns when IOPub said that the execution is over, or its connection was
// made anew, with which that may be lost. The error is that of ctx, of the kernel's
// death, or errNoIdle when IOPub brought nothing at all for the kernel's patience.
func (k *Kernel) waitIdle(ctx, waiting context.Context, x *execution) error {
	silence := time.NewTimer(k.patience)
	defer silence.Stop()
	bytes := func() int64 { return 0 }
	if c, ok := k.channels.(receiving); ok {
		bytes = c.received
	} else {
		silence.Stop()
	}
	seen, received := k.published.Load(), bytes()
	for {
		select {
		case <-x.idle:
			return nil
		case <-waiting.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("wait for idle: %w", context.Cause(ctx))
			}
			return nil
		case <-k.done:
			return k.deadErr()
		case <-silence.C:
			handled, came := k.published.Load(), bytes()
			if handled == seen && handled%2 == 0 && came == received {
				return errNoIdle
			}
			seen, received = handled, came
			silence.Reset(k.patience)
		}
	}
}
