package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/lsp"
)

// listener is an editor with a plugin that joins the daemon, and remembers what it is told.
type listener struct {
	cmd  *exec.Cmd
	conn jsonrpc2.Conn
	// started is how long it took from the start until initialize was answered.
	started time.Duration

	reads sync.Mutex // held by who keeps it from reading

	mu    sync.Mutex
	more  sync.Cond
	shown map[string]*heard // by evaluation
}

// heard is what was told of an evaluation.
type heard struct {
	texts map[int][]byte // of its outputs
	state string
	ended time.Time // when that was told
	// elapsed is how long it ran, as it was told.
	elapsed time.Duration
}

// listen starts `reval lsp` with arguments, in a folder.
func listen(ctx context.Context, folder string, arguments ...string) (*listener, error) {
	start := time.Now()
	cmd := exec.CommandContext(ctx, *reval, append([]string{"lsp"}, arguments...)...)
	cmd.Dir = folder
	in, out, err := child.Pipe(cmd)
	if err != nil {
		return nil, fmt.Errorf("start reval: %w", err)
	}
	l := &listener{cmd: cmd, shown: map[string]*heard{}}
	l.more.L = &l.mu
	l.conn = jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(pipes{out, in}))
	l.conn.Go(ctx, l.handle)
	var ignored any
	if _, err := l.conn.Call(ctx, "initialize", map[string]any{
		"processId": nil, "rootUri": nil,
		"capabilities": map[string]any{"experimental": map[string]any{"reval": map[string]any{}}},
	}, &ignored); err != nil {
		return nil, errors.Join(fmt.Errorf("initialize: %w", err), l.close())
	}
	l.started = time.Since(start)
	return l, nil
}

func (l *listener) close() error {
	l.conn.Close()
	return l.cmd.Wait()
}

// open opens a file of Python, which has its own session if the folder is its own.
func (l *listener) open(ctx context.Context, path, text string) (uri string, err error) {
	uri = "file://" + path
	return uri, l.conn.Notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": uri, "languageId": "python", "version": 1, "text": text,
	}})
}

func (l *listener) command(ctx context.Context, name string, argument, answer any) error {
	if _, err := l.conn.Call(ctx, "workspace/executeCommand", map[string]any{"command": name, "arguments": []any{argument}}, answer); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// evaluate has a unit of a document evaluated that is at the beginning of a line.
func (l *listener) evaluate(ctx context.Context, uri, unit string, line int) (evaluation string, err error) {
	var answer lsp.EvaluateResult
	err = l.command(ctx, lsp.CommandEvaluate, map[string]any{
		"uri": uri, "unit": unit, "position": map[string]any{"line": line, "character": 0},
	}, &answer)
	return answer.Evaluation, err
}

// handle takes the server's notifications.
func (l *listener) handle(_ context.Context, req *jsonrpc2.Request) (any, error) {
	l.reads.Lock() // whoever holds it keeps this from reading
	defer l.reads.Unlock()
	switch req.Method() {
	case lsp.MethodOutput:
		var p lsp.OutputParams
		if err := json.Unmarshal(req.Params(), &p); err != nil {
			return nil, err
		}
		l.output(p)
	case lsp.MethodEvaluation:
		var p lsp.EvaluationParams
		if err := json.Unmarshal(req.Params(), &p); err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		h := l.of(p.Evaluation)
		if h.state = p.State; p.State != lsp.EvaluationQueued && p.State != lsp.EvaluationRunning && h.ended.IsZero() {
			h.ended, h.elapsed = time.Now(), time.Duration(p.Elapsed*float64(time.Millisecond))
		}
		l.more.Broadcast()
	}
	return nil, nil
}

// output appends what was printed, and erases what is to be erased.
func (l *listener) output(p lsp.OutputParams) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.of(p.Evaluation)
	for _, o := range p.Outputs {
		text := h.texts[o.Index]
		for range o.Back {
			_, size := utf8.DecodeLastRune(text)
			text = text[:len(text)-size]
		}
		h.texts[o.Index] = append(text, o.Text...)
	}
	l.more.Broadcast()
}

// of is what was told of an evaluation; mu is held.
func (l *listener) of(evaluation string) *heard {
	h := l.shown[evaluation]
	if h == nil {
		h = &heard{texts: map[int][]byte{}}
		l.shown[evaluation] = h
	}
	return h
}

// until waits until something is so of what was told.
func (l *listener) until(ctx context.Context, so func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.more.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !so() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.more.Wait()
	}
	return nil
}

// end waits for an evaluation's end.
func (l *listener) end(ctx context.Context, evaluation string) (*heard, error) {
	var h *heard
	err := l.until(ctx, func() bool {
		h = l.of(evaluation)
		return !h.ended.IsZero()
	})
	return h, err
}
