package session

import (
	"slices"

	"github.com/reval-editor/reval/internal/record"
)

// records are the evaluations of a session and what came of them, for listeners that come
// later. Session.telling guards them.
type records struct {
	byID     map[string]*kept
	order    []*kept            // as they were asked for
	hidden   []*kept            // as they were hidden
	displays map[string][]*kept // by display_id, those that show it
	bytes    int
}

// kept is one evaluation and what came of it.
type kept struct {
	evaluation Evaluation // as it was told last
	log        record.Log
	displays   []string // the display_ids that it shows
	hidden     bool     // nobody is told of it who comes later
	moved      string   // the URI that its document has now; empty if it has not moved
}

// Bounds of what is kept of a session: evaluations, bytes of code and outputs, and evaluations
// that are hidden. What was asked for first, or hidden first, is forgotten first.
const (
	maxRecords     = 20_000
	maxRecordBytes = 256 << 20
	maxHidden      = 500
)

func newRecords() records {
	return records{byID: map[string]*kept{}, displays: map[string][]*kept{}}
}

// changed keeps an evaluation's state.
func (r *records) changed(e Evaluation) {
	k := r.byID[e.ID]
	if k == nil {
		if e.State.Ended() {
			return // it was forgotten, or is no more than a refusal
		}
		k = new(kept)
		r.byID[e.ID] = k
		r.order = append(r.order, k)
		r.bytes += len(e.Code)
	}
	k.evaluation = e
	if k.moved != "" {
		k.evaluation.Origin.URI = k.moved
	}
	r.limit()
}

// restore keeps an evaluation of which another process had kept what came.
func (r *records) restore(e Evaluation, outputs []record.Entry) {
	k := &kept{evaluation: e}
	r.byID[e.ID] = k
	r.order = append(r.order, k)
	r.bytes += len(e.Code)
	for _, o := range outputs {
		r.put(k, o)
		r.shows(k, o)
	}
}

// add keeps what came of an evaluation, and gives those that it belongs to: an update, to
// those that show the display.
func (r *records) add(id string, e record.Entry) (in []string) {
	if e.Kind == record.Update {
		for _, k := range r.displays[e.DisplayID] {
			r.put(k, e)
			in = append(in, k.evaluation.ID)
		}
		return in
	}
	if k := r.byID[id]; k != nil {
		r.put(k, e)
		r.shows(k, e)
	}
	return []string{id}
}

// shows notes that an evaluation shows a display.
func (r *records) shows(k *kept, e record.Entry) {
	if e.Kind == record.Display && e.DisplayID != "" && !slices.Contains(k.displays, e.DisplayID) {
		k.displays = append(k.displays, e.DisplayID)
		r.displays[e.DisplayID] = append(r.displays[e.DisplayID], k)
	}
}

func (r *records) put(k *kept, e record.Entry) {
	before := k.log.Size()
	k.log.Add(e)
	r.bytes += k.log.Size() - before
	r.limit()
}

// limit forgets what is too much, but nothing that has not ended.
func (r *records) limit() {
	if over := len(r.hidden) - maxHidden; over > 0 {
		if k := r.hidden[0]; k.evaluation.State.Ended() {
			r.forget(k)
		}
	}
	for i := 0; i < len(r.order) && (len(r.order) > maxRecords || r.bytes > maxRecordBytes); {
		if k := r.order[i]; k.evaluation.State.Ended() {
			r.forget(k)
		} else {
			i++
		}
	}
}

func (r *records) forget(k *kept) {
	is := func(o *kept) bool { return o == k }
	delete(r.byID, k.evaluation.ID)
	r.order, r.hidden = slices.DeleteFunc(r.order, is), slices.DeleteFunc(r.hidden, is)
	r.bytes -= len(k.evaluation.Code) + k.log.Size()
	for _, id := range k.displays {
		if r.displays[id] = slices.DeleteFunc(r.displays[id], is); len(r.displays[id]) == 0 {
			delete(r.displays, id)
		}
	}
}

// Documents are the URIs of the documents with evaluations that listeners that come later are
// told of, and how many those are.
func (s *Session) Documents() (uris []string, evaluations int) {
	s.telling.Lock()
	defer s.telling.Unlock()
	seen := map[string]bool{}
	for _, k := range s.records.order {
		if k.hidden {
			continue
		}
		evaluations++
		if uri := k.evaluation.Origin.URI; !seen[uri] {
			seen[uri] = true
			uris = append(uris, uri)
		}
	}
	return uris, evaluations
}

// Hide has listeners that come later not told of evaluations: their results were cleared, or
// others stand in their place.
func (s *Session) Hide(ids ...string) {
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.journal != nil {
		s.journal.Hidden(ids...)
	}
	for _, id := range ids {
		if k := s.records.byID[id]; k != nil && !k.hidden {
			k.hidden = true
			s.records.hidden = append(s.records.hidden, k)
			s.records.limit()
		}
	}
}

// Moved has listeners that come later told that the document of evaluations has another URI.
func (s *Session) Moved(uri string, ids ...string) {
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.journal != nil {
		s.journal.Moved(uri, ids...)
	}
	for _, id := range ids {
		if k := s.records.byID[id]; k != nil {
			k.moved = uri
			k.evaluation.Origin.URI = uri
		}
	}
}
