package hub

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/workspace"
)

// reader reads in the journal what is there when it hears of an end.
type reader struct {
	states
	journal *journal.Journal
	read    chan []record.Entry
	kept    chan string // states
}

func (r reader) EvaluationChanged(e session.Evaluation) {
	if e.State.Ended() {
		entries, _, _ := r.journal.Outputs(context.Background(), e.ID, 0, 0)
		r.read <- entries
		all, _ := r.journal.Evaluations(context.Background(), journal.Query{})
		state := ""
		for _, kept := range all {
			if kept.ID == e.ID {
				state = kept.State
			}
		}
		r.kept <- state
	}
}

// What a kernel gave, and that the evaluation ended, is in the journal when somebody hears of the
// end, unless it is of a folder that is to be kept out.
func TestJournal(t *testing.T) {
	t.Parallel()
	testenv.Python(t)
	j := journal.Open(journal.Options{Dir: t.TempDir() + "/state"})
	defer j.Close()
	h := New(Options{Journal: j})
	defer h.Close(context.Background())
	python, _ := language.For("python")
	env := testenv.Env(t)
	evaluate := func(id, dir, code, state string, exclude ...string) []record.Entry {
		w := workspace.New(workspace.Options{Env: env})
		w.SetHistoryExclude(exclude)
		r := reader{make(states, 100), j, make(chan []record.Entry, 1), make(chan string, 1)}
		h.Join(w, w.Project(dir+"/a.py", python), python, "", func(s *Session) {
			s.Listen(r, session.Client{ID: id, Name: "Vim"})
			s.Evaluate(session.Request{ID: id, Code: code, Origin: session.Origin{Client: id, Name: "Vim", URI: "file:///a.py", Line: 3}})
		})
		entries := <-r.read
		if kept := <-r.kept; kept != state {
			t.Errorf("at the end of %s its state is %q", id, kept)
		}
		return entries
	}
	dir := t.TempDir()
	entries := evaluate("1", dir, "print('out')\n40 + 2", "done")
	if len(entries) != 2 || entries[0].Text != "out\n" || string(entries[1].Data["text/plain"]) != `"42"` {
		t.Errorf("at its end there is %+v", entries)
	}
	entries = evaluate("2", dir, "for i in range(20000): print('x' * 100)", "done")
	text := ""
	for _, e := range entries {
		text += e.Text
	}
	if want := strings.Repeat(strings.Repeat("x", 100)+"\n", 20000); text != want {
		t.Errorf("of a flood there are %d bytes of %d", len(text), len(want))
	}
	if entries = evaluate("3", t.TempDir(), "'secret'", "", "*"); entries != nil {
		t.Errorf("what is to be kept out is %+v", entries)
	}
	if err := j.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	all, err := j.Evaluations(context.Background(), journal.Query{Folder: dir})
	if err != nil || len(all) != 2 || all[1].State != "done" || all[1].Count != 1 || all[1].Origin.Client != "Vim" || all[1].Origin.Line != 3 || all[1].Ended.IsZero() {
		t.Errorf("%v: %+v", err, all)
	}
	// Of what nobody listened to any more the end is not known; what a session here has is no past.
	j.Session(journal.Session{ID: "s", Folder: dir})
	j.Evaluation(journal.Evaluation{ID: "lost", Session: "s", State: "running", Origin: journal.Origin{URI: "file:///a.py"}})
	if err := j.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	past, err := h.Past(context.Background(), 10, "file:///a.py")
	if err != nil || len(past) != 1 || past[0].ID != "lost" || past[0].State != session.Lost {
		t.Errorf("%v: past is %+v", err, past)
	}
	for _, s := range h.Sessions() {
		h.End(context.Background(), s)
	}
	j.Session(journal.Session{ID: "s", Folder: dir, Ended: time.Now()})
	if err := j.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	sessions, err := j.Sessions(context.Background(), "")
	if err != nil || len(sessions) != 2 || sessions[1].Kernel == "" || sessions[1].Folder != dir || sessions[1].Ended.IsZero() {
		t.Errorf("%v: sessions %+v", err, sessions)
	}
}
