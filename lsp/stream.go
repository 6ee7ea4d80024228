package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// firstRequestID is the id of the first request to the client. Vim 9.0.1378
// takes a server's request for the answer to its own request of the same id.
const firstRequestID = 1_000_000_000

// frames is what jsonrpc2's header stream offers besides Stream.
type frames interface {
	jsonrpc2.Stream
	ReadFrame(ctx context.Context) ([]byte, int64, error)
	WriteFrame(ctx context.Context, data []byte) (int64, error)
}

// stream keeps a connection alive over a body that is no JSON-RPC message, which
// jsonrpc2 takes as the end, and makes the requests to the client, whose ids
// jsonrpc2 would count from 1.
type stream struct {
	frames
	logger *slog.Logger
	ended  chan struct{} // closed when nothing more can be read

	mu      sync.Mutex
	last    int64                             // id of the last request
	waiting map[int64]chan *jsonrpc2.Response // by id; each takes one answer
}

func newStream(rw io.ReadWriteCloser, logger *slog.Logger) *stream {
	return &stream{
		frames: jsonrpc2.NewHeaderStream(rw).(frames), logger: logger, ended: make(chan struct{}),
		last: firstRequestID - 1, waiting: map[int64]chan *jsonrpc2.Response{},
	}
}

// messages is the stream for jsonrpc2, which would use ReadFrame and pass by Read
// if it saw it.
func (s *stream) messages() jsonrpc2.Stream { return struct{ jsonrpc2.Stream }{s} }

// Read gives the next request or notification.
func (s *stream) Read(ctx context.Context) (jsonrpc2.Message, int64, error) {
	for {
		body, n, err := s.ReadFrame(ctx)
		if err != nil {
			close(s.ended)
			return nil, n, err
		}
		m, err := jsonrpc2.DecodeMessage(body)
		if err != nil {
			s.logger.Warn("message dropped", "error", err)
			if err := s.refuse(ctx, err); err != nil {
				s.logger.Debug("refusal not sent", "error", err)
			}
			continue
		}
		if r, ok := m.(*jsonrpc2.Response); ok {
			s.answered(r)
			continue
		}
		return m, n, nil
	}
}

// refuse answers a body that cannot be read. Its id is not known, so it is null
// (JSON-RPC 2.0, section 5.1).
func (s *stream) refuse(ctx context.Context, cause error) error {
	code := jsonrpc2.InvalidRequest
	var e *jsonrpc2.Error
	if errors.As(cause, &e) {
		code = e.Code
	}
	data := jsonrpc2.AppendResponse(nil, jsonrpc2.ID{}, nil, jsonrpc2.NewError(code, "message dropped: "+cause.Error()))
	_, err := s.WriteFrame(ctx, data)
	return err
}

// call makes a request to the client, and waits until it was answered or ctx ends.
// What the answer says but an error is of no use to any of them.
func (s *stream) call(ctx context.Context, method string, params any) error {
	var data []byte
	if params != nil {
		var err error
		if data, err = protocol.Marshal(params); err != nil {
			return fmt.Errorf("%s: encode: %w", method, err)
		}
	}
	answer := make(chan *jsonrpc2.Response, 1)
	s.mu.Lock()
	s.last++
	id := s.last
	s.waiting[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, id)
	}()
	if _, err := s.WriteFrame(ctx, jsonrpc2.AppendCall(nil, jsonrpc2.NewNumberID(id), method, data)); err != nil {
		return err
	}
	select {
	case r := <-answer:
		return r.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answered takes the client's answer to whoever waits for it.
func (s *stream) answered(r *jsonrpc2.Response) {
	id, _ := r.ID().Number()
	s.mu.Lock()
	answer := s.waiting[id]
	delete(s.waiting, id)
	s.mu.Unlock()
	if answer == nil {
		s.logger.Warn("answer to no request", "id", r.ID())
		return
	}
	answer <- r
}
