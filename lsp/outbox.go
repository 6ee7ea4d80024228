package lsp

import (
	"slices"
	"sync"
	"time"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/session"
)

// streamPause is the least time between two notifications of one evaluation's
// output, but for its first and its last: an editor handles few large ones much
// faster than many small ones.
const streamPause = 30 * time.Millisecond

// statePause is how long it may take until the client hears that something waits
// or runs. An evaluation that is quicker tells its value and its end only: an editor
// that draws a state is busy when the value comes.
const statePause = 20 * time.Millisecond

// diagnosticPause times the number of a document's errors is the least time between two
// notifications of its diagnostics: LSP wants all of them each time.
const diagnosticPause = time.Millisecond

// queuePause is the least time between two times at which it is told how many are still
// ahead of evaluations that wait, and between two states of a session that stays busy.
const queuePause = 100 * time.Millisecond

// outbox sends what the client is to be told. It keeps what has changed, not
// messages, so a client that reads slowly gets fewer, never a growing queue; and
// nobody waits for the client but run.
//
// Goroutines: run, started by newOutbox and stopped by close; refreshInlay, one at
// a time, ended by the client's answer or the server's context.
type outbox struct {
	server *Server
	signal chan struct{} // something is to be told now
	later  chan struct{} // something is to be told within statePause
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
	// refreshes waits for refreshInlay.
	refreshes sync.WaitGroup

	// Guarded by Server.mu.
	messages    []protocol.ShowMessageParams
	inputs      []InputRequestParams
	diagnostics []*openDocument
	closed      []string // documents whose diagnostics are to be withdrawn
	sessions    []*kernelSession
	progress    []*progress
	queueTold   time.Time // when it was last told how many are ahead
	inlay       bool      // the client's inlay hints are old
	refreshing  bool      // it was asked to refresh them, and has not answered
}

const errorMessage = protocol.MessageTypeError

func newOutbox(s *Server) *outbox {
	o := &outbox{server: s, signal: make(chan struct{}, 1), later: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// close sends what is left and stops run.
func (o *outbox) close() {
	o.once.Do(func() { close(o.stop) })
	<-o.done
	o.refreshes.Wait()
}

// wake has run look at what has changed.
func (o *outbox) wake() { raise(o.signal) }

// wakeLater has run look at what has changed within statePause.
func (o *outbox) wakeLater() { raise(o.later) }

func raise(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// message shows a line to the user; Server.mu is held.
func (o *outbox) message(t protocol.MessageType, text string) {
	o.messages = append(o.messages, protocol.ShowMessageParams{Type: t, Message: oneLine(text)})
	o.wake()
}

// refresh asks the client for its inlay hints again; Server.mu is held.
func (o *outbox) refresh() {
	o.inlay = true
	o.wake()
}

// sessionDirty tells the client a session's state; mu is held.
func (s *Server) sessionDirty(ks *kernelSession) {
	if !ks.dirty {
		ks.dirty = true
		s.outbox.sessions = append(s.outbox.sessions, ks)
	}
	if ks.occupied() {
		s.outbox.wakeLater()
	} else {
		s.outbox.wake()
	}
}

func (o *outbox) run() {
	defer close(o.done)
	timer := time.NewTimer(0)
	<-timer.C
	running := false // timer is
	for {
		select {
		case <-o.later:
			if !running {
				running = true
				timer.Reset(statePause)
			}
			continue
		case <-o.signal:
		case <-timer.C:
		case <-o.stop:
			o.flush()
			return
		}
		wait := o.flush()
		if running = wait > 0; running {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// sending is one message to the client.
type sending struct {
	method string
	params any
}

// flush sends what has changed and is due. It gives the time after which more is.
func (o *outbox) flush() time.Duration {
	s := o.server
	s.mu.Lock()
	batch, wait := o.collect(time.Now())
	refresh := o.inlay && s.client.inlayRefresh && !s.client.reval && !o.refreshing
	if refresh {
		o.inlay, o.refreshing = false, true
	}
	s.mu.Unlock()
	for _, m := range batch {
		s.notify(m.method, m.params)
	}
	if refresh {
		o.refreshes.Go(o.refreshInlay)
	}
	return wait
}

// refreshInlay asks for a refresh and waits for its answer: before it, there is no
// other, so that a client that does not answer gets no more of them.
func (o *outbox) refreshInlay() {
	s := o.server
	if err := s.stream.call(s.ctx, protocol.MethodWorkspaceInlayHintRefresh, nil); err != nil {
		s.logger.Debug("inlay hint refresh", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.refreshing = false
	if o.inlay {
		o.wake()
	}
}

// collect takes what is to be sent, in an order in which an evaluation's output
// comes before the state that follows from it; Server.mu is held.
func (o *outbox) collect(now time.Time) (batch []sending, wait time.Duration) {
	s := o.server
	send := func(method string, params any) { batch = append(batch, sending{method, params}) }
	changed := s.changed
	s.changed = nil
	queueRests := queuePause - now.Sub(o.queueTold)
	for _, r := range changed {
		if left := r.rests(now, queueRests); left > 0 {
			wait = sooner(wait, left)
			s.changed = append(s.changed, r)
			continue
		}
		r.listed = false
		young := r.young(now)
		due := r.stateDirty && young == 0 || r.flushed.IsZero() || now.Sub(r.flushed) >= streamPause || o.asks(r)
		if outputs := r.news(due); len(outputs) > 0 {
			r.flushed = now
			if s.client.reval {
				for _, part := range parcels(outputs) {
					send(MethodOutput, OutputParams{Evaluation: r.id, URI: r.doc.uri, Session: r.session.ID, Outputs: part})
				}
			} else {
				r.tellPlain(outputs, send)
			}
			if alone, value := r.session.status.Queued == 0, r.running() && holdValue(outputs); alone || !value {
				r.stateDirty, young = r.stateDirty || value, 0
			}
		} else if !due && r.outputs.HasNews() {
			wait = sooner(wait, max(streamPause-now.Sub(r.flushed), time.Millisecond))
			r.listed = true
		}
		switch {
		case r.stateDirty && young > 0:
			wait = sooner(wait, young)
			r.listed = true
		case r.stateDirty:
			r.stateDirty = false
			if r.eval.State == session.Queued {
				if r.queuedTold {
					o.queueTold = now
				}
				r.queuedTold = true
			}
			if s.client.reval {
				send(MethodEvaluation, r.params())
			}
		}
		if r.listed {
			s.changed = append(s.changed, r)
		}
	}
	var busy []*kernelSession
	for _, ks := range o.sessions {
		if left := ks.rests(now); left > 0 {
			wait = sooner(wait, left)
			busy = append(busy, ks)
			continue
		}
		ks.dirty, ks.told, ks.toldBusy = false, now, ks.occupied()
		if s.client.reval {
			send(MethodState, ks.state())
		}
	}
	for _, p := range o.inputs {
		send(MethodInputRequest, p)
	}
	for _, u := range o.closed {
		send(protocol.MethodTextDocumentPublishDiagnostics, publishParams{URI: u, Diagnostics: []protocol.Diagnostic{}})
	}
	var later []*openDocument
	for _, d := range o.diagnostics {
		switch left := time.Duration(len(d.failed))*diagnosticPause - now.Sub(d.told); {
		case d.closed:
		case left > 0:
			later = append(later, d)
			wait = sooner(wait, left)
		default:
			d.told = now
			send(protocol.MethodTextDocumentPublishDiagnostics, d.diagnostics())
		}
	}
	for _, p := range o.progress {
		p.collect(send)
	}
	for _, m := range o.messages {
		send(protocol.MethodWindowShowMessage, &m)
	}
	o.sessions, o.inputs, o.diagnostics, o.closed, o.progress, o.messages = busy, nil, later, nil, nil, nil
	return batch, wait
}

// sooner is the shorter of two times to wait, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// rests is how long there is no hurry to tell of a result: it waits and was told to, which
// is not told again for queueRests, or it is young.
func (r *result) rests(now time.Time, queueRests time.Duration) time.Duration {
	switch {
	case r.cleared || r.outputs.HasNews():
		return 0
	case r.eval.State == session.Queued && r.queuedTold:
		return queueRests
	}
	return r.young(now)
}

// young is how long a result has run so short a time that its end may be told instead.
func (r *result) young(now time.Time) time.Duration {
	if !r.running() || r.cleared {
		return 0
	}
	return max(0, statePause-now.Sub(r.eval.Started))
}

// holdValue tells whether there is a value among outputs, or none any more. It is told at
// once: the kernel's own work after it takes as long again as a short evaluation. While
// others wait it is told with the end, to keep the editor from drawing twice as much.
func holdValue(outputs []Output) bool {
	return slices.ContainsFunc(outputs, func(o Output) bool { return o.Kind == OutputResult || o.Kind == OutputClear })
}

// occupied tells whether a session runs something, or is about to.
func (ks *kernelSession) occupied() bool {
	return ks.status.State == session.Busy || ks.status.State == session.Idle && ks.status.Queued > 0
}

// rests is how long there is no hurry to tell of a session: it was told to be busy, and
// still is.
func (ks *kernelSession) rests(now time.Time) time.Duration {
	if !ks.toldBusy || !ks.occupied() {
		return 0
	}
	return queuePause - now.Sub(ks.told)
}

// asks tells whether an input request of r waits to be sent: what was printed
// before it is then due.
func (o *outbox) asks(r *result) bool {
	return slices.ContainsFunc(o.inputs, func(p InputRequestParams) bool { return p.Evaluation == r.id })
}

// list has the outbox look at the result now; mu is held.
func (r *result) list() {
	r.enlist()
	r.server.outbox.wake()
}

func (r *result) enlist() {
	if !r.listed {
		r.listed = true
		r.server.changed = append(r.server.changed, r)
	}
}

// news takes the outputs that the client does not have, if they are due.
func (r *result) news(due bool) []Output {
	if !due {
		return nil
	}
	var outputs []Output
	for _, o := range r.outputs.News() {
		outputs = append(outputs, r.placed(o.Abridged(r.server.client.text)))
	}
	return outputs
}

// tellPlain tells a client without a plugin what was printed: as a log message,
// and its last line as progress.
func (r *result) tellPlain(outputs []Output, send func(string, any)) {
	for _, o := range outputs {
		if o.Kind != OutputStream || o.Text == "" {
			continue
		}
		send(protocol.MethodWindowLogMessage, &protocol.LogMessageParams{Type: protocol.MessageTypeLog, Message: output.Clean(o.Text)})
		r.progress.report(o.Text)
	}
}
