//go:build unix

package gokernel

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// redirect makes two files the process's stdout and stderr, as files and as
// descriptors. The crash of the process itself is still told on the old stderr.
func redirect(stdout, stderr *os.File) (restore func(), err error) {
	var saved [3]int
	for fd := 1; fd <= 2; fd++ {
		if saved[fd], err = unix.Dup(fd); err != nil {
			return nil, fmt.Errorf("capture the standard streams: %w", err)
		}
		unix.CloseOnExec(saved[fd])
	}
	if err := unix.Dup2(int(stdout.Fd()), 1); err != nil {
		return nil, fmt.Errorf("capture stdout: %w", err)
	}
	if err := unix.Dup2(int(stderr.Fd()), 2); err != nil {
		return nil, fmt.Errorf("capture stderr: %w", err)
	}
	crash := os.NewFile(uintptr(saved[2]), "stderr")
	forget := tellCrashOn(crash)
	return func() {
		forget()
		_ = unix.Dup2(saved[1], 1)
		_ = unix.Dup2(saved[2], 2)
		unix.Close(saved[1])
		crash.Close()
	}, nil
}
