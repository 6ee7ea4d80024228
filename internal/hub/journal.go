package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

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
		Origin: journal.Origin{
			Client: e.Origin.Name, URI: e.Origin.URI, Line: e.Origin.Line, Version: e.Origin.Version,
			Column: utf8.RuneCountInString(e.Origin.Lines[:e.Origin.Start]),
			Lines:  e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End,
		},
		State: string(e.State), Count: e.Count, Queued: e.Queued, Started: e.Started, Ended: e.Ended, Message: e.Message,
	})
}

// Output tells the journal what came of an evaluation.
func (k *kept) Output(id string, e record.Entry) { k.Journal.Output(id, e) }

// Flush waits until the journal has what it was told.
func (k *kept) Flush(ctx context.Context) error { return k.Journal.Flush(ctx) }

// Past is an evaluation of the journal and what came of it.
type Past struct {
	session.Evaluation
	Entries []record.Entry
}

// Past gives evaluations that ended, of documents with these URIs, from the journal: the last
// ones, at most limit, in the order in which they were asked for.
func (h *Hub) Past(ctx context.Context, limit int, uris ...string) (past []Past, err error) {
	j := h.options.Journal
	if j == nil {
		return nil, errors.New("there is no history without the daemon: see 'reval doctor'")
	}
	slices.Sort(uris)
	var all []journal.Evaluation
	for _, uri := range slices.Compact(uris) {
		found, err := j.Evaluations(ctx, journal.Query{URI: uri, Limit: limit})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b journal.Evaluation) int { return a.Queued.Compare(b.Queued) })
	for _, e := range all[max(0, len(all)-limit):] {
		if e.Ended.IsZero() {
			continue
		}
		p := Past{Evaluation: session.Evaluation{
			ID: e.ID, Code: e.Code, State: session.EvaluationState(e.State), Count: e.Count,
			Queued: e.Queued, Started: e.Started, Ended: e.Ended, Message: e.Message,
			Origin: session.Origin{
				Name: e.Origin.Client, URI: e.Origin.URI, Line: e.Origin.Line, Version: e.Origin.Version,
				Lines: e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End,
			},
		}}
		if p.Entries, _, err = j.Outputs(ctx, e.ID, 0, 0); err != nil {
			return nil, err
		}
		past = append(past, p)
	}
	return past, nil
}
