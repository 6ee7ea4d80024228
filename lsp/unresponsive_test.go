//go:build !windows

package lsp_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/lsp"
)

// hearing is a logger that tells when a kernel's heartbeat was first heard while code ran,
// before which its silence is not told.
type hearing struct{ beats chan struct{} }

func (h hearing) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("answers its heartbeat while it runs code")) {
		h.beats <- struct{}{}
	}
	return len(line), nil
}

// withHeart is a setup in which a kernel's silence is soon noticed.
func withHeart(capabilities map[string]any) (setup, <-chan struct{}) {
	beats := make(chan struct{}, 10)
	return setup{
		capabilities: capabilities, heartbeat: 300 * time.Millisecond,
		logger: slog.New(slog.NewTextHandler(hearing{beats}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, beats
}

// signal sends a signal to the process of a real kernel.
func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// A kernel whose process is stopped while it runs code is told, and told again when it
// goes on. Nothing of its output is lost, and what was queued runs.
func TestStoppedKernel(t *testing.T) {
	s, beats := withHeart(plugin())
	c := start(t, s)
	mark := filepath.Join(t.TempDir(), "go")
	code := fmt.Sprintf("print('on', flush=True)\nwhile not __import__('os').path.exists(%q): pass\nprint('over')", mark)
	b := c.python(code + "\n'next'\n")
	pid := b.pid()
	running := b.start(code)
	running.printed("on")
	<-beats
	queued := b.start("'next'")
	signal(t, pid, syscall.SIGSTOP)
	st := c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionUnresponsive })
	if st.Running != running.id || st.Queued != 1 || !strings.Contains(st.Message, "does not answer") {
		t.Errorf("state %+v", st)
	}
	signal(t, pid, syscall.SIGCONT)
	if st := c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionBusy }); st.Message != "" {
		t.Errorf("state %+v", st)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if tr := running.wait(); tr.stream("stdout") != "on\nover\n" || tr.end.State != lsp.EvaluationDone {
		t.Errorf("what ran: %+v", tr)
	}
	queued.wait().want(t, "queued running done", "'next'")

	// One that stays so is restarted.
	b.rewrite("while True: pass\n'again'\n")
	running = b.start("while True: pass")
	c.state(func(s lsp.StateParams) bool { return s.Running == running.id })
	signal(t, pid, syscall.SIGSTOP)
	c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionUnresponsive })
	command[any](c, lsp.CommandRestart, b.only())
	if tr := running.wait(); tr.end.State != lsp.EvaluationLost {
		t.Errorf("what ran: %+v", tr.end)
	}
	b.run("'again'").want(t, "queued running done", "'again'")
}

// A client without a plugin is told by messages, once each.
func TestStoppedKernelWithoutPlugin(t *testing.T) {
	s, beats := withHeart(plain())
	c := start(t, s)
	mark := filepath.Join(t.TempDir(), "go")
	code := fmt.Sprintf("while not os.path.exists(%q): pass", mark)
	b := c.python("import os; os.getpid()\n" + code + "\n'next'\n")
	b.start("import os; os.getpid()")
	b.settled()
	pid, err := strconv.Atoi(b.hints()[0].Label)
	if err != nil {
		t.Fatal(err)
	}
	b.start(code)
	<-beats
	signal(t, pid, syscall.SIGSTOP)
	c.showMessage("does not answer")
	signal(t, pid, syscall.SIGCONT)
	c.showMessage("answers again")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.start("'next'")
	b.settled()
}
