package main

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/terminal"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// TestRunInRunningKernel runs two files in a kernel that someone else started: it
// goes on, and keeps what the first defined.
func TestRunInRunningKernel(t *testing.T) {
	specs, err := builtinKernels()
	if err != nil {
		t.Fatal(err)
	}
	spec, env := specs[0], testenv.Env(t)
	spec.Argv[0] = testenv.Reval(t) // not this test
	k, err := kernelclient.Launch(t.Context(), spec, kernelclient.LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, c := range []struct{ kernel, code, want string }{
		{k.ConnectionFile(), "x := 41\n", ""},
		{k.ConnectionFile(), "x + 1\n", "42\n"},
		{"newest", "x + 2\n", "43\n"},
	} {
		file := filepath.Join(t.TempDir(), "cell.go")
		if err := os.WriteFile(file, []byte(c.code), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(testenv.Reval(t), "run", "--kernel", c.kernel, file)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != c.want {
			t.Errorf("%q gave %q, %v; want %q", c.code, out, err, c.want)
		}
	}
	if _, err := k.Complete(t.Context(), "x", 1); err != nil {
		t.Errorf("the kernel did not go on: %v", err)
	}
}

// TestLastValueComesLate: what a kernel publishes after it has said that it is done is
// shown, also of the last cell.
func TestLastValueComesLate(t *testing.T) {
	var last *kernelpeer.Request
	kernel := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		if last != nil {
			last.Print("late\n")
		}
		last = r
		r.End()
	}})
	out, err := exec.Command(testenv.Reval(t), "run", "--kernel", kernel.File, script(t, "1\n")).CombinedOutput()
	if err != nil || string(out) != "late\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// heard tells of the line in a kernel's log by which its silence will be noticed.
type heard struct{ beats chan struct{} }

func (h heard) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "answers its heartbeat while it runs code") {
		h.beats <- struct{}{}
	}
	return len(line), nil
}

// TestKernelThatDoesNotAnswer: the run tells that its kernel is silent, waits for it, and
// tells that it answers again.
func TestKernelThatDoesNotAnswer(t *testing.T) {
	over := make(chan struct{})
	lines := kernelpeer.Between(t, kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Wait(over)
		r.Print("over\n")
		r.End()
	}}).File)
	beats := make(chan struct{}, 1)
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		defer printed.Close()
		ended <- terminal.Run{
			Streams: terminal.Streams{Out: printed, Err: printed}, File: script(t, "1\n"), Kernel: lines.File, Heartbeat: 100 * time.Millisecond,
			Logger: slog.New(slog.NewTextHandler(heard{beats}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		}.Do(t.Context())
	}()
	said := bufio.NewScanner(out)
	says := func(want string) {
		t.Helper()
		if !said.Scan() || !strings.HasPrefix(said.Text(), want) {
			t.Fatalf("it says %q, want %q", said.Text(), want)
		}
	}
	<-beats
	lines.Of(jupyter.Heartbeat).Stall()
	says("reval: the kernel does not answer: ")
	lines.Of(jupyter.Heartbeat).Resume()
	says("reval: the kernel answers again")
	close(over)
	says("over")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestReaderGoesAway ends the run, and silently, when nobody reads its output.
func TestReaderGoesAway(t *testing.T) {
	file := filepath.Join(t.TempDir(), "endless.go")
	code := "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor {\n\t\tfmt.Println(\"line\")\n\t}\n}\n"
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testenv.Reval(t), "run", file)
	cmd.Env = testenv.Env(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("line\n"))
	if _, err := stdout.Read(first); err != nil || !strings.HasPrefix("line\n", string(first)) {
		t.Errorf("the first output is %q, %v", first, err)
	}
	stdout.Close()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitError {
		t.Errorf("it ended with %v, want exit status %d", err, exitError)
	}
	if stderr.Len() > 0 {
		t.Errorf("it said %q", &stderr)
	}
}

// script writes a Python file.
func script(t *testing.T, code string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.py")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
