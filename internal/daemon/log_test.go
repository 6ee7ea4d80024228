package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestLogRotation: entries stay whole and in order, in three files at most, although two
// processes write them.
func TestLogRotation(t *testing.T) {
	path := filepath.Join(testenv.RuntimeDir(t), "state", "reval", "daemon.log")
	const most, entries = 1000, 500
	var wait sync.WaitGroup
	for who := range 2 {
		l, err := OpenLog(path, most)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		wait.Go(func() {
			for i := range entries {
				if _, err := fmt.Fprintf(l, "entry %d of %d%s\n", i, who, strings.Repeat(".", i%50)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1+oldLogs {
		t.Fatalf("%v, %v", files, err)
	}
	last := []int{-1, -1}
	for _, name := range []string{".2", ".1", ""} {
		data, err := os.ReadFile(path + name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" && len(data) < most-200 {
			t.Errorf("%s was put aside with %d bytes", name, len(data))
		}
		// The other process may write to a file that was put aside, until it has that much.
		if len(data) > 2*most+200 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
		for line := range strings.Lines(string(data)) {
			var i, who int
			if n, err := fmt.Sscanf(line, "entry %d of %d", &i, &who); n != 2 || i <= last[who] || !strings.HasSuffix(line, strings.Repeat(".", i%50)+"\n") {
				t.Fatalf("%s has %q after %d: %v", name, line, last, err)
			} else {
				last[who] = i
			}
		}
	}
	if last[0] != entries-1 && last[1] != entries-1 {
		t.Errorf("the last entries are gone: %v", last)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// TestLogWasRotated: who finds its file put aside goes on in the one that another began.
func TestLogWasRotated(t *testing.T) {
	path := filepath.Join(testenv.RuntimeDir(t), "daemon.log")
	var logs []*Log
	for range 2 {
		l, err := OpenLog(path, 100)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		logs = append(logs, l)
	}
	for i, who := range []int{0, 0, 1, 1} {
		fmt.Fprintln(logs[who], i, strings.Repeat(".", 60))
	}
	for name, want := range map[string]string{".1": "02", "": "13"} {
		data, err := os.ReadFile(path + name)
		got := ""
		for line := range strings.Lines(string(data)) {
			got += line[:1]
		}
		if err != nil || got != want {
			t.Errorf("daemon.log%s has the entries %s, want %s; %v", name, got, want, err)
		}
	}
	if _, err := os.Lstat(path + ".2"); err == nil {
		t.Error("a file was put aside twice")
	}
}

func TestLogIsNoLink(t *testing.T) {
	dir := testenv.RuntimeDir(t)
	if err := os.Symlink("/dev/null", filepath.Join(dir, "daemon.log")); err != nil {
		t.Fatal(err)
	}
	if l, err := OpenLog(filepath.Join(dir, "daemon.log"), 0); err == nil {
		l.Close()
		t.Error("a link was opened")
	}
}

// TestCrashIsLogged: what the runtime says at the end of a process is in the newest file.
func TestCrashIsLogged(t *testing.T) {
	if path := os.Getenv("CRASH_INTO"); path != "" {
		l, err := OpenLog(path, 100)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			fmt.Fprintln(l, strings.Repeat("x", 60))
		}
		debug.SetTraceback("single")
		done := make(chan bool)
		go func() { panic("into the log") }()
		<-done
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(testenv.RuntimeDir(t), "daemon.log")
	cmd := exec.Command(self, "-test.run=^TestCrashIsLogged$")
	cmd.Env = append(os.Environ(), "CRASH_INTO="+path)
	cmd.Run()
	if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), "panic: into the log") {
		t.Errorf("%q, %v", data, err)
	}
}
