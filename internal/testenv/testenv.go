// Package testenv gives tests the real programs that they run against, and a
// private place to run them in. It is imported by tests only.
//
// `make test` installs the programs (into .testenv/, or as Debian packages) and
// sets REVAL_TEST_STRICT=1. A plain `go test ./...` uses what is there: a test that
// asks for a missing program is skipped with the program's name; in strict mode it
// fails. To run the tests against another build, name it in REVAL_TEST_PYTHON,
// REVAL_TEST_EMACS, REVAL_TEST_VIM, REVAL_TEST_NVIM, REVAL_TEST_TMUX,
// REVAL_TEST_JUPYTER_SERVER or REVAL_TEST_KERNEL_GATEWAY.
//
// # Programs
//
//	python := testenv.Python(t) // the interpreter that has ipykernel and matplotlib
//	emacs := testenv.Emacs(t)   // Emacs ≥ 28.1
//	emacs := testenv.Eglot(t)   // the same, with eglot to be had: start it with -q, not -Q
//	vim := testenv.Vim(t)       // Vim ≥ 9.0.1378 with channels and virtual text
//	nvim := testenv.Nvim(t)     // Neovim ≥ 0.10
//	nvim := testenv.NvimFloor(t) // Neovim 0.10, the oldest that is supported
//	server := testenv.JupyterServer(t)  // jupyter-server
//	gateway := testenv.KernelGateway(t) // jupyter-kernelgateway
//	reval := testenv.Reval(t)   // ./cmd/reval, built once in each test process
//	root := testenv.Root()      // the folder of go.mod
//	display := testenv.Xvfb(t)  // ":N", an X server of this test's own
//
// # Environment
//
//	env := testenv.Env(t)
//
// gives the whole environment for child processes: a new HOME, XDG_* and JUPYTER_*
// below one temporary folder, with what jedi has read of Python's stubs, PATH with
// .testenv first, a UTF-8 locale, and nothing else of the user's. Call it once in a test and hand the same slice to every child
// that shall share kernelspecs, runtime files and reval's daemon, which ends with the test. Add to it with append:
//
//	cmd.Env = append(env, "DISPLAY="+testenv.Xvfb(t))
//
// RuntimeDir gives a folder whose path is short enough for a Unix socket.
//
// # Terminal programs
//
//	term := testenv.StartTerminal(t, env, dir, vim, "-u", "NONE", "script.py")
//	term.WaitFor(`x = 1`)        // a regular expression; ^ and $ match at each row
//	term.Type("dd")              // text as it stands
//	term.Press("Escape", "C-l")  // keys by tmux's names
//	term.WaitUntil("the value", func(screen string) bool { … })
//	t.Log(term.Screen())         // 40 rows of 120 columns
//
// Nothing needs to be closed: the test's cleanup ends what was started.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Patience is how long a test waits for an event that does not come: only a test that
// fails uses it up, so that it may be longer than any machine is busy.
const Patience = 2 * time.Minute

// Strict tells whether a missing program fails the test that needs it.
func Strict() bool {
	return os.Getenv("REVAL_TEST_STRICT") == "1"
}

// Missing ends the test because what it needs is not there: what says which program
// is missing, or what is wrong with the one that was found.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Strict() {
		t.Fatalf("MISSING PROGRAM: %s", what)
	}
	t.Skipf("MISSING PROGRAM: %s (`make test` installs it)", what)
}

// Root returns the absolute path of the repository: the nearest folder with a
// go.mod at or above the working directory, which is the package's own in a test.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic("testenv: working directory: " + err.Error())
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			panic("testenv: no go.mod at or above the working directory")
		}
		dir = parent
	}
}

// installed returns the path of a file that `make test` puts into .testenv/.
func installed(elem ...string) string {
	return filepath.Join(append([]string{Root(), ".testenv"}, elem...)...)
}

// find returns the first that exists: the value of the environment variable
// override, the given files of .testenv/, the command on PATH.
func find(override, name string, files ...string) (string, error) {
	if path := os.Getenv(override); path != "" {
		return exec.LookPath(path)
	}
	for _, path := range files {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// JupyterPath returns the folder that holds the kernelspecs of the kernels that only
// some tests want, apart from those of [Python]'s environment: a value for
// JUPYTER_PATH.
func JupyterPath() string { return installed("share", "jupyter") }
