//go:build unix

package zsock

import (
	"net"
	"syscall"
)

// someWriter gives a function that writes what the system takes of p without waiting,
// and returns how many bytes that was: none, too, if the connection is broken, which
// the next one who writes will notice. It is for one goroutine at a time.
func someWriter(nc net.Conn) func(p []byte) int {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	var rest []byte
	var n int
	write := func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), rest)
		return true
	}
	return func(p []byte) int {
		rest, n = p, 0
		raw.Write(write)
		rest = nil
		return max(n, 0)
	}
}
