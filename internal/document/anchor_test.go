package document

import (
	"fmt"
	"strings"
	"testing"
)

// state is an anchor as the tests write it: its text between brackets, and what it
// says of itself.
func state(d *Document, a *Anchor) string {
	text := d.Text()
	s := text[:a.start] + "[" + text[a.start:a.end] + "]" + text[a.end:]
	if a.Stale() && a.Gone() {
		return s + " gone"
	}
	if a.Stale() {
		return s + " stale"
	}
	return s
}

// parse reads a text in which brackets stand around a piece.
func parse(t *testing.T, marked string) (text string, r Range) {
	t.Helper()
	before, rest, _ := strings.Cut(marked, "[")
	inside, after, ok := strings.Cut(rest, "]")
	if !ok {
		t.Fatalf("no brackets in %q", marked)
	}
	d := New("", "", 0, before+inside+after, UTF16)
	return d.Text(), Range{d.Position(len(before)), d.Position(len(before) + len(inside))}
}

func TestAnchor(t *testing.T) {
	type step struct{ edit, want string } // edit: the text with brackets around what is replaced, then => and its replacement
	for _, tt := range []struct {
		name, anchor string
		steps        []step
	}{
		{"moves with a line above", "a\n[x = 1]\nb", []step{
			{"[]a\nx = 1\nb=>new\n", "new\na\n[x = 1]\nb"},
			{"[new\na\n]x = 1\nb=>", "[x = 1]\nb"},
		}},
		{"blanks at its end are left out", "[x = 1  \n\n]b", []step{
			{"x = 1[]  \n\nb=>\ny", "[x = 1]\ny  \n\nb"},
		}},
		{"a line put in exactly before it", "[x = 1]\n", []step{
			{"[]x = 1\n=>y\n", "y\n[x = 1]\n"},
		}},
		{"typed line by line before it", "a\n[x = 1]", []step{
			{"a\n[]x = 1=>\n", "a\n\n[x = 1]"},
			{"a\n[]\nx = 1=>y", "a\ny\n[x = 1]"},
		}},
		{"changed inside, and undone", "a\n[x = 1]\n", []step{
			{"a\nx [=] 1\n=>==", "a\n[x == 1]\n stale"},
			{"a\nx =[=] 1\n=>", "a\n[x = 1]\n"},
		}},
		{"commented out, and in again", "[x = 1]\n", []step{
			{"[]x = 1\n=># ", "[# x = 1]\n stale"},
			{"[# ]x = 1\n=>", "[x = 1]\n"},
		}},
		{"goes on at its end, and back", "[x = 1]\n", []step{
			{"x = 1[]\n=>0", "[x = 10]\n stale"},
			{"x = 1[0]\n=>", "[x = 1]\n"},
		}},
		{"joined with the next line", "[x = 1]\n+ 2\n", []step{
			{"x = 1[\n]+ 2\n=> ", "[x = 1 + 2]\n stale"},
			{"x = 1[ ]+ 2\n=>\n", "[x = 1]\n+ 2\n"},
		}},
		{"indented", "[x = 1\ny = 2]\n", []step{
			{"[]x = 1\ny = 2\n=>  ", "  [x = 1\ny = 2]\n"},
			{"  x = 1\n[]y = 2\n=>  ", "  [x = 1\n  y = 2]\n stale"},
		}},
		{"a part of a line", "print([1+1])", []step{
			{"print([]1+1)=>0, ", "print(0, [1+1])"},
			{"print(0, 1+1[])=>, 2", "print(0, [1+1], 2)"},
			{"print(0, 1[]+1, 2)=>0", "print(0, [10+1], 2) stale"},
		}},
		{"deleted and undone", "a\n[x = 1]\nb", []step{
			{"a\n[x = 1\n]b=>", "a\n[]b gone"},
			{"a\n[]b=>x = 1\n", "a\n[x = 1]\nb"},
		}},
		{"deleted with lines around it and undone", "a\n[x = 1]\nb\nc", []step{
			{"[a\nx = 1\nb]\nc=>", "[]\nc gone"},
			{"[]\nc=>a\nx = 1\nb", "a\n[x = 1]\nb\nc"},
		}},
		{"deleted character by character and undone at once", "a\n[xy]\n", []step{
			{"a\nx[y]\n=>", "a\n[x]\n stale"},
			{"a\n[x]\n=>", "a\n[]\n gone"},
			{"a\n[]\n=>xy", "a\n[xy]\n"},
		}},
		{"its start deleted and undone", "a\n[x = 1\ny = 2]\nb", []step{
			{"[a\nx = 1\n]y = 2\nb=>", "[y = 2]\nb stale"},
			{"[]y = 2\nb=>a\nx = 1\n", "a\n[x = 1\ny = 2]\nb"},
		}},
		{"its end deleted and undone", "a\n[x = 1\ny = 2]\nb", []step{
			{"a\nx = 1[\ny = 2\nb]=>", "a\n[x = 1] stale"},
			{"a\nx = 1[]=>\ny = 2\nb", "a\n[x = 1\ny = 2]\nb"},
		}},
		{"joined and undone in two steps", "a\n[x = 1]\nb", []step{
			{"[a]\nx = 1\nb=>a x = 1", "a x = 1\n[x = 1]\nb"},
			{"a x = 1\n[x = 1\n]b=>", "a x = 1\n[]b gone"},
			{"a[ ]x = 1\nb=>\n", "a\n[x = 1]\nb"},
		}},
		{"typed again elsewhere", "a\n[xy]\n", []step{
			{"[a\nxy\n]=>", "[] gone"},
			{"[]=>b\nx", "[]b\nx gone"},
			{"b\nx[]=>y", "[]b\nxy gone"},
		}},
		{"an editor replaces the line by itself and more", "[x = 2]\n", []step{
			{"[x = 2]\n=>x = 9\nx = 2", "x = 9\n[x = 2]\n"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, r := parse(t, tt.anchor)
			d := New("file:///a", "python", 0, text, UTF16)
			a := d.Anchor(r)
			for i, s := range tt.steps {
				marked, replacement, _ := strings.Cut(s.edit, "=>")
				text, r := parse(t, marked)
				if text != d.Text() {
					t.Fatalf("step %d edits %q, but the text is %q", i, text, d.Text())
				}
				if err := d.Apply(i, []Edit{{&r, replacement}}); err != nil {
					t.Fatal(err)
				}
				if got := state(d, a); got != s.want {
					t.Fatalf("step %d: %q, want %q", i, got, s.want)
				}
			}
		})
	}
}

// What is typed behind blanks on the lines of an anchor, or before them, counts too.
func TestAnchorHasItsLinesForItself(t *testing.T) {
	for _, tt := range []struct{ anchor, edit, want string }{
		{"[g]\n", "g[]\n=> ", "[g] \n"},
		{"[g] \n", "g []\n=>+ 1", "[g + 1]\n stale"},
		{"[g]\t\n", "g\t[]\n=>;h", "[g\t;h]\n stale"},
		{" [g]\n", "[] g\n=>f", "[f g]\n stale"},
		{"[g]\r\nh", "g[\r\n]h=>", "[gh] stale"},
		{"f\n[g]\n", "f[\n]g\n=> ", "[f g]\n stale"},
		{"print([g])", "print(g[])=> + 1", "print([g] + 1) stale"},
		{"print([g])", "print(g[])=>o", "print([g]o) stale"},
		{"print([g])", "print([]g)=>-", "print(-[g]) stale"},
		{"print([g])", "print(g)[]=>; h", "print([g]); h"},
		{"print([g])", "print(g[])=>, end=1", "print([g], end=1)"},
		{"return [g]", "return[ ]g=>", "return[g] stale"},
		{"[df].a", "df[].a=> ", "[df] .a stale"},
		{"1 + [g] * 2", "1 + g [*] 2=>-", "1 + [g] - 2 stale"},
	} {
		text, r := parse(t, tt.anchor)
		d := New("file:///a", "python", 0, text, UTF16)
		a := d.Anchor(r)
		marked, replacement, _ := strings.Cut(tt.edit, "=>")
		if text, r = parse(t, marked); text != d.Text() {
			t.Fatalf("the edit is of %q, but the text is %q", text, d.Text())
		}
		if err := d.Apply(1, []Edit{{&r, replacement}}); err != nil {
			t.Fatal(err)
		}
		if got := state(d, a); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.edit, got, tt.want)
		}
	}
}

func TestLineOfAnchor(t *testing.T) {
	d := New("file:///a", "python", 0, "a\nb = 1\nc = 2\nd = 3\n", UTF16)
	a := d.Anchor(Range{Position{Line: 1}, Position{Line: 4}})
	for _, tt := range []struct {
		edit  string
		lines []int
	}{
		{"x\na\nb = 1\nc = 2\nd = 3\n", []int{2, 3, 4}},
		{"x\na\nb = 1\nnew\nc = 2\nd = 3\n", []int{2, 4, 5}},
		{"x\na\nb = 1\nnew\nc = 2\nd = 4\n", []int{2, 4, 5}},
		{"a\nc = 2\nd = 4\n", []int{1, 1, 2}},
	} {
		if err := d.Apply(1, []Edit{{nil, tt.edit}}); err != nil {
			t.Fatal(err)
		}
		for n, want := range tt.lines {
			if got := a.LineOf(n); got != want {
				t.Errorf("%q: line %d of the anchor is line %d, want %d", tt.edit, n, got, want)
			}
		}
	}
}

func TestFullTextKeepsAnchors(t *testing.T) {
	text := "x = 1\nx = 2\ndef f():\n    return 1\n\nf()\nf()\n"
	d := New("file:///a", "python", 0, text, UTF16)
	var anchors []*Anchor
	for i := range d.LineCount() - 1 {
		anchors = append(anchors, d.Anchor(Range{Position{i, 0}, Position{i + 1, 0}}))
	}
	// Lines added at three places, one changed, one removed.
	if err := d.Apply(1, []Edit{{nil, "import os\nx = 1\nx = 9\nx = 2\ndef f():\n    return 2\n\nf()\nend\n"}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range anchors {
		got = append(got, fmt.Sprintf("%d %v %v", a.Range().Start.Line, a.Stale(), a.Gone()))
	}
	want := "1 false false, 3 false false, 4 false false, 5 true false, 6 false false, 7 false false, 8 true false"
	if strings.Join(got, ", ") != want {
		t.Errorf("line, stale, gone:\n%s, want\n%s", strings.Join(got, ", "), want)
	}
}

func TestFullTextOfManyChangesStaysRight(t *testing.T) {
	var was, is strings.Builder
	for i := range 2000 { // more lines than the difference is looked for
		fmt.Fprintf(&was, "a%d\n", i)
		fmt.Fprintf(&is, "b%d\nc%d\n", i, i)
	}
	d := New("file:///a", "python", 0, was.String()+"x\n", UTF16)
	a := d.Anchor(Range{Position{2000, 0}, Position{2000, 1}})
	if err := d.Apply(1, []Edit{{nil, is.String() + "x\n"}}); err != nil {
		t.Fatal(err)
	}
	if d.Text() != is.String()+"x\n" || a.Stale() || a.Range().Start.Line != 4000 {
		t.Errorf("%d lines, anchor on %v, stale %v", d.LineCount(), a.Range(), a.Stale())
	}
}

func TestReleasedAnchorStaysBehind(t *testing.T) {
	d := New("file:///a", "python", 0, "a\nb\n", UTF16)
	a := d.Anchor(Range{Position{1, 0}, Position{1, 1}})
	a.Release()
	if err := d.Apply(1, []Edit{{&Range{}, "\n"}}); err != nil {
		t.Fatal(err)
	}
	if len(d.anchors) != 0 || a.Range().Start.Line != 1 {
		t.Errorf("%d anchors, range %v", len(d.anchors), a.Range())
	}
}
