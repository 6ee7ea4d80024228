//go:build !windows

package kernelclient

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUser tells whether a file is this process's user's.
func ownedByUser(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}
