package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// TestMain is the main of the processes that tests start, too.
func TestMain(m *testing.M) {
	if job := os.Getenv(jobVariable); job != "" {
		jobs[job](os.Getenv(dirVariable))
		return
	}
	goleak.VerifyTestMain(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder is a folder for a journal, which is not there yet.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.Chmod(dir, 0o700))
	return filepath.Join(dir, "state", "reval")
}

// told are the words of Options.Trouble.
type told struct {
	mu    sync.Mutex
	words []string
}

func (w *told) tell(words string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.words = append(w.words, words)
}

func (w *told) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.words...)
}

// none fails the test if anything was told.
func (w *told) none(t testing.TB) {
	t.Helper()
	if words := w.all(); len(words) > 0 {
		t.Errorf("told: %q", words)
	}
}

// once wants that one thing was told, which has the parts.
func (w *told) once(t testing.TB, parts ...string) {
	t.Helper()
	words := w.all()
	if len(words) != 1 {
		t.Fatalf("told %d times: %q", len(words), words)
	}
	for _, part := range parts {
		if !strings.Contains(words[0], part) {
			t.Errorf("no %q in %q", part, words[0])
		}
	}
	if strings.Contains(words[0], "\n") {
		t.Errorf("more than a line: %q", words[0])
	}
}

// open opens a journal that is closed at the test's end.
func open(t testing.TB, o Options) (*Journal, *told) {
	t.Helper()
	var trouble told
	o.Trouble = trouble.tell
	j := Open(o)
	t.Cleanup(func() { _ = j.Close() })
	return j, &trouble
}

func within(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), testenv.Patience)
	t.Cleanup(stop)
	return ctx
}

func flush(t testing.TB, j *Journal) {
	t.Helper()
	must(t, j.Flush(within(t)))
}

func entries(t testing.TB, j *Journal, evaluation string) []record.Entry {
	t.Helper()
	got, total, err := j.Outputs(within(t), evaluation, 0, 0)
	must(t, err)
	if total != len(got) {
		t.Errorf("%d outputs of %d", len(got), total)
	}
	return got
}

// printed is all that an evaluation's streams have.
func printed(t testing.TB, j *Journal, evaluation string) string {
	t.Helper()
	var text strings.Builder
	for _, e := range entries(t, j, evaluation) {
		text.WriteString(e.Text)
	}
	return text.String()
}

func stream(text string) record.Entry {
	return record.Entry{Kind: record.Stream, Name: "stdout", Text: text}
}

// bundle has one value, which may be large.
func bundle(mime, text string) jupyter.MIMEBundle {
	data, _ := json.Marshal(text)
	return jupyter.MIMEBundle{mime: data}
}

// inJSON has what is the same in JSON be the same.
var inJSON = cmp.Transformer("JSON", func(m json.RawMessage) (v any) {
	_ = json.Unmarshal(m, &v)
	return v
})

var noon = time.Now().Truncate(time.Second)

// began tells the journal of a session with one evaluation that runs.
func began(j *Journal, evaluation string) Evaluation {
	e := Evaluation{ID: evaluation, Session: "s", Code: "f()", State: "running", Queued: noon, Started: noon}
	j.Session(Session{ID: "s", Kernel: "python3", Language: "python", Folder: "/srv/a", Started: noon})
	j.Evaluation(e)
	return e
}

func ended(j *Journal, e Evaluation) {
	e.State, e.Ended = "done", e.Started.Add(time.Second)
	j.Evaluation(e)
}

// What was told is there after a flush, also for another process, and after a restart.
func TestKept(t *testing.T) {
	dir := folder(t)
	j, trouble := open(t, Options{Dir: dir})
	sessions := []Session{
		{ID: "s1", Kernel: "python3", DisplayName: "Python 3", Language: "python", Folder: "/srv/a", Started: noon},
		{ID: "s2", Kernel: "go", DisplayName: "Go", Language: "go", Folder: "/srv/a/b", Started: noon, Ended: noon.Add(time.Hour)},
		{ID: "s3", Folder: "/srv/ab"},
	}
	var evaluations []Evaluation
	for i, s := range sessions {
		j.Session(s)
		evaluations = append(evaluations, Evaluation{
			ID: fmt.Sprint("e", i), Session: s.ID, Code: "größe = 1\x00\n", State: "running", Count: i, Namespace: i,
			Origin: Origin{Client: "Emacs", URI: "file:///a%20b.py", Line: 3, Column: 7, Lines: "größe = 1\nx", Start: 2, End: 13, Version: 12},
			Queued: noon, Started: noon.Add(time.Second), Message: "m",
		})
		j.Evaluation(evaluations[i])
	}
	evaluations[1].State, evaluations[1].Ended, evaluations[1].Count = "done", noon.Add(time.Minute), 8
	j.Evaluation(evaluations[1])
	outputs := []record.Entry{
		stream("a\x00b\r\n"),
		{Kind: record.Stream, Name: "stderr", Text: "\x1b[31m"},
		{Kind: record.Result, Count: 3, Data: jupyter.MIMEBundle{"text/plain": json.RawMessage(`"<b>"`), "text/html": json.RawMessage(`"` + strings.Repeat("<p>", 2000) + `"`)}, Metadata: map[string]json.RawMessage{"a": json.RawMessage(`{"b": "<"}`)}},
		{Kind: record.Error, Name: "E", Text: "v", Traceback: []string{"1", "2"}},
		{Kind: record.Page, Data: bundle("text/plain", "p")},
	}
	for _, e := range outputs {
		j.Output("e1", e)
	}
	j.Amend(Amendment{Evaluation: "e0", Hidden: true}, Amendment{Evaluation: "e2", URI: "file:///moved.py"}, Amendment{Evaluation: "none", Hidden: true})
	j.Evaluation(evaluations[0]) // told again it is still hidden
	flush(t, j)
	evaluations[2].Origin.URI = "file:///moved.py"
	check := func(j *Journal) {
		t.Helper()
		if diff := cmp.Diff(outputs, entries(t, j, "e1"), inJSON); diff != "" {
			t.Error(diff)
		}
		for _, c := range []struct {
			q    Query
			want []Evaluation
		}{
			{Query{}, []Evaluation{evaluations[2], evaluations[1], evaluations[0]}},
			{Query{Limit: 1}, evaluations[2:]},
			{Query{Before: "e2", Limit: 1}, evaluations[1:2]},
			{Query{Folder: "/srv/a"}, []Evaluation{evaluations[1], evaluations[0]}},
			{Query{Folder: "/srv/a/b/"}, evaluations[1:2]},
			{Query{Session: "s3"}, evaluations[2:]},
			{Query{URI: "file:///a%20b.py", Unended: true}, evaluations[:1]},
			{Query{URI: "file:///moved.py"}, evaluations[2:]},
			{Query{Shown: true}, []Evaluation{evaluations[2], evaluations[1]}},
			{Query{URI: "file:///other"}, nil},
		} {
			got, err := j.Evaluations(within(t), c.q)
			must(t, err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%+v: %s", c.q, diff)
			}
		}
		got, err := j.Sessions(within(t), "/srv/a")
		must(t, err)
		if diff := cmp.Diff([]Session{sessions[1], sessions[0]}, got); diff != "" {
			t.Error(diff)
		}
		page, total, err := j.Outputs(within(t), "e1", 3, 1)
		must(t, err)
		if diff := cmp.Diff(outputs[3:4], page, inJSON); diff != "" || total != len(outputs) {
			t.Errorf("%d, %s", total, diff)
		}
		stats, err := j.Stats(within(t))
		must(t, err)
		if stats.Sessions != 3 || stats.Evaluations != 3 || stats.Outputs != 5 || stats.Bytes == 0 {
			t.Errorf("%+v", stats)
		}
	}
	check(j)
	must(t, j.Close())
	j, again := open(t, Options{Dir: dir})
	check(j)
	trouble.none(t)
	again.none(t)
}

// anEntry draws what a kernel may give.
func anEntry(t *rapid.T) record.Entry {
	text := rapid.SampledFrom([]string{"a", "b\n", "größe\r", "\x1b[31m", "", strings.Repeat("z", 7000)})
	data := func() jupyter.MIMEBundle { return bundle("text/plain", text.Draw(t, "data")) }
	id := rapid.SampledFrom([]string{"p", "q"})
	switch rapid.SampledFrom([]record.Kind{record.Stream, record.Stream, record.Stream, record.Display, record.Update, record.Result, record.Error, record.Clear, record.Page}).Draw(t, "kind") {
	case record.Stream:
		return record.Entry{Kind: record.Stream, Name: rapid.SampledFrom([]string{"stdout", "stdout", "stderr"}).Draw(t, "name"), Text: text.Draw(t, "text")}
	case record.Display:
		return record.Entry{Kind: record.Display, Data: data(), DisplayID: rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "id")}
	case record.Update:
		return record.Entry{Kind: record.Update, Data: data(), DisplayID: id.Draw(t, "id")}
	case record.Result:
		return record.Entry{Kind: record.Result, Data: data(), Count: rapid.IntRange(0, 9).Draw(t, "count")}
	case record.Error:
		return record.Entry{Kind: record.Error, Name: "E", Text: text.Draw(t, "value"), Traceback: []string{"at 1", "at 2"}}
	case record.Page:
		return record.Entry{Kind: record.Page, Data: data()}
	}
	return record.Entry{Kind: record.Clear, Wait: rapid.Bool().Draw(t, "wait")}
}

// However it was batched, the journal has what a log has that was told the same.
func TestJournalIsALog(t *testing.T) {
	j, trouble := open(t, Options{Dir: folder(t)})
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		var logs [2]record.Log
		ids := [2]string{fmt.Sprint(runs, "a"), fmt.Sprint(runs, "b")}
		for _, id := range ids {
			began(j, id)
		}
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			if rapid.IntRange(0, 3).Draw(rt, "flush") == 0 {
				must(t, j.Flush(context.Background()))
				continue
			}
			of, e := rapid.IntRange(0, 1).Draw(rt, "evaluation"), anEntry(rt)
			logs[of].Add(e)
			j.Output(ids[of], e)
		}
		must(t, j.Flush(context.Background()))
		for of, id := range ids {
			got, _, err := j.Outputs(context.Background(), id, 0, 0)
			must(t, err)
			want := logs[of].Entries()
			if diff := cmp.Diff(want, got, inJSON); diff != "" && len(want)+len(got) > 0 {
				rt.Fatalf("(-log +journal) %s", diff)
			}
		}
	})
	trouble.none(t)
	intact(t, j)
}

// intact has SQLite look over the whole file.
func intact(t testing.TB, j *Journal) {
	t.Helper()
	j.mu.Lock()
	s := j.store
	j.mu.Unlock()
	if s == nil {
		t.Fatal("there is no store")
	}
	var found string
	must(t, s.db.QueryRow("PRAGMA integrity_check").Scan(&found))
	if found != "ok" {
		t.Errorf("integrity_check: %s", found)
	}
}

// execute changes a journal as another program would.
func execute(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, defaultBusy))
	must(t, err)
	defer db.Close()
	_, err = db.Exec(statements)
	must(t, err)
}

// files are a journal's files as they are now, closed or not.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	for _, end := range beside {
		if data, err := os.ReadFile(filepath.Join(dir, fileName+end)); err == nil {
			got[end] = data
		}
	}
	return got
}

// What a kernel printed in few messages is kept like what came in many, however large they are.
func TestLargeMessages(t *testing.T) {
	j, trouble := open(t, Options{Dir: folder(t)})
	began(j, "e")
	text := strings.Repeat(strings.Repeat("x", 99)+"\n", maxEntry/2/100-1)
	for range 3 {
		j.Output("e", stream(text))
		flush(t, j) // or the next one might wait for the disk longer than anything does
	}
	if got := printed(t, j, "e"); got != strings.Repeat(text, 3) {
		t.Errorf("of %d bytes %d are kept; in the middle is %.100q", 3*len(text), len(got), got[len(got)/2:])
	}
	trouble.none(t)
}
