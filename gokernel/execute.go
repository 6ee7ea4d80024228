package gokernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/jupyter"
)

// maxValue bounds the text of a cell's value, in bytes.
const maxValue = 64 << 10

// execute runs cells one after the other.
func (k *kernel) execute(ctx context.Context) {
	for {
		m, ok := k.queue.take()
		if !ok {
			return
		}
		for _, waiting := range k.executeRequest(ctx, m) {
			idle := k.status(waiting)
			k.reply(k.shell, waiting, jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusAborted, ExecutionCount: k.executionCount()})
			idle()
		}
	}
}

func (k *kernel) executionCount() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count
}

// executeRequest runs one request; it gives the waiting ones that its failure aborts.
func (k *kernel) executeRequest(ctx context.Context, m *jupyter.Message) (abort []*jupyter.Message) {
	request := jupyter.ExecuteRequestContent{StoreHistory: true, StopOnError: true}
	if err := m.Decode(&request); err != nil {
		idle := k.status(m)
		defer idle()
		k.reply(k.shell, m, jupyter.ExecuteReply, failure(err.Error()))
		return nil
	}
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	k.streams.sync() // late output of earlier cells is theirs
	k.mu.Lock()
	k.running, k.interrupt = m, interrupt
	stored := request.StoreHistory && !request.Silent && strings.TrimSpace(request.Code) != ""
	if stored {
		k.count++
	}
	count := k.count
	k.mu.Unlock()
	k.input.begin(ctx, m, request.AllowStdin)

	idle := k.status(m)
	defer idle()
	if !request.Silent {
		k.publish(m, jupyter.ExecuteInputMsg, jupyter.ExecuteInputContent{Code: request.Code, ExecutionCount: count})
	}
	text, failed := k.evaluate(ctx, count, request.Code)
	k.streams.sync()
	k.mu.Lock()
	k.interrupt = nil
	k.mu.Unlock()

	reply := jupyter.ExecuteReplyContent{Status: jupyter.StatusOK, ExecutionCount: count, Payload: []json.RawMessage{}, UserExpressions: map[string]json.RawMessage{}}
	switch {
	case failed != nil:
		reply.Status, reply.ErrorContent = jupyter.StatusError, failed
		if !request.Silent {
			k.publish(m, jupyter.ErrorMsg, failed)
		}
	default:
		if text != "" && !request.Silent {
			k.publish(m, jupyter.ExecuteResultMsg, jupyter.DisplayDataContent{Data: plain(text), Metadata: map[string]json.RawMessage{}, ExecutionCount: count})
		}
		for name, expression := range request.UserExpressions {
			reply.UserExpressions[name] = k.userExpression(ctx, count, expression)
		}
		k.streams.sync()
	}
	if stored {
		k.history.add(count, request.Code, text)
	}
	if failed != nil && request.StopOnError {
		abort = k.queue.drain() // before the reply: what a client sends after it is not aborted
	}
	k.reply(k.shell, m, jupyter.ExecuteReply, reply)
	return abort
}

func plain(text string) jupyter.MIMEBundle {
	encoded, _ := json.Marshal(text) // a string always encodes
	return jupyter.MIMEBundle{"text/plain": encoded}
}

// evaluate runs a cell and gives its value's text, or why it failed.
func (k *kernel) evaluate(ctx context.Context, count int, code string) (text string, failed *jupyter.ErrorContent) {
	defer func() {
		if r := recover(); r != nil {
			failed = &jupyter.ErrorContent{Name: "InternalError", Value: fmt.Sprintf("the kernel failed on this cell: %v", r)}
			failed.Traceback = []string{failed.Value}
		}
	}()
	if strings.TrimSpace(code) == "" {
		return "", nil
	}
	u, err := k.namespace.Prepare(count, code)
	if err != nil {
		return "", k.errorContent(err)
	}
	if err := k.engine.Load(u); err != nil {
		return "", k.errorContent(k.namespace.LoadProblem(u, err))
	}
	k.namespace.Commit(u)
	for _, w := range u.Warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	if u.Entry == "" {
		return "", nil
	}
	if err := k.engine.Run(ctx, u); err != nil {
		return "", k.errorContent(err)
	}
	return k.valueText(u), nil
}

// valueText gives the values of a cell's last expression. A single nil says
// nothing; several values stand in one line.
func (k *kernel) valueText(u *front.Unit) string {
	var parts []string
	for _, r := range u.Results {
		v, ok := k.engine.Value(r.Variable)
		if !ok {
			continue
		}
		isNil := isNil(k.engine.Dynamic(v))
		if isNil && len(u.Results) == 1 {
			return ""
		}
		if t, ok := k.engine.Value(r.Text); ok && !isNil {
			parts = append(parts, t.String())
			continue
		}
		parts = append(parts, front.Format(k.engine, r.Type, v, maxValue))
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
func (k *kernel) userExpression(ctx context.Context, count int, code string) json.RawMessage {
	text, failed := k.evaluate(ctx, count, code)
	var v any
	if failed != nil {
		v = struct {
			Status string `json:"status"`
			*jupyter.ErrorContent
		}{jupyter.StatusError, failed}
	} else {
		v = struct {
			Status   string             `json:"status"`
			Data     jupyter.MIMEBundle `json:"data"`
			Metadata struct{}           `json:"metadata"`
		}{Status: jupyter.StatusOK, Data: plain(text)}
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{"status":"error"}`)
	}
	return encoded
}

// errorContent says a failure as Jupyter does: ename, one line, and the places.
func (k *kernel) errorContent(err error) *jupyter.ErrorContent {
	var problems front.Problems
	var p *front.Panic
	switch {
	case errors.As(err, &problems):
		return &jupyter.ErrorContent{Name: problems[0].Name, Value: problems[0].Error(), Traceback: problems.Traceback()}
	case errors.Is(err, front.ErrInterrupted):
		return &jupyter.ErrorContent{Name: "Interrupted", Value: "the cell was interrupted", Traceback: []string{"Interrupted: " + err.Error()}}
	case errors.As(err, &p):
		name, line := "panic", panicLine(p)
		var exit front.ExitError
		if e, ok := p.Value.(error); ok && errors.As(e, &exit) {
			name, line = "Exit", exit.Error()
		} else if p.Runtime {
			name = "runtime error"
		}
		return &jupyter.ErrorContent{Name: name, Value: strings.TrimPrefix(line, name+": "), Traceback: append([]string{line}, k.namespace.Trace(p.Frames)...)}
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
