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

	mu     sync.Mutex
	told   bool
	kernel string // as it was told
}

// Evaluation tells the journal of an evaluation, and of the session before the first one and
// when its kernel is known.
func (k *kept) Evaluation(e session.Evaluation) {
	k.mu.Lock()
	if !k.told || k.kernel != k.session.Spec().Name {
		k.tell(time.Time{})
	}
	k.mu.Unlock()
	k.Journal.Evaluation(journal.Evaluation{
		ID: e.ID, Session: k.session.ID, Code: e.Code,
		Origin: journal.Origin{
			Client: e.Origin.Name, URI: e.Origin.URI, Line: e.Origin.Line, Version: e.Origin.Version,
			Column: utf8.RuneCountInString(e.Origin.Lines[:e.Origin.Start]),
			Lines:  e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End,
		},
		State: string(e.State), Count: e.Count, Namespace: e.Namespace, Queued: e.Queued, Started: e.Started, Ended: e.Ended, Message: e.Message,
	})
}

// ended tells the journal that the session has ended, if it knows of it.
func (k *kept) ended() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.told {
		k.tell(time.Now())
	}
}

// tell tells the journal of the session; mu is held.
func (k *kept) tell(ended time.Time) {
	spec := k.session.Spec()
	k.told, k.kernel = true, spec.Name
	k.Journal.Session(journal.Session{
		ID: k.session.ID, Kernel: spec.Name, DisplayName: spec.DisplayName, Language: k.session.Language.ID,
		Folder: k.session.Project.Folder, Started: k.session.started, Ended: ended,
	})
}

// Output tells the journal what came of an evaluation.
func (k *kept) Output(id string, e record.Entry) { k.Journal.Output(id, e) }

// Hidden tells the journal of results that nobody is to be shown again by itself.
func (k *kept) Hidden(ids ...string) {
	for _, id := range ids {
		k.Amend(journal.Amendment{Evaluation: id, Hidden: true})
	}
}

// Moved tells the journal what a document is called now.
func (k *kept) Moved(uri string, ids ...string) {
	for _, id := range ids {
		k.Amend(journal.Amendment{Evaluation: id, URI: uri})
	}
}

// Flush waits until the journal has what it was told.
func (k *kept) Flush(ctx context.Context) error { return k.Journal.Flush(ctx) }

// Past gives the evaluations of sessions that have ended, of documents with these URIs, from the
// journal: at most limit, the last first. Those whose results were cleared are left out.
func (h *Hub) Past(ctx context.Context, limit int, uris ...string) (past []session.Evaluation, err error) {
	j := h.options.Journal
	if j == nil {
		return nil, errors.New("there is no history without the daemon: see 'reval doctor'")
	}
	sessions := h.Sessions()
	slices.Sort(uris)
	for _, uri := range slices.Compact(uris) {
		found, err := j.Evaluations(ctx, journal.Query{URI: uri, Shown: true, Limit: limit})
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			switch {
			case slices.ContainsFunc(sessions, func(s *Session) bool { return s.ID == e.Session }):
				continue // which tells of it itself
			case e.Ended.IsZero():
				e.State, e.Message = string(session.Lost), "how it ended is not known: nobody listened to its kernel any more"
			}
			past = append(past, evaluationOf(e))
		}
	}
	slices.SortStableFunc(past, func(a, b session.Evaluation) int { return b.Queued.Compare(a.Queued) })
	return past[:min(len(past), limit)], nil
}

// evaluationOf is an evaluation as the journal has it.
func evaluationOf(e journal.Evaluation) session.Evaluation {
	return session.Evaluation{
		ID: e.ID, Code: e.Code, State: session.EvaluationState(e.State), Count: e.Count, Namespace: e.Namespace,
		Queued: e.Queued, Started: e.Started, Ended: e.Ended, Message: e.Message,
		Origin: session.Origin{
			Name: e.Origin.Client, URI: e.Origin.URI, Line: e.Origin.Line, Version: e.Origin.Version,
			Lines: e.Origin.Lines, Start: e.Origin.Start, End: e.Origin.End,
		},
	}
}

// Bounds of what is read of an evaluation's outputs: in all, from their end, and at once.
const (
	maxPast  = 1000
	pastPage = 50
)

// PastOutputs gives what came of an evaluation of Past, as a log has it: of very much its end.
func (h *Hub) PastOutputs(ctx context.Context, id string) ([]record.Entry, error) {
	j := h.options.Journal
	_, total, err := j.Outputs(ctx, id, 0, 1)
	if err != nil {
		return nil, err
	}
	var log record.Log
	for from := max(0, total-maxPast); from < total; from += pastPage {
		page, _, err := j.Outputs(ctx, id, from, pastPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			log.Add(e)
		}
	}
	return log.Entries(), nil
}
