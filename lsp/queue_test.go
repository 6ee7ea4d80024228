package lsp_test

import (
	"fmt"
	"path/filepath"
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

// What waits is listed, whoever asked for it, can be moved, and is evaluated once if it is
// asked for again.
func TestQueueIsSeenAndChanged(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	emacs := h.join("Emacs", "input()\n\nx = 1\n  # note\ny = 2\n")
	first := emacs.start("input()")
	question := expect[lsp.InputRequestParams](emacs.client, lsp.MethodInputRequest, nil)
	x, y := emacs.start("\nx = 1"), emacs.start("y = 2")
	y.until("that it waits", func(tr transcript) bool { return tr.end.Ahead == 2 })
	again := emacs.start("\nx = 1")
	x.wait().want(t, "queued cancelled", "")
	vim := h.join("Vim", "input()\n\nx = 1\n  # note\ny = 2\n")
	z := vim.open(filepath.Join(h.root, "z.py"), "python", "'z'").start("'z'")
	list := func() string {
		var lines []string
		for _, w := range command[[]lsp.Waiting](vim.client, lsp.CommandQueue, vim.only()) {
			lines = append(lines, fmt.Sprintf("%s %s:%d %s %t %s", w.By, filepath.Base(w.URI), w.Line, w.State, w.Elapsed > 0, w.Text))
		}
		return strings.Join(lines, "\n")
	}
	if got, want := list(), "Emacs a.py:0 running true input()\nEmacs a.py:2 queued false x = 1\nEmacs a.py:4 queued false y = 2\nVim z.py:0 queued false 'z'"; got != want {
		t.Errorf("the queue is\n%s\nwant\n%s", got, want)
	}
	command[any](vim.client, lsp.CommandMove, lsp.MoveParams{URI: vim.uri, Evaluation: z.id})
	if got := list(); !strings.Contains(got, "input()\nVim z.py:0") {
		t.Errorf("after the move the queue is\n%s", got)
	}
	if got := vim.commandFails(lsp.CommandMove, lsp.MoveParams{URI: vim.uri, Evaluation: x.id}); !strings.Contains(got, "does not wait") {
		t.Errorf("what does not wait is moved: %s", got)
	}
	w := vim.open(filepath.Join(h.root, "w.py"), "python", "'w'").start("'w'")
	command[any](emacs.client, lsp.CommandCancel, lsp.EvaluationRef{URI: emacs.uri, Evaluation: w.id}) // w.py is not open there
	w.wait().want(t, "queued cancelled", "")
	emacs.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: question.Request, Value: ""})
	first.wait()
	z.wait().want(t, "queued running done", "'z'")
	for _, e := range []*evaluation{again, y} {
		e.wait().want(t, "queued running done", "")
	}
}
