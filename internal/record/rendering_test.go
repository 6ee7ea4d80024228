package record

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/output"
)

// listener is what somebody knows of a rendering who is told its news.
type listener struct {
	outputs []Output
}

func (l *listener) hear(t *rapid.T, news []Output) {
	for _, o := range news {
		if o.Kind == Clear {
			l.outputs = slices.DeleteFunc(l.outputs, func(known Output) bool { return known.Index < o.Index })
			continue
		}
		at := slices.IndexFunc(l.outputs, func(known Output) bool { return known.Index >= o.Index })
		if at < 0 {
			at = len(l.outputs)
		}
		if at == len(l.outputs) || l.outputs[at].Index != o.Index {
			l.outputs = slices.Insert(l.outputs, at, Output{Index: o.Index, Kind: o.Kind, Name: o.Name})
		}
		known := &l.outputs[at]
		if o.Kind == Stream {
			runes := []rune(known.Text)
			if o.Back > len(runes) {
				t.Fatalf("output %d has %d characters, of which %d are to be erased", o.Index, len(runes), o.Back)
			}
			o.Text, o.Back = string(runes[:len(runes)-o.Back])+o.Text, 0
		}
		*known = o
	}
}

// Whatever an evaluation brings, and whenever its listener hears of it, the listener
// knows in the end what there is, and what there is is what a terminal would show.
func TestListenerKnowsWhatThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		renderings := []*Rendering{NewRendering(), NewRendering()}
		listeners := make([]listener, len(renderings))
		id := rapid.SampledFrom([]string{"", "a", "b"})
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab é\n\r\b\t\x1b[31m")), 0, 20, -1)
		value := func(kind Kind) Output { return Output{Kind: kind, Text: text.Draw(t, "value")} }
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, len(renderings)-1).Draw(t, "evaluation")
			r := renderings[i]
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2, 3:
				r.Print(rapid.SampledFrom([]string{"stdout", "stderr"}).Draw(t, "stream"), text.Draw(t, "text"))
			case 4:
				r.Add(value(Result), "")
			case 5:
				r.Add(value(Display), id.Draw(t, "display"))
			case 6:
				r.Clear(rapid.Bool().Draw(t, "wait"))
			case 7:
				if id := id.Draw(t, "display"); id != "" {
					r.Update(id, value(Display))
				}
			default:
				listeners[i].hear(t, r.News())
			}
		}
		for i, r := range renderings {
			listeners[i].hear(t, r.News())
			if r.HasNews() {
				t.Error("there is news after the news")
			}
			all := slices.Collect(r.All())
			if len(all) != len(listeners[i].outputs) {
				t.Fatalf("there is %+v, known is %+v", all, listeners[i].outputs)
			}
			for n, o := range all {
				known := listeners[i].outputs[n]
				if o.Index != known.Index || o.Kind != known.Kind || o.Name != known.Name || o.Text != known.Text {
					t.Fatalf("there is %+v, known is %+v", o, known)
				}
			}
		}
	})
}

// What one stream printed alone is what a terminal shows of it, however it came.
func TestStreamIsAsATerminalShowsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.StringOfN(rapid.SampledFrom([]rune("ab\n\r\b\x1b[3m")), 0, 10, -1)).Draw(t, "parts")
		r := NewRendering()
		for _, part := range parts {
			r.Print("stdout", part)
		}
		var whole output.Screen
		whole.Write(strings.Join(parts, ""))
		u, _ := whole.Take()
		got := ""
		for o := range r.All() {
			got += o.Text
		}
		if got != u.Text {
			t.Fatalf("%q, at once %q", got, u.Text)
		}
	})
}

// Of many outputs the last ones are there, and it is said how many were left out.
func TestManyOutputs(t *testing.T) {
	r := NewRendering()
	for range 3 * maxBlocks {
		r.Add(Output{Kind: Display, Text: "x"}, "d")
	}
	all := slices.Collect(r.All())
	if len(all) > maxBlocks+limitEvery+1 || all[0].Kind != Stream || !strings.HasSuffix(all[0].Text, "outputs left out here]\n") {
		t.Errorf("%d outputs, the first %+v", len(all), all[0])
	}
	if n := len(r.displays["d"]); n != len(all)-1 {
		t.Errorf("%d displays, %d are shown", n, len(all)-1)
	}
}

// A large output that was told is dropped on demand, and a small one stays.
func TestDrop(t *testing.T) {
	r := NewRendering()
	r.Add(Output{Kind: Display, Text: strings.Repeat("x", 2*maxSmall)}, "d")
	r.Add(Output{Kind: Result, Text: "small"}, "")
	r.Print("stdout", strings.Repeat("line\n", maxSmall))
	if n := r.Large(); n != 2*maxSmall+5*maxSmall {
		t.Errorf("%d bytes", n)
	}
	r.Drop()
	if all := slices.Collect(r.All()); len(all[0].Text) != 2*maxSmall {
		t.Error("what was not told is dropped")
	}
	r.News()
	r.Drop()
	all := slices.Collect(r.All())
	for i, want := range []string{"left out here", "small", "left out here"} {
		if all[i].Index != i || !strings.Contains(all[i].Text, want) {
			t.Errorf("output %d is %+v", i, all[i])
		}
	}
	if r.Large() != 0 || r.HasNews() || len(r.displays) > 0 {
		t.Error("something large is left")
	}
}
