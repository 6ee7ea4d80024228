package journal

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// tidied waits until nothing is left to remove.
func tidied(t *testing.T, j *Journal) {
	t.Helper()
	for {
		flush(t, j)
		j.mu.Lock()
		tidy := j.tidy
		j.mu.Unlock()
		if tidy {
			return
		}
	}
}

func number(t *testing.T, j *Journal, query string) (n int) {
	t.Helper()
	j.mu.Lock()
	s := j.store
	j.mu.Unlock()
	must(t, s.db.QueryRow(query).Scan(&n))
	return n
}

// onDisk tells whether a text is in any file of a folder.
func onDisk(t *testing.T, dir, text string) (found bool) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || strings.Contains(string(data), text)
		return err
	}))
	return found
}

// What is large is there once, as long as anything refers to it.
func TestBlobs(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	picture := strings.Repeat("picture ", 1000)
	for n := range 3 {
		e := began(j, fmt.Sprint("e", n))
		j.Output(e.ID, record.Entry{Kind: record.Display, Data: bundle("image/png", picture)})
		j.Output(e.ID, record.Entry{Kind: record.Result, Count: n, Data: bundle("image/png", picture)})
		j.Output(e.ID, record.Entry{Kind: record.Result, Count: n, Data: bundle("text/plain", "small")})
	}
	flush(t, j)
	if n := number(t, j, "SELECT count(*) FROM blobs"); n != 1 {
		t.Errorf("%d blobs", n)
	}
	for n := range 3 {
		if got := entries(t, j, fmt.Sprint("e", n)); string(got[1].Data["image/png"]) != string(bundle("image/png", picture)["image/png"]) {
			t.Errorf("%.40s", got[1].Data["image/png"])
		}
	}
	j.Output("e0", record.Entry{Kind: record.Clear})
	j.Output("e1", record.Entry{Kind: record.Clear})
	flush(t, j)
	if n := number(t, j, "SELECT count(*) FROM blobs"); n != 1 {
		t.Errorf("%d blobs after two clears", n)
	}
	j.Output("e2", record.Entry{Kind: record.Clear, Wait: true})
	flush(t, j)
	if n := number(t, j, "SELECT count(*) FROM outputs"); n != 3 {
		t.Errorf("%d outputs before what a clear waits for", n)
	}
	j.Output("e2", stream("x"))
	flush(t, j)
	for _, table := range []string{"blobs", "data"} {
		if n := number(t, j, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d %s are left", n, table)
		}
	}
	trouble.none(t)
}

// What the disk gives otherwise than it was given is not shown.
func TestDamagedRow(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	j.Output("e", stream("true\n"))
	j.Output("e", record.Entry{Kind: record.Result, Data: bundle("text/plain", "true")})
	j.Output("e", stream("true, too\n"))
	flush(t, j)
	path := filepath.Join(dir, fileName)
	execute(t, path, `UPDATE outputs SET body = 'false' WHERE body = 'true
'; UPDATE data SET value = '"false"'`)
	if got := printed(t, j, "e"); strings.Contains(got, "false") || strings.Count(got, "damaged") != 2 || !strings.HasSuffix(got, "true, too\n") {
		t.Errorf("%q", got)
	}
	trouble.none(t)
}

// What ended too long ago is removed, with all that it had; what runs, and what a clock says
// that was set, is not.
func TestAge(t *testing.T) {
	dir := folder(t)
	j, _ := open(t, Options{Dir: dir, MaxAge: -1})
	old := time.Now().AddDate(0, 0, -91)
	j.Session(Session{ID: "old", Kernel: "go", Started: old, Ended: old})
	j.Session(Session{ID: "s", Kernel: "go", Started: old})
	for id, end := range map[string]time.Time{"gone": old, "kept": old.AddDate(0, 0, 2), "future": old.AddDate(50, 0, 0)} {
		j.Evaluation(Evaluation{ID: id, Session: "s", Queued: old, Ended: end})
		j.Output(id, record.Entry{Kind: record.Display, Data: bundle("image/png", strings.Repeat(id, 1000))})
	}
	j.Evaluation(Evaluation{ID: "gone, too", Session: "old", Queued: old, Started: old})
	for n := range 3 * few {
		j.Evaluation(Evaluation{ID: fmt.Sprint("many", n), Session: "old", Ended: old})
		j.Output(fmt.Sprint("many", n), stream("x"))
	}
	must(t, j.Close())
	broken := filepath.Join(dir, fileName+brokenName)
	for _, day := range []string{"20260101", "20260102", "20260103", "20260104", "20260105"} {
		must(t, os.WriteFile(broken+day, nil, 0o600))
		must(t, os.WriteFile(broken+day+"-wal", nil, 0o600))
	}

	j, trouble := open(t, Options{Dir: dir})
	tidied(t, j)
	got, err := j.Evaluations(within(t), Query{})
	must(t, err)
	left := map[string]bool{}
	for _, e := range got {
		left[e.ID] = true
	}
	if len(left) != 2 || !left["kept"] || !left["future"] {
		t.Errorf("%v", left)
	}
	for table, want := range map[string]int{"outputs": 2, "data": 2, "blobs": 2, "removed": 0, "sessions": 1} {
		if n := number(t, j, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d %s", n, table)
		}
	}
	for day, kept := range map[string]bool{"20260101": false, "20260102": false, "20260102-wal": false, "20260103": true, "20260105-wal": true} {
		if exists(broken+day) != kept {
			t.Errorf("the damaged one of %s: kept is %v", day, !kept)
		}
	}
	intact(t, j)
	trouble.none(t)
}

// The file does not outgrow what it may: the oldest go first, but code that prints without
// end takes the room of its own output.
func TestSize(t *testing.T) {
	dir := folder(t)
	const maxBytes = 16 << 20
	j, trouble := open(t, Options{Dir: dir, MaxBytes: maxBytes})
	fill := func(id string, bytes int) {
		for n := range bytes / 10_000 {
			j.Output(id, stream(fmt.Sprintf("%9d%s\n", n, strings.Repeat("z", 9_990))))
			if n%100 == 0 { // or else a batch is half of what there may be
				flush(t, j)
			}
		}
	}
	for n := range 40 {
		e := began(j, fmt.Sprint("e", n))
		fill(e.ID, 1<<20)
		ended(j, e)
	}
	began(j, "runs")
	fill("runs", 40<<20)
	tidied(t, j)
	stats, err := j.Stats(within(t))
	must(t, err)
	if stats.Bytes > maxBytes*5/4+10<<20 { // with what is written first
		t.Errorf("%d bytes", stats.Bytes)
	}
	got, err := j.Evaluations(within(t), Query{})
	must(t, err)
	if len(got) < 6 || got[0].ID != "runs" || got[1].ID != "e39" || got[5].ID != "e35" {
		t.Errorf("%d evaluations are left", len(got))
	}
	for _, e := range got[1:] {
		if text := printed(t, j, e.ID); strings.Count(text, "\n") != 1<<20/10_000 {
			t.Errorf("%s has %d bytes", e.ID, len(text))
		}
	}
	text := printed(t, j, "runs")
	note, rest, _ := strings.Cut(strings.TrimPrefix(text, "\n["), "]\n")
	var lost, first int
	if _, err := fmt.Sscanf(note, "%d outputs", &lost); err != nil || !strings.Contains(note, "more than the history keeps") {
		t.Errorf("%q: %v", note, err)
	}
	if _, err := fmt.Sscanf(rest, "%d", &first); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n") {
		if !strings.HasPrefix(line, fmt.Sprintf("%9dz", first+i)) {
			t.Fatalf("%.20q after %d", line, first+i-1)
		}
	}
	if len(rest) < maxBytes/share/2 {
		t.Errorf("only %d bytes are left", len(rest))
	}
	if first == 0 || first != lost {
		t.Errorf("%d are said to be missing, it begins with %d", lost, first)
	}
	intact(t, j)

	// What is free is given back, when it is much.
	j.Output("runs", record.Entry{Kind: record.Clear})
	must(t, j.Close())
	j, _ = open(t, Options{Dir: dir, MaxAge: time.Nanosecond})
	tidied(t, j)
	must(t, j.Close())
	if st, err := os.Stat(filepath.Join(dir, fileName)); err != nil || st.Size() > 1<<20 {
		t.Errorf("%d bytes, %v", st.Size(), err)
	}
	trouble.none(t)
}

// What is cleared is nowhere in the files any more; what is not is as it was.
func TestClear(t *testing.T) {
	dir := folder(t)
	c, err := Clear(within(t), dir, time.Time{}, "")
	must(t, err)
	if c != (Cleared{}) || exists(dir) {
		t.Errorf("%+v of a journal that is not there", c)
	}
	j, trouble := open(t, Options{Dir: dir})
	ids := []string{"/srv/a old", "/srv/a new", "/srv/a/b old", "/srv/ab old", "/srv/ab new"}
	tell := func() {
		for _, id := range ids {
			folder, age, _ := strings.Cut(id, " ")
			end := time.Now()
			if age == "old" {
				end = end.AddDate(0, 0, -10)
			}
			j.Session(Session{ID: folder, Folder: folder, Started: end, Ended: end})
			j.Evaluation(Evaluation{ID: id, Session: folder, Code: "code of " + id, Ended: end})
			j.Output(id, stream("output of "+id+strings.Repeat(".", 2000)))
			j.Output(id, record.Entry{Kind: record.Display, Data: bundle("image/png", "picture of "+id+strings.Repeat(".", 20_000))})
		}
		flush(t, j)
	}
	for _, c := range []struct {
		before   time.Time
		folder   string
		left     []string
		sessions int
	}{
		{time.Now().AddDate(0, 0, -5), "/srv/a", []string{"/srv/a new", "/srv/ab old", "/srv/ab new"}, 1},
		{time.Now().AddDate(0, 0, -5), "", []string{"/srv/a new", "/srv/ab new"}, 1},
		{time.Time{}, "/srv/ab", []string{"/srv/a old", "/srv/a new", "/srv/a/b old"}, 1},
		{time.Time{}, "", nil, 3},
	} {
		tell()
		got, err := Clear(within(t), dir, c.before, c.folder)
		must(t, err)
		if want := (Cleared{c.sessions, len(ids) - len(c.left)}); got != want {
			t.Errorf("%v %q: %+v, not %+v", c.before, c.folder, got, want)
		}
		for _, id := range ids {
			kept := false
			for _, left := range c.left {
				kept = kept || left == id
			}
			for _, what := range []string{"code of ", "output of ", "picture of "} {
				if onDisk(t, dir, what+id) != kept {
					t.Errorf("%v %q: %s%s is there: %v", c.before, c.folder, what, id, !kept)
				}
			}
			if n := len(entries(t, j, id)); kept && n == 0 || !kept && n != 0 {
				t.Errorf("%s has %d outputs", id, n)
			}
		}
		intact(t, j)
	}
	// Of what runs, what comes later is kept.
	began(j, "runs")
	j.Output("runs", stream("before\n"))
	flush(t, j)
	must(t, os.WriteFile(filepath.Join(dir, fileName+brokenName+"20260101"), []byte("old secrets"), 0o600))
	_, err = Clear(within(t), dir, time.Time{}, "")
	must(t, err)
	j.Output("runs", stream("after\n"))
	flush(t, j)
	if got := printed(t, j, "runs"); got != "after\n" {
		t.Errorf("%q", got)
	}
	if onDisk(t, dir, "before\n") || onDisk(t, dir, "old secrets") {
		t.Error("something is left")
	}
	trouble.none(t)
}

// A file that is no journal is not cleared in part.
func TestClearBroken(t *testing.T) {
	dir := folder(t)
	must(t, os.MkdirAll(dir, 0o700))
	garbage := []byte(strings.Repeat("old secrets ", 1000))
	must(t, os.WriteFile(filepath.Join(dir, fileName), garbage, 0o600))
	if _, err := Clear(within(t), dir, time.Now(), ""); err == nil || !strings.Contains(err.Error(), "damaged") || !onDisk(t, dir, "old secrets") {
		t.Errorf("%v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, fileName), garbage, 0o600))
	if _, err := Clear(within(t), dir, time.Time{}, ""); err != nil || onDisk(t, dir, "old secrets") {
		t.Errorf("%v", err)
	}
}
