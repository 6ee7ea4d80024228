//go:build unix

package zsock

import (
	"errors"
	"syscall"
)

// restrict gives a socket, and by that the ipc file bound to it, the mode 0600.
// Linux obeys; elsewhere this fails and the mode is set after the bind.
func restrict(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }

// refused says that nobody listens where err comes from.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
