//go:build !windows

package kernelclient

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks an open file for this process alone, or fails at once. The lock ends with
// the file's last descriptor, which no child of this process has.
func lockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	if err := conn.Control(func(fd uintptr) { locked = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return err
	}
	return locked
}
