// Package hub holds the sessions of a user: one of each project, language and kernel, which
// all front ends of that user share.
package hub

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/journal"
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
	// Idle is how long a session lives to which nobody listens and that evaluates nothing;
	// 0 for no time at all, a negative one for ever.
	Idle time.Duration
	// GoOn has what waits behind an error run.
	GoOn bool
	// Journal keeps what came of evaluations; nil for none.
	Journal *journal.Journal
	// Registry has kernels outlive this process; with nil they end with it.
	Registry *kernelclient.Registry
	// Attached is a file for what the next process has to know of kernels that were joined; empty
	// for none.
	Attached string
	// Logger is nil for none.
	Logger *slog.Logger
}

// Hub holds sessions.
//
// Goroutines: those of ends, which close sessions; Close waits for them.
type Hub struct {
	options     Options
	attachments attachments
	ends        sync.WaitGroup

	mu       sync.Mutex
	sessions []*Session
	timer    *time.Timer // to the next Tidy
	warnings warnings
	closed   bool
}

// New makes a hub without sessions.
func New(o Options) *Hub {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{options: o, attachments: attachments{file: o.Attached}}
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

	hub     *Hub
	started time.Time
	unkept  bool  // nothing of it is given to the journal
	kept    *kept // its way to the journal; nil if it is unkept

	finding sync.Mutex // held while kernels are looked for

	mu sync.Mutex
	// workspace is that of who asked for the session first: its kernels are found and
	// started in the environment of that one. It is nil as long as nobody of this process has.
	workspace *workspace.Workspace
	found     workspace.Kernel    // once it is known
	entry     *kernelclient.Entry // the kernel that is to be taken over from another process; nil for none
}

// Join finds the session of a project, a language and a kernel, or makes it, and calls
// listen, which sees to it that somebody listens to it: before that Tidy would take it away.
func (h *Hub) Join(w *workspace.Workspace, p workspace.Project, lang language.Language, kernel string, listen func(*Session)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	listen(h.session(w, p, lang, kernel))
}

// session is the session of a project, a language and a kernel; mu is held.
func (h *Hub) session(w *workspace.Workspace, p workspace.Project, lang language.Language, kernel string) *Session {
	for _, s := range h.sessions {
		if s.Project.Same(p) && s.Language.ID == lang.ID && (s.Wanted == kernel || kernel != "" && s.Spec().Name == kernel) {
			s.asksFor(w)
			return s
		}
	}
	s := &Session{ID: jupyter.NewID(), Project: p, Language: lang, Wanted: kernel, hub: h, workspace: w, started: time.Now()}
	s.unkept = h.options.Journal == nil || !h.options.Journal.Keeps(p.Folder) || journal.Excludes(w.HistoryExclude(), p.Folder)
	s.Session = session.New(s.connect, s.options())
	h.sessions = append(h.sessions, s)
	return s
}

// Chosen is the kernel that was chosen for the session that was used last, of those of a project
// and a language whose kernels live, or else for one of the process before; empty if that has the
// language's default, or there is none.
func (h *Hub) Chosen(p workspace.Project, lang language.Language) string {
	var last *Session
	for _, s := range h.Sessions() {
		lives := s.Kernel() != nil || s.toTakeUp() != nil
		if lives && s.Project.Same(p) && s.Language.ID == lang.ID && (last == nil || s.Used().After(last.Used())) {
			last = s
		}
	}
	if last == nil {
		return h.attachments.chosen(p, lang, time.Time{})
	}
	return cmp.Or(h.attachments.chosen(p, lang, last.Used()), last.Wanted)
}

// options are those of the session below.
func (s *Session) options() session.Options {
	o := session.Options{GoOn: s.hub.options.GoOn, Asked: s.noteQuestion, Logger: s.hub.options.Logger}
	if !s.unkept {
		s.kept = &kept{Journal: s.hub.options.Journal, session: s}
		o.Journal = s.kept
	}
	return o
}

// asksFor notes whose workspace it is if nobody has asked for the session yet.
func (s *Session) asksFor(w *workspace.Workspace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workspace == nil {
		s.workspace = w
	}
}

// errNobody is of a session whose kernel nobody has asked this process for.
var errNobody = errors.New("its kernel has ended, and it is not known with what environment to start another: evaluate in an editor")

func (s *Session) surroundings() (*workspace.Workspace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workspace == nil {
		return nil, errNobody
	}
	return s.workspace, nil
}

// Find finds a kernel that is none of the hub's own.
func (h *Hub) Find(ctx context.Context, w *workspace.Workspace, q workspace.Query) (workspace.Kernel, error) {
	for _, s := range h.Sessions() {
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
	w, err := s.surroundings()
	if err != nil {
		return err
	}
	found, err := s.hub.Find(ctx, w, s.Query(s.Wanted))
	if err == nil {
		s.SetFound(found)
	}
	return err
}

// connect is the session's way to its kernel.
func (s *Session) connect(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
	o.Heartbeat = s.hub.options.Heartbeat
	if e := s.toTakeUp(); e != nil {
		return s.takeUp(ctx, *e, o)
	}
	if err := s.Find(ctx); err != nil {
		return nil, err
	}
	w, err := s.surroundings()
	if err != nil {
		return nil, err
	}
	k, err := w.Open(ctx, s.Found(), s.Project, kernelclient.LaunchOptions{
		Options: o, Registry: s.hub.options.Registry, Session: s.note(s.Handover(), false),
	})
	if err == nil {
		s.hub.attachments.forget(s.Project, s.Language)
		s.hub.noteAttached()
	}
	return k, err
}

// Sessions are the hub's sessions, in the order in which they were made.
func (h *Hub) Sessions() []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sessions)
}

// End ends a session, whoever listens to it.
func (h *Hub) End(ctx context.Context, s *Session) {
	h.mu.Lock()
	there := slices.Contains(h.sessions, s)
	h.sessions = slices.DeleteFunc(h.sessions, func(o *Session) bool { return o == s })
	h.mu.Unlock()
	if there {
		s.Close(ctx)
		h.noteAttached()
	}
}

// Tidy ends sessions that nobody needs: those without a listener that have no kernel, or
// that have evaluated nothing for Options.Idle. Who stops listening calls it.
func (h *Hub) Tidy() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if h.closed {
		return
	}
	next := time.Duration(-1)
	h.sessions = slices.DeleteFunc(h.sessions, func(s *Session) bool {
		rest := s.rest(h.options.Idle)
		if rest == 0 {
			h.options.Logger.Info("session ends", "session", s.ID, "folder", s.Project.Folder, "kernel", s.Spec().Name)
			h.ends.Go(func() {
				s.Close(context.Background())
				h.noteAttached()
			})
			return true
		}
		if rest > 0 && (next < 0 || rest < next) {
			next = rest
		}
		return false
	})
	if next > 0 {
		h.timer = time.AfterFunc(next, h.Tidy)
	}
}

// rest is how long the session lives if nothing happens; negative if that is for ever.
func (s *Session) rest(idle time.Duration) time.Duration {
	if len(s.Clients()) > 0 {
		return -1
	}
	switch st := s.Status(); {
	case st.Running != "" || st.Queued > 0 || st.State == session.Starting || st.State == session.Restarting:
		return max(idle, busyPause)
	case s.Kernel() == nil:
		return 0
	case idle < 0:
		return -1
	}
	return max(0, idle-time.Since(s.Used()))
}

// busyPause is after which time it is looked again whether a session is at work, at least.
const busyPause = time.Second

// Close ends every session, and with it the kernels that were started for them.
func (h *Hub) Close(ctx context.Context) {
	for _, s := range h.close() {
		h.ends.Go(func() { s.Close(ctx) })
	}
	h.ends.Wait()
	h.attachments.clear()
	h.noteAttached()
}

// close has no session be joined any more, and gives those that there were.
func (h *Hub) close() []*Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	sessions := h.sessions
	h.sessions = nil
	if h.timer != nil {
		h.timer.Stop()
	}
	return sessions
}
