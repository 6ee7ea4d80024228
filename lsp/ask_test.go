package lsp_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/lsp"
)

// questions are those of a type that a played kernel was asked. It leaves them unanswered while
// it is silent.
type questions struct {
	sync.Mutex
	silent bool
	held   []*kernelpeer.Request
}

// play answers a question, or holds it.
func (q *questions) play(answer func(*kernelpeer.Request)) func(*kernelpeer.Request) {
	return func(r *kernelpeer.Request) {
		q.Lock()
		defer q.Unlock()
		if q.silent {
			q.held = append(q.held, r)
			return
		}
		answer(r)
	}
}

func (q *questions) silence(silent bool) {
	q.Lock()
	defer q.Unlock()
	q.silent = silent
}

// release answers what was held.
func (q *questions) release(answer func(*kernelpeer.Request)) {
	q.Lock()
	defer q.Unlock()
	for _, r := range q.held {
		answer(r)
	}
	q.silent, q.held = false, nil
}

// A kernel that does not answer questions of a type holds the editor for two seconds once, and
// for a moment from then on, until it answers one, be it late; questions of another type are
// another matter.
func TestQuestionsThatAreNeverAnswered(t *testing.T) {
	completed := func(r *kernelpeer.Request) {
		r.Reply(jupyter.CompleteReply, jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{"print"}, CursorStart: 0, CursorEnd: 3})
	}
	inspected := func(r *kernelpeer.Request) {
		r.Reply(jupyter.InspectReply, jupyter.InspectReplyContent{Status: jupyter.StatusOK, Found: true, Data: jupyter.MIMEBundle{"text/plain": []byte(`"pri is known"`)}})
	}
	took := func(ask func()) time.Duration {
		begun := time.Now()
		ask()
		return time.Since(begun)
	}
	for name, ask := range map[string]func(*buffer){
		"completion": func(b *buffer) { call[any](b.client, "textDocument/completion", b.place(b.after("pri"))) },
		"hover":      func(b *buffer) { b.hover(b.at("pri")) },
		"signature":  func(b *buffer) { b.signature("pri(1, ") },
		"inspection": func(b *buffer) {
			id := b.request("workspace/executeCommand", map[string]any{
				"command": lsp.CommandInspect, "arguments": []any{lsp.InspectParams{URI: b.uri, Position: b.at("pri")}},
			})
			if _, err := b.reply(id, "inspect"); err != nil && !strings.Contains(err.Error(), "did not answer") {
				b.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var completions, inspections questions
			b := played(t, plugin(), "python", kernelpeer.Script{
				jupyter.CompleteRequest: completions.play(completed), jupyter.InspectRequest: inspections.play(inspected),
			})
			b.rewrite("pri\npri(1, \n")
			b.start("pri").wait()
			of, answer := &inspections, inspected
			if name == "completion" {
				of, answer = &completions, completed
			}
			ask(b) // answered
			of.silence(true)
			first, second := took(func() { ask(b) }), took(func() { ask(b) })
			if first > 5*time.Second || second > first/2 {
				t.Errorf("the first answer took %v, the second %v", first, second)
			}
			of.release(answer)
			ask(b) // comes behind the late answers
			of.silence(true)
			if third := took(func() { ask(b) }); third < first/2 {
				t.Errorf("after an answer the kernel had only %v", third)
			}
			of.release(answer)
			ask(b)
		})
	}
}
