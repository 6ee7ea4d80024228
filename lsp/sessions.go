package lsp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// choice is what a default kernel is chosen for.
type choice struct{ folder, language string }

// kernelSession is a session as this connection sees it: documents of one
// workspace folder share it if they use one kernel.
type kernelSession struct {
	*session.Session
	server   *Server
	id       string
	folder   string // where the kernel runs
	language language.Language
	// kernel is the name or the connection file that was selected; empty for the
	// language's default.
	kernel string

	finding sync.Mutex // held while kernels are looked for

	// Guarded by Server.mu.
	spec      kernelclient.Spec // the kernel's, once it is known
	status    session.Status
	documents []*openDocument
	counts    map[int]*result // by execution count, to tell whose cell a traceback names
	dirty     bool            // the client has not been told the status
}

// startDeadline bounds how long a command waits to say that there is no kernel.
const startDeadline = 3 * time.Second

// folderOf is the workspace folder of a document: the innermost that contains
// it, else the document's own folder.
func (s *Server) folderOf(u uri.URI) string {
	path := filePath(u)
	best := ""
	for _, f := range s.folders {
		if path == "" && best == "" {
			best = f
		}
		if rel, err := filepath.Rel(f, path); path != "" && err == nil && filepath.IsLocal(rel) && len(f) > len(best) {
			best = f
		}
	}
	if best == "" && path != "" {
		best = filepath.Dir(path)
	}
	if st, err := os.Stat(best); err != nil || !st.IsDir() {
		return "" // of a file that is not saved yet: this process's folder
	}
	return best
}

// bind gives a document its session; mu is held.
func (s *Server) bind(d *openDocument) {
	folder := s.folderOf(d.key)
	kernel := s.chosen[choice{folder, d.language.ID}]
	s.attach(d, s.sessionFor(folder, d.language, kernel))
}

// attach moves a document to a session; mu is held.
func (s *Server) attach(d *openDocument, ks *kernelSession) {
	s.unbind(d)
	d.session = ks
	ks.documents = append(ks.documents, d)
	s.sessionDirty(ks)
}

// unbind takes a document from its session, which lives on; mu is held.
func (s *Server) unbind(d *openDocument) {
	if ks := d.session; ks != nil {
		ks.documents = slices.DeleteFunc(ks.documents, func(o *openDocument) bool { return o == d })
		d.session = nil
		s.sessionDirty(ks)
	}
}

// sessionFor finds the session of a folder and kernel, or makes it; mu is held.
func (s *Server) sessionFor(folder string, lang language.Language, kernel string) *kernelSession {
	for _, ks := range s.sessions {
		if ks.folder != folder || ks.language.ID != lang.ID {
			continue
		}
		if ks.kernel == kernel || kernel != "" && ks.spec.Name == kernel {
			return ks
		}
	}
	ks := &kernelSession{
		server: s, id: jupyter.NewID(), folder: folder, language: lang, kernel: kernel,
		counts: map[int]*result{}, status: session.Status{State: session.None},
	}
	ks.Session = session.New(ks.connect, ks, s.logger)
	s.sessions = append(s.sessions, ks)
	// Asking the pythons around takes a moment that the first evaluation need not wait.
	s.wait.Go(func() {
		if err := ks.find(s.ctx); err != nil {
			s.logger.Info("no kernel yet", "language", lang.ID, "error", err)
		}
	})
	return ks
}

// closeSessions ends every session, and with it the kernels that were started here.
func (s *Server) closeSessions() {
	s.mu.Lock()
	sessions := s.sessions
	s.sessions = nil
	s.mu.Unlock()
	var wait sync.WaitGroup
	for _, ks := range sessions {
		wait.Go(func() { ks.Close(context.Background()) })
	}
	wait.Wait()
}

// connect is the session's way to its kernel.
func (ks *kernelSession) connect(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
	if err := ks.find(ctx); err != nil {
		return nil, err
	}
	ks.server.mu.Lock()
	spec := ks.spec
	ks.counts = map[int]*result{}
	ks.server.mu.Unlock()
	if kernelclient.IsConnectionFile(ks.kernel) {
		return kernelclient.Attach(ctx, ks.kernel, o)
	}
	return kernelclient.Launch(ctx, spec, kernelclient.LaunchOptions{Options: o, Dir: ks.folder, Env: ks.server.options.Env})
}

// find settles which kernelspec the session uses. A failure is not kept: a kernel
// may have been installed since.
func (ks *kernelSession) find(ctx context.Context) error {
	ks.finding.Lock()
	defer ks.finding.Unlock()
	s := ks.server
	s.mu.Lock()
	known := ks.spec.Name != ""
	s.mu.Unlock()
	if known {
		return nil
	}
	var spec kernelclient.Spec
	if kernelclient.IsConnectionFile(ks.kernel) {
		info, err := jupyter.ReadConnectionFile(ks.kernel)
		if err != nil {
			return err
		}
		name := filepath.Base(ks.kernel)
		spec = kernelclient.Spec{Name: name, DisplayName: name, Language: ks.language.ID, Source: ks.kernel}
		if info.KernelName != "" {
			spec.DisplayName = info.KernelName + " (" + name + ")"
		}
	} else {
		specs, err := s.findKernels(ctx, ks.folder)
		if spec, err = kernelclient.Choose(specs, err, wanted(ks.kernel, ks.language)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ks.spec = spec
	s.sessionDirty(ks)
	return nil
}

// findKernels lists the kernels for a folder. A broken kernelspec is logged, and
// told where nothing else is found.
func (s *Server) findKernels(ctx context.Context, folder string) ([]kernelclient.Spec, error) {
	dir := folder
	if dir == "" {
		dir, _ = os.Getwd()
	}
	specs, err := kernelclient.Finder{Env: s.options.Env, Dir: dir, Builtin: s.options.Builtin}.Find(ctx)
	if err != nil {
		s.logger.Warn("kernelspecs that cannot be used", "error", err)
	}
	return specs, err
}

// wanted is the kernel of that name or, without one, the first of the language.
func wanted(name string, lang language.Language) kernelclient.Wanted {
	return kernelclient.Wanted{Name: name, Language: lang.Name, Install: lang.Install, Matches: func(kernel string) bool {
		return lang.Matches(kernel) || strings.EqualFold(lang.ID, kernel) // of a language that has no row
	}}
}

// state is what the client is told of a session; mu is held.
func (ks *kernelSession) state() StateParams {
	p := StateParams{
		Session: ks.id, URIs: []string{}, State: string(ks.status.State), Kernel: ks.spec.Name, DisplayName: ks.spec.DisplayName,
		Language: ks.language.ID, Queued: ks.status.Queued, Running: ks.status.Running, Message: ks.status.Message,
	}
	for _, d := range ks.documents {
		p.URIs = append(p.URIs, d.uri)
	}
	return p
}

// SessionChanged is the listener's; it passes the status on.
func (ks *kernelSession) SessionChanged(st session.Status) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	died := st.State == session.Dead && ks.status.State != session.Dead
	ks.status = st
	s.sessionDirty(ks)
	if died && !s.client.reval {
		s.outbox.message(errorMessage, st.Message)
	}
}

// EvaluationChanged is the listener's.
func (ks *kernelSession) EvaluationChanged(e session.Evaluation) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.results[e.ID]; r != nil {
		r.changed(e)
	}
}

// Output is the listener's.
func (ks *kernelSession) Output(id string, e kernelclient.Event) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.results[id]; r != nil {
		r.event(e)
	}
}

// InputVoid is the listener's.
func (ks *kernelSession) InputVoid(id string) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.voidInputs(id)
}

// sessionOf gives the session of an open document.
func (s *Server) sessionOf(u string) (*kernelSession, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(u)
	if err != nil {
		return nil, err
	}
	return d.session, nil
}

// kernels answers reval.kernels.
func (s *Server) kernels(ctx context.Context, p DocumentParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	async(ctx)
	specs, err := s.findKernels(ctx, ks.folder)
	if len(specs) == 0 && err != nil {
		return nil, fmt.Errorf("find kernels: %w", err)
	}
	selected, _ := kernelclient.Choose(specs, nil, wanted(ks.kernel, ks.language))
	s.mu.Lock()
	if ks.spec.Name != "" {
		selected = ks.spec
	}
	s.mu.Unlock()
	kernels := []Kernel{}
	for _, spec := range specs {
		kernels = append(kernels, Kernel{
			Name: spec.Name, DisplayName: spec.DisplayName, Language: spec.Language, Source: spec.Source,
			Suitable: ks.language.Matches(spec.Language), Selected: spec.Name == selected.Name,
		})
	}
	return kernels, nil
}

// selectKernel binds a document to a kernel, and starts it.
func (s *Server) selectKernel(ctx context.Context, p SelectKernelParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kernel == "":
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "no kernel is named: reval.kernels lists them")
	case strings.Contains(p.Kernel, "://"):
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: kernels of a Jupyter server cannot be chosen by URL yet", p.Kernel)
	case strings.HasPrefix(p.Kernel, "~/"):
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		p.Kernel = filepath.Join(home, p.Kernel[2:])
	}
	async(ctx)
	if kernelclient.IsConnectionFile(p.Kernel) {
		if _, err := jupyter.ReadConnectionFile(p.Kernel); err != nil {
			return nil, err
		}
	} else {
		specs, err := s.findKernels(ctx, ks.folder)
		if _, err := kernelclient.Choose(specs, err, wanted(p.Kernel, ks.language)); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	d, err := s.lookup(p.URI)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	ks = s.sessionFor(ks.folder, d.language, p.Kernel)
	s.chosen[choice{ks.folder, d.language.ID}] = p.Kernel
	s.attach(d, ks)
	s.mu.Unlock()
	ks.Start()
	s.mu.Lock()
	defer s.mu.Unlock()
	return ks.state(), nil
}
