package kernelclient

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks an open file for this process alone, or fails at once: a byte far behind
// its end, since nobody may write to what is locked.
func lockFile(f *os.File) error {
	far := windows.Overlapped{OffsetHigh: 1 << 30}
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &far)
}
