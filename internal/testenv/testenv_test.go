package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// outcome is how a test ended that ran apart, in a goroutine of its own.
type outcome struct {
	testing.TB
	skipped, failed bool
	words           string
}

func (o *outcome) Helper() {}

func (o *outcome) Skipf(format string, args ...any) {
	o.skipped, o.words = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (o *outcome) Fatalf(format string, args ...any) {
	o.failed, o.words = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// apart runs a piece of a test that is expected to end it.
func apart(t *testing.T, f func(t testing.TB)) *outcome {
	o := &outcome{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(o)
	}()
	<-done
	return o
}

func TestMissingProgramSkipsUnlessStrict(t *testing.T) {
	t.Setenv("REVAL_TEST_NVIM", filepath.Join(t.TempDir(), "nvim"))
	ask := func(t testing.TB) { program(findNvim).path(t) }

	t.Setenv("REVAL_TEST_STRICT", "")
	if o := apart(t, ask); !o.skipped || o.failed || !strings.Contains(o.words, "nvim") {
		t.Errorf("not strict: %+v, want a skip that names nvim", o)
	}
	t.Setenv("REVAL_TEST_STRICT", "1")
	if o := apart(t, ask); o.skipped || !o.failed || !strings.Contains(o.words, "nvim") {
		t.Errorf("strict: %+v, want a failure that names nvim", o)
	}
}

func TestVersionFloors(t *testing.T) {
	for _, c := range []struct {
		find     func() (string, error)
		override string
		words    string // what the program says when asked for its version
		want     string // in the error; empty: it is new enough
	}{
		{findEmacs, "REVAL_TEST_EMACS", "GNU Emacs 27.2", "27.2, the lowest supported is 28.1"},
		{findEmacs, "REVAL_TEST_EMACS", "GNU Emacs 28.1", ""},
		{findEmacs, "REVAL_TEST_EMACS", "GNU Emacs 30.0.50", ""},
		{findNvim, "REVAL_TEST_NVIM", "NVIM v0.7.2", "0.7, the lowest supported is 0.10"},
		{findNvim, "REVAL_TEST_NVIM", "NVIM v0.10.0-dev", ""},
		{findNvim, "REVAL_TEST_NVIM", "NVIM v1.0.0", ""},
		{findNvim, "REVAL_TEST_NVIM", "something else", "does not tell its version"},
		{findVim, "REVAL_TEST_VIM", vimWords("9.0", "1-1377"), "9.0.1377, the lowest supported is 9.0.1378"},
		{findVim, "REVAL_TEST_VIM", vimWords("8.2", "1-4919"), "8.2.4919, the lowest supported is 9.0.1378"},
		{findVim, "REVAL_TEST_VIM", vimWords("9.0", "1-1378, 1499"), ""},
		{findVim, "REVAL_TEST_VIM", vimWords("9.1", "1-16"), ""},
		{findVim, "REVAL_TEST_VIM", strings.Replace(vimWords("9.1", "1-16"), "+channel", "-channel", 1), "vim with +channel"},
	} {
		t.Setenv(c.override, saying(t, c.words))
		_, err := c.find()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.words, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: error %v, want %q", c.words, err, c.want)
		}
	}
}

func vimWords(version, patches string) string {
	return "VIM - Vi IMproved " + version + " (2022 Jun 28)\nIncluded patches: " + patches +
		"\n+channel +job +textprop +timers"
}

// saying returns a program that prints words whatever it is asked.
func saying(t *testing.T, words string) string {
	path := filepath.Join(t.TempDir(), "program")
	script := "#!/bin/sh\ncat <<'END'\n" + words + "\nEND\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvHidesTheUser(t *testing.T) {
	t.Setenv("JUPYTER_PATH", "/users/kernels")
	t.Setenv("VIRTUAL_ENV", "/users/venv")
	t.Setenv("XDG_DATA_HOME", "/users/data")
	t.Setenv("VIMINIT", "syntax off")
	t.Setenv("GOFLAGS", "-mod=mod")
	env := Env(t)

	get := func(name string) string {
		value, seen := "", false
		for _, entry := range env {
			if n, v, _ := strings.Cut(entry, "="); n == name {
				if seen {
					t.Errorf("%s stands twice in the environment", name)
				}
				value, seen = v, true
			}
		}
		return value
	}
	if joined := strings.Join(env, "\n"); strings.Contains(joined, "/users/") || strings.Contains(joined, "VIMINIT") {
		t.Errorf("the user's variables are seen:\n%s", joined)
	}
	if get("GOFLAGS") != "-mod=mod" {
		t.Error("GOFLAGS is not handed on")
	}
	if first := filepath.SplitList(get("PATH"))[0]; first != filepath.Join(Root(), ".testenv", "venv", "bin") {
		t.Errorf("PATH begins with %s", first)
	}
	home := get("HOME")
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "JUPYTER_DATA_DIR"} {
		if !strings.HasPrefix(get(name), home+string(filepath.Separator)) {
			t.Errorf("%s=%s is not below HOME=%s", name, get(name), home)
		}
	}
	if slices.Equal(env, Env(t)) {
		t.Error("a second environment has the same folders")
	}
}

func TestRuntimeDirIsShortAndPrivate(t *testing.T) {
	var dir string
	t.Run("a test with a name that is far too long for the path of a socket", func(t *testing.T) {
		dir = RuntimeDir(t)
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, want 0700", info.Mode().Perm())
		}
		if len(dir) > 40 {
			t.Errorf("%s has %d bytes", dir, len(dir))
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}

func TestTerminal(t *testing.T) {
	env := append(Env(t), "PS1=ready> ")
	term := StartTerminal(t, env, t.TempDir(), "sh", "-i")
	term.WaitFor(`^ready>`)

	term.Type("echo 'größe 日本 é 🙂';\n")
	term.WaitFor(`^größe 日本 é 🙂$`)

	term.Type("echo a;")
	term.Press(";")
	term.WaitFor(`echo a;;$`)
	term.Press("C-c")
	term.WaitFor(`^ready>$`) // or it would drop what is typed

	term.Type("stty size\n")
	term.WaitFor(fmt.Sprintf(`^%d %d$`, TerminalRows, TerminalColumns))

	term.Type("echo running; sleep 1000\n")
	term.WaitFor(`^running$`)
	term.Press("C-c")
	term.WaitFor(`^running\s+\^C\s*ready>$`)
	term.Type("echo status=$?\n")
	term.WaitFor(`^status=130$`)

	term.Type("exit 3\n")
	if status := term.WaitExit(); status != 3 {
		t.Errorf("exit status %d, want 3", status)
	}
}

func TestTerminalTellsOfAnEndedProgram(t *testing.T) {
	env, dir := Env(t), t.TempDir()
	Tmux(t)
	o := apart(t, func(tb testing.TB) {
		StartTerminal(tb, env, dir, "sh", "-c", "echo last words").WaitFor("never")
	})
	if !o.failed || !strings.Contains(o.words, "ended before /never/") || !strings.Contains(o.words, "last words") {
		t.Errorf("%+v, want a failure that shows the screen", o)
	}
}

func TestTerminalEndsWithItsTest(t *testing.T) {
	Tmux(t)
	var term *Terminal
	t.Run("inner", func(t *testing.T) {
		term = StartTerminal(t, Env(t), t.TempDir(), "cat")
		term.Type("still here\n")
		term.WaitFor(`^still here\n`)
	})
	if _, err := term.run("list-sessions"); err != errNoServer {
		t.Errorf("the terminal's server answers %v after its test", err)
	}
}

func TestXvfb(t *testing.T) {
	display, emacs := Xvfb(t), Emacs(t)
	cmd := exec.Command(emacs, "-Q", "--eval",
		`(kill-emacs (if (and (display-images-p) (image-type-available-p 'png)) 42 1))`)
	cmd.Env = append(Env(t), "DISPLAY="+display)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 42 {
		t.Errorf("Emacs shows no pictures on %s: %v\n%s", display, err, out)
	}
}

func TestPrograms(t *testing.T) {
	for name, find := range map[string]func(testing.TB) string{
		"python": Python, "emacs": Emacs, "eglot": Eglot, "vim": Vim, "nvim": Nvim, "tmux": Tmux,
		"jupyter server": JupyterServer, "kernel gateway": KernelGateway,
	} {
		t.Run(name, func(t *testing.T) {
			if path := find(t); !filepath.IsAbs(path) {
				t.Errorf("%s is no absolute path: a child may have another PATH", path)
			}
		})
	}
}

// A program may close its terminal before it ends: tmux then has no status to tell yet.
func TestTerminalClosedBeforeTheEnd(t *testing.T) {
	Tmux(t)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := exec.Command("mkfifo", gate).Run(); err != nil {
		t.Fatal(err)
	}
	term := StartTerminal(t, Env(t), t.TempDir(), "sh", "-c",
		`trap '' HUP; exec <&- >&- 2>&-; read line <"$1"; exit 3`, "sh", gate)
	for strings.TrimSpace(term.command("display-message", "-p", "#{pane_dead}")) != "1" {
	}
	go func() {
		if err := os.WriteFile(gate, []byte("go\n"), 0o600); err != nil {
			t.Error(err)
		}
	}()
	if status := term.WaitExit(); status != 3 {
		t.Errorf("exit status %d, want 3", status)
	}
}

func TestTerminalEndedBySignal(t *testing.T) {
	env, dir := Env(t), t.TempDir()
	Tmux(t)
	o := apart(t, func(tb testing.TB) {
		StartTerminal(tb, env, dir, "sh", "-c", "kill -TERM $$").WaitExit()
	})
	if !o.failed || !strings.Contains(o.words, "ended by signal 15") {
		t.Errorf("%+v, want a failure that names the signal", o)
	}
}
