package session

import (
	"context"
	"slices"
	"sync"

	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// Listener is told what happens, one thing at a time and in the order in which it
// happened, by a goroutine of its own: it may take its time, and call the session. Its
// methods must not wait for a client: if it falls far behind, the kernel's output waits.
type Listener interface {
	// SessionChanged follows each change of the status.
	SessionChanged(Status)
	// EvaluationChanged follows each change of an evaluation's state.
	EvaluationChanged(Evaluation)
	// Output brings an event of an evaluation, also after its end when a
	// background thread of the kernel prints.
	Output(id string, e kernelclient.Event)
	// InputVoid tells that the evaluation's open input requests will not be heard.
	InputVoid(id string)
}

// maxBehind is how many bytes of output a listener may be behind.
const maxBehind = 8 << 20

// Listening is one listener of a session.
//
// Goroutines: run, while there is anything to tell.
type Listening struct {
	session  *Session
	listener Listener

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

// Listen tells l what happens from now on.
func (s *Session) Listen(l Listener) *Listening {
	s.telling.Lock()
	defer s.telling.Unlock()
	g := &Listening{session: s, listener: l}
	g.told.L = &g.mu
	s.listeners = append(s.listeners, g)
	return g
}

// Stop has the listener hear no more, but for what it is being told at the moment.
func (g *Listening) Stop() {
	s := g.session
	s.telling.Lock()
	s.listeners = slices.DeleteFunc(slices.Clone(s.listeners), func(o *Listening) bool { return o == g })
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

// output tells an event of an evaluation, and waits for listeners that are far behind.
func (s *Session) output(id string, e kernelclient.Event) {
	s.telling.Lock()
	s.tell(sizeOf(e), func(l Listener) { l.Output(id, e) })
	listeners := s.listeners
	s.telling.Unlock()
	for _, g := range listeners {
		g.keepUp()
	}
}

// void tells that what an evaluation asked will not be heard.
func (s *Session) void(id string) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.tell(0, func(l Listener) { l.InputVoid(id) })
}

// sizeOf is about the bytes of an event.
func sizeOf(e kernelclient.Event) int {
	const small = 200
	switch e := e.(type) {
	case kernelclient.Stream:
		return small + len(e.Text)
	case kernelclient.Display:
		return small + sizeOfBundle(e.Data)
	case kernelclient.Result:
		return small + sizeOfBundle(e.Data)
	case kernelclient.Error:
		n := small + len(e.Value)
		for _, line := range e.Traceback {
			n += len(line)
		}
		return n
	}
	return small
}

func sizeOfBundle(data jupyter.MIMEBundle) (bytes int) {
	for _, value := range data {
		bytes += len(value)
	}
	return bytes
}
