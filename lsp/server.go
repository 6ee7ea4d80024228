package lsp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/kernelclient"
)

// Options configure a server.
type Options struct {
	// Version is told to clients.
	Version string
	// Builtin are kernels that need no kernelspec.
	Builtin []kernelclient.Spec
	// Env is the environment that kernels are found by and start with, as of
	// os.Environ; nil for this process's.
	Env    []string
	Logger *slog.Logger
}

// Server is one connection to one editor.
//
// Goroutines: jsonrpc2's reader, which runs notifications and the first part of
// every request in the order they came; one for each request that waits for a
// kernel, ended by its deadline; outbox.run, the only sender of notifications;
// those of the sessions. Serve stops them all.
type Server struct {
	protocol.UnimplementedServer
	options Options
	logger  *slog.Logger
	conn    jsonrpc2.Conn
	outbox  *outbox
	exit    chan struct{} // closed by the exit notification
	once    sync.Once
	ctx     context.Context // of everything that ends with the sessions
	cancel  context.CancelFunc
	wait    sync.WaitGroup // goroutines that ctx ends

	// Set by initialize, before anything else is handled.
	client   client
	encoding document.Encoding
	folders  []string // workspace folders, as file paths

	// mu guards what follows, and what hangs from it: documents, anchors, results.
	// A session's methods that tell its listener are never called with it held.
	mu          sync.Mutex
	documents   map[uri.URI]*openDocument     // by canonical URI
	requests    map[string]context.CancelFunc // by id
	sessions    []*kernelSession
	chosen      map[choice]string        // the kernel last selected for a folder and language
	results     map[string]*result       // by evaluation
	changed     []*result                // those with something to tell the client
	retired     []*result                // those that are neither shown nor running, oldest first
	inputs      map[string]*inputRequest // by request
	completed   *completion              // the last completion, for resolve
	initialized bool
}

// client is what the client said it can do.
type client struct {
	reval        bool // it wants reval/* notifications
	mime         []string
	markdown     bool // hover contents
	progress     bool // it takes window/workDoneProgress/create
	inlayRefresh bool
}

// Serve speaks LSP on rw until the client exits or the connection ends, and then
// ends the kernels that it started.
func Serve(ctx context.Context, rw io.ReadWriteCloser, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options: o, logger: o.Logger, exit: make(chan struct{}),
		documents: map[uri.URI]*openDocument{}, requests: map[string]context.CancelFunc{}, chosen: map[choice]string{},
		results: map[string]*result{}, inputs: map[string]*inputRequest{},
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	s.conn = jsonrpc2.NewConn(newStream(rw, o.Logger), jsonrpc2.WithCodec(codec{}))
	s.outbox = newOutbox(s)
	s.conn.Go(ctx, s.handle)
	select {
	case <-s.conn.Done():
	case <-s.exit:
	case <-ctx.Done():
	}
	s.closeSessions()
	s.cancel()
	s.wait.Wait()
	s.outbox.close()
	err := rw.Close()
	<-s.conn.Done()
	if connErr := s.conn.Err(); connErr != nil && ctx.Err() == nil {
		select {
		case <-s.exit: // the reader broke because rw was closed
		default:
			return fmt.Errorf("connection to the editor: %w", connErr)
		}
	}
	return err
}

// codec encodes payloads as LSP's types want it.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append(jsonrpc2.RawMessage(nil), data...)
		return nil
	}
	return protocol.Unmarshal(data, v)
}

// supported are the methods that the server has, besides those of reval/*.
var supported = map[string]bool{
	protocol.MethodInitialize: true, protocol.MethodInitialized: true, protocol.MethodShutdown: true, protocol.MethodExit: true,
	protocol.MethodSetTrace: true, protocol.MethodWindowWorkDoneProgressCancel: true,
	protocol.MethodTextDocumentDidOpen: true, protocol.MethodTextDocumentDidChange: true,
	protocol.MethodTextDocumentDidSave: true, protocol.MethodTextDocumentDidClose: true,
	protocol.MethodTextDocumentCompletion: true, protocol.MethodCompletionItemResolve: true,
	protocol.MethodTextDocumentHover: true, protocol.MethodTextDocumentCodeAction: true,
	protocol.MethodTextDocumentInlayHint: true, protocol.MethodWorkspaceExecuteCommand: true,
	protocol.MethodWorkspaceDidChangeWorkspaceFolders: true,
}

// handle runs one message. An error of a notification is logged: jsonrpc2 would
// end the connection for it.
func (s *Server) handle(ctx context.Context, req *jsonrpc2.Request) (result any, err error) {
	method := strings.Clone(req.Method()) // borrowed from the frame
	call := req.IsCall()
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("panic", "method", method, "panic", p, "stack", string(debug.Stack()))
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "%s: internal error: %v", method, p)
		}
		if err != nil && !call {
			s.logger.Warn("notification failed", "method", method, "error", err)
			result, err = nil, nil
		}
	}()
	ctx, done := s.requestContext(ctx, req)
	defer done()
	switch {
	case method == protocol.MethodCancelRequest:
		return nil, s.cancelRequest(req.Params())
	case !supported[method] && method != MethodInputReply:
		if call {
			return nil, jsonrpc2.Errorf(jsonrpc2.MethodNotFound, "%s is not supported", method)
		}
		return nil, nil
	case !s.ready(method):
		return nil, jsonrpc2.Errorf(jsonrpc2.ServerNotInitialized, "%s before initialize", method)
	case method == MethodInputReply:
		var params InputReplyParams
		if err := protocol.Unmarshal(req.Params(), &params); err != nil {
			return nil, fmt.Errorf("params: %w", err)
		}
		return nil, s.inputReply(params)
	case method == protocol.MethodTextDocumentDidOpen:
		return nil, s.didOpen(req.Params())
	}
	return protocol.ServerHandler(s, nil)(ctx, req)
}

// requestContext is a request's context. jsonrpc2 recycles its own when the
// handler returns, which a context derived from it may not survive: this one
// lives on the server's, and asks jsonrpc2's for values alone ([jsonrpc2.Async]).
type requestContext struct {
	context.Context
	values context.Context
}

func (c requestContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.values.Value(key)
}

// requestContext makes a request's context, which cancelRequest or done ends.
func (s *Server) requestContext(ctx context.Context, req *jsonrpc2.Request) (context.Context, func()) {
	own, cancel := context.WithCancel(s.ctx)
	if !req.IsCall() {
		return requestContext{own, ctx}, cancel
	}
	id := fmt.Sprint(req.ID())
	s.mu.Lock()
	s.requests[id] = cancel
	s.mu.Unlock()
	return requestContext{own, ctx}, func() {
		s.mu.Lock()
		delete(s.requests, id)
		s.mu.Unlock()
		cancel()
	}
}

// cancelRequest ends the wait of a request ($/cancelRequest).
func (s *Server) cancelRequest(params []byte) error {
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
	s.mu.Lock()
	cancel := s.requests[fmt.Sprint(id)]
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return nil
}

// ready says whether a method may be handled now: initialize comes first (LSP,
// Server lifecycle).
func (s *Server) ready(method string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initialized || method == protocol.MethodInitialize || method == protocol.MethodExit
}

// notify sends a notification; the outbox alone calls it.
func (s *Server) notify(method string, params any) {
	if err := s.conn.Notify(context.Background(), method, params); err != nil {
		s.logger.Debug("notification not sent", "method", method, "error", err)
	}
}
