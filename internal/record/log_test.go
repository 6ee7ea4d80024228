package record

import (
	"encoding/json"
	"reflect"
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

// However much is printed, a log stays small, and says that it has not all.
func TestLogIsBounded(t *testing.T) {
	var l Log
	line := strings.Repeat("x", 1023) + "\n"
	for range 3 * maxLog / len(line) {
		l.Add(Entry{Kind: Stream, Name: "stdout", Text: line})
		if l.Size() > maxLog+2*maxChunk {
			t.Fatalf("%d bytes", l.Size())
		}
	}
	entries := l.Entries()
	if !strings.Contains(entries[0].Text, "MB of output are left out here") || !strings.HasSuffix(entries[len(entries)-1].Text, line) {
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
