package kernelclient

import (
	"slices"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// A kernel with subshells is asked in one, once, when the main shell has answered what it was
// asked before; completions asked meanwhile come behind, and nothing else. One without subshells is asked nothing.
func TestPrepare(t *testing.T) {
	t.Parallel()
	for name, features := range map[string][]string{"subshells": {subshellFeature}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, goOn := make(chan struct{}), make(chan struct{})
			loads, inspected := make(chan struct{}), make(chan struct{})
			var mu sync.Mutex
			var log []string
			note := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				log = append(log, what)
			}
			k := attach(t, kernelpeer.Script{
				jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
					r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: features})
					r.Status(jupyter.StateIdle)
				},
				jupyter.CreateSubshellRequest: func(r *kernelpeer.Request) {
					note("subshell")
					r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok", "subshell_id": "s"})
				},
				jupyter.CompleteRequest: func(r *kernelpeer.Request) {
					var c jupyter.CompleteRequestContent
					if err := r.Decode(&c); err != nil {
						t.Error(err)
					}
					if c.Code == "early" {
						close(first)
						r.Wait(goOn)
					}
					if r.Header.SubshellID != nil {
						c.Code += " aside"
					}
					note(c.Code)
					if c.Code == preparations[0]+" aside" {
						close(loads)
						go func() {
							<-inspected
							r.Reply(jupyter.CompleteReply, completions("foo"))
						}()
						return
					}
					r.Reply(jupyter.CompleteReply, completions("foo"))
				},
				jupyter.InspectRequest: func(r *kernelpeer.Request) {
					if r.Header.SubshellID != nil {
						t.Error("inspects behind what is loaded")
					}
					close(inspected)
					r.Reply(jupyter.InspectReply, jupyter.InspectReplyContent{Status: jupyter.StatusOK})
				},
			}, Options{})
			var asked sync.WaitGroup
			ask := func(code string) {
				if _, err := k.Complete(within(t), code, 1); err != nil {
					t.Error(err)
				}
			}
			asked.Go(func() { ask("early") })
			<-first
			asked.Go(func() { k.Prepare(within(t)) })
			close(goOn)
			if features != nil {
				<-loads
				if _, err := k.Inspect(within(t), "x", 1, 0); err != nil {
					t.Error(err)
				}
			}
			asked.Wait()
			k.Prepare(within(t))
			ask("late")
			want := []string{"early", "subshell", preparations[0] + " aside", preparations[1] + " aside", "late aside"}
			if features == nil {
				want = []string{"early", "late"}
			}
			if !slices.Equal(log, want) {
				t.Errorf("%q, want %q", log, want)
			}
		})
	}
}

// While a kernel's subshell loads what it completes with, a kernel at rest is inspected in
// its main shell, at once.
func TestInspectWhilePreparing(t *testing.T) {
	t.Parallel()
	loading := make(chan *kernelpeer.Request, 1)
	var held *kernelpeer.Request
	k := attach(t, kernelpeer.Script{
		jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: []string{subshellFeature}})
			r.Status(jupyter.StateIdle)
		},
		jupyter.CreateSubshellRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok", "subshell_id": "s"})
		},
		jupyter.CompleteRequest: func(r *kernelpeer.Request) {
			if held == nil { // it is answered after the inspection
				held = r
				loading <- r
				return
			}
			r.Reply(jupyter.CompleteReply, completions("foo"))
		},
		jupyter.InspectRequest: func(r *kernelpeer.Request) {
			if r.Header.SubshellID != nil {
				t.Error("it is inspected in the subshell, which loads")
			}
			r.Reply(jupyter.InspectReply, jupyter.InspectReplyContent{Status: jupyter.StatusOK, Found: true})
			held.Reply(jupyter.CompleteReply, completions("foo"))
		},
	}, Options{})
	var preparing sync.WaitGroup
	preparing.Go(func() { k.Prepare(within(t)) })
	<-loading
	if r, err := k.Inspect(within(t), "x", CursorAt("x", 1), 0); err != nil || !r.Found {
		t.Errorf("%+v, %v", r, err)
	}
	preparing.Wait()
}

// IPython completes as before when it was prepared, and code runs beside that.
func TestPrepareIPython(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	var preparing sync.WaitGroup
	preparing.Go(func() { k.Prepare(within(t)) })
	run(t, k, "x = 'abc'")
	preparing.Wait()
	c, err := k.Complete(within(t), "x.upp", 5)
	if err != nil || !slices.Contains(c.Matches, "upper") {
		t.Errorf("%+v, %v", c, err)
	}
}
