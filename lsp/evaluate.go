package lsp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
)

// Units of reval.evaluate.
const (
	unitLine       = "line"
	unitCell       = "cell"
	unitDefinition = "definition"
	unitFile       = "file"
	unitToHere     = "toHere"
)

// evaluate answers reval.evaluate. Region and queue place are settled before the
// next message is read, so that neither an edit nor another evaluation overtakes
// it; nobody waits for the kernel, but that there is none is answered.
func (s *Server) evaluate(ctx context.Context, p EvaluateParams, token protocol.ProgressToken) (any, error) {
	r, request, err := s.queue(p, token)
	if err != nil {
		return nil, err
	}
	ks := r.session
	ks.Evaluate(request)
	answer := EvaluateResult{Evaluation: r.id}
	s.mu.Lock()
	answer.Range = toRange(r.anchor.Range())
	known := ks.spec.Name != ""
	s.mu.Unlock()
	if !known {
		async(ctx)
		ctx, cancel := context.WithTimeout(ctx, startDeadline)
		defer cancel()
		found := make(chan error, 1)
		s.wait.Go(func() { found <- ks.find(ctx) })
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

// queue settles what is evaluated, and registers its result.
func (s *Server) queue(p EvaluateParams, token protocol.ProgressToken) (*result, session.Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, session.Request{}, err
	}
	where, err := d.region(p)
	if err != nil {
		return nil, session.Request{}, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "evaluate in %s: %v", d.name(), err)
	}
	text, err := d.Slice(where)
	if err != nil {
		return nil, session.Request{}, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "evaluate in %s: %v", d.name(), err)
	}
	code, _ := language.Dedent(text)
	s.replace(d, where, text)
	s.evaluated++
	r := &result{
		server: s, session: d.session, doc: d, id: jupyter.NewID(), number: s.evaluated, anchor: d.Anchor(where),
		eval: session.Evaluation{State: session.Queued},
	}
	r.progress = newProgress(s, r, token)
	s.results[r.id] = r
	d.show(r)
	s.publish(d) // errors of what is evaluated again are void
	return r, session.Request{
		ID: r.id, Code: code, Group: string(p.URI), AllowInput: s.client.reval, Around: d.surroundings(p, code),
	}, nil
}

// region is what to evaluate, from the start of its first line if only blanks
// stand before it, without blank lines around it.
func (d *openDocument) region(p EvaluateParams) (document.Range, error) {
	switch {
	case p.Range != nil:
		r := fromRange(*p.Range)
		if _, err := d.Slice(r); err != nil {
			return r, err
		}
		return d.trim(r, "the range")
	case p.Unit == unitFile:
		return d.trim(d.lines(0, d.LineCount()), "the file")
	case p.Unit == "":
		return document.Range{}, fmt.Errorf("neither range nor unit is given")
	case p.Position == nil:
		return document.Range{}, fmt.Errorf("unit %s needs a position", p.Unit)
	}
	at := fromPosition(*p.Position)
	if _, err := d.Offset(at); err != nil {
		return document.Range{}, err
	}
	line := min(at.Line, d.LineCount()-1)
	switch p.Unit {
	case unitLine:
		return d.trim(d.lines(line, line+1), fmt.Sprintf("line %d", line+1))
	case unitToHere:
		return d.trim(d.lines(0, line+1), fmt.Sprintf("everything up to line %d", line+1))
	case unitCell:
		cells := d.language.Cells(d.Text())
		for i, c := range cells {
			if line >= c.End && i < len(cells)-1 {
				continue // the last cell has the empty line behind the last terminator, too
			}
			if c.Markdown {
				return document.Range{}, fmt.Errorf("the cell at line %d is text, not code", line+1)
			}
			return d.trim(d.lines(c.Start, c.End), fmt.Sprintf("the cell at line %d", line+1))
		}
		return document.Range{}, fmt.Errorf("no cell at line %d", line+1)
	case unitDefinition:
		start, end, ok := d.language.Definition(d.allLines(), line)
		if !ok {
			return document.Range{}, fmt.Errorf("no definition or statement at line %d", line+1)
		}
		return d.trim(d.lines(start, end), fmt.Sprintf("the definition at line %d", line+1))
	}
	return document.Range{}, fmt.Errorf("unit %q is none of line, cell, definition, file, toHere", p.Unit)
}

// surroundings are those of a program, for a document that is evaluated as one: nil for
// a part of it, or where it has no file.
func (d *openDocument) surroundings(p EvaluateParams, code string) func(string) (begin, end string) {
	path := filePath(d.key)
	if p.Unit != unitFile || path == "" {
		return nil
	}
	script := language.NewScript(path, p.Arguments, code)
	return func(name string) (begin, end string) {
		lang, _ := language.For(name)
		return lang.Surroundings(script)
	}
}

// allLines gives the text of all lines, without their ends.
func (d *openDocument) allLines() []string {
	all := make([]string, d.LineCount())
	for i := range all {
		all[i] = d.Line(i)
	}
	return all
}

// lines is the range of the lines [from, to).
func (d *openDocument) lines(from, to int) document.Range {
	to = max(min(to, d.LineCount()), from+1)
	return document.Range{
		Start: document.Position{Line: from},
		End:   document.Position{Line: to - 1, Character: d.LineLength(to - 1)},
	}
}

// trim takes blank lines and blanks at the end from a range that lies in the
// document. what names it in the error for a blank one.
func (d *openDocument) trim(r document.Range, what string) (document.Range, error) {
	start, err := d.Offset(r.Start)
	if err != nil {
		return r, err
	}
	end, err := d.Offset(r.End)
	if err != nil {
		return r, err
	}
	text := d.Text()
	const blanks = " \t\r\n\f\v"
	piece := text[start:end]
	if strings.Trim(piece, blanks) == "" {
		return r, fmt.Errorf("%s is empty: there is nothing to evaluate", what)
	}
	end -= len(piece) - len(strings.TrimRight(piece, blanks))
	start += len(piece) - len(strings.TrimLeft(piece, blanks))
	head := strings.LastIndexAny(text[:start], "\r\n") + 1
	if strings.Trim(text[head:start], blanks) == "" {
		start = head
	}
	return document.Range{Start: d.Document.Position(start), End: d.Document.Position(end)}, nil
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
	for _, c := range d.language.Cells(d.Text()) {
		first := c.Start
		if c.MarkLine >= 0 {
			first = c.MarkLine
		}
		cells = append(cells, Cell{Range: toRange(d.lines(first, c.End)), Title: c.Title, Markdown: c.Markdown})
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
	rest := f(ks.Session)
	async(ctx)
	ctx, cancel := context.WithTimeout(ctx, interruptDeadline)
	defer cancel()
	return nil, rest(ctx)
}

// cancelEvaluation answers reval.cancel.
func (s *Server) cancelEvaluation(ctx context.Context, p EvaluationRef) (any, error) {
	s.mu.Lock()
	r, err := s.find(p)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	async(ctx)
	ctx, cancel := context.WithTimeout(ctx, interruptDeadline)
	defer cancel()
	return nil, r.session.Cancel(ctx, r.id)
}
