package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/terminal"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/kernelclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// editor is a listener that waits for the ends of evaluations.
type editor struct{ ended chan string }

func (editor) SessionChanged(session.Status)                    {}
func (editor) EvaluationReplayed(session.Evaluation)            {}
func (editor) Output(string, record.Entry)                      {}
func (editor) InputRequested(string, kernelclient.InputRequest) {}
func (editor) InputVoid(string)                                 {}

func (e editor) EvaluationChanged(n session.Evaluation) {
	if n.State.Ended() {
		e.ended <- n.ID
	}
}

// home is a hub with sessions of Python, which an editor has joined.
type home struct {
	t      *testing.T
	hub    *hub.Hub
	editor editor
}

func newHome(t *testing.T) home {
	testenv.Python(t)
	h := hub.New(hub.Options{Idle: -1})
	t.Cleanup(func() { h.Close(context.Background()) })
	return home{t, h, editor{make(chan string, 100)}}
}

func (h home) open(env []string, dir string) (joined *hub.Session) {
	python, _ := language.For("python")
	w := workspace.New(workspace.Options{Env: env})
	h.hub.Join(w, w.Project(dir+"/a.py", python), python, "", func(s *hub.Session) {
		joined = s
		s.Listen(h.editor, session.Client{ID: "1", Name: "Emacs"})
	})
	return joined
}

func (h home) evaluate(s *hub.Session, id, code string) {
	s.Evaluate(session.Request{ID: id, Code: code, Origin: session.Origin{Client: "1", Name: "Emacs", URI: "file:///home/me/a.py", Line: 2}})
	for ended := range h.editor.ended {
		if ended == id {
			return
		}
	}
}

// dial is a connection to who has the sessions.
func (h home) dial() net.Conn {
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		control.Serve(context.Background(), theirs, h.hub, "tail")
		theirs.Close()
	}()
	h.t.Cleanup(func() { ours.Close(); <-served })
	return ours
}

func (h home) fails(r control.Request, want string) {
	h.t.Helper()
	err := control.Ask(h.dial(), r, func(control.Answer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), want) {
		h.t.Errorf("%+v: %v, want %q", r, err, want)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var out bytes.Buffer
	list := func() string {
		out.Reset()
		if err := terminal.Sessions(terminal.Streams{Out: &out}, h.dial(), false); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := list(); !strings.Contains(got, "no session") {
		t.Errorf("nothing is listed as %q", got)
	}
	h.fails(control.Request{Do: control.Tail}, "there is no session")
	env, dir, other := testenv.Env(t), t.TempDir(), t.TempDir()
	a, b := h.open(env, dir), h.open(env, other)
	h.evaluate(a, "a1", "1")
	h.evaluate(a, "a2", "2")
	if got := list(); strings.Count(got, "\n") != 3 || !strings.Contains(got, a.ID[:8]) || !strings.Contains(got, "idle") || !strings.Contains(got, dir) || !strings.Contains(got, "Emacs") {
		t.Errorf("the sessions are listed as\n%s", got)
	}
	var told []control.Session
	out.Reset()
	if err := terminal.Sessions(terminal.Streams{Out: &out}, h.dial(), true); err != nil || json.Unmarshal(out.Bytes(), &told) != nil || len(told) != 2 {
		t.Fatalf("%v: %s", err, out.String())
	}
	if told[0].ID != a.ID || told[0].Evaluations != 2 || told[0].State != "idle" || told[1].ID != b.ID || told[1].State != "none" {
		t.Errorf("the sessions are told as %+v", told)
	}

	h.fails(control.Request{Do: control.Tail}, "there are 2 sessions")
	h.fails(control.Request{Do: control.Tail, Session: "/"}, "2 sessions are meant")
	h.fails(control.Request{Do: control.Stop, Session: "nobody"}, `no session is called "nobody"`)
	h.fails(control.Request{Do: "dance"}, `no such request: "dance"`)
	kernel := a.Kernel()
	if err := terminal.StopSession(h.dial(), a.ID[:8]); err != nil {
		t.Fatal(err)
	}
	<-kernel.Done()
	if n := len(h.hub.Sessions()); n != 1 {
		t.Errorf("%d sessions are there", n)
	}
}

// A terminal shows what others evaluate: what ran when it came, and all that follows, until
// the session ends.
func TestTail(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.open(testenv.Env(t), t.TempDir())
	h.evaluate(s, "a", "print('first')\n'value'")
	var out, failed, lines bytes.Buffer
	ended := make(chan error, 2)
	tail := func(to terminal.Tail) {
		conn := h.dial()
		go func() { ended <- to.Do(conn) }()
	}
	tail(terminal.Tail{Streams: terminal.Streams{Out: &out, Err: &failed}, All: true})
	tail(terminal.Tail{Streams: terminal.Streams{Out: &lines}, JSON: true})
	for len(s.Clients()) < 3 { // they have come
		h.evaluate(s, "pass", "pass")
	}
	h.evaluate(s, "b", "import sys\nprint('\\x1b]52;c;aGk=\\x07größe')\nprint('no', file=sys.stderr)\n1/0")
	if err := terminal.StopSession(h.dial(), ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{"── Emacs, a.py:3\n> print('first')\n> 'value'\nfirst\n'value'\n", "größe\n", "[error"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") || strings.Contains(lines.String(), "\x1b") {
		t.Error("a terminal would obey what it is shown")
	}
	if got := failed.String(); !strings.Contains(got, "no\n") || !strings.Contains(got, "ZeroDivisionError") {
		t.Errorf("on stderr is %q", got)
	}
	states, text := "", ""
	for line := range strings.Lines(lines.String()) {
		var e control.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Evaluation != nil && e.Evaluation.ID == "b" {
			states += e.Evaluation.State + " "
		}
		if e.Output != nil && e.Output.Output.Kind == record.Stream && e.Output.Evaluation == "b" {
			text += e.Output.Output.Text
		}
	}
	if states != "queued running running error " || !strings.Contains(text, "\x1b]52;c;aGk=\agröße\n") {
		t.Errorf("states %q, text %q", states, text)
	}
}

// Who does not read holds up nobody, and hears how much it missed.
func TestTailThatDoesNotRead(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.open(testenv.Env(t), t.TempDir())
	conn := h.dial()
	if _, err := conn.Write([]byte("{\"do\": \"tail\"}\n")); err != nil {
		t.Fatal(err)
	}
	in := json.NewDecoder(conn)
	var first control.Answer
	h.evaluate(s, "a", "1")
	for first.Event == nil || first.Event.State == nil {
		if err := in.Decode(&first); err != nil {
			t.Fatal(err)
		}
	}
	const size, parts = 1 << 20, 40
	h.evaluate(s, "b", "for i in range(40): print('x' * (1 << 20))") // ends while nobody reads
	read, over := 0, 0
	for {
		var a control.Answer
		if err := in.Decode(&a); err != nil {
			t.Fatal(err)
		}
		if a.Event == nil {
			continue
		}
		over += a.Event.LeftOut
		if o := a.Event.Output; o != nil && o.Evaluation == "b" {
			read += len(o.Output.Text)
		}
		if e := a.Event.Evaluation; e != nil && e.ID == "b" && e.State == "done" {
			break
		}
	}
	if over == 0 || read+over < size*parts || read > size*parts {
		t.Errorf("%d bytes were read, %d left out, of %d", read, over, size*parts)
	}
}
