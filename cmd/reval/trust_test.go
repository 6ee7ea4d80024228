//go:build !windows

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// hostile makes a project that wants to be run, and gives the program to run reval in it.
func hostile(t *testing.T) (dir string, reval func(arguments ...string) (stdout, stderr string)) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ran := filepath.Join(dir, "ran")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	trap := "#!/bin/sh\necho $0 >>" + ran + "\n"
	for _, name := range []string{"python3", "python", "bin/python3", ".venv/bin/python", "emacs", "vim", "nvim", "ssh", "reval"} {
		write(name, trap, 0o700)
	}
	write(".venv/pyvenv.cfg", "version = 3.11\nuv = 1\n", 0o600)
	for _, name := range []string{"json.py", "sitecustomize.py"} {
		write(name, "open('"+ran+"', 'a').write(__file__)\n", 0o600)
	}
	write("a.py", "1\n", 0o600)
	write("j/kernels/evil/kernel.json", `{"argv": ["./python3"], "language": "python"}`, 0o600)
	data := filepath.Join(dir, "data", "kernels", "pipe")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(data, "kernel.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := testenv.Env(t)
	for i, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			env[i] = "PATH=:.:bin:" + path
		}
	}
	env = append(env, "PYTHONPATH=.:"+dir, "JUPYTER_PATH=j:./j", "JUPYTER_DATA_DIR="+filepath.Join(dir, "data"), "VIRTUAL_ENV=.venv")
	return dir, func(arguments ...string) (string, string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), testenv.Reval(t), arguments...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
		cmd.Run() // its status is not what is looked at
		if trace, err := os.ReadFile(ran); err == nil {
			t.Errorf("reval %s ran %s", arguments, trace)
		}
		return stdout.String(), stderr.String()
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// In a project that nobody trusts what only looks runs nothing of it, and waits for
// nothing.
func TestLookingRunsNothing(t *testing.T) {
	dir, reval := hostile(t)
	install := "uv pip install --python " + dir + "/.venv/bin/python ipykernel"
	out, stderr := reval("kernels")
	contains(t, out, "python3@"+dir+"/.venv cannot be started: the environment "+dir+"/.venv has no ipykernel; install it: "+install)
	contains(t, stderr, "kernels/pipe/kernel.json: it is no regular file")
	if strings.Contains(out, "evil") {
		t.Errorf("it lists the workspace's:\n%s", out)
	}
	out, _ = reval("doctor")
	contains(t, out, "kernels/pipe/kernel.json: it is no regular file", "has no ipykernel\n", "→ "+install)
	_, stderr = reval("run", "a.py")
	contains(t, stderr, "has no ipykernel; install it: "+install)
}

// What is another user's is passed over, and doctor says so.
func TestDoctorTellsWhatIsPassedOver(t *testing.T) {
	dir, reval := hostile(t)
	testenv.GiveAway(t, filepath.Join(dir, ".venv"))
	out, _ := reval("doctor")
	contains(t, out, "an environment is passed over: "+dir+"/.venv: it belongs to another user", "make it yours (chown)", "ipykernel install --user")
	if strings.Contains(out, "mkdir -m 700 -p /tmp/") {
		t.Error("it advises a folder that another user may have made")
	}
}
