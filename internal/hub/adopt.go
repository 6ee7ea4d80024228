package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/kernelclient"
)

// Kernels outlive the process that has the hub. What a session is stands in the registry of
// kernels, beside its kernel, and what came of its evaluations in the journal: from both another
// process makes the session that it was. The environment of who began it stands nowhere; a kernel
// that is started anew has that of the editor which joined first.

// note is what the registry has of a session.
type note struct {
	Session  string            `json:"session"`
	Project  workspace.Project `json:"project"`
	Language string            `json:"language"`
	Wanted   string            `json:"wanted,omitempty"`
	Started  time.Time         `json:"started"`
	// Unkept says that nothing of the session is in the journal.
	Unkept bool `json:"unkept,omitempty"`
	// Released says that the Handover has all that was to be done: else only its Namespace and
	// its Question count.
	Released bool `json:"released,omitempty"`
	session.Handover
}

// note is what is to be found beside the kernel.
func (s *Session) note(h session.Handover, released bool) string {
	n := note{
		Session: s.ID, Project: s.Project, Language: s.Language.ID, Wanted: s.Wanted, Started: s.started,
		Unkept: s.unkept, Released: released, Handover: h,
	}
	if !released {
		n.Running, n.Queue = nil, nil
	}
	text, err := json.Marshal(n)
	if err != nil { // it has nothing that cannot be encoded
		s.hub.options.Logger.Error("note a session", "error", err)
	}
	return string(text)
}

// noteQuestion has another process ask what the kernel asks, if this one dies.
func (s *Session) noteQuestion() {
	if k := s.Kernel(); k != nil && k.Launched() {
		if err := k.Note(s.note(s.Handover(), false)); err != nil {
			s.hub.options.Logger.Debug("note a question", "error", err)
		}
	}
}

// Bounds of what is read of the journal of a session that is taken up.
const (
	maxResumed     = 2000
	resumePatience = 5 * time.Second
	// adoptGrace is how long sessions that nobody has joined are kept at least.
	adoptGrace = time.Minute
)

// Adopt takes up the sessions of the registry's kernels that no process has, and those of kernels
// that have ended since one had them.
func (h *Hub) Adopt(ctx context.Context) error {
	if h.options.Registry == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resumePatience)
	defer cancel()
	if err := h.attachments.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.options.Logger.Warn("which kernels were joined is not known", "error", err)
	}
	entries, err := h.options.Registry.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Err == nil && h.options.Registry.Held(e) {
			continue
		}
		if err := h.resume(ctx, e); err != nil {
			h.options.Logger.Warn("a kernel is not taken up", "kernel", e.Spec.Name, "pid", e.PID, "error", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer == nil && !h.closed && len(h.sessions) > 0 {
		h.timer = time.AfterFunc(adoptGrace, h.Tidy)
	}
	return nil
}

// resume takes up one session.
func (h *Hub) resume(ctx context.Context, e kernelclient.Entry) error {
	var n note
	if err := json.Unmarshal([]byte(e.Session), &n); err != nil {
		return fmt.Errorf("read what is noted of it: %w", err)
	}
	lang, known := language.For(n.Language)
	if n.Session == "" || !known {
		return errors.New("it is no session's")
	}
	past := h.resumed(ctx, n)
	if e.Err != nil && len(past.Evaluations) == 0 && past.Running == nil {
		return nil // nobody misses it
	}
	s := &Session{
		ID: n.Session, Project: n.Project, Language: lang, Wanted: n.Wanted, hub: h, started: n.Started, unkept: n.Unkept,
		found: workspace.Kernel{Spec: e.Spec}, entry: &e,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || slices.ContainsFunc(h.sessions, func(o *Session) bool { return o.ID == n.Session }) {
		return nil
	}
	h.options.Logger.Info("a session is taken up", "session", s.ID, "folder", s.Project.Folder, "kernel", e.Spec.Name, "pid", e.PID)
	o := s.options()
	if s.kept != nil {
		s.kept.told, s.kept.kernel = len(past.Evaluations) > 0, e.Spec.Name
	}
	s.Session = session.Resume(s.connect, past, o)
	h.sessions = append(h.sessions, s)
	return nil
}

// resumed is what is known of a session.
func (h *Hub) resumed(ctx context.Context, n note) session.Past {
	past := session.Past{Handover: n.Handover, Used: n.Started, Released: n.Released}
	j := h.options.Journal
	if j == nil || n.Unkept {
		return past
	}
	last, err := j.Evaluations(ctx, journal.Query{Session: n.Session, Limit: 1})
	for _, e := range last {
		past.Used = cmp.Or(e.Ended, e.Started, e.Queued)
	}
	if err != nil {
		h.options.Logger.Warn("when a session was used last is not known", "session", n.Session, "error", err)
	}
	found, err := j.Evaluations(ctx, journal.Query{Session: n.Session, Shown: true, Limit: maxResumed})
	for _, e := range slices.Backward(found) {
		r := session.Recorded{Evaluation: evaluationOf(e)}
		if err == nil {
			r.Outputs, err = h.PastOutputs(ctx, e.ID)
		}
		past.Evaluations = append(past.Evaluations, r)
	}
	if err != nil {
		h.options.Logger.Warn("what came of a session's evaluations is not found again", "session", n.Session, "error", err)
	}
	return past
}

// takeUp takes over the kernel that another process has had.
func (s *Session) takeUp(ctx context.Context, e kernelclient.Entry, o kernelclient.Options) (*kernelclient.Kernel, error) {
	var k *kernelclient.Kernel
	err := e.Err
	if err == nil {
		k, err = s.hub.options.Registry.Adopt(ctx, e, o)
	}
	if err == nil {
		// From now on that what was noted is done by this process.
		if err = k.Note(s.note(s.Handover(), false)); err != nil {
			k.Release()
			return nil, err
		}
	}
	if err == nil || errors.Is(err, kernelclient.ErrDead) {
		s.takenUp()
	}
	return k, err
}

// toTakeUp is the kernel that is to be taken over, or nil.
func (s *Session) toTakeUp() *kernelclient.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry
}

// PID is the number of the kernel's process, if that was started on this machine; else 0.
func (s *Session) PID() int {
	if k := s.Kernel(); k != nil {
		return k.PID()
	}
	if e := s.toTakeUp(); e != nil && e.Err == nil {
		return e.PID
	}
	return 0
}

// takenUp has the next kernel be a new one; it gives the one that was to be taken over.
func (s *Session) takenUp() *kernelclient.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry
	s.entry = nil
	return e
}

// Restart is session.Session's, also of a kernel that could not be taken over.
func (s *Session) Restart() session.Rest { return s.ending(s.Session.Restart) }

// Shutdown is session.Session's, also of a kernel that could not be taken over.
func (s *Session) Shutdown() session.Rest { return s.ending(s.Session.Shutdown) }

// Close is session.Session's, also of a kernel that could not be taken over.
func (s *Session) Close(ctx context.Context) {
	s.Session.Close(ctx)
	s.endEntry()
	if s.kept != nil {
		s.kept.ended()
	}
}

func (s *Session) ending(end func() session.Rest) session.Rest {
	rest := end()
	return func(ctx context.Context) error {
		return errors.Join(s.endEntry(), rest(ctx))
	}
}

// endEntry ends a kernel that was not taken over.
func (s *Session) endEntry() error {
	e := s.takenUp()
	if e == nil || e.Err != nil {
		return nil
	}
	if err := s.hub.options.Registry.End(*e); err != nil && !errors.Is(err, kernelclient.ErrDead) {
		return err
	}
	return nil
}

// Release lets go of the sessions: their kernels run on for the next process that adopts, with
// what they are at. Those of kernels that cannot be had by another process end.
func (h *Hub) Release(ctx context.Context) {
	for _, s := range h.close() {
		h.ends.Go(func() {
			err := s.Release(func(k *kernelclient.Kernel, left session.Handover) error { return k.Note(s.note(left, true)) })
			if err != nil {
				h.options.Logger.Debug("a session ends", "session", s.ID, "why", err)
				s.Session.Close(ctx)
			}
		})
	}
	h.ends.Wait()
}
