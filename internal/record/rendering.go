package record

import (
	"fmt"
	"iter"
	"slices"

	"github.com/reval-editor/reval/internal/output"
)

// Rendering is the outputs of one evaluation as one listener shows them, and what of
// them it has not been told yet. It has no lock.
type Rendering struct {
	displays displays
	blocks   []*block
	next     int // index of the next output
	left     int // outputs that were dropped from blocks
	// clearNext is set by clear_output(wait): the next output clears first.
	clearNext bool
	voided    bool // that earlier outputs are void has not been told
}

// NewRendering makes the rendering of an evaluation that has brought nothing yet.
func NewRendering() *Rendering { return &Rendering{displays: displays{}} }

// Add appends an output, which has the display_id if that is not empty, and gives its index.
func (r *Rendering) Add(o Output, display string) int {
	b := r.add(o, display)
	r.limit()
	return b.Index
}

func (r *Rendering) add(o Output, display string) *block {
	if r.clearNext {
		r.clear()
	}
	o.Index = r.next
	r.next++
	b := &block{Output: o, display: display, dirty: true}
	r.blocks = append(r.blocks, b)
	r.displays.add(b)
	return b
}

// Update replaces the outputs that have the display_id.
func (r *Rendering) Update(display string, o Output) { r.displays.update(display, o) }

// Print appends text to the last output if that is the same stream, so that colours and
// carriage returns go on where they were.
func (r *Rendering) Print(name, text string) {
	var last *block
	if n := len(r.blocks); n > 0 && !r.clearNext {
		last = r.blocks[n-1]
	}
	if last == nil || last.screen == nil || last.Name != name {
		last = r.add(Output{Kind: Stream, Name: name}, "")
		last.screen = &output.Screen{}
		r.limit()
	}
	last.write(text)
}

// Clear voids the outputs so far, or does so when the next one comes.
func (r *Rendering) Clear(wait bool) {
	if wait {
		r.clearNext = true
	} else {
		r.clear()
	}
}

func (r *Rendering) clear() {
	r.clearNext = false
	r.displays.remove(r.blocks)
	r.blocks = nil
	r.voided = true
}

// Bounds of one evaluation's outputs: their number, their size in bytes, and after
// how many more of them this is looked at.
const (
	maxBlocks  = 1000
	maxBytes   = 64 << 20
	limitEvery = 10
)

// limit drops outputs from the beginning of many, or of large ones, and puts a note
// there: code that shows pictures in a loop, or writes to stdout and stderr by turns.
func (r *Rendering) limit() {
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
	r.displays.remove(dropped)
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
	text := fmt.Sprintf("[%d %s left out here]\n", r.left, outputs)
	note := &block{Output: note(dropped[len(dropped)-1].Index, text), dirty: unsent, note: r.left}
	r.blocks = append([]*block{note}, r.blocks[len(dropped):]...)
}

// note stands where outputs were.
func note(index int, text string) Output {
	return Output{Index: index, Kind: Stream, Name: "stderr", Text: text}
}

// HasNews tells whether there is anything that the listener has not been told.
func (r *Rendering) HasNews() bool {
	return r.voided || slices.ContainsFunc(r.blocks, func(b *block) bool { return b.dirty })
}

// News takes what the listener has not been told: new outputs, whole ones that have
// changed, and of streams what was printed since. Data that is withheld is not in it.
func (r *Rendering) News() []Output {
	var news []Output
	if r.voided {
		r.voided = false
		first := r.next
		if len(r.blocks) > 0 {
			first = r.blocks[0].Index
		}
		news = append(news, Output{Index: first, Kind: Clear})
	}
	for _, b := range r.blocks {
		if b.dirty {
			news = append(news, b.news())
		}
	}
	return news
}

// All are the outputs whole, with data that is withheld.
func (r *Rendering) All() iter.Seq[Output] {
	return func(yield func(Output) bool) {
		for _, b := range r.blocks {
			if !yield(b.whole()) {
				return
			}
		}
	}
}

// Ends are the texts of the outputs, the last one first: of each its end, of at least
// size bytes if it has them.
func (r *Rendering) Ends(size int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, b := range slices.Backward(r.blocks) {
			if !yield(b.end(size)) {
				return
			}
		}
	}
}

// Value is the output that stands for the evaluation's value: its result, or the last
// display of a kernel that has no results.
func (r *Rendering) Value() (value Output, ok bool) {
	for _, kind := range []Kind{Result, Display} {
		for _, b := range slices.Backward(r.blocks) {
			if b.Kind == kind {
				return b.Output, true
			}
		}
	}
	return Output{}, false
}

// maxSmall is the size of an output that stays in any case, in bytes.
const maxSmall = 4 << 10

// Large is the size of what Drop would drop, once all is told, in bytes.
func (r *Rendering) Large() (bytes int) {
	for _, b := range r.blocks {
		b.settle()
		if n := b.size() - len(b.pending.text); n > maxSmall {
			bytes += n
		}
	}
	return bytes
}

// Drop forgets the large outputs that were told, and says so where they were.
func (r *Rendering) Drop() {
	for i, b := range r.blocks {
		if b.size() <= maxSmall || b.dirty {
			continue
		}
		r.displays.remove([]*block{b})
		r.blocks[i] = &block{Output: note(b.Index, "[an output is left out here: there are too many large ones]\n")}
	}
}
