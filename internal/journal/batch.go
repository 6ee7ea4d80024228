package journal

import (
	"cmp"
	"slices"

	"github.com/reval-editor/reval/internal/record"
)

// batch is what is written in one transaction. Of what was told more than once it has the
// last.
type batch struct {
	sessions    []Session
	evaluations []Evaluation // in the order in which they were told first
	amendments  []Amendment
	outputs     map[string]*outputs
	bytes       int  // of evaluations and outputs, about
	begun, full bool // the writer knows of it, and that it is worth writing
	soon        bool // and that it is not to wait for long
}

func newBatch() *batch { return &batch{outputs: map[string]*outputs{}} }

func (b *batch) session(s Session) {
	if i := slices.IndexFunc(b.sessions, func(old Session) bool { return old.ID == s.ID }); i >= 0 {
		b.sessions[i] = s
	} else {
		b.sessions = append(b.sessions, s)
	}
}

func (b *batch) evaluation(e Evaluation) {
	// From the end: what is told again was told not long ago.
	for i, old := range slices.Backward(b.evaluations) {
		if old.ID == e.ID {
			b.evaluations[i] = e
			return
		}
	}
	const small = 200
	b.evaluations = append(b.evaluations, e)
	b.bytes += small + len(e.Code) + len(e.Origin.Lines) + len(e.Origin.URI)
}

func (b *batch) amend(amendments []Amendment) {
	const small = 100
	b.amendments = append(b.amendments, amendments...)
	b.bytes += small * len(amendments)
}

// outputs are what came of one evaluation since the last batch.
type outputs struct {
	// void is set where all rows of earlier batches are void.
	void bool
	log  record.Log
	// Where tail is set, the log begins with the stream that the last batch ended with, of
	// whose text as many bytes are written; base was the log's size then.
	tail          bool
	written, base int
	// waits is set by a Clear that comes into effect with the next entry.
	waits bool
	// lost is what is not kept, why says of the first of it why. It comes last: what follows
	// is lost, too, until the batch is taken.
	lost loss
	why  string
}

// newOutputs is nothing that came, yet. The log is whole, whatever its size: how much may wait is the
// journal's to say, and what it leaves out it counts.
func newOutputs() *outputs { return &outputs{log: record.Log{Whole: true}} }

// add adds an entry, or counts it if there is a reason why it cannot be kept, and gives by
// how much more bytes wait now.
func (o *outputs) add(e record.Entry, why string) int {
	before := o.size()
	clears := e.Kind == record.Clear
	if o.waits || clears && !e.Wait {
		*o = *newOutputs()
		o.void = true
	}
	o.waits = clears && e.Wait
	switch {
	case clears:
	case o.lost.outputs > 0 || why != "":
		o.why = cmp.Or(o.why, why)
		o.lost.outputs++
		o.lost.bytes += e.Size()
	default:
		o.log.Add(e)
	}
	return o.size() - before
}

// size is about what of the log is not written yet, in bytes.
func (o *outputs) size() int { return max(0, o.log.Size()-o.base) }

// rest is what the next batch's outputs begin with; nil if there is nothing to know.
func (o *outputs) rest() *outputs {
	rest := newOutputs()
	rest.waits = o.waits
	entries := o.log.Entries()
	if last := len(entries) - 1; last >= 0 && entries[last].Kind == record.Stream && o.lost.outputs == 0 {
		rest.log.Add(entries[last])
		rest.tail, rest.written, rest.base = true, len(entries[last].Text), rest.log.Size()
	}
	if !rest.tail && !rest.waits {
		return nil
	}
	return rest
}
