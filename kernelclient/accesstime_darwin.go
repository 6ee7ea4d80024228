package kernelclient

import (
	"io/fs"
	"syscall"
	"time"
)

// accessTime is when a file was last read, as far as its file system keeps that.
func accessTime(st fs.FileInfo) (time.Time, bool) {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(sys.Atimespec.Unix()), true
}
