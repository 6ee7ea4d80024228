//go:build !windows

package journal

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/testenv"
)

// The journal is the user's alone.
func TestPrivate(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	flush(t, j)
	trouble.none(t)
	for name, mode := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, "journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600, "journal.lock": 0o600} {
		st, err := os.Lstat(filepath.Join(dir, name))
		must(t, err)
		if st.Mode() != mode {
			t.Errorf("%s has the mode %v", name, st.Mode())
		}
	}
	must(t, j.Close())
	file := filepath.Join(dir, "journal.db")
	must(t, os.Chmod(file, 0o644))
	j, _ = open(t, Options{Dir: dir})
	flush(t, j)
	if st, err := os.Lstat(file); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
}

// What others made, or links that lead elsewhere, are not written to.
func TestNotTheUsers(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir, elsewhere string)
		want    string
	}{
		"a folder that others enter": {func(dir, _ string) {
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.Chmod(dir, 0o755))
		}, "0700"},
		"another's folder": {func(dir, _ string) {
			must(t, os.MkdirAll(dir, 0o700))
			testenv.GiveAway(t, dir)
		}, "another user"},
		"another's file": {func(dir, _ string) {
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.WriteFile(filepath.Join(dir, "journal.db"), nil, 0o600))
			testenv.GiveAway(t, filepath.Join(dir, "journal.db"))
		}, "another user"},
		"a link for the folder": {func(dir, elsewhere string) {
			must(t, os.MkdirAll(filepath.Dir(dir), 0o700))
			must(t, os.Symlink(elsewhere, dir))
		}, "no folder"},
		"a link for the file": {func(dir, elsewhere string) {
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.Symlink(filepath.Join(elsewhere, "file"), filepath.Join(dir, "journal.db")))
		}, "no regular file"},
		"a link beside the file": {func(dir, elsewhere string) {
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.Symlink(filepath.Join(elsewhere, "file"), filepath.Join(dir, "journal.db-wal")))
		}, "no regular file"},
		"a link for the lock": {func(dir, elsewhere string) {
			must(t, os.MkdirAll(dir, 0o700))
			must(t, os.Symlink(filepath.Join(elsewhere, "file"), filepath.Join(dir, "journal.lock")))
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := folder(t), folder(t)
			must(t, os.MkdirAll(elsewhere, 0o700))
			c.prepare(dir, elsewhere)
			j, trouble := open(t, Options{Dir: dir})
			began(j, "e")
			j.Output("e", stream("secret"))
			if err := j.Flush(within(t)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if err := j.Flush(within(t)); err == nil {
				t.Error("it was written")
			}
			if _, _, err := j.Outputs(within(t), "e", 0, 0); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			trouble.once(t, c.want, "evaluation goes on")
			if files, err := os.ReadDir(elsewhere); err != nil || len(files) > 0 {
				t.Errorf("%v %v", files, err)
			}
			if _, err := Clear(within(t), dir, noon, ""); exists(filepath.Join(dir, "journal.db")) && err == nil {
				t.Error("it was cleared")
			}
		})
	}
}

// samples are journals that have outputs, as a process leaves them that closes its journal,
// and as one leaves them that is killed.
func samples(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	dir := folder(t)
	j, _ := open(t, Options{Dir: dir})
	for n := range 3 {
		e := began(j, fmt.Sprint("e", n))
		for i := range 1000 {
			j.Output(e.ID, stream(fmt.Sprintf("line %d\n", i)))
		}
		flush(t, j)
	}
	killed := files(t, dir)
	must(t, j.Close())
	closed := files(t, dir)
	if len(killed["-wal"]) == 0 || len(closed) != 1 {
		t.Fatalf("%d bytes, %d files", len(killed["-wal"]), len(closed))
	}
	return map[string]map[string][]byte{"closed": closed, "killed": killed}
}

// trueOnly wants that what is read is what was written, and that a new evaluation is kept.
func trueOnly(t *testing.T, what string, sample map[string][]byte) {
	t.Helper()
	dir := folder(t)
	must(t, os.MkdirAll(dir, 0o700))
	for end, data := range sample {
		must(t, os.WriteFile(filepath.Join(dir, fileName+end), data, 0o600))
	}
	j, trouble := open(t, Options{Dir: dir})
	defer j.Close()
	e := began(j, "new")
	j.Output("new", stream("line 0\n"))
	if err := j.Flush(within(t)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	ended(j, e)
	// What turns out to be broken when it is read is replaced by then.
	for _, id := range []string{"e0", "e1", "e2"} {
		got, _, err := j.Outputs(within(t), id, 0, 0)
		if err != nil {
			must(t, j.Flush(within(t)))
			continue
		}
		var text strings.Builder
		for _, e := range got {
			text.WriteString(e.Text)
		}
		if strings.Contains(text.String(), "damaged") { // and said so
			continue
		}
		lines := strings.SplitAfter(text.String(), "\n")
		for i, line := range lines[:len(lines)-1] {
			if line != fmt.Sprintf("line %d\n", i) {
				t.Fatalf("%s: line %d is %q", what, i, line)
			}
		}
	}
	must(t, j.Flush(within(t)))
	j.Output("new", stream("line 1\n"))
	must(t, j.Flush(within(t)))
	moved, err := filepath.Glob(filepath.Join(dir, fileName+".broken-*"))
	must(t, err)
	moved = slices.DeleteFunc(moved, func(name string) bool { return strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") })
	switch words := trouble.all(); {
	case len(words) > 1 || len(moved) != len(words):
		t.Errorf("%s: told %q, moved %q", what, words, moved)
	case len(moved) == 1:
		trouble.once(t, "was damaged", moved[0])
		got, err := os.ReadFile(moved[0])
		must(t, err)
		if !bytes.Equal(got, sample[""]) && len(sample) == 1 {
			t.Errorf("%s: what was moved aside has %d bytes of %d", what, len(got), len(sample[""]))
		}
		intact(t, j)
	}
	if got := printed(t, j, "new"); !strings.HasSuffix(got, "line 1\n") {
		t.Errorf("%s: %q", what, got)
	}
}

// A journal that is cut at any byte, or in which anything stands, gives nothing that was
// not written, and does not keep a new one from being begun.
func TestBroken(t *testing.T) {
	samples := samples(t)
	for state, sample := range samples {
		for end, data := range sample {
			if end == "-shm" {
				continue
			}
			cuts := []int{0, 1, 15, 16, 99, 100, 101, 511, 512, 4095, 4096, 4097, 8192, len(data) - 4096, len(data) - 1}
			for range 10 {
				cuts = append(cuts, rand.IntN(len(data)))
			}
			for _, n := range cuts {
				broken := clone(sample)
				n = min(n, len(data))
				broken[end] = data[:n:n]
				trueOnly(t, fmt.Sprintf("%s, %s cut at %d of %d", state, fileName+end, n, len(data)), broken)
			}
			for i := range 14 {
				broken := clone(sample)
				garbage := make([]byte, 1<<i)
				for i := range garbage {
					garbage[i] = byte(rand.IntN(256))
				}
				from := rand.IntN(len(data))
				copy(broken[end][from:], garbage)
				trueOnly(t, fmt.Sprintf("%s, %s with %d bytes of garbage at %d", state, fileName+end, len(garbage), from), broken)
			}
		}
	}
	garbage := bytes.Repeat([]byte("garbage\n"), 10_000)
	trueOnly(t, "all garbage", map[string][]byte{"": garbage, "-wal": garbage, "-shm": garbage})
}

func clone(sample map[string][]byte) map[string][]byte {
	copied := map[string][]byte{}
	for end, data := range sample {
		copied[end] = slices.Clone(data)
	}
	return copied
}

// A journal that breaks while it is open is replaced when that is found, by who writes or by
// who reads.
func TestBrokenMeanwhile(t *testing.T) {
	for name, find := range map[string]func(j *Journal) error{
		"written": func(j *Journal) error {
			j.Output("runs", record.Entry{Kind: record.Clear})
			return nil
		},
		"read": func(j *Journal) error {
			_, _, err := j.Outputs(within(t), "runs", 0, 0)
			must(t, j.Flush(within(t))) // of nothing
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			j, _ := open(t, Options{Dir: dir})
			began(j, "runs")
			for range 4000 { // more than SQLite keeps in memory
				j.Output("runs", stream(strings.Repeat("z", 2000)))
			}
			must(t, j.Close())
			j, trouble := open(t, Options{Dir: dir})
			e := began(j, "runs")
			flush(t, j)
			f, err := os.OpenFile(filepath.Join(dir, fileName), os.O_WRONLY, 0)
			must(t, err)
			size, err := f.Seek(0, io.SeekEnd)
			must(t, err)
			_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)-100), 100)
			must(t, err)
			must(t, f.Close())
			if err := find(j); name == "read" {
				if err == nil {
					t.Error("it was read")
				}
				trouble.once(t, "was damaged")
			}
			j.Output("runs", stream("after\n"))
			flush(t, j)
			ended(j, e)
			flush(t, j)
			trouble.once(t, "was damaged", brokenName)
			if got := printed(t, j, "runs"); got != "after\n" {
				t.Errorf("%.100q", got)
			}
			if got, err := j.Sessions(within(t), ""); err != nil || len(got) != 1 {
				t.Errorf("%v %v", got, err)
			}
			intact(t, j)
		})
	}
}

// A file that was removed, or replaced, is not written to any more, unseen by anybody.
func TestRemoved(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	j.Output("e", stream("line 0\n"))
	flush(t, j)
	for _, end := range beside {
		must(t, os.Remove(filepath.Join(dir, fileName+end)))
	}
	j.Output("e", stream("line 1\n"))
	flush(t, j)
	must(t, j.Close())
	j, _ = open(t, Options{Dir: dir})
	if got := printed(t, j, "e"); got != "line 1\n" {
		t.Errorf("%q", got)
	}
	got, err := j.Sessions(within(t), "")
	must(t, err)
	if len(got) != 1 || got[0].Kernel != "python3" {
		t.Errorf("%+v", got)
	}
	trouble.none(t)
}

// A journal of the first schema is read, and written on.
func TestMigration(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("testdata", "schema1.sql"))
	must(t, err)
	dir := folder(t)
	must(t, os.MkdirAll(dir, 0o700))
	execute(t, filepath.Join(dir, fileName), string(old))
	j, trouble := open(t, Options{Dir: dir, MaxAge: -1})
	j.Output("e1", stream("told later\n"))
	flush(t, j)
	got := printed(t, j, "e1")
	if want := "told before\ntold later\n"; got != want {
		t.Errorf("%q", got)
	}
	e := began(j, "e2")
	ended(j, e)
	flush(t, j)
	evaluations, err := j.Evaluations(within(t), Query{Session: "s"})
	must(t, err)
	if len(evaluations) != 2 || evaluations[1].Code != "print('told before')" || evaluations[1].Origin.Column != 4 {
		t.Errorf("%+v", evaluations)
	}
	if _, err := Clear(within(t), dir, noon.AddDate(-1, 0, 0), ""); err != nil {
		t.Error(err)
	}
	intact(t, j)
	trouble.none(t)
	// It is what a new journal is.
	fresh := folder(t)
	k, _ := open(t, Options{Dir: fresh})
	flush(t, k)
	if diff := cmp.Diff(schemaOf(t, k), schemaOf(t, j)); diff != "" {
		t.Error(diff)
	}
}

func schemaOf(t *testing.T, j *Journal) (all []string) {
	t.Helper()
	rows, err := j.store.db.Query("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var one string
		must(t, rows.Scan(&one))
		all = append(all, strings.Join(strings.Fields(one), " "))
	}
	must(t, rows.Err())
	return all
}

// A newer version's journal is left as it is, whether it is found or made meanwhile.
func TestNewerSchema(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	flush(t, j)
	path := filepath.Join(dir, fileName)
	execute(t, path, "PRAGMA user_version = 1000")
	j.Output("e", stream("x"))
	for range 2 {
		if err := j.Flush(within(t)); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("%v", err)
		}
		j.Output("e", stream("x"))
	}
	trouble.once(t, "newer version", path)
	_ = j.Close()
	before := files(t, dir)

	j, trouble = open(t, Options{Dir: dir})
	began(j, "f")
	for range 2 {
		if err := j.Flush(within(t)); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("%v", err)
		}
	}
	if _, err := j.Evaluations(within(t), Query{}); err == nil {
		t.Error("it was read")
	}
	trouble.once(t, "newer version", path, "update")
	_ = j.Close()
	if _, err := Clear(within(t), dir, noon, ""); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(before[""], files(t, dir)[""]) {
		t.Error("it was changed")
	}
}
