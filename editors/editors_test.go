// Package editors holds ready configuration for editors without a plugin, a folder
// for each, and the tests that start the real editors: with that configuration
// alone, and with the plugins.
package editors

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

const (
	// suiteDeadline ends an editor that hangs.
	suiteDeadline = 10 * time.Minute
	// grace is what an editor has to end in, and a failure to be told in, where the
	// deadline of the whole test binary comes first.
	grace = 30 * time.Second
)

// project gives a folder with the mark of a project's root, and the environment of
// an editor whose PATH begins with a folder that holds reval and nothing else, and
// then has the python of testenv.
func project(t *testing.T) (dir string, env []string) {
	t.Helper()
	python := filepath.Dir(testenv.Python(t))
	bin := t.TempDir()
	reval := testenv.Reval(t)
	if err := os.Symlink(reval, filepath.Join(bin, filepath.Base(reval))); err != nil {
		t.Fatal(err)
	}
	env = testenv.Env(t)
	for i, entry := range env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			env[i] = "PATH=" + strings.Join([]string{bin, python, path}, string(os.PathListSeparator))
		}
	}
	if venv := filepath.Dir(python); exists(filepath.Join(venv, "pyvenv.cfg")) {
		env = append(env, "VIRTUAL_ENV="+venv)
	}
	dir = filepath.Join(t.TempDir(), "project") // editors show its name
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, append(env, "REVAL_BIN="+reval, "TERM=dumb")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// run runs a program to its end and returns what it said.
func run(t *testing.T, dir string, env []string, argv ...string) (string, error) {
	t.Helper()
	end := time.Now().Add(suiteDeadline)
	if last, ok := t.Deadline(); ok && last.Add(-grace).Before(end) {
		end = last.Add(-grace)
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	// vim/test/run.sh takes its editor with it when it is asked to end.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	// A kernel may hold the pipe open for a moment after the editor ended.
	cmd.WaitDelay = grace / 2
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return string(out), err
}

var allPassed = regexp.MustCompile(`(?m)^all [1-9]\d* passed$`)

// checkReport takes the report of a suite apart: "ok NAME" or "FAIL NAME: why" for
// each test, and at the end "all N passed".
func checkReport(t *testing.T, report, words string) {
	t.Helper()
	if !allPassed.MatchString(report) {
		if words != "" {
			report += "\n--- what the editor said:\n" + words
		}
		t.Error(report)
	}
	for _, line := range strings.Split(report, "\n") {
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			t.Log("passed: " + strings.TrimSpace(name))
		}
	}
}

func readReport(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}
