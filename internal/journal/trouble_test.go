package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// hold takes the file's only write lock, as a process does that is stopped while it writes.
func hold(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, fileName), defaultBusy))
	must(t, err)
	conn, err := db.Conn(within(t))
	must(t, err)
	_, err = conn.ExecContext(within(t), "BEGIN IMMEDIATE")
	must(t, err)
	return func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		must(t, err)
		must(t, conn.Close())
		must(t, db.Close())
	}
}

// resumes waits until the journal writes again, of itself.
func resumes(t *testing.T, j *Journal) {
	t.Helper()
	for {
		j.mu.Lock()
		why, progress := j.why, j.progress
		j.mu.Unlock()
		if why == nil {
			return
		}
		select {
		case <-progress:
		case <-within(t).Done():
			t.Fatal(why)
		}
	}
}

// Where the disk does not get on, whoever evaluates waits a moment, once; what has no room
// in memory is counted, and that is noted in its place when it gets on.
func TestStalledDisk(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	began(j, "clearing")
	j.Output("e", stream("first\n"))
	flush(t, j)
	release := hold(t, dir)
	begun := time.Now()
	line := strings.Repeat("z", 1000) + "\n"
	const lines = 3 * maxPending / 1000
	for range lines {
		j.Output("e", stream(line))
	}
	// The first wait is for patience, or until an attempt has failed; the others are none.
	if took := time.Since(begun); took > patience+20*time.Second {
		t.Errorf("it took %v", took)
	}
	j.mu.Lock()
	if n := j.pending(); n > maxPending+2*len(line) {
		t.Errorf("%d bytes wait", n)
	}
	j.mu.Unlock()
	// A progress bar goes on in the room that it has.
	for i := range 1000 {
		j.Output("clearing", stream(fmt.Sprintf("%d%%", i)))
		j.Output("clearing", record.Entry{Kind: record.Clear})
	}
	for n := range 100 {
		e := began(j, fmt.Sprint("dropped", n))
		ended(j, e)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := j.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush: %v", err)
	}
	release()
	resumes(t, j)
	flush(t, j)
	j.Output("e", stream("last\n"))
	flush(t, j)
	got := printed(t, j, "e")
	kept, rest, found := strings.Cut(strings.TrimPrefix(got, "first\n"), "\n[")
	if !found {
		t.Fatalf("no note in %d bytes", len(got))
	}
	if kept != strings.Repeat(line, len(kept)/len(line)) || !strings.HasSuffix(rest, "]\nlast\n") {
		t.Errorf("%.100q", rest)
	}
	note := fmt.Sprintf("%d outputs (%s) are missing here: ", lines-len(kept)/len(line), size((lines-len(kept)/len(line))*(len(line)+100)))
	if !strings.HasPrefix(rest, note) {
		t.Errorf("no %q in %.200q", note, rest)
	}
	if len(kept) < maxPending/2 {
		t.Errorf("only %d bytes were kept", len(kept))
	}
	stats, err := j.Stats(within(t))
	must(t, err)
	if stats.LostOutputs != lines-len(kept)/len(line) || stats.LostEvaluations != 100 {
		t.Errorf("%+v", stats)
	}
	if words := trouble.all(); len(words) > 1 {
		t.Errorf("told %q", words)
	}
	intact(t, j)
}

// A disk that is slow is waited for as long as it gets on.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &Journal{next: newBatch(), progress: make(chan struct{})}
		j.next.begun, j.next.full = true, true // nobody writes
		writes := func(bytes int) {
			time.Sleep(patience * 2 / 3)
			j.mu.Lock()
			defer j.mu.Unlock()
			j.writing = bytes
			j.changed()
		}
		j.writing = maxPending
		told := make(chan bool)
		go func() {
			j.Output("e", stream("x"))
			told <- true
		}()
		for range 5 {
			writes(maxPending)
		}
		writes(0)
		<-told
		if lost := j.next.outputs["e"].lost; j.stalled || lost.outputs > 0 {
			t.Errorf("it was not waited for: %+v", lost)
		}
	})
}

// What keeps to be locked is told once, and told again only if it is news.
func TestLocked(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir, busy: 50 * time.Millisecond, retry: 10 * time.Millisecond})
	began(j, "e")
	flush(t, j)
	for round := range 2 {
		release := hold(t, dir)
		for range 2 {
			j.Output("e", stream("x"))
			if err := j.Flush(within(t)); err == nil {
				t.Error("it was written")
			}
		}
		if words := trouble.all(); len(words) != round+1 || !strings.Contains(words[round], "another process holds it") {
			t.Errorf("told %q", words)
		}
		release()
		resumes(t, j)
		flush(t, j)
	}
	if got := printed(t, j, "e"); got != "xxxx" {
		t.Errorf("%q", got)
	}
}

// What is of no use to SQLite does not keep the rest from being written.
func TestUnwritable(t *testing.T) {
	j, trouble := open(t, Options{Dir: folder(t)})
	began(j, "e")
	j.Output("e", stream("before\n"))
	j.Output("e", record.Entry{Kind: "of another day"})
	j.Output("e", stream("after\n"))
	j.Output("e", record.Entry{Kind: record.Result, Data: bundle("text/plain", strings.Repeat("z", maxEntry))})
	j.Output("e", stream("then\n"))
	j.Output("of nothing that was told", stream("x"))
	flush(t, j)
	if got, want := printed(t, j, "e"), "before\n"+
		"\n[1 output (100 bytes) is missing here: encode an output: no type for \"of another day\"]\nafter\n"+
		"\n[1 output (67.1 MB) is missing here: that is too much to be kept]\nthen\n"; got != want {
		t.Errorf("%q", got)
	}
	trouble.none(t)
}

// After its end a journal takes nothing, and nobody waits.
func TestClosed(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	e := began(j, "e")
	j.Output("e", stream("x"))
	must(t, j.Close())
	must(t, j.Close())
	j.Output("e", stream("y"))
	ended(j, e)
	if err := j.Flush(within(t)); err == nil {
		t.Error("it was flushed")
	}
	if _, err := j.Evaluations(within(t), Query{}); err == nil {
		t.Error("it was read")
	}
	trouble.none(t)
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
	j, _ = open(t, Options{Dir: dir})
	if got := printed(t, j, "e"); got != "x" {
		t.Errorf("%q", got)
	}
}

// A folder can be kept out of it, behind whatever link; and all.
func TestExclude(t *testing.T) {
	dir := folder(t)
	home := filepath.Dir(filepath.Dir(dir))
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	must(t, os.MkdirAll(filepath.Join(home, "secret", "deep"), 0o700))
	must(t, os.Symlink(filepath.Join(home, "secret", "deep"), filepath.Join(home, "link")))
	must(t, os.MkdirAll(filepath.Join(home, "real", "deep"), 0o700))
	must(t, os.Symlink(filepath.Join(home, "real"), filepath.Join(home, "called")))
	j, trouble := open(t, Options{Dir: dir, Exclude: []string{"~/secret", "~/called", filepath.Join(home, "other") + string(filepath.Separator)}})
	for folder, keeps := range map[string]bool{
		"": true, home: true, home + "/secrets": true, home + "/secret": false, home + "/secret/": false, home + "/secret/deep/x": false,
		home + "/link": false, home + "/link/x": true /* is not there */, home + "/other/x": false,
		home + "/real/deep": false,
	} {
		if j.Keeps(folder) != keeps {
			t.Errorf("keeps %q: %v", folder, !keeps)
		}
	}
	must(t, j.Flush(within(t)))
	trouble.none(t)

	all := folder(t)
	for _, exclude := range []string{"*", "secret", ""} {
		j, trouble := open(t, Options{Dir: all, Exclude: []string{exclude}})
		began(j, "e")
		j.Output("e", stream("x"))
		must(t, j.Flush(within(t)))
		if j.Keeps("") || j.Keeps("/work") {
			t.Errorf("%q: it keeps something", exclude)
		}
		if exclude == "*" {
			trouble.none(t)
		} else {
			trouble.once(t, "absolute path", "no history is kept")
		}
		must(t, j.Close())
	}
	if exists(filepath.Dir(all)) {
		t.Error("there is a folder")
	}
}

// Clocks are set: what is in order is in the order in which it was told.
func TestClockJumps(t *testing.T) {
	j, trouble := open(t, Options{Dir: folder(t)})
	var want []string
	for n, jump := range []time.Duration{0, -50 * 24 * time.Hour, 20 * 365 * 24 * time.Hour, -time.Hour, 0} {
		e := Evaluation{ID: fmt.Sprint(n), Session: "s", State: "running", Started: noon.Add(jump), Queued: noon.Add(-jump)}
		j.Evaluation(e)
		j.Output(e.ID, stream("x"))
		flush(t, j)
		e.State, e.Ended = "done", e.Started.Add(-time.Hour)
		j.Evaluation(e)
		j.Output(e.ID, stream("y"))
		want = append([]string{e.ID}, want...)
	}
	flush(t, j)
	got, err := j.Evaluations(within(t), Query{})
	must(t, err)
	for i, e := range got {
		if e.ID != want[i] || printed(t, j, e.ID) != "xy" {
			t.Errorf("%d is %s", i, e.ID)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d evaluations", len(got))
	}
	trouble.none(t)
}
