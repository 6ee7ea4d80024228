package language

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// TestTracebacks reads what kernels sent. The cell with the execution count n is
// said to start on line 100n-2 of "script", a cell without a count on line 8.
func TestTracebacks(t *testing.T) {
	hashes := map[uint32]int{}
	resolve := func(cell Ref) (string, int, bool) {
		count := cell.Count
		switch {
		case cell.Hash != 0:
			if count = hashes[cell.Hash]; count == 0 {
				return "", 0, false
			}
		case cell.Body:
			return "script", 9, true
		case count == 0:
			return "script", 8, true
		}
		return "script", 100*count - 2, true
	}
	files, err := filepath.Glob("testdata/traceback/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, id, _ := strings.Cut(string(archive.Comment), "language: ")
			l, ok := For(strings.TrimSpace(id))
			if !ok {
				t.Fatalf("no language %q", id)
			}
			want := map[string]string{}
			var refreshed []txtar.File
			for _, f := range archive.Files {
				want[f.Name] = string(f.Data)
				if number, kind, _ := strings.Cut(f.Name, "/"); kind == "code" {
					n, _ := strconv.Atoi(number)
					hashes[Hash(strings.TrimSuffix(string(f.Data), "\n"))] = n
				}
			}
			for _, f := range archive.Files {
				number, kind, _ := strings.Cut(f.Name, "/")
				if kind == "want" {
					continue
				}
				refreshed = append(refreshed, f)
				if kind != "error.json" {
					continue
				}
				var message struct {
					Ename, Evalue string
					Traceback     []string
				}
				if err := json.Unmarshal(f.Data, &message); err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				e := Error{message.Ename, message.Evalue, message.Traceback, want[number+"/code"]}
				var b strings.Builder
				for _, frame := range l.Frames(e) {
					fmt.Fprintln(&b, frame)
				}
				if at, ok := l.Locate(e); ok {
					fmt.Fprintf(&b, "failed at line %d\n", at.Line)
				}
				rewritten := l.Rewrite(strings.Join(e.Traceback, "\n"), resolve)
				b.WriteString(strings.ReplaceAll(rewritten, "\x1b", "␛") + "\n")
				name := number + "/want"
				got := trimLines(b.String())
				if !*update {
					if diff := cmp.Diff(want[name], got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				}
				refreshed = append(refreshed, txtar.File{Name: name, Data: []byte(got)})
			}
			if *update {
				archive.Files = refreshed
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// String is a frame as the golden files have it: what is not said is not there.
func (f Frame) String() string {
	s := fmt.Sprintf("line %d", f.Line)
	switch {
	case f.Cell.Count == Elsewhere:
		s += " elsewhere"
	case f.Cell.Count > 0:
		s += fmt.Sprintf(" of cell %d", f.Cell.Count)
	case f.Cell.Hash > 0:
		s += fmt.Sprintf(" of %d.py", f.Cell.Hash)
	}
	if f.Column > 0 {
		s += fmt.Sprintf(", column %d", f.Column)
	}
	if f.Function != "" {
		s += ", in " + f.Function
	}
	if f.Part {
		s += ", of a part"
	}
	if f.Text != "" {
		s += ": " + f.Text
	}
	return s
}

// trimLines leaves out blanks at line ends, which editors take away from files.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestRewriteKeepsWhatItCannotResolve(t *testing.T) {
	const text = "\x1b[36mCell\x1b[39m \x1b[32mIn[3]\x1b[39m\x1b[32m, line 2\x1b[39m\n----> 2 1/0\n"
	for _, id := range []string{"python", "shellscript"} {
		l, _ := For(id)
		got := l.Rewrite(text, func(Ref) (string, int, bool) { return "", 0, false })
		if got != text {
			t.Errorf("%s: %q", id, got)
		}
	}
}

func TestRewriteTheValueOfASyntaxError(t *testing.T) {
	l, _ := For("python")
	for text, want := range map[string]string{
		"invalid syntax (4034705137.py, line 2)":   "invalid syntax (a.py, line 41)",
		"no such cell (4034705138.py, line 2)":     "no such cell (4034705138.py, line 2)",
		"unindent (<tokenize>, line 3)":            "unindent (a.py, line 42)",
		"bad (<ipython-input-3-f0f4>, line 1)":     "bad (a.py, line 140)",
		"no such file (/home/a/12.py, line 2)":     "no such file (/home/a/12.py, line 2)",
		"invalid syntax (4034705137.py, line 2) x": "invalid syntax (4034705137.py, line 2) x",
	} {
		got := l.Rewrite(text, func(cell Ref) (string, int, bool) {
			if cell.Count == 3 {
				return "a.py", 140, true
			}
			return "a.py", 40, cell == Ref{} || cell == Ref{Hash: 4034705137}
		})
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Lines must not only be right by themselves: the numbers of the context stay in
// one column.
func TestRewriteKeepsTheArrowAligned(t *testing.T) {
	const text = "Cell In[1], line 2\n      1 x = 1\n----> 2 1/0\n   (...)  3 y\n      4 \nelse"
	l, _ := For("python")
	for first, want := range map[int]string{
		40:      "a.py, line 41\n     40 x = 1\n---> 41 1/0\n   (...) 42 y\n     43 \nelse",
		1000000: "a.py, line 1000001\n 1000000 x = 1\n-> 1000001 1/0\n   (...) 1000002 y\n 1000003 \nelse",
	} {
		got := l.Rewrite(text, func(cell Ref) (string, int, bool) { return "a.py", first, cell.Count == 1 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("first line %s (-want +got):\n%s", strconv.Itoa(first), diff)
		}
	}
}

// The Go kernel's source lines have the buffer's numbers, and their carets stay below them.
func TestRewriteNumbersGoSource(t *testing.T) {
	const text = "index out of range\ncell[1]:2:3 in f\n    1 | a\n    2 | \tb[i]\n      | \t ^\n    3 | c\ncell[1]:9:1\n    9 | f()\n      | ^"
	l, _ := For("go")
	for first, want := range map[int]string{
		40: "index out of range\na.go:41:3 in f\n   40 | a\n   41 | \tb[i]\n      | \t ^\n   42 | c\na.go:48:1\n   48 | f()\n      | ^",
		1000000: "index out of range\na.go:1000001:3 in f\n 1000000 | a\n 1000001 | \tb[i]\n         | \t ^\n 1000002 | c\na.go:1000008:1\n" +
			" 1000008 | f()\n         | ^",
	} {
		got := l.Rewrite(text, func(cell Ref) (string, int, bool) { return "a.go", first, cell.Count == 1 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("first line %d (-want +got):\n%s", first, diff)
		}
	}
}

func TestFramesOfAnErrorWithoutTraceback(t *testing.T) {
	l, _ := For("go")
	got, ok := l.Locate(Error{Name: "Error", Value: "cell[2]:4:1: expected operand"})
	if want := (Frame{Cell: Ref{Count: 2}, Line: 4, Column: 1}); !ok || got != want {
		t.Errorf("%+v %v, want %+v", got, ok, want)
	}
	if _, ok := l.Locate(Error{Name: "Error", Value: "timeout"}); ok {
		t.Error("a frame out of nothing")
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("\x1b[36mCell\x1b[39m \x1b[32mIn[3]\x1b[39m\x1b[32m, line 2\x1b[39m\n----> 2 1/0\n", 40)
	f.Add("<text>:2:5: x\n1: a\n  ^", 7)
	f.Add("at f (<anonymous>:99999999999999999999:1)", 7)
	f.Fuzz(func(t *testing.T, text string, first int) {
		for _, l := range table {
			l.Rewrite(text, func(Ref) (string, int, bool) { return "x", first, true })
			for _, frame := range l.Frames(Error{Traceback: strings.Split(text, "\n"), Code: text}) {
				if frame.Line <= 0 || frame.Column < 0 || frame.Cell.Count < Elsewhere {
					t.Errorf("%s: %+v", l.ID, frame)
				}
			}
		}
	})
}
