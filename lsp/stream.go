package lsp

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"go.lsp.dev/jsonrpc2"
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
// jsonrpc2 takes as the end, and numbers requests to the client from firstRequestID.
type stream struct {
	frames
	logger *slog.Logger
}

// newStream returns a Stream, not a *stream: jsonrpc2 would use ReadFrame and
// pass by Read if it saw it.
func newStream(rw io.ReadWriteCloser, logger *slog.Logger) jsonrpc2.Stream {
	return struct{ jsonrpc2.Stream }{&stream{jsonrpc2.NewHeaderStream(rw).(frames), logger}}
}

func (s *stream) Read(ctx context.Context) (jsonrpc2.Message, int64, error) {
	for {
		body, n, err := s.ReadFrame(ctx)
		if err != nil {
			return nil, n, err
		}
		m, err := jsonrpc2.DecodeMessage(body)
		if err != nil {
			s.logger.Warn("message dropped", "error", err)
			if err := s.refuse(ctx, err); err != nil {
				return nil, n, err
			}
			continue
		}
		if r, ok := m.(*jsonrpc2.Response); ok {
			if id, ok := r.ID().Number(); ok {
				m = jsonrpc2.NewResponse(jsonrpc2.NewNumberID(id-firstRequestID), r.Result(), r.Err())
			}
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

func (s *stream) Write(ctx context.Context, m jsonrpc2.Message) (int64, error) {
	if c, ok := m.(*jsonrpc2.Call); ok {
		if id, ok := c.ID().Number(); ok {
			m = jsonrpc2.NewCall(jsonrpc2.NewNumberID(id+firstRequestID), c.Method(), c.Params())
		}
	}
	return s.frames.Write(ctx, m)
}
