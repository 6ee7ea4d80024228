//go:build unix

package child

import (
	"runtime"
	"syscall"
	"time"
)

// usage is that of this process.
func usage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, err
	}
	unit := int64(1 << 10)
	if runtime.GOOS == "darwin" {
		unit = 1 // getrusage(2) there: bytes
	}
	return Usage{
		CPU:  time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Peak: int64(r.Maxrss) * unit,
	}, nil
}
