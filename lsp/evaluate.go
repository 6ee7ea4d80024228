package lsp

import (
	"context"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/jupyter"
)

// evaluate answers reval.evaluate. What is evaluated and its place are settled before
// the next message is read, so that neither an edit nor another evaluation overtakes
// it; nobody waits for the kernel, but that there is none is answered.
func (s *Server) evaluate(ctx context.Context, p EvaluateParams, token protocol.ProgressToken) (any, error) {
	ks, pieces, answer, err := s.queue(p, token)
	if err != nil {
		return nil, err
	}
	ks.Evaluate(pieces...)
	if ks.Spec().Name == "" {
		async(ctx)
		ctx, cancel := context.WithTimeout(ctx, startDeadline)
		defer cancel()
		found := make(chan error, 1)
		s.wait.Go(func() { found <- ks.Find(ctx) })
		select {
		case err := <-found:
			if err != nil && ctx.Err() == nil {
				return nil, err
			}
		case <-ctx.Done():
		}
	}
	return answer, nil
}

// queue settles what is evaluated, and registers its results.
func (s *Server) queue(p EvaluateParams, token protocol.ProgressToken) (*kernelSession, []session.Request, EvaluateResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer EvaluateResult
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, nil, answer, err
	}
	if d.doubtful {
		return nil, nil, answer, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "an edit did not fit what the server knows of the text: close %[1]s and open %[1]s again", d.name())
	}
	s.rebind(d)
	regions, err := d.regions(p)
	if err != nil {
		return nil, nil, answer, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "evaluate in %s: %v", d.name(), err)
	}
	var pieces []session.Request
	progress := newProgress(s, d, token)
	around := d.surroundings(p)
	for _, where := range regions {
		r, request, err := s.register(d, where, progress)
		if err != nil {
			return nil, nil, answer, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "evaluate in %s: %v", d.name(), err)
		}
		request.Around = around
		pieces = append(pieces, request)
		answer.Evaluations = append(answer.Evaluations, EvaluatedRange{r.id, toRange(r.anchor.Range())})
	}
	last := answer.Evaluations[len(pieces)-1]
	answer.Evaluation, answer.Range = last.Evaluation, last.Range
	if len(pieces) == 1 {
		answer.Evaluations = nil
	}
	s.publish(d) // errors of what is evaluated again are void
	return d.session, pieces, answer, nil
}

// register makes the result of what is to be evaluated, in the place of those that it
// touches, and asks for its evaluation; mu is held.
func (s *Server) register(d *openDocument, where document.Range, p *progress) (*result, session.Request, error) {
	text, err := d.Slice(where)
	if err != nil {
		return nil, session.Request{}, err
	}
	code, _ := d.pieceAt(where.Start.Line).language.Dedent(language.Source(text))
	again := s.replace(d, where, text)
	s.evaluated++
	r := &result{
		server: s, session: d.session, doc: d, id: jupyter.NewID(), number: s.evaluated, anchor: d.Anchor(where),
		eval: session.Evaluation{State: session.Queued}, outputs: record.NewRendering(),
		leads: map[int][]lead{}, progress: p,
	}
	r.eval.Origin = r.origin()
	p.of(r)
	s.results[r.id] = r
	d.session.sent(r, code)
	d.show(r)
	return r, session.Request{
		ID: r.id, Code: code, Origin: r.eval.Origin, Group: s.id + " " + string(d.key), AllowInput: s.client.reval, Again: again,
	}, nil
}

// surroundings are those of a program, for a document that is evaluated as one: nil for
// a part of it, or where it has no file.
func (d *openDocument) surroundings(p EvaluateParams) func(string) (begin, end string) {
	path := workspace.FilePath(d.key)
	if p.Unit != unitFile || path == "" {
		return nil
	}
	script := language.NewScript(path, p.Arguments, language.Source(d.Text()))
	return func(name string) (begin, end string) {
		lang, _ := language.For(name)
		return lang.Surroundings(script)
	}
}

// cells answers reval.cells.
func (s *Server) cells(p DocumentParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, err
	}
	cells := []Cell{}
	for _, at := range d.table().all {
		cells = append(cells, Cell{Range: toRange(d.lines(max(0, at.mark), at.end)), Title: at.title, Markdown: at.kind != codePiece})
	}
	return cells, nil
}

// interruptDeadline bounds how long a kernel's answer to a command is waited for.
const interruptDeadline = 10 * time.Second

// control runs a command that changes a document's session. What is evaluated
// later finds it changed; the wait for the kernel holds up nobody.
func (s *Server) control(ctx context.Context, p DocumentParams, f func(*session.Session) session.Rest) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	rest := f(ks.Session.Session)
	async(ctx)
	ctx, cancel := context.WithTimeout(ctx, interruptDeadline)
	defer cancel()
	err = rest(ctx)
	ks.listening.Wait(ctx)
	return nil, err
}

// cancelEvaluation answers reval.cancel. What reval.queue lists may be of a document that is
// not open here: the session knows it.
func (s *Server) cancelEvaluation(ctx context.Context, p EvaluationRef) (any, error) {
	s.mu.Lock()
	r, err := s.find(p)
	s.mu.Unlock()
	id, ks := p.Evaluation, (*kernelSession)(nil)
	switch {
	case err == nil:
		id, ks = r.id, r.session
	case id == "":
		return nil, err
	default:
		if ks, err = s.sessionOf(p.URI); err != nil {
			return nil, err
		}
	}
	async(ctx)
	ctx, cancel := context.WithTimeout(ctx, interruptDeadline)
	defer cancel()
	err = ks.Cancel(ctx, id)
	ks.listening.Wait(ctx)
	return nil, err
}
