//go:build !windows

package kernelclient

import (
	"errors"
	"syscall"
)

// signalGroupOf signals the group of a process that started at start, or what is left of it:
// no system gives a number to a process that a group still bears.
func signalGroupOf(pid int, start string, s syscall.Signal) error {
	switch now, err := processStart(pid); {
	case errors.Is(err, errNoProcess):
	case err != nil:
		return err
	case now != start:
		return errNoProcess
	}
	return syscall.Kill(-pid, s)
}
