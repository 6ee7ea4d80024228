package document

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// Anchor is a piece of a document's text, such as one that was evaluated. It
// moves with the edits around it and knows whether its own text still is what it
// was, and still stands for itself: an anchor on whole lines (only blanks between
// it and the ends of its lines) is stale when something else stands on them too,
// one on a part of a line when it has become a part of something longer. Text that
// is taken away and put in elsewhere is found again (see find).
//
// Text put in exactly before an anchor pushes it along; text put in exactly behind
// it leaves it alone. But what is typed on the lines of an anchor on whole lines
// becomes part of it.
type Anchor struct {
	doc        *Document
	slot       int // in doc.anchors
	start, end int // bytes

	// memory is what it was at the beginning; nil of a mark.
	memory *memory
	full   bool // it was not empty at the beginning
	stale  bool
	// lead is how many bytes before the anchor were taken by the edit that also took
	// its start: where it would be if the edit were undone.
	lead int

	touched bool   // an edit of this Apply was on its lines
	found   bool   // this Apply has found its text elsewhere
	before  status // this Apply
}

// status is what Apply tells of an anchor when it changes.
type status struct{ stale, gone bool }

// Anchor puts an anchor on r. Blank characters at the end of r are left out of it,
// so that a result stands behind the last line that has code. A range that is not
// in the document is moved into it.
func (d *Document) Anchor(r Range) *Anchor {
	a := d.Mark(r)
	a.memory = a.remember()
	return a
}

// Mark puts a mark on r: an anchor that moves, but is never stale and never found
// again where its text is put in.
func (d *Document) Mark(r Range) *Anchor {
	start := d.clamped(r.Start)
	end := max(start, d.clamped(r.End))
	if code := bytes.TrimRight(d.text[start:end], blanks+lineEnds); len(code) > 0 {
		end = start + len(code)
	}
	a := &Anchor{doc: d, slot: len(d.anchors), start: start, end: end, full: end > start}
	d.anchors = append(d.anchors, a)
	return a
}

// Range is where the anchored text stands now. It is empty when the text is gone.
func (a *Anchor) Range() Range {
	start, end := a.extent()
	return Range{a.doc.Position(start), a.doc.Position(end)}
}

// extent is where the anchored text stands now, in bytes. Of a text that was changed, the blanks
// around what is left are no part: they may reach to the next line, which is another's. The anchor
// keeps them, for the text may be put back there.
func (a *Anchor) extent() (start, end int) {
	if !a.stale || a.memory == nil {
		return a.start, a.end
	}
	code := bytes.TrimRight(a.doc.text[a.start:a.end], blanks+lineEnds)
	end = a.start + len(code)
	return end - len(bytes.TrimLeft(code, blanks+lineEnds)), end
}

// lines are the first and the last line that it stands on.
func (a *Anchor) lines() (first, last int) {
	start, end := a.extent()
	return a.doc.lineAt(start), a.doc.lineAt(end)
}

// Settled gives the anchors of which the last Apply changed whether they are stale or
// gone, and those whose text it found elsewhere.
func (d *Document) Settled() []*Anchor { return d.settled }

// Line is the line on which the anchored text starts now.
func (a *Anchor) Line() int {
	first, _ := a.lines()
	return first
}

// LineOf is where line n of the anchored text, from 0, stands now: the same line of
// it, or where that would be if it was changed.
func (a *Anchor) LineOf(n int) int {
	first := a.doc.lineAt(a.start)
	if !a.stale || a.memory == nil {
		return first + n
	}
	was, is := bytes.SplitAfter([]byte(a.memory.text), []byte("\n")), bytes.SplitAfter(a.doc.text[a.start:a.end], []byte("\n"))
	for i := range was { // the last one has no end
		was[i] = bytes.Trim(was[i], blanks+lineEnds)
	}
	for i := range is {
		is[i] = bytes.Trim(is[i], blanks+lineEnds)
	}
	x, y := 0, 0 // behind the last match
	for _, m := range matches(was, is) {
		if n < m.x {
			break
		}
		if n < m.x+m.n {
			return first + m.y + n - m.x
		}
		x, y = m.x+m.n, m.y+m.n
	}
	return min(first+y+n-x, a.doc.lineAt(a.end))
}

// Stale says that the text differs from what was anchored, also when it is gone.
// It is false again when an edit brings the same text back.
func (a *Anchor) Stale() bool { return a.stale }

// Gone says that the whole of the anchored text was deleted, at most but for blanks.
func (a *Anchor) Gone() bool {
	start, end := a.extent()
	return a.full && start == end
}

// Text is the text that was anchored.
func (a *Anchor) Text() string {
	if a.memory == nil {
		return ""
	}
	return a.memory.text
}

// Forget makes a mark of the anchor; it is stale from then on.
func (a *Anchor) Forget() {
	a.doc.unwant(a)
	a.memory, a.stale = nil, true
}

// Release takes the anchor out of its document; it stays where it is from then on.
func (a *Anchor) Release() {
	a.Forget()
	last := len(a.doc.anchors) - 1
	if a.slot > last || a.doc.anchors[a.slot] != a {
		return
	}
	a.doc.anchors[a.slot] = a.doc.anchors[last]
	a.doc.anchors[a.slot].slot = a.slot
	a.doc.anchors = a.doc.anchors[:last]
}

// Touching gives the anchors that have a line in common with r, in the order in which
// they stand, but neither marks nor what is gone.
func (d *Document) Touching(r Range) []*Anchor {
	start, end := d.clamped(r.Start), d.clamped(r.End)
	last := d.lineAt(end)
	if first := d.lineAt(start); end == d.starts[last] && last > first {
		last-- // r ends before that line's first character
	}
	head, _ := d.lineBounds(d.lineAt(start))
	_, tail := d.lineBounds(last)
	var found []*Anchor
	for _, a := range d.anchors {
		if start, end := a.extent(); start <= tail && end >= head && a.memory != nil && !a.Gone() {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, byPlace)
	return found
}

func byPlace(a, b *Anchor) int {
	if a.start != b.start {
		return a.start - b.start
	}
	if a.lead != b.lead {
		return a.lead - b.lead
	}
	return a.slot - b.slot
}

// change is an edit that puts n bytes in the place of [from, to), with the ends of
// the lines that it touches: all in bytes of the text before it.
type change struct {
	from, to, n int
	head, tail  int
	breaks      bool // a line end is among the n bytes
}

// move moves the anchors for edits of one text, in order, before they are made.
func (d *Document) move(changes []change) {
	gained := make([]int, len(changes)+1) // by the changes before
	for i, c := range changes {
		gained[i+1] = gained[i] + c.n - (c.to - c.from)
	}
	head, tail, gain := changes[0].head, changes[len(changes)-1].tail, gained[len(changes)]
	for _, a := range d.anchors {
		switch {
		case a.end < head:
		case a.start > tail:
			a.start += gain
			a.end += gain
		default:
			// Those of changes[first:last] are on its lines.
			first := sort.Search(len(changes), func(i int) bool { return changes[i].tail >= a.start })
			last := sort.Search(len(changes), func(i int) bool { return changes[i].head > a.end })
			if first < last {
				d.touch(a)
			}
			for i := last - 1; i >= first; i-- {
				a.edited(changes[i])
			}
			a.start += gained[first]
			a.end += gained[first]
		}
	}
}

// touch notes that settle has to look at an anchor.
func (d *Document) touch(a *Anchor) {
	if !a.touched {
		a.touched, a.before = true, status{a.stale, a.Gone()}
		d.touched = append(d.touched, a)
	}
}

// edited moves the anchor for a change of its lines.
func (a *Anchor) edited(c change) {
	from, to := c.from, c.to
	delta := c.n - (to - from)
	switch {
	case a.start == a.end && from == to && from == a.start: // put in where it was
	case to < a.start:
		a.start += delta
		a.end += delta
	case from > a.end:
	case from < a.start && to > a.start, from <= a.start && to >= a.end && a.start < a.end: // the start was taken
		lead := a.start - from
		a.lead += lead
		if to >= a.end { // and all the rest
			alone := lead == 0 && c.n > 0 && blank(bytes.Trim(a.doc.text[a.end:to], lineEnds))
			a.start, a.end = from, from
			if a.full && alone {
				a.end = from + c.n // replaced by something else: still there
			}
			return
		}
		a.start = from + c.n
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
}

// settle looks at the anchors that the edits of an Apply touched: whether they
// still stand on their text, or where it went.
func (d *Document) settle() {
	var changed, lost []*Anchor
	for _, a := range d.touched {
		switch {
		case a.memory == nil:
		case !a.stale && a.end-a.start == len(a.memory.text) && a.standsAt(a.start):
			a.put(a.start)
		default:
			a.stale = true
			changed = append(changed, a)
		}
	}
	for _, a := range changed {
		switch {
		case a.Gone():
		case a.reaches(a.start):
			a.put(a.start)
			continue
		case a.reaches(a.end - len(a.memory.text)):
			a.put(a.end - len(a.memory.text))
			continue
		default:
			a.widen()
		}
		lost = append(lost, a)
	}
	d.find(lost)
	d.yield()
	for _, a := range d.touched {
		found := a.found
		a.touched, a.found = false, false
		if a.memory == nil {
			continue
		}
		if is := (status{a.stale, a.Gone()}); is != a.before || found {
			d.settled = append(d.settled, a)
		}
		d.unwant(a)
		if a.Gone() {
			d.want(a)
		}
	}
	d.touched = d.touched[:0]
}

// reaches says whether the anchor's text stands at a place where it did not stand before, as far
// from the margin as it was, and no other anchor is there that does not move now.
func (a *Anchor) reaches(at int) bool {
	return a.standsAt(at) && a.doc.indentAt(at) == a.memory.indent && !slices.ContainsFunc(a.doc.anchors, func(o *Anchor) bool {
		return o.memory != nil && !(o.touched && o.stale) && o.start < at+len(a.memory.text) && at < o.end
	})
}

// yield gives up anchors that are stale on a line that another has for itself: what stood
// there has been replaced by that.
func (d *Document) yield() {
	owned := map[int]bool{}
	for _, a := range d.touched {
		if a.memory == nil || a.stale || !a.memory.whole() {
			continue
		}
		a.mark(owned)
	}
	if len(owned) == 0 {
		return
	}
	for _, a := range d.touched {
		if start, end := a.extent(); a.stale && !a.Gone() && d.anyLine(start, end, owned) {
			a.end = a.start
		}
	}
}

// mark marks the lines on which the anchor stands.
func (a *Anchor) mark(lines map[int]bool) {
	for n, last := a.lines(); n <= last; n++ {
		lines[n] = true
	}
}

// put puts the anchor where its text stands.
func (a *Anchor) put(at int) {
	a.start, a.end = at, at+len(a.memory.text)
	a.stale, a.lead = false, 0
	if m := a.memory; !m.whole() {
		is := a.remember()
		m.lines, m.at = is.lines, is.at
	}
}

// widen takes in what stands beside an anchor that was on whole lines.
func (a *Anchor) widen() {
	head, tail := a.doc.linesAround(a.start, a.end)
	text := a.doc.text
	starts := a.start == a.end || strings.IndexByte(lineEnds, text[a.start]) < 0 // what it has, on this line
	ends := a.start == a.end || strings.IndexByte(lineEnds, text[a.end-1]) < 0
	if before := text[head:a.start]; starts && a.memory.before == (side{}) && !blank(before) {
		a.start -= len(bytes.TrimLeft(before, blanks))
	}
	if after := text[a.end:tail]; ends && a.memory.after == (side{}) && !blank(after) {
		a.end += len(bytes.TrimRight(after, blanks))
	}
}

// linesAround is where the line of start begins and that of end ends.
func (d *Document) linesAround(start, end int) (head, tail int) {
	head, _ = d.lineBounds(d.lineAt(start))
	_, tail = d.lineBounds(d.lineAt(end))
	return min(head, start), max(tail, end)
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

const (
	blanks   = " \t\f\v"
	lineEnds = "\r\n"
)

func blank(b []byte) bool { return len(bytes.Trim(b, blanks)) == 0 }

func trim(line string) string { return strings.Trim(line, blanks) }
