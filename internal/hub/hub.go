// Package hub holds the sessions of a user: one of each project, language and kernel, which
// all front ends of that user share.
package hub

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// Options configure a hub.
type Options struct {
	// Heartbeat is kernelclient.Options.Heartbeat.
	Heartbeat time.Duration
	// Logger is nil for none.
	Logger *slog.Logger
}

// Hub holds sessions.
type Hub struct {
	options Options

	mu       sync.Mutex
	sessions []*Session
}

// New makes a hub without sessions.
func New(o Options) *Hub {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{options: o}
}

// Session is one of a hub's.
type Session struct {
	*session.Session
	ID       string
	Project  workspace.Project
	Language language.Language
	// Wanted is the name or the address of the kernel that was chosen, without a token;
	// empty for the language's default.
	Wanted string

	hub *Hub
	// workspace is that of who asked for the session first: its kernels are found and
	// started in the environment of that one.
	workspace *workspace.Workspace

	finding sync.Mutex // held while kernels are looked for

	mu    sync.Mutex
	found workspace.Kernel // once it is known
}

// Session finds the session of a project, a language and a kernel, or makes it.
func (h *Hub) Session(w *workspace.Workspace, p workspace.Project, lang language.Language, kernel string) *Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		if s.Project.Same(p) && s.Language.ID == lang.ID && (s.Wanted == kernel || kernel != "" && s.Spec().Name == kernel) {
			return s
		}
	}
	s := &Session{ID: jupyter.NewID(), Project: p, Language: lang, Wanted: kernel, hub: h, workspace: w}
	s.Session = session.New(s.connect, h.options.Logger)
	h.sessions = append(h.sessions, s)
	return s
}

// Find finds a kernel that is none of the hub's own.
func (h *Hub) Find(ctx context.Context, w *workspace.Workspace, q workspace.Query) (workspace.Kernel, error) {
	h.mu.Lock()
	sessions := slices.Clone(h.sessions)
	h.mu.Unlock()
	for _, s := range sessions {
		q.Own = append(q.Own, s.OwnFile()...)
	}
	return w.Find(ctx, q)
}

// OwnFile is the connection file of the session's kernel, if that was started for it.
func (s *Session) OwnFile() []string {
	if k := s.Kernel(); k != nil && k.Launched() {
		return []string{k.ConnectionFile()}
	}
	return nil
}

// Spec describes the kernel, once it is known.
func (s *Session) Spec() kernelclient.Spec { return s.Found().Spec }

// Found is the kernel that the session has or will have, once it is known.
func (s *Session) Found() workspace.Kernel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

// SetFound settles the session's kernel.
func (s *Session) SetFound(k workspace.Kernel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = k
}

// Query asks for a kernel for the session's project.
func (s *Session) Query(kernel string) workspace.Query {
	return workspace.Query{Project: s.Project, Language: s.Language, Kernel: kernel}
}

// Find settles which kernel the session uses. A failure is not kept: a kernel may have been
// installed since.
func (s *Session) Find(ctx context.Context) error {
	s.finding.Lock()
	defer s.finding.Unlock()
	if s.Spec().Name != "" {
		return nil
	}
	found, err := s.hub.Find(ctx, s.workspace, s.Query(s.Wanted))
	if err == nil {
		s.SetFound(found)
	}
	return err
}

// connect is the session's way to its kernel.
func (s *Session) connect(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
	if err := s.Find(ctx); err != nil {
		return nil, err
	}
	o.Heartbeat = s.hub.options.Heartbeat
	return s.workspace.Open(ctx, s.Found(), s.Project, o)
}

// Close ends every session, and with it the kernels that were started for them.
func (h *Hub) Close(ctx context.Context) {
	h.mu.Lock()
	sessions := h.sessions
	h.sessions = nil
	h.mu.Unlock()
	var wait sync.WaitGroup
	for _, s := range sessions {
		wait.Go(func() { s.Close(ctx) })
	}
	wait.Wait()
}
