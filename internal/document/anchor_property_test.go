package document

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// What holds for anchors whatever is edited. The tests look at text alone, and know
// nothing of how an anchor moves.

// evaluated is an anchor, and what its text was and stood beside at the beginning.
type evaluated struct {
	*Anchor
	text          string
	before, after rune // 0 for nothing but blanks
}

// beside gives the characters that are no blanks on both sides of a piece of text.
func beside(text string, start, end int) (before, after rune) {
	head := strings.LastIndexAny(text[:start], "\r\n") + 1
	tail := len(text)
	if i := strings.IndexAny(text[end:], "\r\n"); i >= 0 {
		tail = end + i
	}
	if left := strings.TrimRight(text[head:start], " \t\f\v"); left != "" {
		before, _ = utf8.DecodeLastRuneInString(left)
	}
	if right := strings.TrimLeft(text[end:tail], " \t\f\v"); right != "" {
		after, _ = utf8.DecodeRuneInString(right)
	}
	return before, after
}

// check says what is wrong with an anchor that says that it is not stale.
func (e evaluated) check(text string) error {
	if e.Stale() {
		return nil
	}
	if got := text[e.start:e.end]; got != e.text {
		return fmt.Errorf("%q stands on %q", e.text, got)
	}
	allowed := func(is, was rune, ends string) bool {
		return is == was || was != 0 && (is == 0 || strings.ContainsRune(ends, is))
	}
	before, after := beside(text, e.start, e.end)
	if !allowed(before, e.before, "([{,;") || !allowed(after, e.after, ")]},;") {
		return fmt.Errorf("%q, which stood between %q and %q, stands between %q and %q", e.text, e.before, e.after, before, after)
	}
	return nil
}

var (
	pieces = []string{"g", "g + 1", "x = 1", "f(g)", "größe", "\U0001F600", "  y", "def f():", "    return 1", "# c", ""}
	ends   = []string{"\n", "\r\n", "\n", "\r"}
	typed  = []string{"g", " ", "\t", "+ 1", "\n", "\r\n", "# ", "  # note", "0", "x\n", "\nx", "ö", "\U0001F600", ")", "(", "\r", "", "\f"}
)

func someText(t *rapid.T) string {
	end := rapid.SampledFrom(ends).Draw(t, "line end")
	lines := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "lines")
	return strings.Join(lines, end) + rapid.SampledFrom([]string{"", end}).Draw(t, "last")
}

// somePlace is any place, though often a border of an anchor.
func somePlace(t *rapid.T, d *Document, all []evaluated) Position {
	if len(all) > 0 && rapid.Bool().Draw(t, "at a border") {
		a := rapid.SampledFrom(all).Draw(t, "anchor")
		return d.Position(rapid.SampledFrom([]int{a.start, a.end, a.start - 1, a.end + 1, a.end + 2}).Draw(t, "border"))
	}
	return d.Position(rapid.IntRange(0, len(d.text)).Draw(t, "offset"))
}

func someRange(t *rapid.T, d *Document, all []evaluated) Range {
	r := Range{somePlace(t, d, all), somePlace(t, d, all)}
	if r.End.Before(r.Start) {
		r.Start, r.End = r.End, r.Start
	}
	return r
}

// someEdits are the edits of one didChange. earlier are texts that there were: an
// undo may go back to one of them.
func someEdits(t *rapid.T, d *Document, all []evaluated, earlier []string) []Edit {
	lines := strings.SplitAfter(d.Text(), "\n")
	switch rapid.SampledFrom([]string{"type", "delete", "replace", "several", "whole", "undo", "move", "sort"}).Draw(t, "edit") {
	case "delete":
		r := someRange(t, d, all)
		return []Edit{{&r, ""}}
	case "replace":
		r := someRange(t, d, all)
		return []Edit{{&r, rapid.SampledFrom(pieces).Draw(t, "text")}}
	case "several":
		var edits []Edit
		for range rapid.IntRange(2, 4).Draw(t, "edits") {
			// Each is right in any text: at its beginning.
			edits = append(edits, Edit{&Range{}, rapid.SampledFrom(typed).Draw(t, "typed")})
		}
		return edits
	case "whole":
		return []Edit{{nil, someText(t)}}
	case "undo":
		return []Edit{{nil, rapid.SampledFrom(earlier).Draw(t, "earlier")}}
	case "move":
		from, to := rapid.IntRange(0, len(lines)-1).Draw(t, "from"), rapid.IntRange(0, len(lines)-1).Draw(t, "to")
		line := lines[from]
		return []Edit{{nil, strings.Join(slices.Insert(slices.Delete(slices.Clone(lines), from, from+1), to, line), "")}}
	case "sort":
		slices.Sort(lines)
		return []Edit{{nil, strings.Join(lines, "")}}
	}
	p := somePlace(t, d, all)
	return []Edit{{&Range{p, p}, rapid.SampledFrom(typed).Draw(t, "typed")}}
}

func evaluateSome(t *rapid.T, d *Document, all []evaluated) []evaluated {
	r := someRange(t, d, all)
	if rapid.Bool().Draw(t, "whole lines") {
		r = Range{Position{Line: r.Start.Line}, Position{Line: r.End.Line, Character: d.LineLength(r.End.Line)}}
	}
	if text, err := d.Slice(r); err != nil || strings.Trim(text, " \t\f\v\r\n") == "" {
		return all
	}
	for _, a := range d.Touching(r) { // as an evaluation replaces results
		a.Release()
		all = slices.DeleteFunc(all, func(e evaluated) bool { return e.Anchor == a })
	}
	e := evaluated{Anchor: d.Anchor(r)}
	e.text = d.Text()[e.start:e.end]
	e.before, e.after = beside(d.Text(), e.start, e.end)
	return append(all, e)
}

func TestAnchorThatIsNotStaleStandsOnItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New("file:///a", "python", 0, someText(t), Encoding(rapid.IntRange(0, 2).Draw(t, "encoding")))
		earlier := []string{d.Text()}
		var all []evaluated
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "evaluate") == 0 {
				all = evaluateSome(t, d, all)
			}
			before := d.Text()
			edits := someEdits(t, d, all, earlier)
			stands := untouched(d, all, edits)
			if err := d.Apply(1, edits); err != nil {
				t.Fatal(err)
			}
			earlier = append(earlier, d.Text())
			for i, e := range all {
				if err := e.check(d.Text()); err != nil {
					t.Fatalf("%q → %q: %v", before, d.Text(), err)
				}
				if at, ok := stands[e.Anchor]; ok && (e.Stale() || e.start != at) {
					t.Fatalf("%q → %q: %q at %d (stale %v), though nothing was changed on its lines, now at %d", before, d.Text(), e.text, e.start, e.Stale(), at)
				}
				for _, o := range all[:i] {
					if !e.Stale() && !o.Stale() && e.start < o.end && o.start < e.end {
						t.Fatalf("%q → %q: both %q and %q stand on %q", before, d.Text(), e.text, o.text, d.Text()[e.start:e.end])
					}
				}
			}
		}
	})
}

// untouched says where the anchors must stand on whose lines one edit changes nothing.
func untouched(d *Document, all []evaluated, edits []Edit) map[*Anchor]int {
	stands := map[*Anchor]int{}
	if len(edits) != 1 || edits[0].Range == nil {
		return stands
	}
	r := *edits[0].Range
	from, to, _ := d.offsets(r)
	for _, e := range all {
		where := e.Range()
		switch {
		case e.Stale():
		case where.End.Line < r.Start.Line:
			stands[e.Anchor] = e.start
		case where.Start.Line > r.End.Line:
			stands[e.Anchor] = e.start + len(edits[0].Text) - (to - from)
		}
	}
	return stands
}

// Lines of which each is another are moved in some way, and all of them that were
// evaluated keep their results.
func TestAnchorMovesWithItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for i := range rapid.IntRange(2, 12).Draw(t, "lines") {
			lines = append(lines, fmt.Sprintf("%sx%d = %d", strings.Repeat("  ", i%3), i*7919%100, i))
		}
		d := New("file:///a", "python", 0, strings.Join(lines, "\n")+"\n", UTF16)
		var all []evaluated
		for i, line := range lines {
			if rapid.Bool().Draw(t, "evaluated") {
				all = append(all, evaluated{Anchor: d.Anchor(Range{Position{Line: i}, Position{i, len(line)}}), text: line})
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "moves") {
			was := slices.Clone(lines)
			from := rapid.IntRange(0, len(lines)-1).Draw(t, "from")
			n := rapid.IntRange(1, len(lines)-from).Draw(t, "n")
			to := rapid.IntRange(0, len(lines)-n).Draw(t, "to")
			block := slices.Clone(lines[from : from+n])
			cut := Edit{&Range{Position{Line: from}, Position{Line: from + n}}, ""}
			paste := Edit{&Range{Position{Line: to}, Position{Line: to}}, strings.Join(block, "\n") + "\n"}
			lines = slices.Insert(slices.Delete(lines, from, from+n), to, block...)
			var steps [][]Edit
			switch rapid.SampledFrom([]string{"cut and paste", "copy and delete", "at once", "whole text", "sort", "swap", "back"}).Draw(t, "way") {
			case "cut and paste":
				steps = [][]Edit{{cut}, {paste}}
			case "copy and delete": // as :move does
				copied, deleted := to, from
				if to > from {
					copied += n
				} else {
					deleted += n
				}
				steps = [][]Edit{
					{{&Range{Position{Line: copied}, Position{Line: copied}}, strings.Join(block, "\n") + "\n"}},
					{{&Range{Position{Line: deleted}, Position{Line: deleted + n}}, ""}},
				}
			case "at once":
				steps = [][]Edit{{cut, paste}}
			case "whole text":
				steps = [][]Edit{{{nil, strings.Join(lines, "\n") + "\n"}}}
			case "sort":
				slices.Sort(lines)
				steps = [][]Edit{{{nil, strings.Join(lines, "\n") + "\n"}}}
			case "swap": // line by line, as a formatter's edits
				edits := []Edit{}
				for i := range lines {
					edits = append(edits, Edit{&Range{Position{Line: i}, Position{i, len(was[i])}}, lines[i]})
				}
				steps = [][]Edit{edits}
			case "back":
				steps = [][]Edit{{{nil, strings.Join(lines, "\n") + "\n"}}, {{nil, strings.Join(was, "\n") + "\n"}}}
				lines = was
			}
			for _, edits := range steps {
				if err := d.Apply(1, edits); err != nil {
					t.Fatal(err)
				}
			}
			for _, e := range all {
				if got := d.Text()[e.start:e.end]; e.Stale() || got != e.text || e.Range().Start.Character != 0 {
					t.Fatalf("%q → %q: %q stands on %q, stale %v, gone %v", was, lines, e.text, got, e.Stale(), e.Gone())
				}
			}
		}
	})
}

// Lines that are cut, sorted or brought back keep a result each: never do two stand on one, and
// what was evaluated alone is not lost as long as the text has a line for it.
func TestAnchorsHaveLinesOfTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "  v", "w", "", "z = 1"}), 1, 9).Draw(t, "lines")
		d := New("file:///a", "python", 0, strings.Join(lines, "\n")+"\n", UTF16)
		var all []evaluated
		alone := map[string]int{}
		for i := 0; i < len(lines); i++ {
			n := rapid.IntRange(0, 3).Draw(t, "evaluated lines")
			if n == 0 || i+n > len(lines) || strings.TrimSpace(strings.Join(lines[i:i+n], "")) == "" {
				continue
			}
			a := d.Anchor(Range{Position{Line: i}, Position{i + n - 1, len(lines[i+n-1])}})
			all = append(all, evaluated{Anchor: a, text: d.Text()[a.start:a.end]})
			if n == 1 {
				alone[lines[i]]++
			}
			i += n - 1
		}
		texts, permuted := []string{d.Text()}, true
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			var edits []Edit
			switch rapid.SampledFrom([]string{"sort", "reverse", "move", "delete", "edit", "back"}).Draw(t, "step") {
			case "sort":
				slices.Sort(lines)
			case "reverse":
				slices.Reverse(lines)
			case "move":
				from, to := rapid.IntRange(0, len(lines)-1).Draw(t, "from"), rapid.IntRange(0, len(lines)-1).Draw(t, "to")
				line := lines[from]
				lines = slices.Insert(slices.Delete(slices.Clone(lines), from, from+1), to, line)
			case "delete":
				from := rapid.IntRange(0, d.LineCount()-1).Draw(t, "first")
				to := rapid.IntRange(from, d.LineCount()-1).Draw(t, "behind the last")
				edits, permuted = []Edit{{&Range{Position{Line: from}, Position{Line: to}}, ""}}, false
			case "edit":
				edits, permuted = someEdits(t, d, all, texts), false
			case "back":
				edits = []Edit{{nil, texts[0]}}
			}
			if edits == nil {
				edits = []Edit{{nil, strings.Join(lines, "\n") + "\n"}}
			}
			if err := d.Apply(1, edits); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, d.Text())
			if two := onOneLine(all); two != "" {
				t.Fatalf("%q: %s", texts, two)
			}
		}
		for text, n := range alone {
			if have := onLine(all, text); permuted && have < n {
				t.Fatalf("%q: %d results of %q, now %d", texts, n, text, have)
			}
		}
	})
}

// onOneLine tells of two results on one line, of which not both are marked.
func onOneLine(all []evaluated) string {
	for i, e := range all {
		for _, o := range all[:i] {
			a, b := e.Range(), o.Range()
			if !e.Gone() && !o.Gone() && !(e.Stale() && o.Stale()) && a.Start.Line <= b.End.Line && b.Start.Line <= a.End.Line {
				return fmt.Sprintf("%q at %v (stale %v) and %q at %v (stale %v)", e.text, a, e.Stale(), o.text, b, o.Stale())
			}
		}
	}
	return ""
}

// onLine counts the results without a mark that stand on a line, be it with others.
func onLine(all []evaluated, line string) (n int) {
	for _, e := range all {
		for l := range strings.SplitSeq(e.text, "\n") {
			if l == line && !e.Stale() {
				n++
			}
		}
	}
	return n
}

// BenchmarkEditWithAnchors is the work for a key, in a document of 10,000 lines.
func BenchmarkEditWithAnchors(b *testing.B) {
	for _, n := range []int{10, 5000} {
		b.Run(fmt.Sprintf("%d anchors", n), func(b *testing.B) {
			text := strings.Repeat("größe = größe + 1  # eine Zeile\n", 10000)
			d := New("file:///a", "python", 1, text, UTF16)
			for i := range n {
				line := i * (10000 / n)
				d.Anchor(Range{Position{Line: line}, Position{line, 17}})
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				p := Position{rnd.IntN(10000), 3}
				if err := d.Apply(1, []Edit{{&Range{p, p}, "x"}}); err != nil {
					b.Fatal(err)
				}
				if err := d.Apply(2, []Edit{{&Range{p, Position{p.Line, 4}}, ""}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRewriteWithAnchors is the work for a text that is written anew, in a
// document of 10,000 lines of which 1,000 have anchors.
func BenchmarkRewriteWithAnchors(b *testing.B) {
	var lines []string
	for i := range 10000 {
		lines = append(lines, fmt.Sprintf("x%d = %d\n", i*7919%10007, i))
	}
	text := strings.Join(lines, "")
	sorted := strings.Join(slices.Sorted(slices.Values(lines)), "")
	same := strings.Repeat("x = 1\n", 10000)
	for name, texts := range map[string][2]string{
		"sort":        {text, sorted},
		"other lines": {text, strings.ReplaceAll(text, "x", "y")},
		"indent":      {text, "  " + strings.ReplaceAll(text, "\n", "\n  ")},
		"reflow":      {text, strings.ReplaceAll(text, " = ", " = (\n")},
		"delete":      {text, ""},
		"equal lines": {same, same[:len(same)/2] + "y\n"},
	} {
		b.Run(name, func(b *testing.B) {
			d := New("file:///a", "python", 1, texts[0], UTF16)
			for i := range 1000 {
				d.Anchor(Range{Position{Line: 10 * i}, Position{Line: 10*i + 1}})
			}
			for b.Loop() {
				for i := range 2 {
					if err := d.Apply(1, []Edit{{nil, texts[1-i]}}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
