package gokernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/magic"
	"github.com/reval-editor/reval/jupyter"
)

// execute runs the cells of a shell one after the other.
func (k *kernel) execute(ctx context.Context, sh *shell) {
	for {
		m, ok := sh.queue.take()
		if !ok {
			return
		}
		for _, waiting := range k.executeRequest(ctx, sh, m) {
			k.abort(waiting)
		}
	}
}

// abort answers a request that is not executed.
func (k *kernel) abort(m *jupyter.Message) {
	idle := k.status(m)
	defer idle()
	k.mu.Lock()
	count := k.count
	k.mu.Unlock()
	k.reply(k.shell, m, jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusAborted, ExecutionCount: count})
}

// executeRequest runs one request; it gives the waiting ones that its failure aborts.
func (k *kernel) executeRequest(ctx context.Context, sh *shell, m *jupyter.Message) (abort []*jupyter.Message) {
	request := jupyter.ExecuteRequestContent{StoreHistory: true, StopOnError: true}
	if err := m.Decode(&request); err != nil {
		idle := k.status(m)
		defer idle()
		k.reply(k.shell, m, jupyter.ExecuteReply, failure(err.Error()))
		return nil
	}
	c := newCell(ctx, m, request)
	defer c.stop()
	k.cells.begin(c)
	defer k.pressure.hurryAt(c.ctx)()
	if sh.id == "" {
		k.streams.turn(func() { k.cells.turn(c) })
	}
	defer k.cells.adopt(c)()
	stored := request.StoreHistory && !request.Silent && strings.TrimSpace(request.Code) != ""
	k.mu.Lock()
	if stored {
		k.count++
	}
	c.count = k.count
	k.mu.Unlock()

	idle := k.status(m)
	defer idle()
	if !request.Silent {
		k.publish(m, jupyter.ExecuteInputMsg, jupyter.ExecuteInputContent{Code: request.Code, ExecutionCount: c.count})
	}
	value, failed := k.evaluate(c, request.Code)
	k.streams.syncCell(c)

	reply := jupyter.ExecuteReplyContent{Status: jupyter.StatusOK, ExecutionCount: c.count, Payload: []json.RawMessage{}, UserExpressions: map[string]json.RawMessage{}}
	switch {
	case failed != nil:
		reply.Status, reply.ErrorContent = jupyter.StatusError, failed
		if !request.Silent {
			k.publish(m, jupyter.ErrorMsg, failed)
		}
	default:
		if value != nil && !request.Silent {
			k.publishResult(c, value)
		}
		for name, expression := range request.UserExpressions {
			reply.UserExpressions[name] = k.userExpression(c, expression)
		}
		k.streams.syncCell(c)
	}
	k.cells.end(c)
	if stored {
		text, _ := value["text/plain"].(string)
		k.history.add(c.count, request.Code, text)
	}
	c.mu.Lock()
	reply.Payload = append(reply.Payload, c.payloads...)
	c.mu.Unlock()
	if failed != nil && request.StopOnError {
		abort = sh.queue.drain() // before the reply: what a client sends after it is not aborted
	}
	k.reply(k.shell, m, jupyter.ExecuteReply, reply)
	return abort
}

func (k *kernel) publishResult(c *cell, value display.Bundle) {
	data, err := value.Encode()
	if err != nil {
		data = plain(err.Error())
	}
	k.pressure.wait()
	k.publish(c.request, jupyter.ExecuteResultMsg, jupyter.DisplayDataContent{Data: data, Metadata: map[string]json.RawMessage{}, ExecutionCount: c.count})
}

func plain(text string) jupyter.MIMEBundle {
	encoded, _ := json.Marshal(text) // a string always encodes
	return jupyter.MIMEBundle{"text/plain": encoded}
}

// startup evaluates the user's own file before the first cell.
func (k *kernel) startup(ctx context.Context) {
	if k.options.Startup == "" {
		return
	}
	code, err := os.ReadFile(k.options.Startup)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			k.log.Warn("startup", "error", err)
		}
		return
	}
	m, err := jupyter.NewMessage(k.session, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{})
	if err != nil {
		return
	}
	c := newCell(ctx, m, jupyter.ExecuteRequestContent{Silent: true})
	defer c.stop()
	k.cells.begin(c)
	defer k.cells.end(c)
	defer k.pressure.hurryAt(c.ctx)()
	k.cells.turn(c)
	defer k.cells.adopt(c)()
	if _, failed := k.evaluate(c, string(code)); failed != nil {
		fmt.Fprintf(k.streams.writer("stderr"), "%s, evaluated as cell[0]:\n%s\n", k.options.Startup, strings.Join(failed.Traceback, "\n"))
	}
	k.streams.syncCell(c)
}

// evaluate runs the parts of a cell and gives the last one's value, or why one failed.
func (k *kernel) evaluate(c *cell, code string) (value display.Bundle, failed *jupyter.ErrorContent) {
	defer func() {
		if r := recover(); r != nil {
			failed = &jupyter.ErrorContent{Name: "InternalError", Value: fmt.Sprintf("the kernel failed on this cell: %v", r)}
			failed.Traceback = []string{failed.Value}
		}
	}()
	c.code = code
	for _, p := range k.parts(code) {
		if p.Kind == magic.Go {
			value, failed = k.evaluateGo(c, p.Text)
		} else {
			value, failed = k.command(c, p)
		}
		if failed != nil {
			return nil, failed
		}
	}
	return value, nil
}

// parts splits a cell into Go and what is meant for the kernel.
func (k *kernel) parts(code string) []magic.Part {
	names := k.space.Load()
	return magic.Split(code, func(name string) bool {
		_, live := names.Lookup(name)
		return live || name == "true" || name == "false"
	})
}

// evaluateGo runs Go code.
func (k *kernel) evaluateGo(c *cell, code string) (display.Bundle, *jupyter.ErrorContent) {
	n := k.space.Load()
	u, err := k.load(n, c, code)
	if err != nil {
		return nil, k.errorContent(c.ctx, err)
	}
	if u.Entry == "" {
		return nil, nil
	}
	if err := n.engine.Run(c.ctx, u); err != nil {
		return nil, k.errorContent(c.ctx, err)
	}
	value, err := k.value(c, n, u)
	if err != nil {
		return nil, k.errorContent(c.ctx, err)
	}
	return value, nil
}

// load makes code ready to run.
func (k *kernel) load(n *namespace, c *cell, code string) (*front.Unit, error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	u, err := n.Prepare(c.count, code)
	if err != nil {
		return nil, err
	}
	n.SetText(c.count, c.code)
	if err := n.engine.Load(u); err != nil {
		return nil, n.LoadProblem(u, err)
	}
	n.Commit(u)
	for _, w := range u.Warnings {
		fmt.Fprintln(k.streams.writer("stderr"), w)
	}
	return u, nil
}

// value gives the values of a cell's last expression; nil if there is nothing to
// show. Methods of the values may be called, as the cell's code.
func (k *kernel) value(c *cell, n *namespace, u *front.Unit) (display.Bundle, error) {
	var text string
	if err := n.engine.Do(c.ctx, func() { text = valueText(n, u) }); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, nil
	}
	if len(u.Results) == 1 {
		if v, ok := n.engine.Value(u.Results[0].Variable); ok {
			if v = n.engine.Dynamic(v); v.IsValid() && v.CanInterface() {
				return rich(c, n, v.Interface(), text)
			}
		}
	}
	return display.Bundle{"text/plain": text}, nil
}

// rich adds to a value's text its other forms. The value's methods are called as
// the cell's code.
func rich(c *cell, n *namespace, v any, text string) (b display.Bundle, err error) {
	switch v.(type) {
	case *display.Handle, *display.Bar: // what they show is there already
		return nil, nil
	}
	if derr := n.engine.Do(c.ctx, func() { b, err = display.Rich(v) }); derr != nil {
		return nil, derr
	}
	if err != nil {
		return nil, err
	}
	if b == nil {
		b = display.Bundle{}
	}
	if _, ok := b["text/plain"]; !ok {
		b["text/plain"] = text
	}
	return b, nil
}

// valueText gives the values of a cell's last expression. A single nil says
// nothing; several values stand in one line.
func valueText(n *namespace, u *front.Unit) string {
	var parts []string
	for _, r := range u.Results {
		v, ok := n.engine.Value(r.Variable)
		if !ok {
			continue
		}
		isNil := isNil(n.engine.Dynamic(v))
		if isNil && len(u.Results) == 1 {
			return ""
		}
		if t, ok := n.engine.Value(r.Text); ok && !isNil {
			parts = append(parts, t.String())
			continue
		}
		parts = append(parts, front.Format(n.engine, r.Type, v, display.MaxText))
	}
	return strings.Join(parts, ", ")
}

func isNil(v reflect.Value) bool {
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface, reflect.UnsafePointer:
		return v.IsNil()
	}
	return false
}

// userExpression evaluates one of user_expressions; its value has the form of a
// display or of an error.
func (k *kernel) userExpression(c *cell, code string) json.RawMessage {
	value, failed := k.evaluate(c, code)
	var v any
	if failed == nil {
		data, err := value.Encode()
		if err != nil {
			failed = k.errorContent(c.ctx, err)
		}
		v = struct {
			Status   string             `json:"status"`
			Data     jupyter.MIMEBundle `json:"data"`
			Metadata struct{}           `json:"metadata"`
		}{Status: jupyter.StatusOK, Data: data}
	}
	if failed != nil {
		v = struct {
			Status string `json:"status"`
			*jupyter.ErrorContent
		}{jupyter.StatusError, failed}
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{"status":"error"}`)
	}
	return encoded
}

// errorContent says a failure as Jupyter does: ename, one line, and the places. Methods of
// what code panicked with are called as the cell's code, of which ctx is.
func (k *kernel) errorContent(ctx context.Context, err error) *jupyter.ErrorContent {
	var problems front.Problems
	var p *front.Panic
	switch {
	case errors.As(err, &problems):
		return &jupyter.ErrorContent{Name: problems[0].Name, Value: problems[0].Error(), Traceback: problems.Traceback()}
	case errors.Is(err, front.ErrInterrupted):
		return &jupyter.ErrorContent{Name: "Interrupted", Value: "the cell was interrupted", Traceback: []string{"Interrupted: " + err.Error()}}
	case errors.As(err, &p):
		name, line := "panic", fmt.Sprintf("panic: a %T, whose text was interrupted", p.Value)
		_ = k.space.Load().engine.Do(ctx, func() { line = panicLine(p) })
		var exit front.ExitError
		if e, ok := p.Value.(error); ok && errors.As(e, &exit) {
			name, line = "Exit", exit.Error()
		} else if p.Runtime {
			name = "runtime error"
		}
		return &jupyter.ErrorContent{Name: name, Value: strings.TrimPrefix(line, name+": "), Traceback: append([]string{line}, k.space.Load().Trace(p.Frames)...)}
	}
	return &jupyter.ErrorContent{Name: "Error", Value: err.Error(), Traceback: []string{err.Error()}}
}

func panicLine(p *front.Panic) string {
	text := front.PanicText(p.Value)
	if p.Runtime {
		return "runtime error: " + strings.TrimPrefix(text, "runtime error: ")
	}
	return "panic: " + text
}
