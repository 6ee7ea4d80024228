package document

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// maxDiff is how many lines may be added and removed by one replacement before it
// is taken as a whole. It bounds the time of an edit, not its result.
const maxDiff = 128

// hunk says that text stands in the place of the bytes [start, end).
type hunk struct {
	start, end int
	text       []byte
}

// hunks takes a replacement of old by text, of which old starts at the offset
// base, apart into the places where they differ, in order. Editors without
// incremental sync send the full text, and anchors between two changes of it must
// not be taken for changed.
func hunks(old, text []byte, base int) []hunk {
	prefix, suffix := common(old, text)
	prefix = bytes.LastIndexByte(old[:prefix], '\n') + 1
	if i := bytes.IndexByte(old[len(old)-suffix:], '\n'); i >= 0 {
		suffix -= i + 1
	} else {
		suffix = 0
	}
	base += prefix
	old, text = old[prefix:len(old)-suffix], text[prefix:len(text)-suffix]

	was, is := bytes.SplitAfter(old, []byte("\n")), bytes.SplitAfter(text, []byte("\n"))
	var found []hunk
	x, y, at := 0, 0, base
	for _, m := range append(matches(was, is), match{len(was), len(is), 0}) {
		removed, added := was[x:m.x], is[y:m.y]
		if len(removed) == len(added) { // line for line
			for i := range removed {
				found = append(found, hunk{at, at + len(removed[i]), added[i]})
				at += len(removed[i])
			}
		} else {
			end := at + size(removed)
			found = append(found, hunk{at, end, bytes.Join(added, nil)})
			at = end
		}
		at += size(was[m.x : m.x+m.n])
		x, y = m.x+m.n, m.y+m.n
	}
	for i, h := range found {
		removed := old[h.start-base : h.end-base]
		prefix, suffix := common(removed, h.text)
		found[i] = hunk{h.start + prefix, h.end - suffix, h.text[prefix : len(h.text)-suffix]}
	}
	return slices.DeleteFunc(found, func(h hunk) bool { return h.start == h.end && len(h.text) == 0 })
}

// match says that n lines from x in the old text are the n lines from y in the new.
type match struct{ x, y, n int }

// matches finds a longest common subsequence of lines by Myers's greedy algorithm
// (An O(ND) Difference Algorithm, 1986), or nothing if the two differ by more than
// maxDiff lines.
func matches(was, is [][]byte) []match {
	a, b := lineIDs(was, is)
	var trace [][]int
	reach := make([]int, 2*maxDiff+3) // furthest x on diagonal k, at k+maxDiff+1
	for d := 0; d <= maxDiff; d++ {
		trace = append(trace, slices.Clone(reach[maxDiff+1-d:maxDiff+2+d]))
		for k := -d; k <= d; k += 2 {
			i := k + maxDiff + 1
			x := 0
			if d > 0 {
				if k == -d || k != d && reach[i-1] < reach[i+1] {
					x = reach[i+1]
				} else {
					x = reach[i-1] + 1
				}
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			reach[i] = x
			if x >= len(a) && x-k >= len(b) {
				return walkBack(trace, len(a), len(b))
			}
		}
	}
	return nil
}

// walkBack follows the trace of matches from the ends of both texts. trace[d] is
// reach before step d, from diagonal -d to diagonal d.
func walkBack(trace [][]int, x, y int) []match {
	var found []match
	for d := len(trace) - 1; d >= 0; d-- {
		fromX, fromY := 0, 0
		startX, startY := 0, 0 // where this step's run of equal lines starts
		if d > 0 {
			k, reach := x-y, trace[d]
			if k == -d || k != d && reach[k-1+d] < reach[k+1+d] {
				fromX = reach[k+1+d]
				fromY = fromX - (k + 1)
				startX, startY = fromX, fromY+1
			} else {
				fromX = reach[k-1+d]
				fromY = fromX - (k - 1)
				startX, startY = fromX+1, fromY
			}
		}
		if n := x - startX; n > 0 {
			found = append(found, match{startX, startY, n})
		}
		x, y = fromX, fromY
	}
	slices.Reverse(found)
	return found
}

// lineIDs gives equal lines equal numbers.
func lineIDs(was, is [][]byte) (a, b []int) {
	ids := map[string]int{}
	number := func(lines [][]byte) []int {
		out := make([]int, len(lines))
		for i, l := range lines {
			id, ok := ids[string(l)]
			if !ok {
				id = len(ids)
				ids[string(l)] = id
			}
			out[i] = id
		}
		return out
	}
	return number(was), number(is)
}

// common is the length of the common start and, in what is left, of the common
// end. Neither splits a UTF-8 sequence.
func common(a, b []byte) (prefix, suffix int) {
	const block = 4096 // bytes.Equal is much faster than a loop
	most := min(len(a), len(b))
	for prefix+block <= most && bytes.Equal(a[prefix:prefix+block], b[prefix:prefix+block]) {
		prefix += block
	}
	for prefix < most && a[prefix] == b[prefix] {
		prefix++
	}
	for prefix > 0 && (inside(a, prefix) || inside(b, prefix)) {
		prefix--
	}
	a, b = a[prefix:], b[prefix:]
	most -= prefix
	for suffix+block <= most && bytes.Equal(a[len(a)-suffix-block:len(a)-suffix], b[len(b)-suffix-block:len(b)-suffix]) {
		suffix += block
	}
	for suffix < most && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	for suffix > 0 && !utf8.RuneStart(a[len(a)-suffix]) {
		suffix--
	}
	return prefix, suffix
}

// inside says whether an offset points at a continuation byte.
func inside(b []byte, at int) bool { return at < len(b) && !utf8.RuneStart(b[at]) }

func size(lines [][]byte) int {
	n := 0
	for _, l := range lines {
		n += len(l)
	}
	return n
}
