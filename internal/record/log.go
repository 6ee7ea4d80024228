package record

import (
	"fmt"
	"slices"
	"strings"
)

// Log is what came of one evaluation, in order, as its kernel gave it. What was voided by
// a Clear, or by a later update of the same display, is no part of it; of very much the
// oldest is left out, and that is said there. It has no lock.
type Log struct {
	// Whole is a log of which nothing is left out.
	Whole bool

	entries []Entry
	printed strings.Builder // the text of the last entry, if that is a stream that may grow
	bytes   int
	streams int // bytes of those that are streams
	left    int // bytes that were left out
	gap     int // how many of the entries stand before what was left out first
	// clears is set by a Clear that comes into effect with the next entry.
	clears bool
}

// Bounds in bytes: up to which size what a stream prints is joined to one entry, of a log,
// and of its streams: a listener that comes later shows no more of one than maxText.
const (
	maxChunk   = 16 << 10
	maxLog     = 32 << 20
	maxStreams = 2 * maxText
)

// Add appends an entry.
func (l *Log) Add(e Entry) {
	if l.clears {
		l.void()
	}
	switch e.Kind {
	case Clear:
		if e.Wait {
			l.clears = true
		} else {
			l.void()
		}
		return
	case Stream:
		if l.print(e) {
			return
		}
	case Update:
		l.remove(func(_ int, old Entry) bool { return old.Kind == Update && old.DisplayID == e.DisplayID })
	}
	l.entries = append(l.entries, e)
	l.bytes += e.Size()
	l.printed = strings.Builder{}
	if e.Kind == Stream {
		l.streams += e.Size()
		if len(e.Text) < maxChunk {
			l.printed.WriteString(e.Text)
		}
	}
	l.limit()
}

// print joins what a stream printed to the last entry, if that is the same stream's.
func (l *Log) print(e Entry) bool {
	last := len(l.entries) - 1
	if last < 0 || l.entries[last].Kind != Stream || l.entries[last].Name != e.Name || len(l.entries[last].Text)+len(e.Text) > maxChunk {
		return false
	}
	l.printed.WriteString(e.Text)
	l.entries[last].Text = l.printed.String()
	l.bytes += len(e.Text)
	l.streams += len(e.Text)
	return true
}

// limit leaves out the oldest of what is too much.
func (l *Log) limit() {
	if l.Whole {
		return
	}
	if l.streams > maxStreams {
		l.leaveOut(func(e Entry) bool { return e.Kind == Stream && l.streams > maxStreams/2 })
	}
	if l.bytes > maxLog {
		l.leaveOut(func(Entry) bool { return l.bytes > maxLog/2 })
	}
}

// leaveOut leaves out what is too much, but not the last entry.
func (l *Log) leaveOut(tooMuch func(Entry) bool) {
	first, last := -1, len(l.entries)-1
	size := l.remove(func(i int, e Entry) bool {
		out := i < last && tooMuch(e)
		if out && first < 0 {
			first = i
		}
		return out
	})
	if first >= 0 && (l.left == 0 || first < l.gap) {
		l.gap = first
	}
	l.left += size
}

// remove removes entries, and gives their size.
func (l *Log) remove(which func(i int, e Entry) bool) (size int) {
	kept, gap := l.entries[:0], l.gap
	for i, e := range l.entries {
		if !which(i, e) {
			kept = append(kept, e)
			continue
		}
		if i < l.gap {
			gap--
		}
		n := e.Size()
		size += n
		l.bytes -= n
		if e.Kind == Stream {
			l.streams -= n
		}
	}
	clear(l.entries[len(kept):])
	l.entries, l.gap = kept, gap
	return size
}

func (l *Log) void() { *l = Log{Whole: l.Whole} }

// Entries are the entries so far.
func (l *Log) Entries() []Entry {
	if l.left == 0 {
		return slices.Clone(l.entries)
	}
	note := Entry{Kind: Stream, Name: "stderr", Text: fmt.Sprintf("[%d MB of older output are left out]\n", l.left>>20+1)}
	return slices.Concat(l.entries[:l.gap], []Entry{note}, l.entries[l.gap:])
}

// Size is about what the log takes, in bytes.
func (l *Log) Size() int { return l.bytes }
