package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.lsp.dev/protocol"
)

// progressDelay is how long an evaluation runs before a progress display is asked
// for: one that comes and goes at once is noise. A client that sent a token of its
// own waits for its begin, and gets it at once.
const progressDelay = 100 * time.Millisecond

// progress is the $/progress of one evaluation. A nil progress does nothing.
// Everything is guarded by Server.mu.
type progress struct {
	server *Server
	result *result
	token  protocol.ProgressToken
	ours   bool // the token is to be created on the client
	ready  bool // the client knows the token

	started, ended  bool // what is to be told
	begun, finished bool // what was told
	line            string
	told            string
	listed          bool
	timer           *time.Timer
}

// newProgress makes the progress of an evaluation: with the client's token, or
// with one of the server's if the client takes those; mu is held.
func newProgress(s *Server, r *result, token protocol.ProgressToken) *progress {
	switch {
	case token != nil:
		return &progress{server: s, result: r, token: token, ready: true}
	case s.client.progress:
		return &progress{server: s, result: r, token: protocol.String("reval/" + r.id), ours: true}
	}
	return nil
}

// begin starts the display when the evaluation runs.
func (p *progress) begin(r *result) {
	switch {
	case p == nil:
	case !p.ours:
		p.started = true
		p.dirty()
	default:
		p.timer = time.AfterFunc(progressDelay, func() { p.create(r) })
	}
}

// create asks the client to take the token.
func (p *progress) create(r *result) {
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
		s.logger.Debug("progress not shown", "evaluation", r.id, "error", err)
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
	p.line = strings.TrimSpace(lines[len(lines)-1])
	p.dirty()
}

// end takes the display away.
func (p *progress) end() {
	if p == nil {
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
	where := p.result.anchor.Range()
	if (p.started || p.ended) && !p.begun {
		p.begun = true
		tell(map[string]any{
			"kind": "begin", "cancellable": true,
			"title": fmt.Sprintf("Evaluate %s:%d", p.result.doc.name(), where.Start.Line+1),
		})
	}
	if p.begun && !p.finished && p.line != p.told && !p.ended {
		p.told = p.line
		tell(map[string]any{"kind": "report", "message": p.line})
	}
	if p.ended && !p.finished {
		p.finished = true
		tell(map[string]any{"kind": "end", "message": string(p.result.eval.State)})
	}
}

// WorkDoneProgressCancel interrupts the evaluation, or takes it from the queue.
func (s *Server) WorkDoneProgressCancel(_ context.Context, c *protocol.WorkDoneProgressCancelParams) error {
	s.mu.Lock()
	var found *result
	for _, r := range s.results {
		if r.progress != nil && r.progress.token == c.Token && !r.ended() {
			found = r
		}
	}
	s.mu.Unlock()
	if found == nil {
		return fmt.Errorf("no evaluation that runs has the progress token %v", c.Token)
	}
	s.wait.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, interruptDeadline)
		defer cancel()
		if err := found.session.Cancel(ctx, found.id); err != nil {
			s.logger.Warn("cancel evaluation", "error", err)
		}
	})
	return nil
}
