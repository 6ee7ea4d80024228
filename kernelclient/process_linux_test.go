package kernelclient

import (
	"bufio"
	"errors"
	"os/exec"
	"syscall"
	"testing"
)

// TestProcessHandle: with a pidfd and, as before Linux 5.3, without one the end is told and
// the group signalled, also what is left of it when its first process has ended.
func TestProcessHandle(t *testing.T) {
	t.Parallel()
	for name, pidfd := range map[string]bool{"with a pidfd": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo on; wait")
			cmd.SysProcAttr = ownSession()
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			pid := cmd.Process.Pid
			t.Cleanup(func() { syscall.Kill(-pid, syscall.SIGKILL) })
			_, err = bufio.NewReader(out).ReadString('\n')
			must(t, err)
			start, err := processStart(pid)
			must(t, err)
			h, err := holdProcess(pid, start)
			must(t, err)
			if h.fd == nil {
				t.Skip("the system has no pidfd")
			}
			if !pidfd {
				must(t, h.fd.Close())
				h.fd = nil
			}
			ended := make(chan bool, 1)
			go func() { ended <- h.wait() }()
			must(t, h.signalGroup(0))
			must(t, cmd.Process.Kill())
			if !next(t, ended) {
				t.Error("wait was broken off")
			}
			// A zombie is no process any more.
			if _, err := processStart(pid); !errors.Is(err, errNoProcess) {
				t.Errorf("start of a zombie: %v", err)
			}
			cmd.Wait()
			must(t, h.signalGroup(syscall.SIGKILL))
			gone(t, pid)
			if err := h.signalGroup(0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("signalled: %v", err)
			}
			h.close()
			h.close()

			self, err := processStart(1)
			must(t, err)
			h, err = holdProcess(1, self)
			must(t, err)
			if !pidfd {
				must(t, h.fd.Close())
				h.fd = nil
			}
			go func() { ended <- h.wait() }()
			h.close()
			if next(t, ended) {
				t.Error("process 1 is told to have ended")
			}
		})
	}
}
