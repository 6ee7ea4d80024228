package document

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The lines that Changed says are as they were, are.
func TestChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "", "\r", "\n", "\r\n"}), 0, 12).Draw(t, "text"), "")
		})
		d := New("file:///a", "python", 1, text.Draw(t, "opened"), UTF8)
		lines := func() (all []string) {
			for n := range d.LineCount() {
				all = append(all, d.Line(n))
			}
			return all
		}
		if head, tail, changed := d.Changed(); head != 0 || tail != 0 || !changed {
			t.Fatal("a text that is new has not changed")
		}
		before, whole := lines(), d.Text()
		for version := range rapid.IntRange(0, 4).Draw(t, "edits") {
			edit := Edit{Text: text.Draw(t, "put in")}
			if rapid.Bool().Draw(t, "in part") {
				start := rapid.IntRange(0, len(d.Text())).Draw(t, "start")
				end := rapid.IntRange(start, len(d.Text())).Draw(t, "end")
				edit.Range = &Range{d.Position(start), d.Position(end)}
			}
			if err := d.Apply(version+2, []Edit{edit}); err != nil {
				t.Fatal(err)
			}
		}
		head, tail, changed := d.Changed()
		after := lines()
		if !changed {
			if d.Text() != whole {
				t.Fatalf("%q is told to be %q still", d.Text(), whole)
			}
			return
		}
		if head+tail > min(len(before), len(after)) || !slices.Equal(before[:head], after[:head]) || !slices.Equal(before[len(before)-tail:], after[len(after)-tail:]) {
			t.Fatalf("%q was %q: %d lines at the beginning and %d at the end are not as they were", after, before, head, tail)
		}
	})
}
