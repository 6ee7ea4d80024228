package document

import (
	"bytes"
	"hash/maphash"
)

// Anchor is a piece of a document's text, such as one that was evaluated. It
// moves with the edits around it and knows whether its own text still is what it
// was. Text put in exactly before it pushes it along; text put in exactly behind
// it leaves it alone. But an anchor on whole lines (only blanks between it and the
// ends of its lines) stays on whole lines: a "#" typed before it or a "0" typed
// behind it becomes part of it and makes it stale.
type Anchor struct {
	doc        *Document
	start, end int // bytes

	// What it was at the beginning.
	length    int
	hash      uint64
	wholeHead bool // only blanks before it on its line
	wholeTail bool // only blanks after it on its line

	stale bool
	// lead is how many bytes before the anchor the last edit took that also took
	// the anchor's start: the undoing of that edit puts them back.
	lead int
}

// Anchor puts an anchor on r. Blank characters at the end of r are left out of it,
// so that a result stands behind the last line that has code. A range that is not
// in the document is moved into it.
func (d *Document) Anchor(r Range) *Anchor {
	start := d.clamped(r.Start)
	end := max(start, d.clamped(r.End))
	if code := bytes.TrimRight(d.text[start:end], " \t\r\n\f"); len(code) > 0 {
		end = start + len(code)
	}
	a := &Anchor{doc: d, start: start, end: end, length: end - start}
	a.hash = d.hash(start, end)
	head, tail := a.lineBounds()
	a.wholeHead = blank(d.text[head:start])
	a.wholeTail = blank(d.text[end:tail])
	d.anchors[a] = struct{}{}
	return a
}

// Range is where the anchored text stands now. It is empty when the text is gone.
func (a *Anchor) Range() Range {
	return Range{a.doc.Position(a.start), a.doc.Position(a.end)}
}

// Stale says that the text differs from what was anchored, also when it is gone.
// It is false again when an edit brings the same text back.
func (a *Anchor) Stale() bool { return a.stale }

// Gone says that the whole of the anchored text was deleted.
func (a *Anchor) Gone() bool { return a.stale && a.length > 0 && a.start == a.end }

// Release takes the anchor out of its document; it stays where it is from then on.
func (a *Anchor) Release() { delete(a.doc.anchors, a) }

// edited moves the anchor for an edit that puts n bytes in the place of [from, to),
// before the document's text changes. It says whether the edit touches the anchor,
// which settle must then look at.
func (a *Anchor) edited(from, to, n int) bool {
	delta := n - (to - from)
	switch {
	case to < a.start:
		a.start += delta
		a.end += delta
		return false
	case from > a.end:
		return false
	case from < a.start && to > a.start, from <= a.start && to >= a.end && a.start < a.end:
		a.lead = a.start - from // the start was taken
		if to >= a.end {        // and all the rest
			a.start, a.end = from, from
			if a.length > 0 && a.lead == 0 && n > 0 {
				a.end = from + n // replaced by something else: still there
			}
			return true
		}
		a.start = from + n
		a.end += delta
	case to <= a.start: // right before it
		a.start += delta
		a.end += delta
	case from == a.end: // right behind it
	case to <= a.end: // inside
		a.end += delta
	default: // the end was taken
		a.end = from
	}
	return true
}

// settle is called after an edit that touched the anchor and started at from: it
// keeps whole lines whole, and compares the text with the original. If an edit is
// undone, the text can be at one of a few places, depending on what it took.
func (a *Anchor) settle(from int) {
	if !a.Gone() && a.start < a.end {
		a.widen()
	}
	for _, at := range [...]int{a.start, from + a.lead, a.end - a.length} {
		if a.isOriginal(at) {
			a.start, a.end = at, at+a.length
			a.stale, a.lead = false, 0
			return
		}
	}
	a.stale = true
}

// widen takes in what stands beside an anchor that was on whole lines.
func (a *Anchor) widen() {
	head, tail := a.lineBounds()
	text := a.doc.text
	if before := text[head:a.start]; a.wholeHead && !blank(before) {
		a.start -= len(bytes.TrimLeft(before, " \t"))
	}
	if after := text[a.end:tail]; a.wholeTail && !blank(after) {
		a.end += len(bytes.TrimRight(after, " \t"))
	}
}

func (a *Anchor) isOriginal(at int) bool {
	end := at + a.length
	if at < 0 || end > len(a.doc.text) {
		return false
	}
	if a.doc.hash(at, end) != a.hash {
		return false
	}
	whole := Anchor{doc: a.doc, start: at, end: end}
	head, tail := whole.lineBounds()
	return (!a.wholeHead || blank(a.doc.text[head:at])) && (!a.wholeTail || blank(a.doc.text[end:tail]))
}

// lineBounds is where the anchor's first line starts and its last line ends.
func (a *Anchor) lineBounds() (head, tail int) {
	head, _ = a.doc.lineBounds(a.doc.lineAt(a.start))
	_, tail = a.doc.lineBounds(a.doc.lineAt(a.end))
	return min(head, a.start), max(tail, a.end)
}

func (d *Document) clamped(p Position) int {
	if p.Line >= len(d.starts) {
		return len(d.text)
	}
	at, err := d.Offset(Position{max(p.Line, 0), max(p.Character, 0)})
	if err != nil {
		return len(d.text)
	}
	return at
}

func (d *Document) hash(start, end int) uint64 {
	return maphash.Bytes(d.seed, d.text[start:end])
}

func blank(b []byte) bool { return len(bytes.Trim(b, " \t")) == 0 }
