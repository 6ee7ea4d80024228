//go:build !windows

package daemon

import (
	"errors"
	"syscall"
)

// detached is a process that ends with no terminal, session or group of who starts it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func closeOnExec(descriptors ...int) {
	for _, fd := range descriptors {
		syscall.CloseOnExec(fd)
	}
}

func terminate(pid int) error { return signal(pid, syscall.SIGTERM) }

func kill(pid int) error { return signal(pid, syscall.SIGKILL) }

func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil // it has ended
}
