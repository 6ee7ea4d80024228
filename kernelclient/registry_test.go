//go:build !windows

package kernelclient

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// deadEntry is one of a process that is no more, with all that such a kernel leaves.
func deadEntry(t testing.TB, env []string, r *Registry, words string) Entry {
	t.Helper()
	vars := environMap(env)
	file, err := newConnectionFile(vars)
	must(t, err)
	prefix, err := ipcPrefix(vars, (Options{}).log())
	must(t, err)
	info := jupyter.ConnectionInfo{Transport: TransportIPC, IP: prefix, ShellPort: 1, IOPubPort: 2, StdinPort: 3, ControlPort: 4, HBPort: 5, Key: "k"}
	must(t, info.WriteFile(file))
	host, err := thisHost()
	must(t, err)
	e := Entry{
		Version: entryVersion, ID: jupyter.NewID(), Host: host, PID: os.Getpid(), Start: "another", Client: "c",
		ConnectionFile: file, Spec: Spec{Name: "dead"},
	}
	g := &registration{registry: r, entry: e}
	must(t, g.write())
	must(t, os.WriteFile(r.path(e.ID, logSuffix), []byte(words), 0o600))
	return e
}

// TestRegistryGarbage: what is no entry is passed over and removed, and nothing else is.
func TestRegistryGarbage(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	precious := filepath.Join(t.TempDir(), "thesis.json")
	must(t, os.WriteFile(precious, []byte("x"), 0o600))
	good := deadEntry(t, env, r, "its last words\n")
	change := func(f func(*Entry)) string {
		e := good
		e.ID = "changed"
		f(&e)
		data, err := json.Marshal(e)
		must(t, err)
		return string(data)
	}
	old := time.Now().Add(-2 * sweepAge)
	removed := map[string]string{
		"empty.json": "", "null.json": "null", "list.json": "[]", "half.json": `{"version": 1, "id": "half`, "long.json": strings.Repeat(" ", 1<<20+1),
		"changed.json": change(func(e *Entry) { e.ConnectionFile = precious }),
		"other.json":   change(func(*Entry) {}),
		"lonely.log":   "words", ".lonely.json-1.tmp": "{",
	}
	kept := map[string]string{
		"later.json":     `{"version": 2, "id": "later"}`,
		"elsewhere.json": change(func(e *Entry) { e.ID, e.Host = "elsewhere", "another machine" }),
		"readme.txt":     "what somebody put there",
	}
	for _, files := range []map[string]string{removed, kept} {
		for name, text := range files {
			must(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
			must(t, os.Chtimes(filepath.Join(r.dir, name), old, old))
		}
	}
	for _, name := range []string{"young.log", ".young.json-1.tmp"} { // about to be written
		must(t, os.WriteFile(filepath.Join(r.dir, name), nil, 0o600))
		kept[name] = ""
	}
	e := only(t, r)
	oneLine(t, e.Err, "kernel died while no program had it: its last words")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(r.dir)
	must(t, err)
	for _, f := range left {
		if _, ok := kept[f.Name()]; !ok {
			t.Errorf("%s is still there", f.Name())
		}
		delete(kept, f.Name())
	}
	for name := range kept {
		t.Errorf("%s was removed", name)
	}
	notThere(t, good.ConnectionFile)
}

// TestRegistryEntries: whatever stands in a file, the list is made, and nothing of it is
// taken for a kernel that runs unless a process started then.
func TestRegistryEntries(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	host, err := thisHost()
	must(t, err)
	start, err := processStart(os.Getpid())
	must(t, err)
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{
			Version: rapid.IntRange(0, 2).Draw(t, "version"), ID: rapid.SampledFrom([]string{"file", "other", ""}).Draw(t, "id"),
			Host: rapid.SampledFrom([]string{host, "other", ""}).Draw(t, "host"),
			PID:  rapid.SampledFrom([]int{os.Getpid(), 0, 1, -1, 1 << 40}).Draw(t, "pid"), Start: rapid.SampledFrom([]string{start, start + "1", ""}).Draw(t, "start"),
			ConnectionFile: rapid.SampledFrom([]string{"/nowhere/kernel-1.json", "kernel-1.json", "/etc/passwd", ""}).Draw(t, "file"), Client: "c",
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if n := rapid.IntRange(0, 3*len(data)).Draw(t, "cut"); n < len(data) {
			data = data[:n]
		}
		if err := os.WriteFile(r.path("file", entrySuffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "log") {
			if err := os.WriteFile(r.path("file", logSuffix), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := r.Entries()
		if err != nil || len(entries) > 1 {
			t.Fatalf("%+v, %v", entries, err)
		}
		for _, got := range entries {
			if got.Err == nil && (got.PID != os.Getpid() || got.Start != start || got.Host != host) {
				t.Fatalf("it is told to run: %+v", got)
			}
		}
		os.Remove(r.path("file", entrySuffix))
		os.Remove(r.path("file", logSuffix))
	})
}

// TestRegistrySweptBySeveral: each kernel's end is told by one program, and by one only, while
// another that runs stays.
func TestRegistrySweptBySeveral(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	k, err := Launch(within(t), goKernel(t).spec, LaunchOptions{Env: env, Registry: r})
	must(t, err)
	t.Cleanup(k.Close)
	const kernels, programs = 20, 8
	for range kernels {
		deadEntry(t, env, r, "its last words\n")
	}
	var mu sync.Mutex
	told := map[string]int{}
	var wait sync.WaitGroup
	for range programs {
		wait.Go(func() {
			entries, err := r.Entries()
			if err != nil {
				t.Error(err)
			}
			for _, e := range entries {
				switch {
				case e.PID == k.proc.pid && e.Err == nil:
				case errors.Is(e.Err, ErrDead) && strings.Contains(e.Err.Error(), "its last words"):
					mu.Lock()
					told[e.ID]++
					mu.Unlock()
				default:
					t.Errorf("%+v", e)
				}
			}
		})
	}
	wait.Wait()
	for id, n := range told {
		if n != 1 {
			t.Errorf("%s is told %d times", id, n)
		}
	}
	if len(told) != kernels {
		t.Errorf("%d of %d were told", len(told), kernels)
	}
	if e := only(t, r); e.PID != k.proc.pid {
		t.Errorf("left: %+v", e)
	}
	run(t, k, "1")
	must(t, k.Shutdown(within(t)))
	nothingLeft(t, env, r)
}

// TestRegistryIsPrivate: neither a folder in which others write is taken, nor a file of theirs.
func TestRegistryIsPrivate(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	open := filepath.Join(t.TempDir(), "open")
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o777))
	for _, dir := range []string{open, filepath.Join(open, "kernels")} {
		if _, err := OpenRegistry(dir, ""); err == nil {
			t.Errorf("%s is taken", dir)
		}
	}
	e := deadEntry(t, env, r, "")
	st, err := os.Stat(r.path(e.ID, entrySuffix))
	must(t, err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", st.Mode())
	}
	testenv.GiveAway(t, r.path(e.ID, entrySuffix))
	if entries, err := r.Entries(); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	notThere(t, r.path(e.ID, entrySuffix))
	if _, err := os.Stat(e.ConnectionFile); err != nil {
		t.Errorf("another user's word was enough to remove a file: %v", err)
	}
}

// TestRegistryFolderIsMadeAgain: a runtime folder is removed when its user logs out.
func TestRegistryFolderIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := registryFor(t, testenv.Env(t))
	must(t, os.RemoveAll(r.dir))
	g, err := r.begin((Options{}).log())
	must(t, err)
	g.remove()
	must(t, os.RemoveAll(r.dir))
	must(t, os.Mkdir(r.dir, 0o700))
	must(t, os.Chmod(r.dir, 0o777))
	if _, err := r.begin((Options{}).log()); err == nil {
		t.Error("others may write there")
	}
}
