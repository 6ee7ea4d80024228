//go:build unix && !linux

package gokernel

import (
	"os"
	"runtime/debug"
)

// tellCrashOn has the runtime write to this file, too, where it ends the process. The
// line that says why may stay behind in the cells' pipe.
func tellCrashOn(f *os.File) (restore func()) {
	_ = debug.SetCrashOutput(f, debug.CrashOptions{})
	return func() { _ = debug.SetCrashOutput(nil, debug.CrashOptions{}) }
}
