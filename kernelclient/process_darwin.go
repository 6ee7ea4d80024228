package kernelclient

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// processHandle is a process's number and start, which are compared before each use, and a
// kqueue that tells its end.
type processHandle struct {
	pid   int
	start string
	queue int
	once  sync.Once
	ended chan struct{} // closed when wait reads the queue no more

	mu            sync.Mutex
	reads, closed bool // wait, close was called
}

// zombie is a process's state when it has ended (sys/proc.h, SZOMB).
const zombie = 5

// processStart is the time of the start, in microseconds.
func processStart(pid int) (string, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	switch {
	case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EIO): // EIO: the answer is empty
		return "", errNoProcess
	case err != nil:
		return "", fmt.Errorf("look when a process started: %w", err)
	case int(info.Proc.P_pid) != pid || info.Proc.P_stat == zombie:
		return "", errNoProcess
	}
	return fmt.Sprintf("%d.%06d", info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec), nil
}

// wakeUp is the event by which close ends wait.
const wakeUp = 1

func holdProcess(pid int, start string) (*processHandle, error) {
	queue, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	unix.CloseOnExec(queue)
	h := &processHandle{pid: pid, start: start, queue: queue, ended: make(chan struct{})}
	_, err = unix.Kevent(queue, []unix.Kevent_t{
		{Ident: wakeUp, Filter: unix.EVFILT_USER, Flags: unix.EV_ADD | unix.EV_CLEAR},
		{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT},
	}, nil, nil)
	if errors.Is(err, unix.ESRCH) {
		err = errNoProcess
	}
	// Looked at when the queue is about this process.
	if err == nil {
		var now string
		if now, err = processStart(pid); err == nil && now != start {
			err = errNoProcess
		}
	}
	if err != nil {
		unix.Close(queue)
		return nil, err
	}
	return h, nil
}

// wait takes a thread.
func (h *processHandle) wait() bool {
	h.mu.Lock()
	closed := h.closed
	h.reads = !closed
	h.mu.Unlock()
	if closed {
		return false
	}
	defer close(h.ended)
	events := make([]unix.Kevent_t, 1)
	for {
		n, err := unix.Kevent(h.queue, nil, events, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 1 && events[0].Filter == unix.EVFILT_USER:
			return false
		case n == 1 && events[0].Filter == unix.EVFILT_PROC:
			return true
		}
	}
}

func (h *processHandle) signalGroup(s syscall.Signal) error { return signalGroupOf(h.pid, h.start, s) }

func (h *processHandle) close() {
	h.once.Do(func() {
		h.mu.Lock()
		h.closed = true
		reads := h.reads
		h.mu.Unlock()
		if reads {
			unix.Kevent(h.queue, []unix.Kevent_t{{Ident: wakeUp, Filter: unix.EVFILT_USER, Fflags: unix.NOTE_TRIGGER}}, nil, nil)
			<-h.ended
		}
		unix.Close(h.queue)
	})
}
