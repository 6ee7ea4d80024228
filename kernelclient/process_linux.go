package kernelclient

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processHandle is a pidfd (Linux 5.3), which stands for the process whatever becomes of its
// number, or else the number and what is looked up each time.
type processHandle struct {
	pid   int
	start string
	fd    *os.File // nil if the system has none
	stop  chan struct{}
	once  sync.Once
}

// bootID is another one after each start of the system.
var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
})

// processStart is the boot's id and the clock ticks since the boot (proc_pid_stat(5), field 22).
func processStart(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH):
		return "", errNoProcess
	case err != nil:
		return "", fmt.Errorf("look when a process started: %w", err)
	}
	boot, err := bootID()
	if err != nil {
		return "", fmt.Errorf("look when the system started: %w", err)
	}
	// The second field is a name in parentheses, with whatever a program calls itself.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const state, started = 0, 19 // fields 3 and 22
	if len(fields) <= started {
		return "", fmt.Errorf("look when a process started: /proc/%d/stat has %d fields", pid, len(fields)+2)
	}
	if s := fields[state]; s == "Z" || s == "X" || s == "x" {
		return "", errNoProcess
	}
	return boot + " " + fields[started], nil
}

func holdProcess(pid int, start string) (*processHandle, error) {
	h := &processHandle{pid: pid, start: start, stop: make(chan struct{})}
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case err == nil:
		// So that waiting takes no thread: the runtime polls what does not block.
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("open process %d: %w", pid, err)
		}
		h.fd = os.NewFile(uintptr(fd), "pidfd")
	case errors.Is(err, unix.ESRCH):
		return nil, errNoProcess
	}
	// Looked at when the handle is open: from now on it stands for this process.
	if now, err := processStart(pid); err != nil || now != start {
		h.close()
		if err == nil {
			err = errNoProcess
		}
		return nil, err
	}
	return h, nil
}

// startPause is how often it is looked whether a process is still there, where nothing tells.
const startPause = time.Second

func (h *processHandle) wait() bool {
	if h.fd != nil {
		if conn, err := h.fd.SyscallConn(); err == nil && conn.Read(hasEnded) == nil {
			return true
		}
	}
	look := time.NewTicker(startPause)
	defer look.Stop()
	for {
		select {
		case <-h.stop:
			return false
		case <-look.C:
			if now, err := processStart(h.pid); errors.Is(err, errNoProcess) || err == nil && now != h.start {
				return true
			}
		}
	}
}

// hasEnded tells whether a pidfd's process has: it can be read from then on.
func hasEnded(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

// signalGroup signals the process's group, also when only its children are left of it.
func (h *processHandle) signalGroup(s syscall.Signal) error {
	if h.fd != nil {
		conn, err := h.fd.SyscallConn()
		if err != nil {
			return err
		}
		sent := error(unix.EINVAL)
		if err := conn.Control(func(fd uintptr) {
			sent = unix.PidfdSendSignal(int(fd), s, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
		}); err != nil {
			return err
		}
		if !errors.Is(sent, unix.EINVAL) && !errors.Is(sent, unix.ENOSYS) && !errors.Is(sent, unix.EPERM) { // before Linux 6.9
			return sent
		}
	}
	return signalGroupOf(h.pid, h.start, s)
}

func (h *processHandle) close() {
	h.once.Do(func() {
		close(h.stop)
		if h.fd != nil {
			h.fd.Close()
		}
	})
}
