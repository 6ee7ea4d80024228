package lsp

import (
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/session"
)

// result is one evaluation of a document and what came of it. What never changes
// stands first; the rest is guarded by Server.mu.
type result struct {
	server  *Server
	session *kernelSession
	doc     *openDocument
	id      string // the evaluation's
	number  int    // they count up with the evaluations of the connection
	anchor  *document.Anchor
	eval    session.Evaluation
	outputs *record.Rendering
	leads   map[int][]lead   // of errors' links, by the errors' indexes
	said    string           // the end of what it printed to stderr, while it runs
	failure *EvaluationError // without the range
	place   *codeLine        // the failing line, if failure is set
	lines   []*codeLine      // all that its error names, the failing one too
	// resolved is set when the failing line was evaluated again, be it apart from
	// the code that failed.
	resolved bool
	stale    bool
	cleared  bool // it is no longer shown beside the code
	gone     bool // it was cleared because its code was deleted, and may come back
	ran      bool // a kernel had its code
	restored bool // it is of an earlier session, from the journal
	progress *progress
	kept     int      // bytes of its outputs that Server.keeping counts
	summed   *Summary // of outputs that were dropped

	stateDirty bool
	listed     bool      // it is in Server.changed
	flushed    time.Time // when output was last sent
	queuedTold bool      // it was told to wait
}

func (r *result) ended() bool { return r.eval.State.Ended() }

func (r *result) running() bool { return r.eval.State == session.Running }

// changed takes a new state of the evaluation.
func (r *result) changed(e session.Evaluation) {
	was := r.eval.State
	r.eval = e
	if e.Count > 0 && !r.restored && e.Namespace == r.session.status.Namespace {
		r.session.counts[e.Count] = r
	}
	r.touch()
	if was == session.Queued && e.State == session.Running {
		r.ran = true
		r.progress.begin()
	}
	if r.ended() && (was == session.Queued || was == session.Running) {
		r.said = ""
		r.progress.end()
		r.server.keep(r)
		r.server.publish(r.doc)
		r.server.outbox.refresh()
		if r.doc.closed && e.State == session.Failed && r.failure != nil {
			r.server.outbox.message(errorMessage, r.doc.name()+", which was closed: "+r.failure.line())
		}
		if r.cleared && !r.gone {
			r.server.forget(r)
		}
	}
}

// touch tells the client the evaluation's state, an end at once.
func (r *result) touch() {
	r.stateDirty = true
	r.enlist()
	if r.ended() {
		r.server.outbox.wake()
	} else {
		r.server.outbox.wakeLater()
	}
}

// stream takes what the code printed.
func (r *result) stream(e record.Entry) {
	if e.Name == "stderr" {
		r.overhear(e.Text)
	}
	r.outputs.Print(e.Name, r.session.inPrinted(e.Text, false))
}

// maxSaid is how much of what is printed to stderr is remembered, in bytes.
const maxSaid = 32 << 10

// overhear remembers the end of what was printed to stderr, where the traceback stands
// of an error that comes without one.
func (r *result) overhear(text string) {
	if r.ended() || !r.session.Language.NamesByHash() {
		return
	}
	r.said += text
	if len(r.said) > 2*maxSaid {
		r.said = strings.ToValidUTF8(r.said[len(r.said)-maxSaid:], "")
	}
}

// render prepares what takes a while of what came, before Server.mu is held, and gives what
// a result then does with it.
func (ks *kernelSession) render(e record.Entry) (take func(*result)) {
	mime := ks.server.client.mime
	switch e.Kind {
	case record.Stream:
		return func(r *result) { r.stream(e) }
	case record.Clear:
		return func(r *result) { r.outputs.Clear(e.Wait) }
	case record.Error:
		a := abridge(e)
		return func(r *result) { r.fail(a) }
	case record.Display:
		o := record.Bundle(record.Display, e.Data, mime, ks.inValue)
		return func(r *result) { r.outputs.Add(o, e.DisplayID) }
	case record.Update:
		o := record.Bundle(record.Display, e.Data, mime, ks.inValue)
		return func(r *result) { r.outputs.Update(e.DisplayID, o) }
	case record.Result:
		o := record.Bundle(record.Result, e.Data, mime, ks.inValue)
		return func(r *result) { r.outputs.Add(o, "") }
	case record.Page:
		o := record.Bundle(record.Display, e.Data, mime, ks.inPage)
		return func(r *result) { r.outputs.Add(o, "") }
	}
	return func(*result) {}
}

// summary sizes the value, once the evaluation has ended well, or the result that a
// kernel has given before that: a display may be followed by more.
func (r *result) summary() *Summary {
	if r.summed != nil {
		return r.summed
	}
	v, ok := r.outputs.Value()
	switch {
	case r.running() && ok && v.Kind == record.Result:
	case r.eval.State != session.Done:
		return nil
	case !ok:
		return &Summary{Kind: "none"}
	}
	s := output.Summarize(v.Text)
	sum := &Summary{Kind: s.Kind, Text: s.First, Lines: s.Lines, MIME: v.MIME}
	if sum.Kind == "none" && v.MIME != "" {
		sum.Kind, sum.Text = "line", v.MIME
	}
	return sum
}

// elapsed is how long the evaluation ran; 0 if it has not ended, or never ran.
func (r *result) elapsed() time.Duration {
	if r.eval.Started.IsZero() || r.eval.Ended.IsZero() {
		return 0
	}
	return r.eval.Ended.Sub(r.eval.Started)
}

// params is what the client is told of the evaluation's state.
func (r *result) params() EvaluationParams {
	p := EvaluationParams{
		Evaluation: r.id, URI: r.doc.uri, Session: r.session.ID, Range: toRange(r.anchor.Range()), Version: r.doc.Version(), State: string(r.eval.State),
		Ahead: r.eval.Ahead, Count: r.eval.Count, Elapsed: float64(r.elapsed().Microseconds()) / 1000,
		Summary: r.summary(), Stale: r.stale || r.doc.doubtful, Past: r.past(), Cleared: r.cleared || r.doc.closed, Message: oneLine(r.eval.Message),
	}
	if r.restored {
		p.Restored = r.eval.Ended.Local().Format(time.RFC3339)
	}
	if r.eval.Origin.Client != r.server.id {
		p.By = r.eval.Origin.Name
		if r.running() {
			p.Elapsed = float64(time.Since(r.eval.Started).Microseconds()) / 1000
		}
	}
	if r.eval.State == session.Failed {
		p.Error = r.error()
	}
	return p
}
