package lsp

import (
	"context"
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/workspace"
)

// projectOf finds a document's project.
func (s *Server) projectOf(u uri.URI, lang language.Language) workspace.Project {
	return s.workspace.Project(workspace.FilePath(u), lang)
}

// configure takes settings.
func (s *Server) configure(options []byte) {
	var named struct {
		Settings
		Reval *Settings `json:"reval"`
	}
	if len(options) == 0 || string(options) == "null" {
		return
	}
	if err := unmarshal(options, &named); err != nil {
		s.logger.Warn("settings that do not fit", "error", err)
		return
	}
	settings := named.Settings
	if named.Reval != nil {
		settings = *named.Reval
	}
	s.workspace.SetKernelDirectory(settings.KernelDirectory)
	s.workspace.SetHistoryExclude(settings.HistoryExclude)
}

// DidChangeConfiguration changes what holds for documents whose kernels are still to be
// started.
func (s *Server) DidChangeConfiguration(_ context.Context, p *protocol.DidChangeConfigurationParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configure(p.Settings)
	for _, d := range s.documents {
		s.rebind(d)
	}
	return nil
}

// rebind moves a document to the session where it belongs now, if its own was ended by
// somebody else, or has had no kernel yet: its environment may have been made since it was
// opened. mu is held.
func (s *Server) rebind(d *openDocument) {
	ks := d.session
	select {
	case <-ks.Closed():
		s.sessions = slices.DeleteFunc(s.sessions, func(o *kernelSession) bool { return o == ks })
		s.bind(d)
		return
	default:
	}
	if ks.Wanted != "" || ks.Spec().Name != "" {
		return
	}
	if p := s.projectOf(d.key, d.language); !p.Same(ks.Project) {
		s.bind(d)
	}
}
