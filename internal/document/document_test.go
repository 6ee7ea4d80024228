package document

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// names holds, on each line, characters of one, two, three and four bytes, and a
// combining mark that is a character of its own in every encoding.
const names = "größe = 1\r\n\U0001F600.x = \"日本\"\rn\u0303u\nend"

func TestPositions(t *testing.T) {
	for _, tt := range []struct {
		enc  Encoding
		pos  Position
		rest string // what follows the position on its line
	}{
		{UTF8, Position{0, 7}, " = 1"},
		{UTF16, Position{0, 5}, " = 1"},
		{UTF32, Position{0, 5}, " = 1"},
		{UTF8, Position{1, 4}, ".x = \"日本\""},
		{UTF16, Position{1, 2}, ".x = \"日本\""},
		{UTF32, Position{1, 1}, ".x = \"日本\""},
		{UTF8, Position{1, 13}, "本\""},
		{UTF16, Position{1, 9}, "本\""},
		{UTF32, Position{1, 8}, "本\""},
		{UTF8, Position{2, 3}, "u"},
		{UTF16, Position{2, 2}, "u"},
		{UTF32, Position{2, 2}, "u"},
		{UTF16, Position{3, 3}, ""},
	} {
		d := New("file:///a.py", "python", 1, names, tt.enc)
		at, err := d.Offset(tt.pos)
		if err != nil {
			t.Errorf("%v %v: %v", tt.enc, tt.pos, err)
			continue
		}
		line := d.Line(tt.pos.Line)
		if want := strings.Index(names, line) + len(line) - len(tt.rest); at != want {
			t.Errorf("%v %v: offset %d, want %d", tt.enc, tt.pos, at, want)
		}
		if back := d.Position(at); back != tt.pos {
			t.Errorf("%v: offset %d is %v, want %v", tt.enc, at, back, tt.pos)
		}
	}
}

func TestPositionsInsideACharacter(t *testing.T) {
	for _, tt := range []struct {
		enc      Encoding
		pos, is  Position
		why, err string
	}{
		{enc: UTF16, pos: Position{1, 1}, is: Position{1, 0}, why: "between surrogates"},
		{enc: UTF8, pos: Position{1, 3}, is: Position{1, 0}, why: "in a sequence of four"},
		{enc: UTF8, pos: Position{0, 3}, is: Position{0, 2}, why: "in a sequence of two"},
		{enc: UTF16, pos: Position{0, 99}, is: Position{0, 9}, why: "beyond the end of the line"},
		{enc: UTF32, pos: Position{4, 0}, is: Position{3, 3}, why: "start of the line after the last"},
		{enc: UTF16, pos: Position{4, 1}, err: "position 4:1 is beyond the last line, 3"},
		{enc: UTF16, pos: Position{-1, 0}, err: "position -1:0 is negative"},
	} {
		d := New("file:///a.py", "python", 1, names, tt.enc)
		at, err := d.Offset(tt.pos)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%v: error %v, want %s", tt.pos, err, tt.err)
			}
			continue
		}
		if got := d.Position(at); err != nil || got != tt.is {
			t.Errorf("%v, %s: %v %v, want %v", tt.pos, tt.why, got, err, tt.is)
		}
	}
	d := New("file:///a.py", "python", 1, names, UTF8)
	if got := d.Position(strings.Index(names, "\n")); got != (Position{0, 11}) {
		t.Errorf("inside a terminator: %v", got)
	}
	if got := d.Position(3); got != (Position{0, 2}) {
		t.Errorf("offset inside ö: %v", got)
	}
}

func TestInvalidUTF8CountsByteByByte(t *testing.T) {
	d := New("file:///a", "python", 1, "a\xff\xe6b", UTF16)
	at, err := d.Offset(Position{0, 3})
	if err != nil || at != 3 {
		t.Errorf("offset %d %v, want 3", at, err)
	}
	if got := d.Text(); got != "a\xff\xe6b" {
		t.Errorf("text changed: %q", got)
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":              {""},
		"a":             {"a"},
		"a\n":           {"a", ""},
		"a\r\nb\rc\n\r": {"a", "b", "c", "", ""},
	} {
		d := New("file:///a", "python", 1, text, UTF16)
		var got []string
		for i := range d.LineCount() {
			got = append(got, d.Line(i))
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("%q: lines %q, want %q", text, got, want)
		}
	}
}

func TestLineLength(t *testing.T) {
	for enc, want := range map[Encoding]int{UTF8: 17, UTF16: 11, UTF32: 10} {
		d := New("file:///a", "python", 1, names, enc)
		if got := d.LineLength(1); got != want || d.LineLength(-1) != 0 || d.LineLength(4) != 0 {
			t.Errorf("%v: %d, want %d", enc, got, want)
		}
	}
}

func TestApplyInOrder(t *testing.T) {
	d := New("file:///a", "python", 1, "one\ntwo\n", UTF16)
	err := d.Apply(2, []Edit{
		{&Range{Position{0, 0}, Position{0, 0}}, "zero\n"},
		{&Range{Position{1, 0}, Position{1, 3}}, "1"},
		{&Range{Position{2, 3}, Position{3, 0}}, "!"},
	})
	if err != nil || d.Text() != "zero\n1\ntwo!" || d.Version() != 2 {
		t.Errorf("%q version %d, %v", d.Text(), d.Version(), err)
	}
}

func TestApplyRefusesAsAWhole(t *testing.T) {
	d := New("file:///a", "python", 1, "one\ntwo\n", UTF16)
	a := d.Anchor(Range{Position{1, 0}, Position{1, 3}})
	err := d.Apply(2, []Edit{
		{&Range{Position{0, 0}, Position{0, 0}}, "zero\n"},
		{&Range{Position{1, 1}, Position{2, 0}}, "?"},
		{&Range{Position{9, 0}, Position{9, 0}}, "?"},
	})
	const want = "edit 3 of 3 in file:///a: position 9:0 is beyond the last line, 2; open the document again or send its full text"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	err = d.Apply(2, []Edit{{&Range{Position{1, 1}, Position{1, 0}}, "?"}})
	if err == nil || !strings.Contains(err.Error(), "the range from line 2 to line 2 ends before it starts") {
		t.Errorf("inverted range: %v", err)
	}
	if d.Text() != "one\ntwo\n" || d.LineCount() != 3 || d.Version() != 1 {
		t.Errorf("document changed: %q, %d lines, version %d", d.Text(), d.LineCount(), d.Version())
	}
	if got := a.Range(); got != (Range{Position{1, 0}, Position{1, 3}}) || a.Stale() {
		t.Errorf("anchor changed: %v", got)
	}
}

func TestSlice(t *testing.T) {
	d := New("file:///a", "python", 1, names, UTF16)
	if got, err := d.Slice(Range{Position{0, 2}, Position{1, 2}}); err != nil || got != "öße = 1\r\n\U0001F600" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := d.Slice(Range{Position{0, 0}, Position{9, 9}}); err == nil || err.Error() != "read file:///a: position 9:9 is beyond the last line, 3" {
		t.Errorf("error %v", err)
	}
}

func TestCodePoints(t *testing.T) {
	const text = "größe.\U0001F600x"
	for bytes, points := range map[int]int{-1: 0, 0: 0, 2: 2, 3: 2, 4: 3, 7: 5, 8: 6, 10: 6, 12: 7, 13: 8, 99: 8} {
		if got := CodePoints(text, bytes); got != points {
			t.Errorf("CodePoints(%d) = %d, want %d", bytes, got, points)
		}
	}
	for points, bytes := range map[int]int{-1: 0, 0: 0, 3: 4, 6: 8, 7: 12, 8: 13, 99: 13} {
		if got := ByteOffset(text, points); got != bytes {
			t.Errorf("ByteOffset(%d) = %d, want %d", points, got, bytes)
		}
	}
}

// FuzzApply makes random edits and compares text, lines and positions with a
// document that is read anew each time.
func FuzzApply(f *testing.F) {
	f.Add(names, uint64(1))
	f.Add("a\r\nb\n\r\rc", uint64(2))
	f.Add("\xff\r\n\xe6\x97\n", uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 1000 {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		enc := Encoding(rnd.IntN(3))
		d := New("file:///a", "python", 0, text, enc)
		var anchors []*Anchor
		for range 20 {
			anchors = append(anchors, d.Anchor(Range{randomPosition(rnd, d), randomPosition(rnd, d)}))
			before := d.Text()
			start, end := randomPosition(rnd, d), randomPosition(rnd, d)
			if end.Before(start) {
				start, end = end, start
			}
			piece := randomText(rnd)
			want := before[:naiveOffset(before, start, enc)] + piece + before[naiveOffset(before, end, enc):]
			edit := Edit{&Range{start, end}, piece}
			if rnd.IntN(4) == 0 {
				edit = Edit{nil, want}
			}
			if err := d.Apply(1, []Edit{edit}); err != nil {
				t.Fatal(err)
			}
			if d.Text() != want {
				t.Fatalf("%v on %q: %q, want %q", edit, before, d.Text(), want)
			}
			checkLines(t, d)
			for _, a := range anchors {
				if a.start < 0 || a.end < a.start || a.end > len(want) {
					t.Fatalf("%v on %q: anchor [%d,%d) is not in the text", edit, before, a.start, a.end)
				}
			}
			checkUndo(t, d, anchors, before)
		}
	})
}

// checkUndo goes back to before and forth again with full texts.
func checkUndo(t *testing.T, d *Document, anchors []*Anchor, before string) {
	t.Helper()
	now := d.Text()
	if err := d.Apply(1, []Edit{{nil, before}, {nil, now}}); err != nil {
		t.Fatal(err)
	}
	for _, a := range anchors {
		if !a.Stale() && now[a.start:a.end] != a.Text() {
			t.Fatalf("an anchor on %q does not know that it is stale", now[a.start:a.end])
		}
	}
}

func checkLines(t *testing.T, d *Document) {
	t.Helper()
	text := d.Text()
	lines := naiveLines(text)
	if d.LineCount() != len(lines) {
		t.Fatalf("%q: %d lines, want %d", text, d.LineCount(), len(lines))
	}
	for i, want := range lines {
		if d.Line(i) != want {
			t.Fatalf("%q: line %d is %q, want %q", text, i, d.Line(i), want)
		}
		for c := range len(want) + 2 {
			p := Position{i, c}
			at, err := d.Offset(p)
			if want := naiveOffset(text, p, d.enc); err != nil || at != want {
				t.Fatalf("%q: %v is offset %d (%v), want %d", text, p, at, err, want)
			}
			if back, _ := d.Offset(d.Position(at)); back != at {
				t.Fatalf("%q: offset %d is %v, which is offset %d", text, at, d.Position(at), back)
			}
		}
	}
}

func naiveLines(text string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
}

func naiveOffset(text string, p Position, enc Encoding) int {
	at := 0
	for i, line := range naiveLines(text) {
		if i == p.Line {
			units := 0
			for j, r := range line {
				width := 1
				if r >= 0x10000 && enc == UTF16 {
					width = 2
				}
				if enc == UTF8 {
					_, width = utf8.DecodeRuneInString(line[j:])
				}
				if units+width > p.Character {
					return at + j
				}
				units += width
			}
			return at + len(line)
		}
		at += len(line)
		if strings.HasPrefix(text[at:], "\r\n") {
			at++
		}
		at++
	}
	return len(text)
}

func randomPosition(rnd *rand.Rand, d *Document) Position {
	line := rnd.IntN(d.LineCount())
	return Position{line, rnd.IntN(len(d.Line(line)) + 2)}
}

func randomText(rnd *rand.Rand) string {
	pieces := []string{"a", "ö", "\U0001F600", "日", "\u0303", "\n", "\r", "\r\n", " ", "\xff", "\x98"}
	var b strings.Builder
	for range rnd.IntN(5) {
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String()
}

func BenchmarkEditOf5MB(b *testing.B) {
	text := strings.Repeat("größe = größe + 1  # eine Zeile\n", 5<<20/34)
	d := New("file:///a", "python", 1, text, UTF16)
	for i := range 1000 {
		d.Anchor(Range{Position{i * 100, 0}, Position{i*100 + 1, 0}})
	}
	b.Run("small", func(b *testing.B) {
		line := 0
		for b.Loop() {
			line = (line + 7919) % d.LineCount()
			p := Position{line, 3}
			if err := d.Apply(1, []Edit{{&Range{p, p}, "\n"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("full text", func(b *testing.B) {
		other := text[:len(text)/2] + "x" + text[len(text)/2:]
		for b.Loop() {
			if err := d.Apply(1, []Edit{{nil, other}}); err != nil {
				b.Fatal(err)
			}
			text, other = other, text
		}
	})
}
