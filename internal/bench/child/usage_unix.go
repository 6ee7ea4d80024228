//go:build unix

package child

import (
	"errors"
	"os"
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
	return of(&r), nil
}

// UsageOf is that of a process that has ended.
func UsageOf(s *os.ProcessState) (Usage, error) {
	r, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return Usage{}, errors.New("the system does not tell what the process used")
	}
	return of(r), nil
}

func of(r *syscall.Rusage) Usage {
	unit := int64(1 << 10)
	if runtime.GOOS == "darwin" {
		unit = 1 // getrusage(2) there: bytes
	}
	return Usage{
		CPU:  time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Peak: int64(r.Maxrss) * unit,
	}
}
