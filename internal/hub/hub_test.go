package hub

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/kernelclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// states tells of evaluations by their states.
type states chan session.EvaluationState

func (s states) SessionChanged(session.Status)                    {}
func (s states) EvaluationChanged(e session.Evaluation)           { s <- e.State }
func (s states) EvaluationReplayed(session.Evaluation)            {}
func (s states) Output(string, record.Entry)                      {}
func (s states) InputRequested(string, kernelclient.InputRequest) {}
func (s states) InputVoid(string)                                 {}

func (s states) wait(t *testing.T, want session.EvaluationState) {
	t.Helper()
	deadline := time.After(testenv.Patience)
	for {
		select {
		case state := <-s:
			if state == want {
				return
			}
		case <-deadline:
			t.Fatalf("no evaluation was %s", want)
		}
	}
}

// open makes a hub with a session of Python, of which somebody hears.
func open(t *testing.T, idle time.Duration) (*Hub, *Session, states, *session.Listening) {
	testenv.Python(t)
	h := New(Options{Idle: idle})
	t.Cleanup(func() { h.Close(context.Background()) })
	python, _ := language.For("python")
	w := workspace.New(workspace.Options{Env: testenv.Env(t)})
	heard := make(states, 100)
	var joined *Session
	var listening *session.Listening
	h.Join(w, w.Project(t.TempDir()+"/a.py", python), python, "", func(s *Session) { joined, listening = s, s.Listen(heard, session.Client{ID: "a"}) })
	return h, joined, heard, listening
}

// A session that nobody needs ends, after its time; one that works, or that somebody
// listens to, does not, whatever the time.
func TestTidy(t *testing.T) {
	t.Parallel()
	h, s, heard, listening := open(t, 0)
	fifo := t.TempDir() + "/f"
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	s.Evaluate(session.Request{ID: "1", Code: "open('" + fifo + "').read()"})
	heard.wait(t, session.Running)
	h.Tidy()
	if len(h.Sessions()) != 1 {
		t.Fatal("who listens has no session any more")
	}
	listening.Stop()
	h.Tidy()
	if len(h.Sessions()) != 1 || h.timer == nil {
		t.Fatal("what works has ended")
	}
	again := make(states, 100)
	listening = s.Listen(again, session.Client{ID: "b"})
	if out, err := exec.Command("sh", "-c", ": >"+fifo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	again.wait(t, session.Done)
	kernel := s.Kernel()
	h.Tidy()
	if len(h.Sessions()) != 1 {
		t.Fatal("who listens has no session any more")
	}
	listening.Stop()
	h.Tidy()
	if len(h.Sessions()) != 0 {
		t.Error("a session that nobody needs is there")
	}
	<-kernel.Done()
}

// One that was used a moment ago is kept, by itself until its time is over.
func TestTidyInTime(t *testing.T) {
	t.Parallel()
	h, s, heard, listening := open(t, 200*time.Millisecond)
	s.Evaluate(session.Request{ID: "1", Code: "1"})
	heard.wait(t, session.Done)
	kernel := s.Kernel()
	listening.Stop()
	h.Tidy()
	<-kernel.Done() // at its time
	if len(h.Sessions()) != 0 {
		t.Error("the session is there without its kernel")
	}
}

// A session without a kernel goes with its last listener, and one may stay for ever.
func TestTidyForEver(t *testing.T) {
	t.Parallel()
	h, s, heard, listening := open(t, -1)
	python, _ := language.For("python")
	w := workspace.New(workspace.Options{Env: testenv.Env(t)})
	h.Join(w, w.Project(t.TempDir()+"/b.py", python), python, "", func(*Session) {})
	h.Tidy()
	if n := len(h.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.Evaluate(session.Request{ID: "1", Code: "1"})
	heard.wait(t, session.Done)
	listening.Stop()
	h.Tidy()
	if n := len(h.Sessions()); n != 1 || h.timer != nil {
		t.Errorf("%d sessions, timer %v", n, h.timer)
	}
	for _, kernel := range []string{"", s.Spec().Name} {
		h.Join(w, s.Project, python, kernel, func(found *Session) {
			if found != s {
				t.Errorf("the session is not found again for %q", kernel)
			}
		})
	}
}
