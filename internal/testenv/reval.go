package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Reval returns the path of a reval binary, built from ./cmd/reval once in each test
// process; with the race detector where the test itself has it. Such a binary ends
// at its first race, so that a test cannot miss it.
func Reval(t testing.TB) string {
	t.Helper()
	path, err := reval()
	if err != nil {
		t.Fatalf("build reval: %v", err)
	}
	return path
}

var reval = sync.OnceValues(func() (string, error) {
	dir, err := binDir()
	if err != nil {
		return "", err
	}
	return buildReval(filepath.Join(dir, exeName("reval")))
})

// RevalOf is like Reval, but says that it is of another version.
func RevalOf(t testing.TB, version string) string {
	t.Helper()
	path, err := buildReval(filepath.Join(t.TempDir(), exeName("reval")), "-ldflags=-X main.release="+version)
	if err != nil {
		t.Fatalf("build reval %s: %v", version, err)
	}
	return path
}

func buildReval(path string, flags ...string) (string, error) {
	build := exec.Command("go", append([]string{"build", "-o", path}, flags...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if raceEnabled {
		build.Args = append(build.Args, "-race")
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	build.Args = append(build.Args, "./cmd/reval")
	build.Dir = Root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// binDir returns the folder of the running test binary where `go test` made it, since
// it removes that folder afterwards; no single test could.
func binDir() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if dir := filepath.Dir(self); strings.Contains(dir, "go-build") {
		return dir, nil
	}
	return os.MkdirTemp("", "reval-test")
}

func exeName(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// Daemons are the processes of [Reval]'s daemons that live: none, when tests have ended. Only
// Linux tells.
func Daemons() (pids []string) {
	path, err := reval()
	if err != nil {
		return nil
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		if line, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(line), path+"\x00daemon\x00run") {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids
}
