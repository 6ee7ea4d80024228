package kernelclient

import (
	"slices"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// A kernel with subshells is asked in one, once; completions asked meanwhile come behind, and
// nothing else. One without subshells is asked nothing, nor one whose main shell was asked before.
func TestPrepare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		features []string
		early    bool // it was asked before
		want     []string
	}{
		"subshells":    {[]string{subshellFeature}, false, []string{"subshell", preparations[0] + " aside", preparations[1] + " aside", "late aside"}},
		"asked before": {[]string{subshellFeature}, true, []string{"early", "late"}},
		"no subshells": {nil, false, []string{"late"}},
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
			ask := func(code string) {
				if _, err := k.Complete(within(t), code, 1); err != nil {
					t.Error(err)
				}
			}
			if test.early {
				ask("early")
			}
			var preparing sync.WaitGroup
			preparing.Go(func() { k.Prepare(within(t)) })
			if len(test.want) > 2 {
				<-loads
				if _, err := k.Inspect(within(t), "x", 1, 0); err != nil {
					t.Error(err)
				}
			}
			preparing.Wait()
			k.Prepare(within(t))
			ask("late")
			if !slices.Equal(log, test.want) {
				t.Errorf("%q, want %q", log, test.want)
			}
		})
	}
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
