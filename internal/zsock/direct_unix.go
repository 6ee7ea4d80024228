//go:build unix

package zsock

import "syscall"

// writeSome writes what the system takes of p without waiting, and returns how many
// bytes that was: none, too, if the connection is broken, which the next one who
// writes will notice.
func writeSome(raw syscall.RawConn, p []byte) (n int) {
	raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), p)
		return true
	})
	return max(n, 0)
}
