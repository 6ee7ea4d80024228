package language

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// oracle is a Python that says what the statements of programs are.
type oracle struct {
	t   testing.TB
	in  *json.Encoder
	out *bufio.Reader
}

func newOracle(t testing.TB) *oracle {
	t.Helper()
	cmd := exec.Command(testenv.Python(t), "-I", "testdata/oracle/statements.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &oracle{t, json.NewEncoder(in), bufio.NewReader(out)}
}

// program is what Python makes of a text.
type program struct {
	Statements [][2]int // of each line: its first and last line, from 0
	Tree       string   // differs if the syntax tree does; of the block if the text begins with "if 1:"
}

// read gives nil for what is no program.
func (o *oracle) read(text string) (p *program) {
	o.t.Helper()
	if err := o.in.Encode(text); err != nil {
		o.t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	if err := json.Unmarshal(line, &p); err != nil {
		o.t.Fatal(err)
	}
	return p
}

// library gives files of Python's own library, one of share.
func (o *oracle) library(share int) (files map[string][]string) {
	o.t.Helper()
	out, err := exec.Command(testenv.Python(o.t), "-I", "-c", "import os; print(os.path.dirname(os.__file__))").Output()
	if err != nil {
		o.t.Fatal(err)
	}
	n := 0
	files = map[string][]string{}
	err = filepath.WalkDir(strings.TrimSpace(string(out)), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && e.Name() == "site-packages" {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".py") {
			return nil
		}
		if n++; n%share != 0 {
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil && len(data) < 100_000 && !strings.Contains(string(data), "\f") {
			files[path] = strings.Split(Source(string(data)), "\n")
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if len(files) < 20 {
		o.t.Fatalf("only %d files", len(files))
	}
	return files
}

// The statements of Python's own library are those that Python finds.
func TestStatementsOfPythonsLibrary(t *testing.T) {
	python, _ := For("python")
	o := newOracle(t)
	for file, lines := range o.library(20) {
		want := o.read(strings.Join(lines, "\n"))
		if want == nil {
			continue // it is for another Python
		}
		s := statements{python.syntax, lines, python.syntax.scan(lines)}
		for i, w := range want.Statements {
			start, end, ok := i, i+1, true
			if s.states[i].code || s.states[i].inside {
				start, end, ok = s.indented(i)
			}
			if !ok || start != w[0] || end-1 != w[1] {
				t.Errorf("%s:%d: %q: %d-%d %v, want %v", file, i+1, lines[i], start, end-1, ok, w)
				break
			}
		}
	}
}

// What stands in a block says the same when it is dedented, however far to the left
// the lines in its brackets and its comments stand.
func TestDedentKeepsWhatPythonReads(t *testing.T) {
	python, _ := For("python")
	o := newOracle(t)
	random := rand.New(rand.NewPCG(1, 2))
	n := 0
	for file, lines := range o.library(60) {
		if o.read(strings.Join(lines, "\n")) == nil {
			continue
		}
		s := statements{python.syntax, lines, python.syntax.scan(lines)}
		for i := 0; i < len(lines); i += 1 + random.IntN(20) {
			if !s.states[i].code && !s.states[i].inside {
				continue
			}
			start, end, _ := s.indented(i)
			block := slices.Clone(lines[start:end])
			if !strings.HasPrefix(block[0], " ") {
				continue
			}
			want := o.read("if 1:\n" + strings.Join(block, "\n"))
			if want == nil {
				continue // a part of an expression
			}
			for j := range block {
				if st := s.states[start+j]; !st.quoted && (st.inside && !decorated(block[j]) || !st.code) {
					text := strings.TrimLeft(block[j], " ")
					block[j] = strings.Repeat(" ", random.IntN(len(block[j])-len(text)+1)) + text
				}
			}
			n++
			code := strings.Join(block, "\n")
			dedented, removed := python.Dedent(code)
			got := o.read(dedented)
			if got == nil || got.Tree != want.Tree || removed == 0 {
				t.Errorf("%s:%d: %d bytes taken from\n%s\nleave\n%s", file, start+1, removed, code, dedented)
			}
		}
	}
	t.Log(n, "statements")
}

// decorated says whether a line must stay where it is, although it goes on with others.
func decorated(line string) bool {
	return decoratedLine.MatchString(line)
}

var decoratedLine = regexp.MustCompile(`^\s*(?:@|def\s|class\s|async\s)`)
