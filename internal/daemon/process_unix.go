//go:build !windows

package daemon

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// detached is a process that ends with no terminal, session or group of who starts it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func closeOnExec(descriptors ...int) {
	for _, fd := range descriptors {
		syscall.CloseOnExec(fd)
	}
}

// keepDescriptors sees to it that no program which this process starts has what it was
// itself started with besides the standard streams: a daemon would hold it for days.
func keepDescriptors() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
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
