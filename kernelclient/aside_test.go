package kernelclient

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

func TestAskWhileCodeRuns(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	run(t, k, "from types import SimpleNamespace; x = SimpleNamespace(foo=1)")
	// IPython imports jedi for the first completion: beside the loop each of its thousands of
	// reads would wait for the interpreter's lock, which takes minutes on a busy machine.
	if _, err := k.Complete(within(t), "x.f", 3); err != nil {
		t.Fatal(err)
	}
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('runs', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "runs")
	for range 3 { // the first makes the subshell
		c, err := k.Complete(within(t), "x.f", 3)
		if err != nil || !slices.Contains(c.Matches, "foo") {
			t.Fatalf("complete: %+v, %v", c, err)
		}
		i, err := k.Inspect(within(t), "x", 1, 0)
		if err != nil || !i.Found {
			t.Fatalf("inspect: %+v, %v", i, err)
		}
	}
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusError {
		t.Errorf("the loop ended with %+v, %v", o.reply, o.err)
	}
}

// A kernel that does not answer while code runs is asked once, not again and again.
func TestOneQuestionWaits(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	k := attach(t, kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			r.Print("runs")
			r.Wait(release)
			r.End()
		},
		jupyter.CompleteRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.CompleteReply, jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{"foo"}})
		},
	}, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "hold"}, l.add)
	l.wait(t, "runs")

	ctx, cancel := context.WithCancel(within(t))
	answers := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := k.Complete(ctx, "f", 1)
			answers <- err
		}()
	}
	if err := <-answers; !errors.Is(err, ErrBusy) {
		t.Fatalf("one of two questions gave %v, want ErrBusy", err)
	}
	cancel()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("the other gave %v, want its context's end", err)
	}
	if _, err := k.Complete(within(t), "f", 1); !errors.Is(err, ErrBusy) {
		t.Errorf("a third question gave %v, want ErrBusy: the kernel still has the first", err)
	}
	close(release)
	if o := next(t, ended); o.err != nil {
		t.Fatal(o.err)
	}
	if c, err := k.Complete(within(t), "f", 1); err != nil || len(c.Matches) != 1 {
		t.Errorf("when it is idle again: %+v, %v", c, err)
	}
}
