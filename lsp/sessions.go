package lsp

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// kernelSession is a session as this connection sees it: documents of one
// project share it if they use one kernel.
type kernelSession struct {
	*session.Session
	server   *Server
	id       string
	project  workspace.Project
	language language.Language
	// kernel is the name or the address that was selected, without a token; empty for
	// the language's default.
	kernel string

	listening *session.Listening

	finding sync.Mutex // held while kernels are looked for

	// Guarded by Server.mu.
	found     workspace.Kernel // once it is known
	status    session.Status
	namespace int // counts the kernels that ended
	documents []*openDocument
	silent    map[jupyter.MsgType]bool // questions that the kernel has left unanswered
	counts    map[int]*result          // by execution count, to tell whose cell a traceback names
	hashes    map[uint32]cellPart      // likewise by the hash of the code
	displays  record.Displays
	rendered  map[*record.Rendering]*result
	dirty     bool      // the client has not been told the status
	told      time.Time // when it was told last
	toldBusy  bool      // and that the session was busy
}

// startDeadline bounds how long a command waits to say that there is no kernel.
const startDeadline = 3 * time.Second

// bind gives a document its session; mu is held.
func (s *Server) bind(d *openDocument) {
	p := s.projectOf(d.key, d.language)
	s.attach(d, s.sessionFor(p, d.language, s.workspace.Preferred(p, d.language)))
}

// stays says whether a document stays in the session that it had if it is opened under
// a name; mu is held.
func (s *Server) stays(d *openDocument, key uri.URI) bool {
	return d.left != nil && slices.Contains(s.sessions, d.left) && d.left.project.Same(s.projectOf(key, d.language))
}

// attach moves a document to a session; mu is held.
func (s *Server) attach(d *openDocument, ks *kernelSession) {
	s.unbind(d)
	d.session = ks
	ks.documents = append(ks.documents, d)
	d.touchRun(func(*result) bool { return true })
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

// sessionFor finds the session of a project and kernel, or makes it; mu is held.
func (s *Server) sessionFor(p workspace.Project, lang language.Language, kernel string) *kernelSession {
	for _, ks := range s.sessions {
		if !ks.project.Same(p) || ks.language.ID != lang.ID {
			continue
		}
		if ks.kernel == kernel || kernel != "" && ks.spec().Name == kernel {
			return ks
		}
	}
	ks := &kernelSession{
		server: s, id: jupyter.NewID(), project: p, language: lang, kernel: kernel,
		silent: map[jupyter.MsgType]bool{}, counts: map[int]*result{}, hashes: map[uint32]cellPart{}, displays: record.Displays{}, rendered: map[*record.Rendering]*result{}, status: session.Status{State: session.None},
	}
	ks.Session = session.New(ks.connect, s.logger)
	ks.listening = ks.Listen(ks)
	s.sessions = append(s.sessions, ks)
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
	found := ks.found
	ks.server.mu.Unlock()
	o.Heartbeat = ks.server.options.Heartbeat
	k, err := ks.server.workspace.Open(ctx, found, ks.project, o)
	if err == nil && !found.IsAddress() && k.Transport() == kernelclient.TransportTCP && runtime.GOOS != "windows" { // which has nothing else
		ks.server.tellOpen(found.Spec)
	}
	return k, err
}

// spec describes the kernel, once it is known; mu is held.
func (ks *kernelSession) spec() kernelclient.Spec { return ks.found.Spec }

// tellOpen tells, once for a kernel's name, that what it sends is open to others.
func (s *Server) tellOpen(spec kernelclient.Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[spec.Name] {
		s.open[spec.Name] = true
		s.outbox.message(protocol.MessageTypeWarning, spec.DisplayName+" talks over tcp: other users of this machine can read what it sends (it could not be started with Unix sockets)")
	}
}

// find settles which kernelspec the session uses. A failure is not kept: a kernel
// may have been installed since.
func (ks *kernelSession) find(ctx context.Context) error {
	ks.finding.Lock()
	defer ks.finding.Unlock()
	s := ks.server
	s.mu.Lock()
	known := ks.spec().Name != ""
	s.mu.Unlock()
	if known {
		return nil
	}
	found, err := s.findKernel(ctx, ks, ks.kernel)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ks.found = found
	s.sessionDirty(ks)
	return nil
}

// state is what the client is told of a session; mu is held.
func (ks *kernelSession) state() StateParams {
	p := StateParams{
		Session: ks.id, URIs: []string{}, State: string(ks.status.State), Kernel: ks.spec().Name, DisplayName: oneLine(ks.spec().DisplayName),
		Environment: ks.spec().Environment(), Directory: ks.project.Folder,
		Language: ks.language.ID, Queued: ks.status.Queued, Running: ks.status.Running, Namespace: ks.namespace, Message: oneLine(ks.status.Message),
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
	was := ks.status.State
	if (st.State == session.Starting || st.State == session.Restarting) && st.Message != "" && ks.status.Message == "" {
		s.outbox.message(protocol.MessageTypeInfo, st.Message)
	}
	ks.status = st
	ks.moved(was, st.State)
	s.sessionDirty(ks)
	if s.client.reval || st.State == was {
		return
	}
	switch st.State {
	case session.Dead:
		s.outbox.message(errorMessage, st.Message)
	case session.Starting:
		if was == session.Dead && ks.namespace > 0 {
			s.outbox.message(protocol.MessageTypeWarning, "a new kernel is started, without what was defined before")
		}
	case session.Disconnected, session.Unresponsive:
		s.outbox.message(protocol.MessageTypeWarning, st.Message)
	case session.Idle, session.Busy:
		switch was {
		case session.Disconnected:
			s.outbox.message(protocol.MessageTypeInfo, "the connection to "+ks.spec().Source+" is there again")
		case session.Unresponsive:
			s.outbox.message(protocol.MessageTypeInfo, "the kernel answers again")
		}
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
	e = ks.render(e)
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

// sessionOf gives the session of an open document, for a command.
func (s *Server) sessionOf(u string) (*kernelSession, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(u)
	if err != nil {
		return nil, err
	}
	s.rebind(d)
	return d.session, nil
}
