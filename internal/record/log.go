package record

import (
	"fmt"
	"slices"
	"strings"
)

// Log is what came of one evaluation, in order, as its kernel gave it. What was voided by
// a Clear, or by a later update of the same display, is no part of it; of very much the
// beginning is left out, and that is said there. It has no lock.
type Log struct {
	entries []Entry
	printed strings.Builder // the text of the last entry, if that is a stream
	bytes   int
	left    int // bytes that were left out
	// clears is set by a Clear that comes into effect with the next entry.
	clears bool
}

// Bounds in bytes: up to which size what a stream prints is joined to one entry, and of a log.
const (
	maxChunk = 16 << 10
	maxLog   = 32 << 20
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
		l.entries = slices.DeleteFunc(l.entries, func(old Entry) bool {
			void := old.Kind == Update && old.DisplayID == e.DisplayID
			if void {
				l.bytes -= old.Size()
			}
			return void
		})
	}
	l.entries = append(l.entries, e)
	l.bytes += e.Size()
	l.printed = strings.Builder{}
	if e.Kind == Stream {
		l.printed.WriteString(e.Text)
	}
	if l.bytes > maxLog {
		l.shorten()
	}
}

// shorten leaves out the beginning, but not the last entry.
func (l *Log) shorten() {
	n := 0
	for ; l.bytes > maxLog/2 && n < len(l.entries)-1; n++ {
		size := l.entries[n].Size()
		l.bytes -= size
		l.left += size
	}
	l.entries = slices.Clone(l.entries[n:])
}

// print joins what a stream printed to the last entry, if that is the same stream's.
func (l *Log) print(e Entry) bool {
	last := len(l.entries) - 1
	if last < 0 || l.entries[last].Kind != Stream || l.entries[last].Name != e.Name || l.printed.Len()+len(e.Text) > maxChunk {
		return false
	}
	l.printed.WriteString(e.Text)
	l.entries[last].Text = l.printed.String()
	l.bytes += len(e.Text)
	return true
}

func (l *Log) void() { *l = Log{} }

// Entries are the entries so far.
func (l *Log) Entries() []Entry {
	if l.left == 0 {
		return slices.Clone(l.entries)
	}
	note := Entry{Kind: Stream, Name: "stderr", Text: fmt.Sprintf("[%d MB of output are left out here]\n", l.left>>20+1)}
	return slices.Concat([]Entry{note}, l.entries)
}

// Size is about what the log takes, in bytes.
func (l *Log) Size() int { return l.bytes }
