package lsp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
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
	blocks  []*block
	first   int              // index of the next output's block
	left    int              // outputs that were dropped from blocks
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
	// namespace is the session's in which it ran.
	namespace int
	// clearNext is set by clear_output(wait): the next output clears first.
	clearNext bool
	progress  *progress
	kept      int      // bytes of its outputs that Server.keeping counts
	summed    *Summary // of outputs that were dropped

	clearDirty bool // the client has not been told that earlier outputs are void
	stateDirty bool
	listed     bool      // it is in Server.changed
	flushed    time.Time // when output was last sent
	queuedTold bool      // it was told to wait
}

func (r *result) ended() bool { return r.eval.State.Ended() }

// changed takes a new state of the evaluation.
func (r *result) changed(e session.Evaluation) {
	was := r.eval.State
	r.eval = e
	if e.Count > 0 {
		r.session.counts[e.Count] = r
	}
	r.touch()
	if was == session.Queued && e.State == session.Running {
		r.ran, r.namespace = true, r.session.namespace
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

// event takes one event of the kernel.
func (r *result) event(e kernelclient.Event) {
	switch e := e.(type) {
	case kernelclient.Input:
		if e.Count > 0 {
			r.eval.Count = e.Count
			r.session.counts[e.Count] = r
		}
		return
	case kernelclient.Clear:
		if e.Wait {
			r.clearNext = true
			return
		}
		r.clear()
	case kernelclient.Stream:
		r.stream(e)
	case rendered:
		if e.update {
			r.session.update(e)
		} else {
			r.add(e.Output, e.display)
		}
	case abridged:
		r.fail(e)
	case kernelclient.InputRequest:
		r.server.inputRequest(r, e)
	case kernelclient.Payload:
		r.payload(e)
	}
	r.list()
}

// add appends an output.
func (r *result) add(o Output, display string) *block {
	if r.clearNext {
		r.clear()
	}
	o.Index = r.first
	r.first++
	b := &block{Output: o, display: display, dirty: true}
	r.blocks = append(r.blocks, b)
	if display != "" {
		r.session.displays[display] = append(r.session.displays[display], shownDisplay{r, b})
	}
	r.limit()
	return b
}

// limit drops outputs from the beginning of many, or of large ones, and puts a note
// there: code that shows pictures in a loop, or writes to stdout and stderr by turns.
func (r *result) limit() {
	if last := r.blocks[len(r.blocks)-1]; len(r.blocks)%limitEvery != 0 && last.size() <= maxBytes/limitEvery {
		return
	}
	size, keep, unsent := 0, 0, false
	for _, b := range slices.Backward(r.blocks) {
		if size += b.size(); keep == maxBlocks || size > maxBytes && keep > 0 {
			break
		}
		keep++
	}
	dropped := r.blocks[:len(r.blocks)-keep]
	if len(dropped) == 0 {
		return
	}
	r.undisplay(dropped)
	for _, b := range dropped {
		unsent = unsent || b.dirty
		if b.note == 0 {
			r.left++
		}
	}
	outputs := "outputs"
	if r.left == 1 {
		outputs = "output"
	}
	note := &block{
		Output: Output{Index: dropped[len(dropped)-1].Index, Kind: OutputStream, Name: "stderr", Text: fmt.Sprintf("[%d %s left out here]\n", r.left, outputs)},
		dirty:  unsent, note: r.left,
	}
	r.blocks = append([]*block{note}, r.blocks[len(dropped):]...)
}

func (r *result) clear() {
	r.clearNext = false
	r.undisplay(r.blocks)
	r.blocks = nil
	r.clearDirty = true
}

// stream appends text to the last output if that is the same stream, so that
// colours and carriage returns go on where they were.
func (r *result) stream(e kernelclient.Stream) {
	var last *block
	if n := len(r.blocks); n > 0 && !r.clearNext {
		last = r.blocks[n-1]
	}
	if last == nil || last.screen == nil || last.Name != e.Name {
		last = r.add(Output{Kind: OutputStream, Name: e.Name}, "")
		last.screen = &output.Screen{}
	}
	last.dirty = true
	if e.Name == "stderr" {
		r.overhear(e.Text)
	}
	for text := r.session.inPrinted(e.Text, false); text != ""; {
		n := min(len(text), maxScreen)
		last.screen.Write(text[:n])
		text = text[n:]
		if last.unsettled += n; last.unsettled >= maxScreen {
			last.settle()
		}
	}
}

// maxSaid is how much of what is printed to stderr is remembered, in bytes.
const maxSaid = 32 << 10

// overhear remembers the end of what was printed to stderr, where the traceback stands
// of an error that comes without one.
func (r *result) overhear(text string) {
	if r.ended() || !r.session.language.NamesByHash() {
		return
	}
	r.said += text
	if len(r.said) > 2*maxSaid {
		r.said = strings.ToValidUTF8(r.said[len(r.said)-maxSaid:], "")
	}
}

// rendered is display data or a result in the form that the client shows, which is
// found out before Server.mu is held.
type rendered struct {
	kernelclient.Event
	Output
	display string // display_id
	update  bool
}

// render prepares what takes a while of an event.
func (ks *kernelSession) render(e kernelclient.Event) kernelclient.Event {
	switch e := e.(type) {
	case kernelclient.Error:
		return abridge(e)
	case kernelclient.Display:
		return rendered{e, ks.server.bundle(OutputDisplay, e.Data, ks.inValue), e.ID, e.Update}
	case kernelclient.Result:
		return rendered{e, ks.server.bundle(OutputResult, e.Data, ks.inValue), "", false}
	}
	return e
}

// maxValue bounds a value's or a display's text, in bytes.
const maxValue = 8 << 20

// bundle makes an output of a MIME bundle, the text of which edit may change.
func (s *Server) bundle(kind string, data jupyter.MIMEBundle, edit func(string) string) Output {
	o := Output{Kind: kind}
	text := output.PlainText(data)
	if over := len(text) - maxValue; over > 0 {
		text = output.Cut(text, maxValue) + fmt.Sprintf("\n[%d MB more are left out here]", over>>20+1)
	}
	o.Text, o.Spans = output.Plain(edit(text))
	if mime, value, ok := output.Choose(data, s.client.mime); ok && mime != "text/plain" {
		o.MIME, o.Data, o.Withheld = mime, value, output.Heavy(mime, value)
	}
	return o
}

// shownDisplay is an output that may be updated by its display_id.
type shownDisplay struct {
	result *result
	block  *block
}

// update replaces every display with the event's id, in all evaluations of the session.
func (ks *kernelSession) update(e rendered) {
	for _, shown := range ks.displays[e.display] {
		r, b := shown.result, shown.block
		index := b.Index
		b.Output = e.Output
		b.Index, b.dirty = index, true
		r.list()
	}
}

// undisplay has no update reach outputs that are dropped.
func (r *result) undisplay(dropped []*block) {
	for _, b := range dropped {
		if b.display == "" {
			continue
		}
		rest := slices.DeleteFunc(r.session.displays[b.display], func(s shownDisplay) bool { return s.block == b })
		if len(rest) == 0 {
			delete(r.session.displays, b.display)
		} else {
			r.session.displays[b.display] = rest
		}
	}
}

// payload shows the text of a page, as the pager would, and code to go on with, such
// as %load's.
func (r *result) payload(e kernelclient.Payload) {
	switch e.Source {
	case kernelclient.PayloadPage:
		r.add(r.server.bundle(OutputDisplay, e.Data, r.paged), "")
	case kernelclient.PayloadSetNextInput:
		text, err := json.Marshal(e.Text)
		if err == nil {
			r.add(r.server.bundle(OutputDisplay, jupyter.MIMEBundle{"text/plain": text}, r.paged), "")
		}
	}
}

// paged is the text of a page with the documents' places.
func (r *result) paged(text string) string { return r.session.inPrinted(text, false) }

// value is the output that stands for the evaluation's value: its result, or the
// last display of a kernel that has no results.
func (r *result) value() *block {
	for _, kind := range []string{OutputResult, OutputDisplay} {
		for _, b := range slices.Backward(r.blocks) {
			if b.Kind == kind {
				return b
			}
		}
	}
	return nil
}

// summary sizes the value, once the evaluation has ended well.
func (r *result) summary() *Summary {
	if r.summed != nil {
		return r.summed
	}
	v := r.value()
	if r.eval.State != session.Done {
		return nil
	}
	if v == nil {
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
		Evaluation: r.id, URI: r.doc.uri, Session: r.session.id, Range: toRange(r.anchor.Range()), Version: r.doc.Version(), State: string(r.eval.State),
		Ahead: r.eval.Ahead, Count: r.eval.Count, Elapsed: float64(r.elapsed().Microseconds()) / 1000,
		Summary: r.summary(), Stale: r.stale || r.doc.doubtful, Past: r.past(), Cleared: r.cleared || r.doc.closed, Message: oneLine(r.eval.Message),
	}
	if r.eval.State == session.Failed {
		p.Error = r.error()
	}
	return p
}
