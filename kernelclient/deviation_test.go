package kernelclient

import (
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// TestRefusedCode: tslab refuses code for a while after an error, although nothing
// was queued before it.
func TestRefusedCode(t *testing.T) {
	t.Parallel()
	refusals, dates := 2, map[string]bool{}
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		dates[r.Header.Date] = true
		if refusals > 0 {
			refusals--
			r.Status(jupyter.StateBusy)
			r.Status(jupyter.StateIdle)
			r.Reply(jupyter.ExecuteReply, map[string]string{"status": "abort"})
			return
		}
		r.Begin()
		r.Print("ran")
		r.End()
	}}, Options{})
	l := newEvents()
	reply, err := k.Execute(within(t), ExecuteRequest{ID: "mine", Code: "1"}, l.add)
	if err != nil || reply.Status != jupyter.StatusOK {
		t.Fatalf("reply %+v, error %v", reply, err)
	}
	l.wait(t, "stdout \"ran\"")
	if len(dates) != 3 {
		t.Errorf("%d dates in three requests: a kernel may take the same for a replay", len(dates))
	}
}

// TestRefusedForGood: code that is aborted again and again is given back so.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Reply(jupyter.ExecuteReply, map[string]string{"status": "abort"})
	}}, Options{})
	reply, err := k.Execute(within(t), ExecuteRequest{Code: "1"}, func(Event) {})
	if err != nil || reply.Status != jupyter.StatusAborted {
		t.Fatalf("reply %+v, error %v", reply, err)
	}
}

// TestErrorInReplyOnly: Calysto Scheme publishes no error, and tslab does not even say
// in its reply which one it was.
func TestErrorInReplyOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		reply     map[string]any
		printed   bool // the kernel printed the error to stderr
		want      string
		traceback int
	}{
		{"error", map[string]any{"status": "error", "ename": "E", "evalue": "boom", "traceback": []string{"here"}}, false, "error E: boom", 1},
		{"printed", map[string]any{"status": "error", "ename": "E", "evalue": "boom", "traceback": []string{"here"}}, true, "error E: boom", 0},
		{"nameless", map[string]any{"status": "error"}, true, "error Error: the kernel reported an error without saying which", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				r.Begin()
				if c.printed {
					r.Publish(jupyter.StreamMsg, jupyter.StreamContent{Name: "stderr", Text: "boom"})
				}
				r.Reply(jupyter.ExecuteReply, c.reply)
				r.Status(jupyter.StateIdle)
			}}, Options{})
			l := newEvents()
			var failures []Error
			if _, err := k.Execute(within(t), ExecuteRequest{Code: "1"}, func(e Event) {
				l.add(e)
				if e, ok := e.(Error); ok {
					failures = append(failures, e)
				}
			}); err != nil {
				t.Fatal(err)
			}
			l.wait(t, c.want)
			if len(failures) != 1 || len(failures[0].Traceback) != c.traceback {
				t.Errorf("errors %+v", failures)
			}
		})
	}
}
