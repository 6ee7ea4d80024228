package kernelclient

import (
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// TestReusedID: another client of a real kernel that gives its request the id of one of
// ours writes neither into ours, be it ended or not, nor ends it.
func TestReusedID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var late []string
	ours := launch(t, Options{Late: func(parent string, e Event) {
		mu.Lock()
		defer mu.Unlock()
		late = append(late, parent+": "+describe(e))
	}})
	other, err := Attach(within(t), ours.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	const code = `from IPython.display import display
h = display("shown", display_id="d")`
	l := newEvents()
	if _, err := ours.Execute(within(t), ExecuteRequest{ID: "ours", Code: code}, l.add); err != nil {
		t.Fatal(err)
	}
	before := l.all()
	const theirs = `import sys
print("theirs"); print("theirs", file=sys.stderr); h.update("theirs"); display("theirs")
from ipykernel.comm import Comm
Comm(target_name="theirs")
1/0`
	if _, err := other.Execute(within(t), ExecuteRequest{ID: "ours", Code: theirs}, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	// And while the other's code runs, with the same id again, ours waits behind it.
	running := newEvents()
	their := start(within(t), other, ExecuteRequest{ID: "both", Code: "print('on', flush=True)\nimport time; time.sleep(0.3)\nprint('theirs')"}, running.add)
	running.wait(t, "on")
	both := newEvents()
	if _, err := ours.Execute(within(t), ExecuteRequest{ID: "both", Code: "print('mine')"}, both.add); err != nil {
		t.Fatal(err)
	}
	next(t, their)
	if got := both.all(); strings.Contains(got, "theirs") || !strings.Contains(got, "mine") {
		t.Errorf("ours became %s", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(late, "\n"); strings.Contains(got, "theirs") || l.all() != before {
		t.Errorf("into what had ended came:\n%s\n%s", got, l.all())
	}
}

// TestForgedParent: whatever comes with the id of a running execution but with the session
// of another client is not its, and a prompt of another's is not shown. A kernel that tells
// the id alone is believed.
func TestForgedParent(t *testing.T) {
	t.Parallel()
	for name, echoes := range map[string]bool{"a kernel that tells the session": true, "a kernel that does not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := func(r *kernelpeer.Request, session string, channel jupyter.Channel, typ jupyter.MsgType, content any) {
				m := r.Make(channel, typ, content)
				m.Parent = jupyter.Header{MsgID: r.Header.MsgID, Session: session, MsgType: r.Header.MsgType}
				r.Kernel.Send(channel, m)
			}
			said := func(r *kernelpeer.Request, session, text string) {
				parent(r, session, jupyter.IOPub, jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: text})
			}
			own := func(r *kernelpeer.Request) string {
				if echoes {
					return r.Header.Session
				}
				return ""
			}
			status := func(r *kernelpeer.Request, session, state string) {
				parent(r, session, jupyter.IOPub, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: state})
			}
			k := attach(t, kernelpeer.Script{
				jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
					status(r, own(r), jupyter.StateBusy)
					parent(r, own(r), r.Channel, jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK})
					status(r, own(r), jupyter.StateIdle)
				},
				jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
					said(r, own(r), "mine ")
					said(r, "another", "theirs ")
					status(r, "another", jupyter.StateIdle)
					parent(r, "another", jupyter.IOPub, jupyter.DisplayDataMsg, jupyter.DisplayDataContent{})
					parent(r, "another", jupyter.IOPub, jupyter.CommOpen, jupyter.CommContent{CommID: "c"})
					parent(r, "another", jupyter.IOPub, jupyter.ErrorMsg, jupyter.ErrorContent{Name: "E"})
					if echoes {
						said(r, "", "nobody's ")
					}
					said(r, own(r), "mine")
					parent(r, own(r), r.Channel, jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusOK})
					status(r, own(r), jupyter.StateIdle)
				},
			}, Options{})
			l := newEvents()
			if _, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, l.add); err != nil {
				t.Fatal(err)
			}
			equal(t, l.all(), `stdout "mine mine"`)
		})
	}
}

// TestForgedPrompt: an input request with another client's session is answered without
// anybody being asked.
func TestForgedPrompt(t *testing.T) {
	t.Parallel()
	answered := make(chan struct{})
	asked := make(chan string, 1)
	k := attach(t, kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			m := r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: "Password of another: "})
			m.Parent = jupyter.Header{MsgID: r.Header.MsgID, Session: "another", MsgType: r.Header.MsgType}
			r.Kernel.Send(jupyter.Stdin, m)
			r.Wait(answered)
			r.End()
		},
		jupyter.InputReply: func(r *kernelpeer.Request) { close(answered) },
	}, Options{})
	// A kernel can send on a channel once it has heard of the client there.
	hello, err := jupyter.NewMessage(k.session, "hello", struct{}{})
	must(t, err)
	must(t, k.send(within(t), jupyter.Stdin, hello))
	if _, err := k.Execute(within(t), ExecuteRequest{Code: "x", AllowInput: true}, func(e Event) {
		if r, ok := e.(InputRequest); ok {
			asked <- r.Prompt
			r.Reply("secret")
		}
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case prompt := <-asked:
		t.Errorf("the user was asked: %s", prompt)
	default:
	}
}
