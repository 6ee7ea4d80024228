package lsp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/lsp"
)

// However many evaluations wait, what an end brings is news of a few, and not at each.
func TestLongQueueIsToldRarely(t *testing.T) {
	hold := make(chan struct{})
	k := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		<-hold
		r.End()
	}})
	c := start(t, setup{capabilities: plugin(), env: []string{"HOME=" + t.TempDir()}})
	const n = 200
	b := c.open("queue", "python", strings.Repeat("code\n", n))
	command[any](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: k.File})
	var last *evaluation
	begin := time.Now()
	for line := range n {
		p := b.position(5 * line)
		last = b.unit("line", p)
	}
	close(hold)
	last.wait()
	pauses := int(time.Since(begin)/(100*time.Millisecond)) + 1
	queued := 0
	c.mu.Lock()
	for _, m := range c.log {
		if m.Method == lsp.MethodEvaluation && decode[lsp.EvaluationParams](t, m.Params).State == lsp.EvaluationQueued {
			queued++
		}
	}
	c.mu.Unlock()
	if most := n + 10*pauses; queued > most {
		t.Errorf("%d times an evaluation was told to wait, at most %d are of use", queued, most)
	}
}

// A value is told when the kernel gives it, not when the kernel has done its own work
// after that; so is that it was cleared.
func TestValueIsToldBeforeTheEnd(t *testing.T) {
	given, end := make(chan struct{}), make(chan struct{})
	k := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Publish(jupyter.ExecuteResultMsg, map[string]any{"data": map[string]string{"text/plain": "42"}})
		<-given
		r.Publish(jupyter.ClearOutputMsg, jupyter.ClearOutputContent{})
		<-end
		r.End()
	}})
	c := start(t, setup{capabilities: plugin(), env: []string{"HOME=" + t.TempDir()}})
	b := c.open("value", "python", "code\n")
	command[any](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: k.File})
	e := b.start("code")
	// told awaits what the last state that was told of the evaluation has for its value.
	told := func(value string) {
		t.Helper()
		c.await("the value "+value, func() bool {
			last := ""
			for _, m := range c.log {
				if m.Method != lsp.MethodEvaluation {
					continue
				}
				last = "none"
				if p := decode[lsp.EvaluationParams](t, m.Params); p.Summary != nil {
					last = p.State + " " + p.Summary.Text
				}
			}
			return last == value
		})
	}
	told("running 42")
	close(given)
	told("none")
	close(end)
	e.wait()
}
