package hub

import (
	"context"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
)

// kept is a session's way to the journal.
type kept struct {
	*journal.Journal
	session *Session
	started time.Time

	mu     sync.Mutex
	told   bool
	kernel string // as it was told
}

// kept gives the session's way to a journal, or nil if nothing of its folder is to be kept.
func (s *Session) kept(j *journal.Journal) session.Journal {
	if j == nil || !j.Keeps(s.Project.Folder) || journal.Excludes(s.workspace.HistoryExclude(), s.Project.Folder) {
		return nil
	}
	return &kept{Journal: j, session: s, started: time.Now()}
}

// Evaluation tells the journal of an evaluation, and of the session before the first one and
// when its kernel is known.
func (k *kept) Evaluation(e session.Evaluation) {
	spec := k.session.Spec()
	k.mu.Lock()
	if !k.told || k.kernel != spec.Name {
		k.told, k.kernel = true, spec.Name
		k.Journal.Session(journal.Session{
			ID: k.session.ID, Kernel: spec.Name, DisplayName: spec.DisplayName, Language: k.session.Language.ID,
			Folder: k.session.Project.Folder, Started: k.started,
		})
	}
	k.mu.Unlock()
	k.Journal.Evaluation(journal.Evaluation{
		ID: e.ID, Session: k.session.ID, Code: e.Code,
		Origin: journal.Origin{Client: e.Origin.Name, URI: e.Origin.URI, Line: e.Origin.Line, Version: e.Origin.Version},
		State:  string(e.State), Count: e.Count, Queued: e.Queued, Started: e.Started, Ended: e.Ended, Message: e.Message,
	})
}

// Output tells the journal what came of an evaluation.
func (k *kept) Output(id string, e record.Entry) { k.Journal.Output(id, e) }

// Flush waits until the journal has what it was told.
func (k *kept) Flush(ctx context.Context) error { return k.Journal.Flush(ctx) }
