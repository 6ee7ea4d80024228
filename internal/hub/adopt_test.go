//go:build !windows

package hub

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/kernelclient"
)

// gives tells what comes of evaluations.
type gives struct {
	states
	outputs chan string
}

func (g gives) SessionChanged(s session.Status) { g.outputs <- "session " + string(s.State) }

func (g gives) EvaluationReplayed(e session.Evaluation) { g.outputs <- e.ID + " replayed" }

func (g gives) Output(id string, e record.Entry) {
	text := e.Text
	if e.Kind == record.Result {
		text = string(e.Data["text/plain"])
	}
	g.outputs <- id + " " + strings.TrimSpace(text)
}

// until passes over what comes before something.
func (g gives) until(want string) {
	for got := ""; got != want; {
		got = <-g.outputs
	}
}

// A session that was let go of is another hub's, also where nothing of it is kept in a journal: what
// ran and what waited goes on, in the folder and the namespace that it had.
func TestReleaseAndAdopt(t *testing.T) {
	t.Parallel()
	testenv.Python(t)
	env := testenv.Env(t)
	dir, err := kernelclient.RegistryDir(env)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := kernelclient.OpenRegistry(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	python, _ := language.For("python")
	w := workspace.New(workspace.Options{Env: env})
	project := w.Project(t.TempDir()+"/a.py", python)
	fifo := t.TempDir() + "/f"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}

	first := New(Options{Registry: registry})
	var had *Session
	g := gives{make(states, 100), make(chan string, 100)}
	first.Join(w, project, python, "", func(s *Session) { had = s; s.Listen(g, session.Client{ID: "a", Name: "Emacs"}) })
	ask := func(s *Session, id, code string) {
		s.Evaluate(session.Request{ID: id, Code: code, Origin: session.Origin{Client: "a", Name: "Emacs", URI: "file:///a.py"}})
	}
	ask(had, "1", "print('begun', flush=True); x = len(open('"+fifo+"').read()); print('over')")
	ask(had, "2", "x + 1")
	g.until("1 begun")
	first.Release(context.Background())
	<-had.Closed()
	if err := first.Adopt(t.Context()); err != nil || len(first.Sessions()) > 0 {
		t.Errorf("%v: who let go of its sessions has %d", err, len(first.Sessions()))
	}

	second := New(Options{Registry: registry})
	defer second.Close(context.Background())
	if err := second.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	g = gives{make(states, 100), make(chan string, 100)}
	second.Join(w, project, python, "", func(s *Session) {
		if s.ID != had.ID || s.Project != had.Project || s.Wanted != had.Wanted || s.Spec().Name != had.Spec().Name {
			t.Errorf("%+v was %+v", s, had)
		}
		s.Listen(g, session.Client{ID: "b"}).Replay(func(session.Evaluation) bool { return true })
	})
	g.wait(t, session.Running)
	for _, want := range []string{"1 replayed", "1 [reval's daemon was replaced while this ran: what was printed meanwhile is missing here]", "2 replayed"} {
		g.until(want)
	}
	if second.Sessions()[0].Status().State != session.Busy {
		g.until("session busy")
	}
	if err := os.WriteFile(fifo, []byte("abc"), 0); err != nil { // the kernel has opened it
		t.Fatal(err)
	}
	g.wait(t, session.Done)
	g.wait(t, session.Done)
	g.until("2 \"4\"")
	third := New(Options{Registry: registry})
	if err := third.Adopt(t.Context()); err != nil || len(third.Sessions()) > 0 {
		t.Errorf("%v: another has %d sessions of one that has them", err, len(third.Sessions()))
	}
}
