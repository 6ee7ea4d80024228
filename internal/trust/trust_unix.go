//go:build !windows

package trust

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// dontWait keeps the opening of a named pipe from waiting for its writer.
const dontWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

// uid is the owner of a file; -1 where the system does not tell.
func uid(st fs.FileInfo) int {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(sys.Uid)
	}
	return -1
}

func ownedByUser(st fs.FileInfo) bool { return uid(st) == os.Geteuid() }

// stranger names the owner of a file if that is neither the user nor root.
func stranger(st fs.FileInfo) string {
	if ownedByUser(st) || uid(st) == 0 {
		return ""
	}
	return owner(st)
}

func owner(st fs.FileInfo) string {
	id := strconv.Itoa(uid(st))
	if u, err := user.LookupId(id); err == nil {
		return fmt.Sprintf("%s (uid %s)", u.Username, id)
	}
	return "uid " + id
}

// othersMay tells whether the mode gives others, or the group, any of the rights.
func othersMay(st fs.FileInfo, rights fs.FileMode) bool { return st.Mode().Perm()&rights != 0 }
