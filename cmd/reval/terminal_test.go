//go:build !windows

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestStreamInParts wants each part of a stream to arrive before the code goes on
// to print the next: it waits for a line that is sent only then.
func TestStreamInParts(t *testing.T) {
	testenv.Python(t)
	cmd := exec.Command(testenv.Reval(t), "run", script(t, `
for part in ["one", "two", "three"]:
    print(part, flush=True)
    input()
print("all")
`))
	cmd.Env = testenv.Env(t)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for _, part := range []string{"one", "two", "three"} {
		if !lines.Scan() || lines.Text() != part {
			t.Fatalf("stdout has %q, want %q", lines.Text(), part)
		}
		if _, err := io.WriteString(stdin, "go on\n"); err != nil {
			t.Fatal(err)
		}
	}
	if !lines.Scan() || lines.Text() != "all" {
		t.Errorf("stdout has %q, want all", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestCtrlC sends the key to a terminal in which a loop runs.
func TestCtrlC(t *testing.T) {
	testenv.Python(t)
	for _, c := range []struct {
		name, code string
		// waits are what the screen shows before each Ctrl-C.
		waits  []string
		status int
		want   string
	}{
		{"interrupts the kernel", "print('ready', flush=True)\nwhile True: pass\n", []string{"ready"}, 1, "KeyboardInterrupt"},
		{"twice ends the run", `
import signal
signal.signal(signal.SIGINT, lambda *_: print("caught", flush=True))
print("ready", flush=True)
while True: pass
`, []string{"ready", "caught"}, 130, "killed"},
		{"ends a question", "input('who? ')\n", []string{"who?"}, 1, "KeyboardInterrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(testenv.Reval(t), "run", script(t, c.code))
			cmd.Env = testenv.Env(t)
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			screen := &strings.Builder{}
			for _, wait := range c.waits {
				waitFor(t, tty, screen, wait)
				if _, err := tty.WriteString("\x03"); err != nil {
					t.Fatal(err)
				}
			}
			io.Copy(screen, tty) // ends with an error where the terminal does
			err = cmd.Wait()
			exit := new(exec.ExitError)
			if !errors.As(err, &exit) || exit.ExitCode() != c.status {
				t.Errorf("it ended with %v, want exit status %d", err, c.status)
			}
			if !strings.Contains(screen.String(), c.want) {
				t.Errorf("the screen does not show %s", c.want)
			}
			if t.Failed() {
				t.Logf("screen:\n%s", screen)
			}
		})
	}
}

// waitFor reads until text was shown.
func waitFor(t *testing.T, from io.Reader, screen *strings.Builder, text string) {
	t.Helper()
	b := make([]byte, 4096)
	for !strings.Contains(screen.String(), text) {
		n, err := from.Read(b)
		screen.Write(b[:n])
		if err != nil {
			t.Fatalf("%q was not shown: %v; the screen:\n%s", text, err, screen)
		}
	}
}
