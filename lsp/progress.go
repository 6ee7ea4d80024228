package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
)

// progressDelay is how long an evaluation runs before a progress display is asked
// for: one that comes and goes at once is noise. A client that sent a token of its
// own waits for its begin, and gets it at once.
const progressDelay = 100 * time.Millisecond

// progress is the $/progress of what one request evaluates. A nil progress does nothing.
// Everything is guarded by Server.mu.
type progress struct {
	server  *Server
	doc     *openDocument
	results []*result // one for each cell
	token   protocol.ProgressToken
	ours    bool // the token is to be created on the client
	ready   bool // the client knows the token

	started, ended  bool // what is to be told
	begun, finished bool // what was told
	line            string
	told            string
	listed          bool
	timer           *time.Timer
}

// newProgress makes the progress of a request: with the client's token, or with one of
// the server's if the client takes those; mu is held.
func newProgress(s *Server, d *openDocument, token protocol.ProgressToken) *progress {
	switch {
	case token != nil:
		return &progress{server: s, doc: d, token: token, ready: true}
	case s.client.progress:
		return &progress{server: s, doc: d, token: protocol.String("reval/" + jupyter.NewID()), ours: true}
	}
	return nil
}

// of notes an evaluation whose progress it is.
func (p *progress) of(r *result) {
	if p != nil {
		p.results = append(p.results, r)
	}
}

// begin starts the display when the first evaluation runs.
func (p *progress) begin() {
	switch {
	case p == nil || p.started || p.timer != nil:
	case !p.ours:
		p.started = true
		p.dirty()
	default:
		p.timer = time.AfterFunc(progressDelay, p.create)
	}
}

// create asks the client to take the token.
func (p *progress) create() {
	s := p.server
	s.mu.Lock()
	ended := p.ended
	p.started = true
	s.mu.Unlock()
	if ended {
		return
	}
	err := s.stream.call(s.ctx, protocol.MethodWindowWorkDoneProgressCreate, &protocol.WorkDoneProgressCreateParams{Token: p.token})
	if err != nil {
		s.logger.Debug("progress not shown", "document", p.doc.uri, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.ready = true
	p.dirty()
}

// report shows the last line of a text beside the progress.
func (p *progress) report(text string) {
	if p == nil {
		return
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	p.line = oneLine(strings.TrimSpace(lines[len(lines)-1]))
	p.dirty()
}

// end takes the display away if all evaluations have ended.
func (p *progress) end() {
	if p == nil || slices.ContainsFunc(p.results, func(r *result) bool { return !r.ended() }) {
		return
	}
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.dirty()
}

func (p *progress) dirty() {
	if !p.listed {
		p.listed = true
		p.server.outbox.progress = append(p.server.outbox.progress, p)
	}
	p.server.outbox.wake()
}

// collect sends what has changed; mu is held.
func (p *progress) collect(send func(string, any)) {
	p.listed = false
	if !p.ready {
		return
	}
	tell := func(value any) {
		data, err := json.Marshal(value)
		if err != nil {
			p.server.logger.Error("encode progress", "error", err)
			return
		}
		send(protocol.MethodProgress, &protocol.ProgressParams{Token: p.token, Value: protocol.LSPAny(data)})
	}
	where := p.results[0].anchor.Range()
	if (p.started || p.ended) && !p.begun {
		p.begun = true
		tell(map[string]any{
			"kind": "begin", "cancellable": true,
			"title": fmt.Sprintf("Evaluate %s:%d", p.doc.name(), where.Start.Line+1),
		})
	}
	if p.begun && !p.finished && p.line != p.told && !p.ended {
		p.told = p.line
		tell(map[string]any{"kind": "report", "message": p.line})
	}
	if p.ended && !p.finished {
		p.finished = true
		tell(map[string]any{"kind": "end", "message": string(p.outcome())})
	}
}

// outcome is the state in which the first evaluation ended that did not end well, or
// that of all.
func (p *progress) outcome() session.EvaluationState {
	for _, r := range p.results {
		if r.eval.State != session.Done {
			return r.eval.State
		}
	}
	return session.Done
}

// WorkDoneProgressCancel interrupts the evaluation that runs, and takes those that wait
// behind it from the queue.
func (s *Server) WorkDoneProgressCancel(_ context.Context, c *protocol.WorkDoneProgressCancelParams) error {
	s.mu.Lock()
	var found []*result
	for _, r := range s.results {
		if r.progress != nil && r.progress.token == c.Token && !r.ended() {
			found = r.progress.results
			break
		}
	}
	s.mu.Unlock()
	if found == nil {
		return fmt.Errorf("no evaluation that runs has the progress token %v", c.Token)
	}
	s.wait.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, interruptDeadline)
		defer cancel()
		for _, r := range slices.Backward(found) { // what waits first: it must not start
			if err := r.session.Cancel(ctx, r.id); err != nil {
				s.logger.Debug("cancel evaluation", "error", err)
			}
		}
	})
	return nil
}
