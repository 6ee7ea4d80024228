package kernelclient

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sys/windows"
)

// processHandle is a system's handle, which keeps the process's number from being another's.
type processHandle struct {
	pid     int
	process windows.Handle
	closing windows.Handle // an event
	once    sync.Once
	ended   chan struct{} // closed when wait has returned

	mu            sync.Mutex
	waits, closed bool // wait, close was called
}

const stillActive = 259 // STILL_ACTIVE of GetExitCodeProcess

func processStart(pid int) (string, error) {
	h, err := openProcess(pid)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	return startOf(h)
}

func openProcess(pid int) (windows.Handle, error) {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.PROCESS_TERMINATE, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return 0, errNoProcess
	}
	if err != nil {
		return 0, fmt.Errorf("open process %d: %w", pid, err)
	}
	return h, nil
}

// startOf is the time of the process's creation, in units of 100 ns.
func startOf(h windows.Handle) (string, error) {
	var code uint32
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetExitCodeProcess(h, &code); err != nil {
		return "", fmt.Errorf("look at a process: %w", err)
	}
	if code != stillActive {
		return "", errNoProcess
	}
	if err := windows.GetProcessTimes(h, &created, &exited, &kernel, &user); err != nil {
		return "", fmt.Errorf("look when a process started: %w", err)
	}
	return strconv.FormatInt(int64(created.HighDateTime)<<32|int64(created.LowDateTime), 10), nil
}

func holdProcess(pid int, start string) (*processHandle, error) {
	process, err := openProcess(pid)
	if err != nil {
		return nil, err
	}
	now, err := startOf(process)
	if err == nil && now != start {
		err = errNoProcess
	}
	h := &processHandle{pid: pid, process: process, ended: make(chan struct{})}
	if err == nil {
		h.closing, err = windows.CreateEvent(nil, 1, 0, nil)
	}
	if err != nil {
		windows.CloseHandle(process)
		return nil, err
	}
	return h, nil
}

func (h *processHandle) wait() bool {
	h.mu.Lock()
	closed := h.closed
	h.waits = !closed
	h.mu.Unlock()
	if closed {
		return false
	}
	defer close(h.ended)
	event, err := windows.WaitForMultipleObjects([]windows.Handle{h.process, h.closing}, false, windows.INFINITE)
	return err == nil && event == windows.WAIT_OBJECT_0
}

func (h *processHandle) kill() { windows.TerminateProcess(h.process, 1) }

func (h *processHandle) close() {
	h.once.Do(func() {
		h.mu.Lock()
		h.closed = true
		waits := h.waits
		h.mu.Unlock()
		windows.SetEvent(h.closing)
		if waits {
			<-h.ended
		}
		windows.CloseHandle(h.closing)
		windows.CloseHandle(h.process)
	})
}
