package lsp

import (
	"context"
	"errors"
	"time"

	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// How long an editor's question waits for the kernel. Editors wait for the answer, some with
// everything: the first is a little less than the two seconds that they give it.
const (
	restDeadline = 1900 * time.Millisecond
	// silentDeadline is for questions of a type that the kernel has left unanswered.
	silentDeadline = 190 * time.Millisecond
	busyDeadline   = 150 * time.Millisecond
	// lateDeadline bounds how long an answer is listened for that nobody waits for: it tells
	// that the kernel answers such questions.
	lateDeadline = 30 * time.Second
)

// busy tells whether the kernel may not answer at once, for it runs code.
func (ks *kernelSession) busy() bool {
	switch ks.Status().State {
	case session.Busy, session.Disconnected, session.Unresponsive:
		return true
	}
	return false
}

// patience bounds the wait for the answers to one question of the editor, which may become
// several of a type to the kernel.
func (ks *kernelSession) patience(ctx context.Context, t jupyter.MsgType) (context.Context, context.CancelFunc) {
	switch {
	case ks.busy():
		return context.WithTimeout(ctx, busyDeadline)
	case ks.isSilent(t):
		return context.WithTimeout(ctx, silentDeadline)
	}
	return context.WithTimeout(ctx, restDeadline)
}

func (ks *kernelSession) isSilent(t jupyter.MsgType) bool {
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return ks.silent[t]
}

// answers notes whether the kernel answers questions of a type.
func (ks *kernelSession) answers(t jupyter.MsgType, answers bool) {
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	ks.silent[t] = !answers
}

// errAnswer is a kernel's answer that it could not answer.
var errAnswer = errors.New("the kernel's answer is an error")

// complete asks for completions, until ctx ends.
func (ks *kernelSession) complete(ctx context.Context, code string, at kernelclient.Cursor) (jupyter.CompleteReplyContent, error) {
	reply, err := ask(ctx, ks, jupyter.CompleteRequest, func(ctx context.Context) (jupyter.CompleteReplyContent, error) {
		return ks.Complete(ctx, code, at)
	})
	if err == nil && reply.Status != jupyter.StatusOK {
		err = errAnswer
	}
	return reply, err
}

// inspect asks about a name, until ctx ends.
func (ks *kernelSession) inspect(ctx context.Context, code string, at kernelclient.Cursor, detail int) (jupyter.InspectReplyContent, error) {
	return ask(ctx, ks, jupyter.InspectRequest, func(ctx context.Context) (jupyter.InspectReplyContent, error) {
		return ks.Inspect(ctx, code, at, detail)
	})
}

// ask puts a question to the kernel. A kernel that did not answer before ctx's deadline may
// never answer such questions: the next ones wait less, until one was answered, be it late.
func ask[T any](ctx context.Context, ks *kernelSession, t jupyter.MsgType, question func(context.Context) (T, error)) (T, error) {
	type answer struct {
		reply T
		err   error
	}
	answered := make(chan answer, 1)
	whole, cancel := context.WithTimeout(ks.server.ctx, lateDeadline)
	ks.server.wait.Go(func() {
		defer cancel()
		reply, err := question(whole)
		if err == nil {
			ks.answers(t, true)
		}
		answered <- answer{reply, err}
	})
	select {
	case a := <-answered:
		return a.reply, a.err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !ks.busy() {
		ks.answers(t, false)
	}
	var none T
	return none, ctx.Err()
}
