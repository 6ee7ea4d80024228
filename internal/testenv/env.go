package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// inherited names the variables that a child process may see of the environment
// that the test itself was started in; a name that ends in * stands for all that
// begin so. The user's language, editors, kernels and virtual environments are
// left out on purpose.
var inherited = []string{
	"USER", "LOGNAME", "TMPDIR", "GO*", "CGO_*", "OPENBLAS_*", "*_proxy", "SSL_CERT_FILE",
	"SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP",
}

// Env returns the environment for the child processes of one test; the package
// comment says what is in it. Its folders are removed when the test ends.
func Env(t testing.TB) []string {
	t.Helper()
	dir := RuntimeDir(t)
	var env []string
	t.Cleanup(func() { stopDaemon(t, filepath.Join(dir, "run"), env) })
	sub := func(elem ...string) string {
		path := filepath.Join(append([]string{dir}, elem...)...)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatalf("test environment: %v", err)
		}
		return path
	}
	home := sub("home")
	linkFiles(t, installed("cache", "jedi"), filepath.Join(home, ".cache", "jedi"))

	env = slices.Clone(goCaches())
	if raceEnabled {
		env = append(env, "GORACE=halt_on_error=1")
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); isInherited(name) {
			env = append(env, entry)
		}
	}
	env = append(env,
		"PATH="+childPath(),
		"HOME="+home,
		"USERPROFILE="+home,
		"SHELL=/bin/sh",
		"LANG="+utf8Locale(),
		"LC_ALL="+utf8Locale(),
		"XDG_CONFIG_HOME="+sub("home", ".config"),
		"XDG_DATA_HOME="+sub("home", ".local", "share"),
		"XDG_STATE_HOME="+sub("home", ".local", "state"),
		"XDG_CACHE_HOME="+sub("home", ".cache"),
		"XDG_RUNTIME_DIR="+sub("run"),
		"JUPYTER_CONFIG_DIR="+sub("home", ".jupyter"),
		"JUPYTER_DATA_DIR="+sub("home", ".local", "share", "jupyter"),
		"JUPYTER_RUNTIME_DIR="+sub("run", "jupyter"),
		"IPYTHONDIR="+sub("home", ".ipython"),
		// Shared by all tests: with an empty one matplotlib first builds its list of
		// fonts, which takes seconds and says so on stderr.
		"MPLCONFIGDIR="+installed("matplotlib"),
	)
	return env
}

// stopDaemon ends the daemon that was started in an environment, if there was one.
func stopDaemon(t testing.TB, runtimeDir string, env []string) {
	// There may be one that is only about to start.
	if files, _ := filepath.Glob(filepath.Join(runtimeDir, "reval", "daemon*")); len(files) == 0 {
		return
	}
	stop := exec.Command(Reval(t), "daemon", "stop")
	stop.Env = env
	if out, err := stop.CombinedOutput(); err != nil {
		t.Errorf("stop the test's daemon: %v: %s", err, out)
	}
}

// linkFiles makes a folder in which the files of another stand, as far as there is one. What is
// made in it is its own.
func linkFiles(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return os.Symlink(path, target)
	})
	if err != nil {
		t.Fatalf("test environment: %v", err)
	}
}

// RuntimeDir returns a new private folder (mode 0700) whose path is short: a Unix
// socket's path has at most 104 bytes on macOS and 108 on Linux, and t.TempDir
// spends most of them on the test's name. It is removed when the test ends.
func RuntimeDir(t testing.TB) string {
	t.Helper()
	parent := "/tmp"
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		parent = os.TempDir()
	}
	dir, err := os.MkdirTemp(parent, "rv")
	if err != nil {
		t.Fatalf("runtime folder: %v", err)
	}
	t.Cleanup(func() {
		// What a kernel started may write its last file, as a shell its history, after the
		// kernel has ended.
		for deadline := time.Now().Add(stopPatience); ; time.Sleep(10 * time.Millisecond) {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("a process of this test still writes below %s: %v", dir, err)
				return
			}
		}
	})
	return dir
}

func isInherited(name string) bool {
	for _, pattern := range inherited {
		if matched, _ := filepath.Match(strings.ToLower(pattern), strings.ToLower(name)); matched {
			return true
		}
	}
	return false
}

func childPath() string {
	return strings.Join([]string{
		installed("venv", "bin"), installed("bin"), os.Getenv("PATH"),
	}, string(os.PathListSeparator))
}

func utf8Locale() string {
	if runtime.GOOS == "darwin" {
		return "en_US.UTF-8"
	}
	return "C.UTF-8"
}

// goCaches keeps the go command's caches where they are although HOME moves.
var goCaches = sync.OnceValue(func() []string {
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil // no go command, as where a test binary was copied to: nothing to keep
	}
	var env []string
	for i, value := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		env = append(env, names[i]+"="+value)
	}
	return env
})
