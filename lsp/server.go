package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/jupyter"
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
	Env []string
	// Dir is the editor's working directory; empty for this process's.
	Dir string
	// Hub has the sessions, which go on when the connection ends; nil for sessions of its
	// own, which end with it.
	Hub *hub.Hub
	// GoOn is hub.Options.GoOn, of sessions of its own.
	GoOn bool
	// Heartbeat is kernelclient.Options.Heartbeat, of sessions of its own.
	Heartbeat time.Duration
	// Keep bounds what is remembered of the outputs of all evaluations, in bytes; 0 for
	// 256 MiB.
	Keep   int
	Logger *slog.Logger
}

// Server is one connection to one editor.
//
// Goroutines: jsonrpc2's reader, which runs notifications and the first part of
// every request in the order they came; one for each request that waits for a
// kernel or for its answer to be written, ended by its deadline or the
// connection's end; outbox.run, the only sender of notifications; those in wait;
// those of the sessions. Serve stops them all.
type Server struct {
	protocol.UnimplementedServer
	id      string // as a client of sessions
	options Options
	logger  *slog.Logger
	stream  *stream
	conn    jsonrpc2.Conn
	outbox  *outbox
	exit    chan struct{} // closed by the exit notification
	once    sync.Once
	ctx     context.Context // of everything that ends with the sessions
	cancel  context.CancelFunc
	wait    sync.WaitGroup // goroutines that ctx ends

	requests  requests
	workspace *workspace.Workspace
	hub       *hub.Hub

	// Set by initialize, before anything else is handled.
	client   client
	encoding document.Encoding

	// mu guards what follows, and what hangs from it: documents, anchors, results.
	mu        sync.Mutex
	phase     phase
	documents map[uri.URI]*openDocument // by canonical URI
	sessions  []*kernelSession
	open      map[string]bool          // kernels of which it was told that they talk over tcp
	keeping   keeping                  // outputs of evaluations that have ended
	closing   closing                  // documents that were closed or renamed
	evaluated int                      // evaluations so far
	results   map[string]*result       // by evaluation
	changed   []*result                // those with something to tell the client
	retired   []*result                // those that are neither shown nor running, oldest first
	inputs    map[string]*inputRequest // by request
	completed *completion              // the last completion, for resolve
}

// phase is how far a connection is (LSP, Server lifecycle).
type phase int

const (
	uninitialized phase = iota
	serving
	shutDown
)

// client is what the client said it can do.
type client struct {
	name         string // of its clientInfo
	reval        bool   // it wants reval/* notifications
	mime         []string
	text         int  // bytes of a value that it wants at once; 0 for all
	markdown     bool // hover contents
	progress     bool // it takes window/workDoneProgress/create
	inlayRefresh bool
}

// Serve speaks LSP on rw until the client exits, the connection ends or ctx does,
// and then ends the kernels that it started. Closing rw must break off its Read
// and its Write.
func Serve(ctx context.Context, rw io.ReadWriteCloser, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		id: jupyter.NewID(), options: o, logger: o.Logger, exit: make(chan struct{}),
		workspace: workspace.New(workspace.Options{Env: o.Env, Dir: o.Dir, Builtin: o.Builtin, Logger: o.Logger}),
		documents: map[uri.URI]*openDocument{},
		open:      map[string]bool{}, results: map[string]*result{}, inputs: map[string]*inputRequest{}, closing: closing{renamed: map[uri.URI]uri.URI{}},
	}
	if s.hub = o.Hub; s.hub == nil {
		s.hub = hub.New(hub.Options{Heartbeat: o.Heartbeat, GoOn: o.GoOn, Logger: o.Logger})
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	s.stream = newStream(rw, o.Logger)
	s.conn = jsonrpc2.NewConn(s.stream.messages(), jsonrpc2.WithCodec(codec{}))
	s.outbox = newOutbox(s)
	s.conn.Go(ctx, s.handle)
	select {
	case <-s.stream.ended:
	case <-s.exit:
	case <-ctx.Done():
	}
	// First whatever could wait for the client, which may not read any more.
	err := rw.Close()
	s.cancel()
	<-s.conn.Done()
	s.leaveSessions()
	s.wait.Wait()
	s.outbox.close()
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
	protocol.MethodTextDocumentHover: true, protocol.MethodTextDocumentSignatureHelp: true, protocol.MethodTextDocumentCodeAction: true,
	protocol.MethodTextDocumentInlayHint: true, protocol.MethodWorkspaceExecuteCommand: true,
	protocol.MethodWorkspaceDidChangeWorkspaceFolders: true, protocol.MethodWorkspaceDidChangeConfiguration: true,
	protocol.MethodWorkspaceDidRenameFiles: true,
}

// handle runs one message. An error of a notification is logged: jsonrpc2 would
// end the connection for it. The answer to a request is written in its own time:
// a client that is slow to read must not keep the next message, which may be an
// interrupt, from being read.
func (s *Server) handle(ctx context.Context, req *jsonrpc2.Request) (result any, err error) {
	method := strings.Clone(req.Method()) // borrowed from the frame
	call := req.IsCall()
	own, done := s.requests.begin(s.ctx, ctx, req)
	defer func() {
		done()
		if p := recover(); p != nil {
			s.logger.Error("panic", "method", method, "panic", p, "stack", string(debug.Stack()))
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "%s: internal error: %v", method, p)
		}
		if err != nil && !call {
			s.logger.Warn("notification failed", "method", method, "error", err)
			result, err = nil, nil
		}
		if call {
			err = told(err)
			async(own)
		}
	}()
	if method != protocol.MethodTextDocumentDidOpen {
		s.mu.Lock()
		s.closing.last = nil
		s.mu.Unlock()
	}
	switch {
	case method == protocol.MethodCancelRequest:
		return nil, s.requests.cancel(req.Params())
	case !supported[method] && method != MethodInputReply:
		if call {
			return nil, jsonrpc2.Errorf(jsonrpc2.MethodNotFound, "%s is not supported", method)
		}
		return nil, nil
	}
	if err := s.ready(method); err != nil {
		return nil, err
	}
	switch {
	case method == MethodInputReply:
		var params InputReplyParams
		if err := protocol.Unmarshal(req.Params(), &params); err != nil {
			return nil, fmt.Errorf("params: %w", err)
		}
		return nil, s.inputReply(params)
	case method == protocol.MethodTextDocumentDidOpen:
		return nil, s.didOpen(req.Params())
	}
	return protocol.ServerHandler(s, nil)(own, req)
}

// told is an error as its client is told it, in one line: what servers and kernels say
// may be in it.
func told(err error) error {
	if err == nil || err.Error() == oneLine(err.Error()) {
		return err
	}
	code := jsonrpc2.InternalError
	if e, ok := errors.AsType[*jsonrpc2.Error](err); ok {
		code = e.Code
	}
	return jsonrpc2.NewError(code, oneLine(err.Error()))
}

// maxLabel bounds a line that is told, in bytes.
const maxLabel = 2 << 10

// oneLine is a text from elsewhere as a label or a message.
func oneLine(text string) string { return output.Cut(output.Line(text), maxLabel) }

// ready says whether a method may be handled now: initialize comes first, and
// after shutdown only exit (LSP, Server lifecycle).
func (s *Server) ready(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case method == protocol.MethodExit, s.phase == serving, s.phase == uninitialized && method == protocol.MethodInitialize:
		return nil
	case s.phase == uninitialized:
		return jsonrpc2.Errorf(jsonrpc2.ServerNotInitialized, "%s before initialize", method)
	}
	return jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "%s after shutdown", method)
}

// notify sends a notification; the outbox alone calls it.
func (s *Server) notify(method string, params any) {
	if err := s.conn.Notify(context.Background(), method, params); err != nil {
		s.logger.Debug("notification not sent", "method", method, "error", err)
	}
}
