package lsp

import (
	"context"
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/workspace"
)

// Initialize negotiates what the client can do.
func (s *Server) Initialize(_ context.Context, p *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != uninitialized {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "initialize was called before")
	}
	s.phase = serving
	s.encoding = negotiateEncoding(p.Capabilities)
	s.client = readClient(p.Capabilities)
	s.client.name = oneLine(p.ClientInfo.Name)
	s.workspace.ChangeFolders(workspaceFolders(p), nil)
	s.configure(p.InitializationOptions)

	yes := true
	change := protocol.TextDocumentSyncKindIncremental
	experimental, err := json.Marshal(map[string]any{"reval": ServerCapability{Version: 1, Standalone: s.options.Hub == nil}})
	if err != nil {
		return nil, err
	}
	return &protocol.InitializeResult{
		ServerInfo: protocol.ServerInfo{Name: "reval", Version: protocol.NewOptional(s.options.Version)},
		Capabilities: protocol.ServerCapabilities{
			PositionEncoding: protocol.PositionEncodingKind(s.encoding.String()),
			TextDocumentSync: &protocol.TextDocumentSyncOptions{OpenClose: &yes, Change: &change},
			CompletionProvider: &protocol.CompletionOptions{
				TriggerCharacters: triggers,
				ResolveProvider:   &yes,
			},
			SignatureHelpProvider:  &protocol.SignatureHelpOptions{TriggerCharacters: []string{"(", ","}},
			HoverProvider:          protocol.Boolean(true),
			InlayHintProvider:      protocol.Boolean(true),
			CodeActionProvider:     protocol.Boolean(true),
			ExecuteCommandProvider: protocol.ExecuteCommandOptions{Commands: commandNames()},
			Workspace: &protocol.WorkspaceOptions{
				WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{Supported: &yes, ChangeNotifications: protocol.Boolean(true)},
				FileOperations: &protocol.FileOperationOptions{DidRename: protocol.FileOperationRegistrationOptions{
					Filters: []protocol.FileOperationFilter{{Pattern: protocol.FileOperationPattern{Glob: "**"}}},
				}},
			},
			Experimental: protocol.LSPAny(experimental),
		},
	}, nil
}

// negotiateEncoding takes the client's first encoding that there is; without a
// word of it positions are UTF-16 (LSP, Position).
func negotiateEncoding(c protocol.ClientCapabilities) document.Encoding {
	if c.General != nil {
		for _, kind := range c.General.PositionEncodings {
			if e, err := document.ParseEncoding(string(kind)); err == nil {
				return e
			}
		}
	}
	return document.UTF16
}

func readClient(c protocol.ClientCapabilities) client {
	var r client
	var experimental struct {
		Reval *ClientCapability `json:"reval"`
	}
	if len(c.Experimental) > 0 && json.Unmarshal(c.Experimental, &experimental) == nil && experimental.Reval != nil {
		r.reval, r.mime, r.text = true, experimental.Reval.MIME, experimental.Reval.Text
	}
	if t := c.TextDocument; t != nil && t.Hover != nil {
		for _, kind := range t.Hover.ContentFormat {
			r.markdown = r.markdown || kind == protocol.MarkupKindMarkdown
		}
	}
	if w := c.Window; w != nil {
		r.progress = w.WorkDoneProgress != nil && *w.WorkDoneProgress
	}
	if w := c.Workspace; w != nil && w.InlayHint != nil {
		r.inlayRefresh = w.InlayHint.RefreshSupport != nil && *w.InlayHint.RefreshSupport
	}
	return r
}

func workspaceFolders(p *protocol.InitializeParams) []string {
	var folders []string
	if list, ok := p.WorkspaceFolders.Get(); ok {
		for _, f := range list {
			folders = appendPath(folders, uri.URI(f.URI))
		}
	}
	//lint:ignore SA1019 clients older than LSP 3.6 have nothing else
	if root := p.RootURI; len(folders) == 0 && root != nil {
		folders = appendPath(folders, *root)
	}
	return folders
}

func appendPath(paths []string, u uri.URI) []string {
	if p := workspace.FilePath(u); p != "" {
		paths = append(paths, p)
	}
	return paths
}

// Initialized has the client told what its user is to know, from now on.
func (s *Server) Initialized(context.Context, *protocol.InitializedParams) error {
	stop := s.hub.Warnings(func(words string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outbox.message(protocol.MessageTypeWarning, words)
	})
	context.AfterFunc(s.ctx, stop)
	return nil
}

// SetTrace is accepted: the log is not the client's.
func (s *Server) SetTrace(context.Context, *protocol.SetTraceParams) error { return nil }

// Shutdown ends the kernels; Exit follows.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.phase = shutDown
	s.mu.Unlock()
	async(ctx)
	s.leaveSessions()
	return nil
}

// Exit ends Serve.
func (s *Server) Exit(context.Context) error {
	s.once.Do(func() { close(s.exit) })
	return nil
}

// DidChangeWorkspaceFolders changes where sessions of documents to come belong.
func (s *Server) DidChangeWorkspaceFolders(_ context.Context, p *protocol.DidChangeWorkspaceFoldersParams) error {
	var added, removed []string
	for _, f := range p.Event.Added {
		added = appendPath(added, uri.URI(f.URI))
	}
	for _, f := range p.Event.Removed {
		removed = appendPath(removed, uri.URI(f.URI))
	}
	s.workspace.ChangeFolders(added, removed)
	return nil
}
