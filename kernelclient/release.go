package kernelclient

import (
	"errors"
	"fmt"
)

// ErrReleased is returned by what is asked of a kernel after [Kernel.Release].
var ErrReleased = errors.New("the kernel was released: it runs on, without this program")

// Release lets go of a kernel without ending it: its channels are closed, it stays in its
// [Registry], and another program can adopt it. Nothing is done to it by this Kernel any more,
// and what it was asked for ends with ErrReleased. A child that was released is still waited
// for, lest it stay a zombie. A kernel that was attached to, or started on a server, is left
// as well; one that was launched without a Registry ends with this program and cannot be
// released.
func (k *Kernel) Release() error {
	if k.proc != nil && k.registration == nil {
		return errors.New("release kernel: it was not started to outlive this program")
	}
	k.mu.Lock()
	first := !k.expected
	if first {
		k.expected, k.released = true, true
	}
	released := k.released
	k.mu.Unlock()
	if !released {
		return fmt.Errorf("release kernel: %w", k.deadErr())
	}
	k.detach()
	if first && k.proc != nil {
		k.proc.release()
		k.registration.leave()
	}
	return nil
}
