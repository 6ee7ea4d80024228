package language

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestDefinition reads scripts that are taken apart already: the sections "unit"
// are what is to be found, the lines of "between" belong to the unit before, those
// of "leads" to the unit that follows.
func TestDefinition(t *testing.T) {
	files, err := filepath.Glob("testdata/definition/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(id, func(t *testing.T) {
			l, ok := For(id)
			if !ok {
				t.Fatal("no such language")
			}
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			var want []unit // of each line
			leading := 0
			for _, f := range archive.Files {
				piece := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
				u := unit{len(lines), len(lines) + len(piece)}
				switch f.Name {
				case "leads":
					leading += len(piece)
					lines = append(lines, piece...)
					continue
				case "between":
					u = want[len(want)-1]
				}
				for range leading + len(piece) {
					want = append(want, u)
				}
				lines, leading = append(lines, piece...), 0
			}
			for i, w := range want {
				start, end, ok := l.Outline(lines).Definition(i)
				if !ok || start != w.start || end != w.end {
					t.Errorf("line %d, %q: [%d, %d) %v, want [%d, %d)", i, lines[i], start, end, ok, w.start, w.end)
				}
			}
		})
	}
}

func TestDefinitionWithoutCode(t *testing.T) {
	l, _ := For("python")
	for _, text := range []string{"", "\n\n", "# comment\n"} {
		if _, _, ok := l.Outline(strings.Split(text, "\n")).Definition(0); ok {
			t.Errorf("%q: found one", text)
		}
	}
}

func TestDefinitionOutsideTheText(t *testing.T) {
	l, _ := For("python")
	lines := []string{"", "x = 1", "y = 2"}
	for line, want := range map[int]unit{-5: {1, 2}, 0: {1, 2}, 99: {2, 3}} {
		start, end, ok := l.Outline(lines).Definition(line)
		if got := (unit{start, end}); !ok || got != want {
			t.Errorf("line %d: %v %v, want %v", line, got, ok, want)
		}
	}
}

func FuzzDefinition(f *testing.F) {
	f.Add("def f():\n  '''\\\n'\n#'''", 1)
	f.Add("cat <<EOF\n$(\nEOF", 1)
	f.Add("#\\", 0)
	f.Fuzz(func(t *testing.T, text string, line int) {
		lines := strings.Split(text, "\n")
		for _, l := range table {
			start, end, ok := l.Outline(lines).Definition(line)
			if ok && (start < 0 || start >= end || end > len(lines)) {
				t.Errorf("%s: [%d, %d) of %d lines", l.ID, start, end, len(lines))
			}
			l.Outline(lines).Cells()
		}
	})
}

func BenchmarkDefinitionIn150000Lines(b *testing.B) {
	lines := strings.Split(strings.Repeat("def f(x):\n    return [x,\n            1]\n\nx = f('a')\n", 30000), "\n")
	l, _ := For("python")
	for b.Loop() {
		if _, _, ok := l.Outline(lines).Definition(len(lines) / 2); !ok {
			b.Fatal("found none")
		}
	}
}
