package control

import (
	"context"
	"sync"

	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/kernelclient"
)

// tail is a listener that hands on what it is told. It waits for nobody: of what is not read
// in time, outputs are left out, and how much is told.
type tail struct {
	session *hub.Session
	more    chan struct{} // something is in events

	mu     sync.Mutex
	events []Event
	bytes  int // of outputs in events
	over   int // bytes that were left out since
}

// maxBehind is how many bytes of output wait for a client.
const maxBehind = 16 << 20

func newTail(s *hub.Session) *tail { return &tail{session: s, more: make(chan struct{}, 1)} }

// run answers with what happens, until the session or ctx ends.
func (t *tail) run(ctx context.Context, answer func(Answer) error) error {
	for {
		ended := false
		select {
		case <-t.more:
		case <-t.session.Closed():
			ended = true
		case <-ctx.Done():
			return nil
		}
		for _, e := range t.take() {
			if err := answer(Answer{Event: &e}); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

func (t *tail) take() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	events := t.events
	t.events, t.bytes = nil, 0
	t.note()
	return events
}

// note tells what was left out, before what follows; mu is held.
func (t *tail) note() {
	if t.over > 0 {
		t.events = append(t.events, Event{LeftOut: t.over})
		t.over = 0
		t.wake()
	}
}

func (t *tail) put(e Event, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bytes > 0 && t.bytes+bytes > maxBehind {
		t.over += bytes
		return
	}
	t.note()
	t.events = append(t.events, e)
	t.bytes += bytes
	t.wake()
}

func (t *tail) wake() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// SessionChanged is the listener's.
func (t *tail) SessionChanged(s session.Status) {
	t.put(Event{State: &State{State: string(s.State), Message: s.Message, Queued: s.Queued}}, 0)
}

// EvaluationChanged is the listener's.
func (t *tail) EvaluationChanged(e session.Evaluation) {
	told := evaluation(e)
	t.put(Event{Evaluation: &told}, 0)
}

// EvaluationReplayed is the listener's.
func (t *tail) EvaluationReplayed(e session.Evaluation) {
	told := evaluation(e)
	told.Again = true
	t.put(Event{Evaluation: &told}, 0)
}

func evaluation(e session.Evaluation) Evaluation {
	return Evaluation{
		ID: e.ID, Client: e.Origin.Name, URI: e.Origin.URI, Line: e.Origin.Line, Code: e.Code, State: string(e.State),
		Count: e.Count, Started: e.Started, Ended: e.Ended, Message: e.Message,
	}
}

// Output is the listener's.
func (t *tail) Output(id string, e record.Entry) {
	t.put(Event{Output: &Output{Evaluation: id, Output: e}}, e.Size())
}

// InputRequested is the listener's.
func (t *tail) InputRequested(id string, r kernelclient.InputRequest) {
	t.put(Event{Input: &Input{Evaluation: id, Prompt: r.Prompt, Password: r.Password}}, 0)
}

// InputVoid is the listener's; nothing was promised.
func (t *tail) InputVoid(string) {}
