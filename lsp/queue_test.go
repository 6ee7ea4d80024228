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
