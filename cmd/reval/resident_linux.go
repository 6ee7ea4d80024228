package main

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// leaveProgram takes the pages of this program's file from what is resident of this process: those
// that are needed come back from the system's cache. A start initialises all packages, and
// touches some 30 MB by that, most of it of the Go kernel, which is another process.
func leaveProgram() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps") // proc_pid_maps(5)
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		addresses, rest, _ := bytes.Cut(line, []byte(" "))
		permissions, _, _ := bytes.Cut(rest, []byte(" "))
		if bytes.ContainsRune(permissions, 'w') || !bytes.HasSuffix(line, []byte(" "+self+"\n")) {
			continue // what was written is in no file
		}
		from, to, _ := bytes.Cut(addresses, []byte("-"))
		begin, err := strconv.ParseUint(string(from), 16, strconv.IntSize)
		if err != nil {
			return
		}
		end, err := strconv.ParseUint(string(to), 16, strconv.IntSize)
		if err != nil {
			return
		}
		unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED) // it is no more than an advice
	}
}
