package document

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// maxSpans bounds the pieces of text that are told apart in one Apply, maxAbove how
// many lines above one of them a text is looked for of which it may be the end.
const (
	maxSpans = 64
	maxAbove = 64
)

// span is a piece of the text that an edit of this Apply put in.
type span struct{ start, end int }

// note keeps where edits of one text, in order, put something in.
func (d *Document) note(changes []change) {
	spans := d.spans
	for i, s := range spans {
		spans[i] = span{shifted(s.start, changes), shifted(s.end, changes)}
	}
	gained := 0
	for _, c := range changes {
		at := c.from + gained
		spans = append(spans, span{at, at + c.n})
		gained += c.n - (c.to - c.from)
	}
	if len(spans) > maxSpans {
		slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
		joined := spans[:1]
		most := len(spans)/maxSpans + 1
		for i, s := range spans[1:] {
			if last := &joined[len(joined)-1]; s.start <= last.end || (i+1)%most != 0 {
				last.end = max(last.end, s.end)
			} else {
				joined = append(joined, s)
			}
		}
		spans = joined
	}
	d.spans = spans
}

// shifted is where an offset is after edits.
func shifted(at int, changes []change) int {
	gained := 0
	for _, c := range changes {
		if c.from >= at {
			break
		}
		if c.to > at { // it was taken
			return c.from + gained
		}
		gained += c.n - (c.to - c.from)
	}
	return at + gained
}

// want has later edits look for the text of an anchor that is gone.
func (d *Document) want(a *Anchor) {
	key := maphash.String(d.seed, a.memory.firstLine())
	d.wanted[key] = append(d.wanted[key], a)
}

func (d *Document) unwant(a *Anchor) {
	if a.memory == nil || len(d.wanted) == 0 {
		return
	}
	key := maphash.String(d.seed, a.memory.firstLine())
	rest := slices.DeleteFunc(d.wanted[key], func(o *Anchor) bool { return o == a })
	if len(rest) == 0 {
		delete(d.wanted, key)
	} else {
		d.wanted[key] = rest
	}
}

// find looks for text that the edits of this Apply took away, or that is gone since
// earlier, in the lines that they put in: what was cut is pasted elsewhere, lines
// are sorted, a formatter writes a file anew. Of several places the nearest is
// taken, and none that another anchor stands on.
func (d *Document) find(lost []*Anchor) {
	if len(lost) == 0 && len(d.wanted) == 0 {
		return
	}
	sought := map[uint64][]*Anchor{}
	above := 0
	for _, a := range lost {
		d.unwant(a)
		key := maphash.String(d.seed, a.memory.firstLine())
		sought[key] = append(sought[key], a)
		above = max(above, bytes.Count([]byte(a.memory.lines), []byte("\n")))
	}
	places := d.places(sought, min(above, maxAbove))
	if len(places) == 0 {
		return
	}
	d.assign(lost, places)
}

// place is a line on which an anchor's text stands.
type place struct {
	anchor *Anchor
	at     int // where the text starts
}

// places looks for the first lines of the anchors' texts. An anchor that was gone
// before, and is not touched now, is only found in a text that is put in as a
// whole: who types it again has not moved it.
func (d *Document) places(sought map[uint64][]*Anchor, above int) []place {
	var found []place
	next := 0 // the first line that was not looked at
	slices.SortFunc(d.spans, func(a, b span) int { return a.start - b.start })
	for _, s := range d.spans {
		first, last := d.lineAt(s.start), d.lineAt(s.end)
		for n := max(next, first-above); n <= last; n++ {
			start, end := d.lineBounds(n)
			line := bytes.Trim(d.text[start:end], blanks)
			key := maphash.Bytes(d.seed, line)
			start += len(d.text[start:end]) - len(bytes.TrimLeft(d.text[start:end], blanks))
			for _, a := range sought[key] {
				if at := start + a.memory.at; d.linesStand(a, start) && a.standsAt(at) {
					found = append(found, place{a, at})
				}
			}
			if n < first {
				continue
			}
			for _, a := range d.wanted[key] {
				at := start + a.memory.at
				if s.end-s.start >= len(a.memory.lines) && d.linesStand(a, start) && a.standsAt(at) {
					found = append(found, place{a, at})
				}
			}
		}
		next = max(next, last+1)
	}
	return found
}

// linesStand says whether the lines that an anchor stood on begin at an offset.
func (d *Document) linesStand(a *Anchor, at int) bool {
	end := at + len(a.memory.lines)
	if end > len(d.text) || string(d.text[at:end]) != a.memory.lines {
		return false
	}
	_, tail := d.lineBounds(d.lineAt(end))
	return end >= tail || blank(d.text[end:tail])
}

// assign puts anchors on places.
func (d *Document) assign(lost []*Anchor, places []place) {
	var order []*Anchor
	of := map[*Anchor][]int{}
	for _, p := range places {
		if of[p.anchor] == nil {
			order = append(order, p.anchor)
		}
		of[p.anchor] = append(of[p.anchor], p.at)
	}
	slices.SortFunc(order, byPlace)
	taken := d.takenLines(lost)
	fresh := map[int]bool{} // lines of those that are found
	for _, a := range order {
		at, found := 0, false
		for _, candidate := range of[a] {
			if (!found || a.distance(candidate) < a.distance(at)) && !d.anyLine(candidate, candidate+len(a.memory.text), taken) {
				at, found = candidate, true
			}
		}
		if !found {
			continue
		}
		d.unwant(a)
		d.touch(a)
		a.put(at)
		for n, last := d.lineAt(a.start), d.lineAt(a.end); n <= last; n++ {
			taken[n], fresh[n] = true, true
		}
	}
	// What is stale on a line that now belongs to another has been replaced by it.
	for _, a := range lost {
		if a.stale && !a.Gone() && d.anyLine(a.start, a.end, fresh) {
			a.end = a.start
		}
	}
}

// distance is how far a place is from where the anchor was.
func (a *Anchor) distance(at int) int {
	d := at - (a.start + a.lead)
	return max(d, -d)
}

// takenLines are the lines on which anchors stand, but those that are lost.
func (d *Document) takenLines(lost []*Anchor) map[int]bool {
	without := map[*Anchor]bool{}
	for _, a := range lost {
		without[a] = true
	}
	taken := map[int]bool{}
	for _, a := range d.anchors {
		if a.memory == nil || a.Gone() || without[a] {
			continue
		}
		for n, last := d.lineAt(a.start), d.lineAt(a.end); n <= last; n++ {
			taken[n] = true
		}
	}
	return taken
}

func (d *Document) anyLine(start, end int, lines map[int]bool) bool {
	for n, last := d.lineAt(start), d.lineAt(end); n <= last; n++ {
		if lines[n] {
			return true
		}
	}
	return false
}
