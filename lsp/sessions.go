package lsp

import (
	"context"
	"runtime"
	"slices"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/hub"
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
	*hub.Session
	server    *Server
	listening *session.Listening

	// Guarded by Server.mu.
	status    session.Status
	documents []*openDocument
	silent    map[jupyter.MsgType]bool // questions that the kernel has left unanswered
	counts    map[int]*result          // by execution count, to tell whose cell a traceback names
	hashes    map[uint32]cellPart      // likewise by the hash of the code
	dirty     bool                     // the client has not been told the status
	told      time.Time                // when it was told last
	toldBusy  bool                     // and that the session was busy
}

// startDeadline bounds how long a command waits to say that there is no kernel.
const startDeadline = 3 * time.Second

// bind gives a document its session; mu is held.
func (s *Server) bind(d *openDocument) {
	p := s.projectOf(d.key, d.language)
	s.attach(d, s.sessionFor(p, d.language, s.kernelFor(p, d.language)))
}

// kernelFor is the kernel that was chosen for a project's files of a language: here, else, before
// this connection has such files, by who used one last; empty for the default. mu is held.
func (s *Server) kernelFor(p workspace.Project, lang language.Language) string {
	kernel := s.workspace.Preferred(p, lang)
	if kernel != "" || slices.ContainsFunc(s.sessions, func(ks *kernelSession) bool { return ks.Project.Same(p) && ks.Language.ID == lang.ID }) {
		return kernel
	}
	if kernel = s.hub.Chosen(p, lang); kernel != "" {
		s.workspace.Prefer(p, lang, kernel)
	}
	return kernel
}

// stays says whether a document stays in the session that it had if it is opened under
// a name; mu is held.
func (s *Server) stays(d *openDocument, key uri.URI) bool {
	return d.left != nil && slices.Contains(s.sessions, d.left) && d.left.Project.Same(s.projectOf(key, d.language))
}

// attach moves a document to a session; mu is held.
func (s *Server) attach(d *openDocument, ks *kernelSession) {
	s.unbind(d)
	d.session = ks
	ks.documents = append(ks.documents, d)
	d.touchRun(func(*result) bool { return true })
	s.sessionDirty(ks)
	s.replay(d)
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
	var ks *kernelSession
	s.hub.Join(s.workspace, p, lang, kernel, func(shared *hub.Session) {
		if i := slices.IndexFunc(s.sessions, func(ks *kernelSession) bool { return ks.Session == shared }); i >= 0 {
			ks = s.sessions[i]
			return
		}
		ks = &kernelSession{
			Session: shared, server: s, status: session.Status{State: session.None},
			silent: map[jupyter.MsgType]bool{}, counts: map[int]*result{}, hashes: map[uint32]cellPart{},
		}
		ks.listening = ks.Listen(ks, session.Client{ID: s.id, Name: s.client.name})
		s.sessions = append(s.sessions, ks)
	})
	return ks
}

// leaveSessions ends every session if they are this connection's alone, and with them the
// kernels that were started here.
func (s *Server) leaveSessions() {
	s.mu.Lock()
	sessions := s.sessions
	s.sessions = nil
	s.mu.Unlock()
	if s.options.Hub == nil {
		s.hub.Close(context.Background())
	}
	for _, ks := range sessions {
		ks.listening.Stop()
	}
	s.hub.Tidy()
}

// tellOpen tells, once for a kernel's name, that what it sends is open to others; mu is held.
func (s *Server) tellOpen(ks *kernelSession) {
	k, found := ks.Kernel(), ks.Found()
	if k == nil || found.IsAddress() || k.Transport() != kernelclient.TransportTCP || runtime.GOOS == "windows" { // which has nothing else
		return
	}
	if spec := found.Spec; !s.open[spec.Name] {
		s.open[spec.Name] = true
		s.outbox.message(protocol.MessageTypeWarning, spec.DisplayName+" talks over tcp: other users of this machine can read what it sends (it could not be started with Unix sockets)")
	}
}

// state is what the client is told of a session; mu is held.
func (ks *kernelSession) state() StateParams {
	p := StateParams{
		Session: ks.ID, URIs: []string{}, State: string(ks.status.State), Kernel: ks.Spec().Name, DisplayName: oneLine(ks.Spec().DisplayName),
		Environment: ks.Spec().Environment(), Directory: ks.Project.Folder,
		Language: ks.Language.ID, Queued: ks.status.Queued, Running: ks.status.Running, Namespace: ks.status.Namespace, Message: oneLine(ks.status.Message),
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
	if hasNamespace(st.State) && !hasNamespace(was) {
		s.tellOpen(ks)
	}
	s.sessionDirty(ks)
	if s.client.reval || st.State == was {
		return
	}
	switch st.State {
	case session.Dead:
		s.outbox.message(errorMessage, st.Message)
	case session.Starting:
		if was == session.Dead && ks.status.Namespace > 0 {
			s.outbox.message(protocol.MessageTypeWarning, "a new kernel is started, without what was defined before")
		}
	case session.Disconnected, session.Unresponsive:
		s.outbox.message(protocol.MessageTypeWarning, st.Message)
	case session.Idle, session.Busy:
		switch was {
		case session.Disconnected:
			s.outbox.message(protocol.MessageTypeInfo, "the connection to "+ks.Spec().Source+" is there again")
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
	r := s.results[e.ID]
	if r == nil && e.Origin.Client != s.id {
		r = s.adopt(ks, e, nil)
	}
	if r != nil {
		r.changed(e)
	}
}

// Output is the listener's.
func (ks *kernelSession) Output(id string, e record.Entry) {
	s := ks.server
	take := ks.render(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.results[id]; r != nil {
		take(r)
		r.list()
	}
}

// InputRequested is the listener's.
func (ks *kernelSession) InputRequested(id string, e kernelclient.InputRequest) {
	s := ks.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.results[id]; r != nil {
		s.inputRequest(r, e)
		r.list()
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
