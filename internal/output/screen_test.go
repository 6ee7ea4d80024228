package output

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// client is what a client does with updates: code points and the style of each.
type client struct {
	text   []rune
	styles []Style
}

func (c *client) apply(u Update) error {
	if u.Back > len(c.text) {
		return fmt.Errorf("erases %d of %d code points", u.Back, len(c.text))
	}
	c.text = c.text[:len(c.text)-u.Back]
	c.styles = c.styles[:len(c.text)]
	base := len(c.text)
	c.text = append(c.text, []rune(u.Text)...)
	c.styles = append(c.styles, make([]Style, len(c.text)-base)...)
	end := 0
	for _, s := range u.Spans {
		if s.Start < end || s.End <= s.Start || s.End > len(c.text)-base || s.Style == (Style{}) {
			return fmt.Errorf("span %+v in a text of %d code points, after %d", s, len(c.text)-base, end)
		}
		for i := s.Start; i < s.End; i++ {
			c.styles[base+i] = s.Style
		}
		end = s.End
	}
	return nil
}

// TestScreen reads chunks, one a line, and takes an update after each.
func TestScreen(t *testing.T) {
	files, err := filepath.Glob("testdata/screen/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s Screen
			var c client
			var updates strings.Builder
			for line := range strings.Lines(string(archive.Files[0].Data)) {
				chunk, err := strconv.Unquote(strings.TrimSpace(line))
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				s.Write(chunk)
				u, ok := s.Take()
				if !ok {
					updates.WriteString("nothing\n")
					continue
				}
				fmt.Fprintf(&updates, "-%d %q", u.Back, u.Text)
				for _, span := range u.Spans {
					fmt.Fprintf(&updates, " %q:%s", string([]rune(u.Text)[span.Start:span.End]), styleString(span.Style))
				}
				updates.WriteByte('\n')
				if err := c.apply(u); err != nil {
					t.Fatal(err)
				}
			}
			var text strings.Builder
			for line := range strings.Lines(string(c.text)) {
				fmt.Fprintf(&text, "%q\n", line)
			}
			got := []string{updates.String(), text.String()}
			for i, name := range []string{"updates", "text"} {
				f := &archive.Files[i+1]
				if *update {
					f.Data = []byte(got[i])
				} else if diff := cmp.Diff(string(f.Data), got[i]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func styleString(s Style) string {
	text := strings.ReplaceAll(fmt.Sprintf("%+v", s), ":false", "")
	for _, name := range []string{"Bold", "Italic", "Underline", "Faint", "Inverse", "Strike"} {
		text = strings.Replace(text, name+" ", "", 1)
	}
	text = strings.ReplaceAll(text, ":true", "")
	text = strings.Replace(text, "Fg: ", "", 1)
	return strings.Replace(text, " Bg:}", "}", 1)
}

func TestPlain(t *testing.T) {
	text, spans := Plain("\x1b[31mError\x1b[0m: größe\r\n")
	want := []Span{{0, 5, Style{Fg: "red"}}}
	if diff := cmp.Diff(want, spans); text != "Error: größe\n" || diff != "" {
		t.Errorf("%q\n%s", text, diff)
	}
	if text, spans := Plain("a\tb\nc"); text != "a\tb\nc" || spans != nil {
		t.Errorf("%q %v", text, spans)
	}
	if text, _ := Plain("a\xffb"); text != "a\ufffdb" {
		t.Errorf("%q", text)
	}
}

// Lines that left the window stay as they are, wherever the cursor moves then.
func TestScreenWindow(t *testing.T) {
	var s Screen
	for i := range 200 {
		s.Write(fmt.Sprintf("line %d\n", i))
	}
	s.Write("\x1b[1000A\rLINE")
	var c client
	u, _ := s.Take()
	if err := c.apply(u); err != nil {
		t.Fatal(err)
	}
	s.Write("\x1b[1000B\rend\n")
	u, _ = s.Take()
	if err := c.apply(u); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(c.text), "\n")
	if len(lines) != 202 || lines[150] != "line 150" || lines[151] != "LINE 151" || lines[200] != "end" {
		t.Errorf("%d lines: %q", len(lines), lines[145:])
	}
	if u.Back != 0 || u.Text != "end\n" {
		t.Errorf("the last update is %+v", u)
	}
}

func TestScreenLineWithoutEnd(t *testing.T) {
	var s Screen
	var c client
	for range 100 {
		s.Write(strings.Repeat("0123456789", 1000))
		s.Write("\x1b[31mö\x1b[0m")
		u, _ := s.Take()
		if u.Back > maxLine {
			t.Fatalf("erases %d code points", u.Back)
		}
		if err := c.apply(u); err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Repeat(strings.Repeat("0123456789", 1000)+"ö", 100); string(c.text) != want {
		t.Errorf("%d code points of %d", len(c.text), utf8.RuneCountInString(want))
	}
	for i, l := range s.lines {
		if len(l.text) > maxLine {
			t.Errorf("line %d of the window holds %d code points", i, len(l.text))
		}
	}
	if len(s.lines) > windowLines || cap(s.settled.text) > maxReuse {
		t.Errorf("holds %d lines and a buffer of %d bytes", len(s.lines), cap(s.settled.text))
	}
}

// pieces are what the random streams consist of.
var pieces = []string{
	"a", "bc", "ö", "\U0001F600", "日本", " ", "\n", "\n", "\r", "\r\n", "\b", "\t", "\x1b[A", "\x1b[2A", "\x1b[B", "\x1b[C",
	"\x1b[D", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[31m", "\x1b[1m", "\x1b[0m", "\x1b[J", "\x1b[3G", "\x1b[E", "\x1b[F",
	"\x1b]8;;x\x1b\\", "\x07",
}

// TestScreenAgainstGrid compares random streams in random chunks with a grid of
// characters that keeps everything.
func TestScreenAgainstGrid(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var stream strings.Builder
		g := grid{rows: [][]rune{nil}}
		for range 1 + rnd.IntN(40) {
			p := pieces[rnd.IntN(len(pieces))]
			stream.WriteString(p)
			g.write(p)
		}
		c := &client{}
		var s Screen
		for rest := stream.String(); rest != ""; {
			n := 1 + rnd.IntN(len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
			if u, ok := s.Take(); ok {
				if err := c.apply(u); err != nil {
					t.Fatalf("%q: %v", stream.String(), err)
				}
			}
		}
		if got := string(c.text); got != g.String() {
			t.Fatalf("%q:\n%q, want\n%q", stream.String(), got, g.String())
		}
	}
}

type grid struct {
	rows     [][]rune
	row, col int
}

func (g *grid) String() string {
	lines := make([]string, len(g.rows))
	for i, r := range g.rows {
		lines[i] = string(r)
	}
	return strings.Join(lines, "\n")
}

func (g *grid) write(piece string) {
	line := &g.rows[g.row]
	switch piece {
	case "\n":
		g.row, g.col = g.row+1, 0
		if g.row == len(g.rows) {
			g.rows = append(g.rows, nil)
		}
	case "\r\n":
		g.write("\n")
	case "\r":
		g.col = 0
	case "\b", "\x1b[D":
		g.col = max(0, g.col-1)
	case "\x1b[A":
		g.row = max(0, g.row-1)
	case "\x1b[2A":
		g.row = max(0, g.row-2)
	case "\x1b[B":
		g.row = min(len(g.rows)-1, g.row+1)
	case "\x1b[E":
		g.row, g.col = min(len(g.rows)-1, g.row+1), 0
	case "\x1b[F":
		g.row, g.col = max(0, g.row-1), 0
	case "\x1b[C":
		g.col++
	case "\x1b[3G":
		g.col = 2
	case "\x1b[K":
		*line = (*line)[:min(g.col, len(*line))]
	case "\x1b[2K":
		*line = nil
	case "\x1b[1K":
		for i := range min(g.col+1, len(*line)) {
			(*line)[i] = ' '
		}
	case "\x1b[J":
		*line = (*line)[:min(g.col, len(*line))]
		g.rows = g.rows[:g.row+1]
	default:
		if strings.ContainsAny(piece, "\x1b\x07") {
			return
		}
		for _, r := range piece {
			for len(*line) <= g.col {
				*line = append(*line, ' ')
			}
			(*line)[g.col] = r
			g.col++
		}
	}
}

// FuzzScreen writes a stream at once and in chunks: both must come to the same.
func FuzzScreen(f *testing.F) {
	f.Add(strings.Join(pieces, "x"), uint64(1))
	f.Add(strings.Repeat("line\n", 60)+"\x1b[70Aup\x1b[J", uint64(2))
	f.Add("\x1b[38;2;1m\x1b[38:5\x1b[99999999999999999999C\x1b]\xff\x9c\x1bP\x1b[\xc3\xb6", uint64(3))
	f.Fuzz(func(t *testing.T, stream string, seed uint64) {
		var whole, chunked client
		var s Screen
		s.Write(stream)
		if u, ok := s.Take(); ok {
			if err := whole.apply(u); err != nil {
				t.Fatal(err)
			}
			if len(u.Text) > 10*len(stream)+blanksAtFirst || len(u.Spans) > maxSpans {
				t.Fatalf("%d bytes with %d spans of %d", len(u.Text), len(u.Spans), len(stream))
			}
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		s = Screen{}
		for rest := stream; rest != ""; {
			n := 1 + rnd.IntN(min(len(rest), 20))
			s.Write(rest[:n])
			rest = rest[n:]
			u, ok := s.Take()
			if !ok {
				continue
			}
			if err := chunked.apply(u); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(string(whole.text), string(chunked.text)); diff != "" {
			t.Fatalf("at once and in chunks differ:\n%s", diff)
		}
		if !slices.Equal(whole.styles, chunked.styles) {
			t.Fatalf("styles at once and in chunks differ:\n%s", cmp.Diff(whole.styles, chunked.styles))
		}
		for _, r := range whole.text {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q is not displayable", r)
			}
		}
	})
}

// floods are short texts that ask for much when they are repeated.
var floods = []string{
	"\x1b[16384C", "\x1b[16384Cx", "\x1b[999999999999Cx\n", "\x1b[16384Gx\r\n", "\x1b[9;999Hx", "\x1b[999bx", "\x1b[999@", "\x1b[999Px\x1b[999X",
	"\x1b[1K", "x\x1b[1K", "\rx\x1b[999C\x1b[1K", "x\x1b[16384C\x1b[K", "\x1b[2K\x1b[16384Cx", "\x1b[16384C\x1b[31mx\x1b[2K",
	"\t", "\b", "\t\x1b[Ax", "\n", "x\x1b[50A\r", "\x1b[50A\n", "\x1b[50Ax\x1b[50B", "\x1b[A\x1b[16384Cx", "\x1b[J", "\n\x1b[A\x1b[J",
	"\x1b[31mx\x1b[32my", "\x1b[1m", "\x1b[38;2;1;2;3mx\x1b[0m", "\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17m",
	"\x1b]", "\x1b]52;c;x", "\x1bP", "\x1b_x", "\x1b[", "\x1b[1;", "\x1b", "e\u0301", "\u0301", "\u202e", "\xff", "\xe2\x82",
	"0123456789", "0123456789\x1b[16384D\x1b[A",
}

// What a flood takes grows with its bytes, in one write or in many, with a long line
// before it or none; the rest of the promise is that this test ends.
func TestScreenFloods(t *testing.T) {
	const size = 256 << 10
	for _, before := range []string{"", strings.Repeat("long line ", 2000), strings.Repeat("line\n", 60), "\x1b[32m" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 50)} {
		for _, flood := range floods {
			text := before + strings.Repeat(flood, size/len(flood))
			for _, slice := range []int{size * 2, 64 << 10} {
				var s Screen
				var start, end runtime.MemStats
				runtime.ReadMemStats(&start)
				took, spans := 0, 0
				for rest := text; rest != ""; {
					n := min(slice, len(rest))
					s.Write(rest[:n])
					rest = rest[n:]
					u, _ := s.Take()
					took += len(u.Text)
					spans = max(spans, len(u.Spans))
				}
				runtime.ReadMemStats(&end)
				if total := end.TotalAlloc - start.TotalAlloc; took > 15*len(text) || spans > maxSpans || total > 150*size+16<<20 {
					t.Errorf("%q in slices of %d: %d bytes, at most %d spans, %d MB were allocated", flood, slice, took, spans, total>>20)
				}
				cells := 0
				for _, l := range s.lines {
					cells += cap(l.text)
				}
				if cells > 8*maxWindow {
					t.Errorf("%q in slices of %d: %d cells are kept", flood, slice, cells)
				}
			}
		}
	}
}

// BenchmarkMillionLines is a million lines in messages of 64 KiB, taken as often.
func BenchmarkMillionLines(b *testing.B) {
	for name, line := range map[string]string{
		"plain":   "a line of output, as a loop may print it: 123456\n",
		"colours": "\x1b[32m2026-01-01\x1b[0m \x1b[1;31merror\x1b[0m größe: 123456\n",
		"bar":     "\r 50%|█████     | 123456/1000000 [00:01<00:01]",
	} {
		b.Run(name, func(b *testing.B) {
			chunk := strings.Repeat(line, 64<<10/len(line))
			b.ReportAllocs()
			for b.Loop() {
				var s Screen
				for n := 0; n < 1_000_000; n += 64 << 10 / len(line) {
					s.Write(chunk)
					s.Take()
				}
			}
		})
	}
}
