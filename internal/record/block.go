package record

import "github.com/reval-editor/reval/internal/output"

// block is one output as it stands now.
type block struct {
	Output
	display string // display_id
	dirty   bool   // the listener does not have it as it stands
	note    int    // it stands for so many that were dropped

	// Of a stream: Output has everything but the text.
	screen    *output.Screen
	unsettled int        // bytes in the screen that text and pending do not have
	text      transcript // all of it
	pending   transcript // what the listener has not been told
	back      int        // code points that it has to erase first
}

// Bounds of text, in bytes: what is kept of one stream, what waits for a listener that
// does not take it, and what a screen takes before its text is settled.
const (
	maxText    = 4 << 20
	maxPending = 4 << 20
	maxScreen  = 64 << 10
)

func (b *block) size() int {
	return len(b.Text) + len(b.Data) + len(b.text.text) + len(b.pending.text)
}

// write appends what was printed to a stream.
func (b *block) write(text string) {
	b.dirty = true
	for text != "" {
		n := min(len(text), maxScreen)
		b.screen.Write(text[:n])
		text = text[n:]
		if b.unsettled += n; b.unsettled >= maxScreen {
			b.settle()
		}
	}
}

// settle takes what changed from a stream's screen.
func (b *block) settle() {
	if b.screen == nil {
		return
	}
	b.unsettled = 0
	u, ok := b.screen.Take()
	if !ok {
		return
	}
	b.text.apply(u)
	b.text.limit(maxText)
	// What waits to be told is erased here, the rest by the listener.
	if over := u.Back - b.pending.runes; over > 0 {
		b.back += over
		u.Back = b.pending.runes
	}
	b.pending.apply(u)
	b.pending.limit(maxPending)
}

// whole is the output with all of its text.
func (b *block) whole() Output {
	o := b.Output
	if b.screen != nil {
		b.settle()
		o.Text, o.Spans = string(b.text.text), b.text.spans
	}
	return o
}

// end is the end of the output's text, of at least size bytes if it has them.
func (b *block) end(size int) string {
	if b.screen == nil {
		return b.Text[max(0, len(b.Text)-size):]
	}
	b.settle()
	return string(b.text.text[max(0, len(b.text.text)-size):])
}

// news is the output with what the listener does not have yet.
func (b *block) news() Output {
	o := b.Light()
	if b.screen != nil {
		b.settle()
		o.Text, o.Spans, o.Back = string(b.pending.text), b.pending.spans, b.back
		b.pending, b.back = transcript{}, 0
	}
	b.dirty = false
	return o
}
