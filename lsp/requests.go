package lsp

import (
	"context"
	"fmt"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// requests are those of the client that have not been answered.
type requests struct {
	mu      sync.Mutex
	cancels map[string]context.CancelFunc // by id
}

// requestContext is a request's context. jsonrpc2 recycles its own when the
// handler returns, which a context derived from it may not survive: this one
// lives on the server's, and knows how to let go of the reader.
type requestContext struct {
	context.Context
	release func()
}

type releaseKey struct{}

func (c requestContext) Value(key any) any {
	if key == (releaseKey{}) {
		return c.release
	}
	return c.Context.Value(key)
}

// async lets the next message be read before the request is answered: what waits
// for a kernel or for the client calls it first. It may be called twice.
func async(ctx context.Context) {
	if release, ok := ctx.Value(releaseKey{}).(func()); ok {
		release()
	}
}

// begin makes the context of a request or notification that reading brought, on that of
// the server. It ends when the client cancels the request, or with done.
func (q *requests) begin(server, reading context.Context, req *jsonrpc2.Request) (ctx context.Context, done func()) {
	own, cancel := context.WithCancel(server)
	request := requestContext{own, sync.OnceFunc(func() { jsonrpc2.Async(reading) })}
	if !req.IsCall() {
		return request, cancel
	}
	id := fmt.Sprint(req.ID())
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cancels == nil {
		q.cancels = map[string]context.CancelFunc{}
	}
	q.cancels[id] = cancel
	return request, func() {
		q.mu.Lock()
		delete(q.cancels, id)
		q.mu.Unlock()
		cancel()
	}
}

// cancel ends the wait of a request ($/cancelRequest).
func (q *requests) cancel(params []byte) error {
	var p protocol.CancelParams
	if err := protocol.Unmarshal(params, &p); err != nil {
		return fmt.Errorf("params: %w", err)
	}
	var id jsonrpc2.ID
	switch t := p.ID.(type) {
	case protocol.Integer:
		id = jsonrpc2.NewNumberID(int64(t))
	case protocol.String:
		id = jsonrpc2.NewStringID(string(t))
	}
	q.mu.Lock()
	cancel := q.cancels[fmt.Sprint(id)]
	q.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return nil
}
