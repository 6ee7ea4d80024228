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
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

// suiteDeadline ends an editor that hangs; a suite takes a tenth of it.
const suiteDeadline = 4 * time.Minute

// project gives a folder with the mark of a project's root, and the environment of
// an editor whose PATH begins with a folder that holds reval and nothing else.
func project(t *testing.T) (dir string, env []string) {
	t.Helper()
	testenv.Python(t)
	bin := t.TempDir()
	reval := testenv.Reval(t)
	if err := os.Symlink(reval, filepath.Join(bin, filepath.Base(reval))); err != nil {
		t.Fatal(err)
	}
	env = testenv.Env(t)
	for i, entry := range env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			env[i] = "PATH=" + bin + string(os.PathListSeparator) + path
		}
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, append(env, "REVAL_BIN="+reval, "TERM=dumb")
}

// run runs a program to its end and returns what it said.
func run(t *testing.T, dir string, env []string, argv ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), suiteDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	// A kernel may hold the pipe open for a moment after the editor ended.
	cmd.WaitDelay = 10 * time.Second
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
		t.Errorf("%s\n--- what the editor said:\n%s", report, words)
	}
	for _, line := range strings.Split(report, "\n") {
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			t.Log("passed: " + name)
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
