package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/jupyter"
)

// anEntry draws what a kernel may give.
func anEntry(t *rapid.T) Entry {
	text := rapid.SampledFrom([]string{"a", "b\n", "größe\r", "\x1b[31m", ""})
	bundle := func() jupyter.MIMEBundle {
		data, _ := json.Marshal(text.Draw(t, "data"))
		return jupyter.MIMEBundle{"text/plain": data}
	}
	id := rapid.SampledFrom([]string{"p", "q"})
	switch rapid.SampledFrom([]Kind{Stream, Stream, Display, Update, Result, Error, Clear, Page}).Draw(t, "kind") {
	case Stream:
		return Entry{Kind: Stream, Name: rapid.SampledFrom([]string{"stdout", "stderr"}).Draw(t, "name"), Text: text.Draw(t, "text")}
	case Display:
		return Entry{Kind: Display, Data: bundle(), DisplayID: rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "id")}
	case Update:
		return Entry{Kind: Update, Data: bundle(), DisplayID: id.Draw(t, "id")}
	case Result:
		return Entry{Kind: Result, Data: bundle(), Count: rapid.IntRange(0, 9).Draw(t, "count")}
	case Error:
		return Entry{Kind: Error, Name: "E", Text: text.Draw(t, "value"), Traceback: []string{"at 1", "at 2"}}
	case Page:
		return Entry{Kind: Page, Data: bundle()}
	}
	return Entry{Kind: Clear, Wait: rapid.Bool().Draw(t, "wait")}
}

// What a log gives in JSON comes back as it was.
func TestEntryInJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anEntry(t)
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back Entry
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(back, e) {
			t.Errorf("%s\ngives %+v\nfor   %+v", data, back, e)
		}
	})
	var e Entry
	if err := json.Unmarshal([]byte(`{"output_type": "of another day"}`), &e); err == nil {
		t.Error("an unknown type is no error")
	}
}

// However often it is printed, no stream is longer than a chunk, and nothing is lost.
func TestLogJoinsStreams(t *testing.T) {
	var l Log
	for range 10_000 {
		l.Add(Entry{Kind: Stream, Name: "stdout", Text: "a line\n"})
	}
	all := strings.Builder{}
	for _, e := range l.Entries() {
		if len(e.Text) > maxChunk {
			t.Fatalf("an entry of %d bytes", len(e.Text))
		}
		all.WriteString(e.Text)
	}
	if want := strings.Repeat("a line\n", 10_000); all.String() != want {
		t.Errorf("%d bytes of %d", all.Len(), len(want))
	}
	if n := len(l.Entries()); n > 10 {
		t.Errorf("%d entries", n)
	}
}

// However much is printed, a log stays small, and says that it has not all: pictures stay.
func TestLogIsBounded(t *testing.T) {
	var l Log
	line := strings.Repeat("x", 1023) + "\n"
	picture := Entry{Kind: Display, Data: jupyter.MIMEBundle{"image/png": make([]byte, 100_000)}}
	l.Add(picture)
	for i := range 3 * maxLog / len(line) {
		l.Add(Entry{Kind: Stream, Name: "stdout", Text: line})
		if i%10_000 == 0 {
			l.Add(picture)
		}
		if l.Size() > maxStreams+20*len(picture.Data["image/png"]) {
			t.Fatalf("%d bytes", l.Size())
		}
	}
	entries := l.Entries()
	if entries[0].Kind != Display || !strings.Contains(entries[1].Text, "MB of older output are left out") || entries[2].Kind != Display || !strings.HasSuffix(entries[len(entries)-1].Text, line) {
		t.Errorf("it begins with %v %.80q %v", entries[0].Kind, entries[1].Text, entries[2].Kind)
	}
	pictures, printed := 0, 0
	for _, e := range entries {
		if e.Kind == Display {
			pictures++
		}
		printed += len(e.Text)
	}
	if pictures != 11 || printed < maxStreams/3 {
		t.Errorf("%d pictures and %d bytes are left", pictures, printed)
	}
	for range 3 * maxLog / len(picture.Data["image/png"]) {
		if l.Add(picture); l.Size() > maxLog+1<<20 {
			t.Fatalf("%d bytes", l.Size())
		}
	}
	if entries = l.Entries(); !strings.Contains(entries[0].Text, "left out") || entries[1].Kind != Display {
		t.Errorf("it begins with %.80q", entries[0].Text)
	}
	l.Add(Entry{Kind: Result, Data: jupyter.MIMEBundle{"text/plain": make([]byte, 2*maxLog)}})
	if entries = l.Entries(); entries[len(entries)-1].Kind != Result {
		t.Error("a large value is left out")
	}
	l.Add(Entry{Kind: Clear})
	l.Add(Entry{Kind: Stream, Name: "stdout", Text: "x"})
	if n := len(l.Entries()); n != 1 {
		t.Errorf("after it was cleared there are %d entries", n)
	}
}

// A log that has everything leaves out nothing, whatever its size.
func TestWholeLog(t *testing.T) {
	l := Log{Whole: true}
	l.Add(Entry{Kind: Stream, Name: "stdout", Text: "void"})
	l.Add(Entry{Kind: Clear})
	text := strings.Repeat("x", maxLog)
	for range 3 {
		l.Add(Entry{Kind: Stream, Name: "stdout", Text: text})
	}
	if entries := l.Entries(); len(entries) != 3 || entries[0].Text != text {
		t.Errorf("%d entries", len(entries))
	}
}

// What is missing is told to be, before all of it; the rest is there, in order.
func TestLogTellsWhatIsMissing(t *testing.T) {
	text := strings.Repeat("x", 4<<20)
	rapid.Check(t, func(rt *rapid.T) {
		var l Log
		var given []Entry
		displays := rapid.SampledFrom([]int{0, 1, 6, 12}).Draw(rt, "displays at the beginning")
		for n := range rapid.SampledFrom([]int{5, 20, 40}).Draw(rt, "entries") {
			e := Entry{Kind: Stream, Name: fmt.Sprint(n), Text: text[:rapid.SampledFrom([]int{10, 1 << 20, 2 << 20, 4 << 20}).Draw(rt, "size")]}
			switch kind := rapid.IntRange(0, 3).Draw(rt, "kind"); {
			case n < displays || kind == 1:
				e.Kind = Display
			case kind == 0:
				e.Kind, e.DisplayID = Update, fmt.Sprint(rapid.IntRange(0, 2).Draw(rt, "id"))
				given = slices.DeleteFunc(given, func(old Entry) bool { return old.Kind == Update && old.DisplayID == e.DisplayID })
			}
			given = append(given, e)
			l.Add(e)
		}
		size, streams, told := 0, 0, false
		entries := l.Entries()
		for _, e := range given {
			for !told && len(entries) > 0 && strings.HasSuffix(entries[0].Text, "left out]\n") {
				told, entries = true, entries[1:]
			}
			if len(entries) == 0 || entries[0].Name != e.Name {
				if !told {
					rt.Fatalf("entry %s is missing, and it is not told", e.Name)
				}
				continue
			}
			entries = entries[1:]
			if size += e.Size(); e.Kind == Stream {
				streams += e.Size()
			}
		}
		if len(entries) > 0 || size != l.Size() || streams != l.streams || size > maxLog || streams > maxStreams {
			rt.Fatalf("%d bytes are counted as %d, %d as %d; %d entries are left", size, l.Size(), streams, l.streams, len(entries))
		}
	})
}
