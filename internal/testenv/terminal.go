package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The terminal's size, in character cells.
const (
	TerminalColumns = 120
	TerminalRows    = 40
)

// screenInterval is how often the screen is read; tmux has no event for a change.
const screenInterval = 20 * time.Millisecond

// tmuxConfig is all the configuration that the private server reads. A pane stays
// after its program ended, so that the last words can be read.
const tmuxConfig = `
set -s escape-time 0
set -g default-terminal screen-256color
set -g status off
set -g remain-on-exit on
set -gq remain-on-exit-format ""
set -g set-clipboard off
set -g focus-events off
`

// Terminal is a program that runs in a terminal of TerminalColumns × TerminalRows,
// which is the only pane of a tmux server of its own.
type Terminal struct {
	t      testing.TB
	tmux   string
	socket string
	env    []string
}

// StartTerminal starts a program with the whole environment env in the folder dir.
// The terminal and what runs in it end with the test.
func StartTerminal(t testing.TB, env []string, dir string, argv ...string) *Terminal {
	t.Helper()
	run := RuntimeDir(t)
	config := filepath.Join(run, "tmux.conf")
	if err := os.WriteFile(config, []byte(tmuxConfig), 0o600); err != nil {
		t.Fatalf("terminal: %v", err)
	}
	term := &Terminal{t: t, tmux: Tmux(t), socket: filepath.Join(run, "tmux"), env: env}
	start := []string{
		"-f", config, "new-session", "-d", "-c", dir,
		"-x", fmt.Sprint(TerminalColumns), "-y", fmt.Sprint(TerminalRows),
		"--", "sh", "-c", startWhenRead, term.tmux, term.socket,
	}
	t.Cleanup(term.Close)
	if _, err := term.run(append(start, argv...)...); err != nil {
		t.Fatalf("terminal: start %s: %v", argv[0], err)
	}
	term.command("wait-for", "-S", "read")
	return term
}

// startWhenRead starts the program when tmux reads its terminal: what one prints that ends
// before is lost on a busy machine. With env even a program without arguments is one.
const startWhenRead = `"$0" -S "$1" wait-for read && shift && exec env "$@"`

// Type sends text as it stands; a newline in it is the Enter key.
func (term *Terminal) Type(text string) {
	term.t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			term.Press("Enter")
		}
		if line == "" {
			continue
		}
		term.command("send-keys", "-l", "--", argument(line))
	}
}

// Press sends keys by tmux's names for them: "Enter", "Escape", "C-c", "M-x", "Up".
func (term *Terminal) Press(keys ...string) {
	term.t.Helper()
	command := []string{"send-keys", "--"}
	for _, key := range keys {
		command = append(command, argument(key))
	}
	term.command(command...)
}

// argument keeps tmux from ending its command at a word that ends in a semicolon.
func argument(word string) string {
	if rest, found := strings.CutSuffix(word, ";"); found {
		return rest + `\;`
	}
	return word
}

// Screen returns what is visible now, a line for each row, without trailing blanks.
func (term *Terminal) Screen() string {
	term.t.Helper()
	return term.command("capture-pane", "-p")
}

// WaitFor waits until the regular expression matches the screen, in which ^ and $
// match at each row's ends, and returns that screen.
func (term *Terminal) WaitFor(pattern string) string {
	term.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	return term.WaitUntil("/"+pattern+"/", re.MatchString)
}

// WaitUntil waits until the screen is as a test wants it and returns that screen. It
// fails the test, showing the screen, when the deadline is over or when the program
// has ended with the screen still different; what names the thing waited for.
func (term *Terminal) WaitUntil(what string, holds func(screen string) bool) string {
	term.t.Helper()
	tick := time.NewTicker(screenInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); ; {
		// Asked before the screen is read: a program writes nothing after its end.
		ended := term.ended()
		screen := term.Screen()
		if holds(screen) {
			return screen
		}
		if ended {
			term.t.Fatalf("the program ended before %s was on the screen:\n%s", what, framed(screen))
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("%s did not come within %v:\n%s", what, Patience, framed(screen))
		}
		<-tick.C
	}
}

// WaitExit waits until the program has ended and returns its exit status. A program
// that a signal ended fails the test.
func (term *Terminal) WaitExit() int {
	term.t.Helper()
	term.WaitUntil("the end of the program", func(string) bool { return term.ended() })
	status := term.end()
	code, err := strconv.Atoi(status)
	if err != nil {
		term.t.Fatalf("the program in the terminal ended by %s:\n%s", status, framed(term.Screen()))
	}
	return code
}

// Kill ends the program by SIGKILL, and waits for that.
func (term *Terminal) Kill() {
	term.t.Helper()
	pid := strings.TrimSpace(term.command("display-message", "-p", "#{pane_pid}"))
	if out, err := exec.Command("kill", "-KILL", pid).CombinedOutput(); err != nil {
		term.t.Fatalf("kill %s: %v: %s", pid, err, out)
	}
	term.WaitUntil("the end of the program", func(string) bool { return term.ended() })
}

// Close ends the program and the terminal; the test's cleanup calls it, too.
func (term *Terminal) Close() {
	if _, err := term.run("kill-server"); err != nil && !errors.Is(err, errNoServer) {
		term.t.Errorf("close terminal: %v", err)
	}
}

func (term *Terminal) ended() bool {
	term.t.Helper()
	return term.end() != ""
}

// end says how the program ended, by its exit status or by the words "signal N"; it is
// empty before that and until all that it wrote is on the screen. A pane is dead as soon
// as its terminal is closed and read, which may be before or after the program's end.
func (term *Terminal) end() string {
	term.t.Helper()
	answer := term.command("display-message", "-p",
		"#{pid} #{pane_dead} #{pane_dead_status}#{?pane_dead_signal,signal #{pane_dead_signal},}")
	fields := strings.SplitN(strings.TrimRight(answer, "\n"), " ", 3)
	server, dead, status := fields[0], fields[1] == "1", fields[2]
	switch {
	case !dead:
		return ""
	case status == "":
		// tmux 3.3 misses the signal for a child that ends at once; this is another.
		if err := exec.Command("kill", "-CHLD", server).Run(); err != nil {
			term.t.Fatalf("terminal: wake tmux: %v", err)
		}
	}
	return status
}

// command asks the tmux server; its failing ends the test.
func (term *Terminal) command(args ...string) string {
	term.t.Helper()
	out, err := term.run(args...)
	if err != nil {
		term.t.Fatalf("terminal: %v", err)
	}
	return out
}

var errNoServer = errors.New("the terminal is closed")

func (term *Terminal) run(args ...string) (string, error) {
	cmd := exec.Command(term.tmux, append([]string{"-u", "-S", term.socket}, args...)...)
	cmd.Env = term.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return string(out), nil
	}
	words := strings.TrimSpace(stderr.String())
	if strings.HasPrefix(words, "no server running") || strings.HasPrefix(words, "error connecting") {
		return "", errNoServer
	}
	return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, words)
}

func framed(screen string) string {
	rule := strings.Repeat("─", TerminalColumns)
	return rule + "\n" + strings.TrimRight(screen, "\n") + "\n" + rule
}
