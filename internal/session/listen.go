package session

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// Listener is told what happens, one thing at a time and in the order in which it
// happened, by a goroutine of its own: it may take its time, and call the session. Its
// methods must not wait for a client: if it falls far behind, the kernel's output waits.
type Listener interface {
	// SessionChanged follows each change of the status.
	SessionChanged(Status)
	// EvaluationChanged follows each change of an evaluation's state or count.
	EvaluationChanged(Evaluation)
	// EvaluationReplayed begins what Replay tells of an evaluation: all that the listener
	// was told of it before is told again.
	EvaluationReplayed(Evaluation)
	// Output brings what came of an evaluation, also after its end when a
	// background thread of the kernel prints.
	Output(id string, e record.Entry)
	// InputRequested brings a question of an evaluation, for a line of input.
	InputRequested(id string, r kernelclient.InputRequest)
	// InputVoid tells that the evaluation's open input requests will not be heard.
	InputVoid(id string)
}

// maxBehind is how many bytes of output a listener may be behind.
const maxBehind = 8 << 20

// Client is who listens.
type Client struct {
	// ID tells it from others; Name is what people call it.
	ID, Name string
}

// Listening is one listener of a session.
//
// Goroutines: run, while there is anything to tell.
type Listening struct {
	session  *Session
	listener Listener
	client   Client

	mu      sync.Mutex
	told    sync.Cond // less is to be told
	queue   []telling
	bytes   int // in queue, and of what is being told
	running bool
	stopped bool
}

// telling is one thing to tell.
type telling struct {
	tell  func(Listener)
	bytes int
}

// Listen tells l, for a client, what happens from now on, and the session's status if there
// is one by now. What else happened before Replay tells.
func (s *Session) Listen(l Listener, client Client) *Listening {
	s.telling.Lock()
	defer s.telling.Unlock()
	g := &Listening{session: s, listener: l, client: client}
	g.told.L = &g.mu
	s.listeners = append(slices.Clip(s.listeners), g)
	if status := s.Status(); status != (Status{State: None}) {
		g.put(telling{tell: func(l Listener) { l.SessionChanged(status) }})
	}
	return g
}

// Clients are who listens, in the order in which they came.
func (s *Session) Clients() []Client {
	s.telling.Lock()
	defer s.telling.Unlock()
	var clients []Client
	for _, g := range s.listeners {
		clients = append(clients, g.client)
	}
	return clients
}

// Stop has the listener hear no more, but for what it is being told at the moment.
func (g *Listening) Stop() {
	s := g.session
	s.telling.Lock()
	s.listeners = slices.DeleteFunc(slices.Clone(s.listeners), func(o *Listening) bool { return o == g })
	if q := s.question; q != nil && q.client == g.client.ID {
		s.putQuestion()
	}
	s.telling.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue, g.stopped = nil, true
	g.told.Broadcast()
}

// Wait returns when the listener was told all that had happened before, or ctx ends.
func (g *Listening) Wait(ctx context.Context) {
	told := make(chan struct{})
	g.session.telling.Lock()
	g.put(telling{tell: func(Listener) { close(told) }})
	g.session.telling.Unlock()
	select {
	case <-told:
	case <-ctx.Done():
	}
}

// Replay tells the listener the evaluations so far which it picks, and what came of them, as
// if it had listened: in the order in which they were asked for, with neither gap nor repeat
// to what it is told from now on.
func (g *Listening) Replay(which func(Evaluation) bool) {
	s := g.session
	s.telling.Lock()
	defer s.telling.Unlock()
	for _, k := range s.records.order {
		if k.hidden || !which(k.evaluation) {
			continue
		}
		e := k.evaluation
		g.put(telling{tell: func(l Listener) { l.EvaluationReplayed(e.begun()) }})
		for _, entry := range k.log.Entries() {
			g.put(telling{tell: func(l Listener) { l.Output(e.ID, entry) }})
		}
		g.put(telling{tell: func(l Listener) { l.EvaluationChanged(e) }})
		if q := s.question; q != nil && q.id == e.ID && slices.Contains(s.askedOf(), g) {
			g.put(telling{tell: q.tell})
		}
	}
}

func (g *Listening) put(t telling) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue = append(g.queue, t)
	g.bytes += t.bytes
	if !g.running {
		g.running = true
		go g.run()
	}
}

// run tells the listener what is in the queue.
func (g *Listening) run() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.queue) > 0 {
		batch := g.queue
		g.queue = nil
		g.mu.Unlock()
		bytes := 0
		for _, t := range batch {
			t.tell(g.listener)
			bytes += t.bytes
		}
		g.mu.Lock()
		g.bytes -= bytes
		g.told.Broadcast()
	}
	g.running = false
}

// keepUp waits until the listener is not far behind.
func (g *Listening) keepUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.bytes > maxBehind && !g.stopped {
		g.told.Wait()
	}
}

// tell has all listeners told something of so many bytes; telling is held.
func (s *Session) tell(bytes int, f func(Listener)) {
	for _, g := range s.listeners {
		g.put(telling{f, bytes})
	}
}

// event keeps and tells an event of an evaluation, and waits for listeners that are far behind.
func (s *Session) event(id string, e kernelclient.Event) {
	if e, ok := e.(kernelclient.InputRequest); ok {
		s.ask(id, e)
		return
	}
	entry, ok := entryOf(e)
	if !ok {
		return
	}
	s.telling.Lock()
	belongs := s.records.add(id, entry)
	for _, in := range belongs {
		s.tell(entry.Size(), func(l Listener) { l.Output(in, entry) })
	}
	listeners := s.listeners
	s.telling.Unlock()
	if s.journal != nil {
		for _, in := range belongs {
			s.journal.Output(in, entry)
		}
	}
	for _, g := range listeners {
		g.keepUp()
	}
}

// entryOf is what is kept of an event.
func entryOf(e kernelclient.Event) (record.Entry, bool) {
	switch e := e.(type) {
	case kernelclient.Stream:
		return record.Entry{Kind: record.Stream, Name: e.Name, Text: e.Text}, true
	case kernelclient.Display:
		kind := record.Display
		if e.Update {
			kind = record.Update
		}
		return record.Entry{Kind: kind, Data: e.Data, Metadata: e.Metadata, DisplayID: e.ID}, true
	case kernelclient.Result:
		return record.Entry{Kind: record.Result, Data: e.Data, Metadata: e.Metadata, Count: e.Count}, true
	case kernelclient.Error:
		return record.Entry{Kind: record.Error, Name: e.Name, Text: e.Value, Traceback: e.Traceback}, true
	case kernelclient.Clear:
		return record.Entry{Kind: record.Clear, Wait: e.Wait}, true
	case kernelclient.Payload:
		switch e.Source {
		case kernelclient.PayloadPage:
			return record.Entry{Kind: record.Page, Data: e.Data}, true
		case kernelclient.PayloadSetNextInput:
			text, err := json.Marshal(e.Text)
			return record.Entry{Kind: record.Page, Data: jupyter.MIMEBundle{"text/plain": text}}, err == nil
		}
	}
	return record.Entry{}, false
}
