package zsock

import (
	"errors"
	"syscall"
)

// restrict does nothing: a file has the access list of its directory.
func restrict(uintptr) {}

// refused says that nobody listens where err comes from. 10061 is WSAECONNREFUSED.
func refused(err error) bool { return errors.Is(err, syscall.Errno(10061)) }
