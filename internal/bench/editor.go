package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync/atomic"
	"time"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/lsp"
)

// playEditor is the child that evaluates through `reval lsp`, as a plugin would.
func playEditor() error {
	ctx := context.Background()
	var e *editor
	return child.Serve(map[string]func(child.Request) (any, error){
		"attach": func(r child.Request) (_ any, err error) {
			if e, err = startEditor(ctx, r.File); err == nil {
				// It is a new process each time; the others have been warm for long.
				_, err = e.evaluate(ctx, child.Request{N: 50})
			}
			return true, err
		},
		"detach":  func(child.Request) (any, error) { return true, e.close() },
		"execute": func(r child.Request) (any, error) { return e.evaluate(ctx, r) },
		"moves":   func(child.Request) (any, error) { return e.moves(ctx) },
	})
}

// editor is a client of `reval lsp`.
type editor struct {
	cmd  *exec.Cmd
	conn jsonrpc2.Conn

	result chan string  // the evaluation whose value came
	ended  chan string  // the evaluation that ended
	got    atomic.Int64 // bytes of outputs
}

// pipes joins a child's streams.
type pipes struct {
	io.Reader
	io.WriteCloser
}

const documentURI = "file:///bench.py"

func startEditor(ctx context.Context, connectionFile string) (*editor, error) {
	cmd := exec.CommandContext(ctx, *reval, "lsp", "--standalone")
	in, out, err := child.Pipe(cmd)
	if err != nil {
		return nil, fmt.Errorf("start reval: %w", err)
	}
	e := &editor{cmd: cmd, result: make(chan string, 100), ended: make(chan string, 100)}
	e.conn = jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(pipes{out, in}))
	e.conn.Go(ctx, e.handle)
	var ignored any
	if _, err := e.conn.Call(ctx, "initialize", map[string]any{
		"processId": nil, "rootUri": nil,
		"capabilities": map[string]any{"experimental": map[string]any{"reval": map[string]any{}}},
	}, &ignored); err != nil {
		return nil, fmt.Errorf("initialize: %w", err)
	}
	if err := e.conn.Notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": documentURI, "languageId": "python", "version": 1, "text": "1+1\n",
	}}); err != nil {
		return nil, err
	}
	return e, e.command(ctx, lsp.CommandSelectKernel, map[string]any{"uri": documentURI, "kernel": connectionFile}, &ignored)
}

func (e *editor) command(ctx context.Context, name string, argument, answer any) error {
	if _, err := e.conn.Call(ctx, "workspace/executeCommand", map[string]any{"command": name, "arguments": []any{argument}}, answer); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// handle takes the server's notifications.
func (e *editor) handle(_ context.Context, req *jsonrpc2.Request) (any, error) {
	switch req.Method() {
	case lsp.MethodOutput:
		e.got.Add(int64(len(req.Params())))
		var p lsp.OutputParams
		if err := json.Unmarshal(req.Params(), &p); err != nil {
			return nil, err
		}
		for _, o := range p.Outputs {
			if o.Kind == lsp.OutputResult {
				e.result <- p.Evaluation
			}
		}
	case lsp.MethodEvaluation:
		var p lsp.EvaluationParams
		if err := json.Unmarshal(req.Params(), &p); err != nil {
			return nil, err
		}
		if p.State != lsp.EvaluationQueued && p.State != lsp.EvaluationRunning {
			e.ended <- p.Evaluation
		}
	}
	return nil, nil
}

// evaluate evaluates the document's line.
func (e *editor) evaluate(ctx context.Context, r child.Request) ([]time.Duration, error) {
	var times []time.Duration
	for i := range r.WarmUp + r.N {
		var answer lsp.EvaluateResult
		start := time.Now()
		err := e.command(ctx, lsp.CommandEvaluate, map[string]any{
			"uri": documentURI, "unit": "line", "position": map[string]any{"line": 0, "character": 0},
		}, &answer)
		if err != nil {
			return nil, err
		}
		if err := await(ctx, e.result, answer.Evaluation); err != nil {
			return nil, fmt.Errorf("wait for the value: %w", err)
		}
		if i >= r.WarmUp {
			times = append(times, time.Since(start))
		}
		if err := await(ctx, e.ended, answer.Evaluation); err != nil {
			return nil, fmt.Errorf("wait for the end: %w", err)
		}
	}
	return times, nil
}

// await waits for an evaluation's event; those of earlier ones, which may be told
// again when they are replaced, are passed over.
func await(ctx context.Context, events <-chan string, evaluation string) error {
	for {
		select {
		case got := <-events:
			if got == evaluation {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *editor) close() error {
	e.conn.Close()
	return e.cmd.Wait()
}
