package gokernel

import (
	"os"
	"syscall"
	"unsafe"
)

// tellCrashOn has the runtime write to this file what it would write to descriptor 2,
// which the cells' pipe is: why and where it ends the process. Nobody reads the pipe
// then, so that the first lines would be lost, and a long list of goroutines would fill
// it and block the process for ever. debug.SetCrashOutput knows no first lines:
// "fatal error: concurrent map writes" is written before the crash.
func tellCrashOn(f *os.File) (restore func()) {
	crashFD = f.Fd()
	overrideWrite = writeApart
	return func() { overrideWrite = nil }
}

// overrideWrite is the runtime's, which calls it for all that it writes itself.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32

// crashFD is set before overrideWrite: the runtime calls it where nothing can be passed on.
var crashFD uintptr

// writeApart is write(2), but for descriptor 2. It may neither grow its stack nor
// allocate: the runtime calls it on any stack, and while it crashes.
//
//go:nosplit
//go:norace
func writeApart(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd == 2 {
		fd = crashFD
	}
	written, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if errno != 0 {
		return -int32(errno)
	}
	return int32(written)
}
