package kernelclient

import (
	"slices"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// A kernel with subshells is asked for completions in one from the first on, also at rest,
// and inspected in its main shell while that is free. One without is asked as it is.
func TestCompletionsAreAskedInASubshell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		features []string
		want     []string
	}{
		"subshells":    {[]string{subshellFeature}, []string{"subshell", "first aside", "second aside"}},
		"no subshells": {nil, []string{"first", "second"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
					r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: test.features})
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
					if r.Header.SubshellID != nil {
						c.Code += " aside"
					}
					note(c.Code)
					if c.Code == "first aside" { // the subshell loads
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
			complete := func(code string) {
				if _, err := k.Complete(within(t), code, 1); err != nil {
					t.Error(err)
				}
			}
			var first sync.WaitGroup
			first.Go(func() { complete("first") })
			if test.features != nil {
				<-loads
				if _, err := k.Inspect(within(t), "x", 1, 0); err != nil {
					t.Error(err)
				}
			}
			first.Wait()
			complete("second")
			if !slices.Equal(log, test.want) {
				t.Errorf("%q, want %q", log, test.want)
			}
		})
	}
}

// IPython evaluates while it loads what it completes with, and completes then.
func TestIPythonEvaluatesWhileItLoads(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	var loading sync.WaitGroup
	loading.Go(func() {
		if _, err := k.Complete(within(t), "pri", 3); err != nil {
			t.Error(err)
		}
	})
	run(t, k, "x = 'abc'")
	loading.Wait()
	c, err := k.Complete(within(t), "x.upp", 5)
	if err != nil || !slices.Contains(c.Matches, "upper") && !slices.Contains(c.Matches, "x.upper") {
		t.Errorf("%+v, %v", c, err)
	}
}
