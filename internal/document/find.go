package document

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// Bounds of the work of one Apply: pieces of text that are told apart, how many lines
// above one of them a text is looked for of which it may be the end, and how many
// places are tried for one anchor.
const (
	maxSpans = 64
	maxAbove = 64
	maxTries = 2000
)

// span is a piece of the text that an edit of this Apply, or of the one before, put in.
type span struct {
	start, end int
	breaks     bool // it has a line end
}

// note keeps where edits of one text, in order, put something in.
func (d *Document) note(changes []change) {
	spans := d.spans
	for _, spans := range [][]span{spans, d.earlier} {
		for i, s := range spans {
			spans[i] = span{shifted(s.start, changes), shifted(s.end, changes), s.breaks}
		}
	}
	gained := 0
	for _, c := range changes {
		at := c.from + gained
		spans = append(spans, span{at, at + c.n, c.breaks})
		gained += c.n - (c.to - c.from)
	}
	if len(spans) > maxSpans {
		slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
		joined := spans[:1]
		most := len(spans)/maxSpans + 1
		for i, s := range spans[1:] {
			if last := &joined[len(joined)-1]; s.start <= last.end || (i+1)%most != 0 {
				last.end, last.breaks = max(last.end, s.end), last.breaks || s.breaks
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
// are sorted, a formatter writes a file anew. What is deleted now may have been copied
// by the Apply before, as Vim moves lines. Of several places the nearest is taken, and
// none that another anchor stands on.
func (d *Document) find(lost []*Anchor) {
	if len(lost) == 0 && len(d.wanted) == 0 {
		return
	}
	sought := map[uint64][]*Anchor{} // by the first lines of their texts
	above := 0
	for _, a := range lost {
		d.unwant(a)
		key := maphash.String(d.seed, a.memory.firstLine())
		sought[key] = append(sought[key], a)
		above = max(above, a.memory.height())
	}
	spots := d.spots(sought, min(above, maxAbove))
	if len(spots) == 0 {
		return
	}
	var seekers []*Anchor
	of := map[*Anchor][]spot{}
	for key, found := range spots {
		for _, a := range slices.Concat(sought[key], d.wanted[key]) {
			seekers, of[a] = append(seekers, a), found
		}
	}
	slices.SortFunc(seekers, bySize)
	taken := d.takenLines(lost)
	for _, indented := range []bool{true, false} { // as it was, or in another block
		for _, a := range seekers {
			if a.found {
				continue
			}
			if at, ok := a.nearest(of[a], taken, indented); ok {
				d.unwant(a)
				d.touch(a)
				a.found = true
				a.put(at)
				a.mark(taken)
			}
		}
	}
}

// bySize sorts those of several lines, which stand in fewer places, before those of one.
func bySize(a, b *Anchor) int {
	if n, m := a.memory.height(), b.memory.height(); n != m {
		return m - n
	}
	return byPlace(a, b)
}

// spot is a line that begins as a text that is looked for.
type spot struct {
	line    int
	start   int  // its first character that is no blank, in bytes
	indent  int  // bytes before that
	put     int  // how many bytes were put in here
	breaks  bool // with a line end
	earlier bool // by the Apply before
}

// spots looks for the first lines of texts, also of those that end in what was put in,
// in order.
func (d *Document) spots(sought map[uint64][]*Anchor, above int) map[uint64][]spot {
	found := map[uint64][]spot{}
	seen := map[int]bool{}
	look := func(n int, s span, earlier bool) {
		if seen[n] {
			return
		}
		seen[n] = true
		start, end := d.lineBounds(n)
		line := bytes.TrimLeft(d.text[start:end], blanks)
		key := maphash.Bytes(d.seed, bytes.TrimRight(line, blanks))
		if len(sought[key])+len(d.wanted[key]) > 0 {
			found[key] = append(found[key], spot{n, end - len(line), end - len(line) - start, s.end - s.start, s.breaks, earlier})
		}
	}
	earlier := d.earlier
	if !slices.ContainsFunc(d.touched, (*Anchor).deleted) {
		earlier = nil
	}
	for i, s := range slices.Concat(d.spans, earlier) {
		first, last := d.lineAt(s.start), d.lineAt(s.end)
		// Which of equal lines was put in is not known.
		size := last - first
		for up := 0; size > 0 && up < maxAbove && first > 0 && d.equalLines(first-1, first-1+size); up++ {
			first--
		}
		for down := 0; size > 0 && down < maxAbove && last < len(d.starts) && d.equalLines(last, last-size); down++ {
			last++
		}
		for n := first; n <= min(last, len(d.starts)-1); n++ {
			look(n, s, i >= len(d.spans))
		}
	}
	for _, s := range d.spans {
		first := d.lineAt(s.start)
		for n := max(0, first-above); n < first; n++ {
			look(n, span{}, false)
		}
	}
	for _, spots := range found {
		slices.SortFunc(spots, func(a, b spot) int { return a.line - b.line })
	}
	return found
}

func (d *Document) equalLines(n, m int) bool {
	start, end := d.lineBounds(n)
	from, to := d.lineBounds(m)
	return bytes.Equal(d.text[start:end], d.text[from:to])
}

// deleted says whether the anchor's text was deleted by this Apply.
func (a *Anchor) deleted() bool { return a.touched && a.Gone() && !a.before.gone }

// nearest is the spot next to where the anchor was on which its text stands; indented wants it
// as far from the margin as it was.
func (a *Anchor) nearest(spots []spot, taken map[int]bool, indented bool) (at int, ok bool) {
	was := a.start + a.lead - a.memory.at
	above, _ := slices.BinarySearchFunc(spots, was, func(s spot, at int) int { return s.start - at })
	below := above
	above--
	for range maxTries {
		var s spot
		switch {
		case above < 0 && below == len(spots):
			return 0, false
		case above < 0 || below < len(spots) && spots[below].start-was < was-spots[above].start:
			s = spots[below]
			below++
		default:
			s = spots[above]
			above--
		}
		if indented && s.indent != a.memory.indent {
			continue
		}
		if !taken[s.line] && a.fits(s) && !a.doc.anyLine(s.start, s.start+len(a.memory.lines), taken) {
			return s.start + a.memory.at, true
		}
	}
	return 0, false
}

// fits says whether the anchor's text stands at a spot. One that was gone before, and is
// not touched now, is only found where its text is put in, or apart from another, at
// once: who types it again has not moved it. In what was put in earlier only one is
// found that has just been deleted.
func (a *Anchor) fits(s spot) bool {
	d, m := a.doc, a.memory
	if s.earlier && !a.deleted() || !s.breaks && s.put < len(m.lines) && (s.earlier || !a.touched) {
		return false
	}
	end := s.start + len(m.lines)
	if end > len(d.text) || string(d.text[s.start:end]) != m.lines {
		return false
	}
	_, tail := d.lineBounds(d.lineAt(end))
	return blank(d.text[end:max(end, tail)]) && a.standsAt(s.start+m.at)
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
		a.mark(taken)
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
