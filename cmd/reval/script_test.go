package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestScripts(t *testing.T) { runScripts(t, filepath.Join("testdata", "script")) }

func TestPythonScripts(t *testing.T) {
	testenv.Python(t)
	runScripts(t, filepath.Join("testdata", "script", "python"))
}

// runScripts runs a folder's scripts with reval and the test environment's programs
// on the PATH.
func runScripts(t *testing.T, dir string) {
	reval := testenv.Reval(t)
	env := append(testenv.Env(t), "NO_COLOR=")
	for i, v := range env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			env[i] = "PATH=" + filepath.Dir(reval) + string(filepath.ListSeparator) + path
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, env...)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// exits runs a program and wants its exit status: exits 2 reval run.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
