package gokernel

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the kernel answers into testdata/sessions")

// TestSessions evaluates the cells of each file in one kernel of each engine, over
// its real sockets: a file is cells and, after each, what the kernel published for
// it ("out"), and what one of another engine did, where that differs ("out yaegi").
// A line "engine NAME" above the cells says that the others have no part in it.
func TestSessions(t *testing.T) {
	paths, err := filepath.Glob("testdata/sessions/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no sessions: ", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			cells, wants := sessionCells(archive)
			got := make([]map[string]string, len(cells)) // by engine
			for _, engine := range Engines {
				if only := onlyEngine.FindSubmatch(archive.Comment); only != nil && string(only[1]) != engine {
					continue
				}
				c := startKernelOn(t, engine)
				for i, cell := range cells {
					if got[i] == nil {
						got[i] = map[string]string{}
					}
					got[i][engine] = c.run(cell)
					want, ok := wants[i][engine]
					if !ok {
						want = wants[i][Engines[0]]
					}
					if !*update && got[i][engine] != want {
						t.Errorf("%s: cell\n%s\ngives\n%swant\n%s", engine, cell, got[i][engine], want)
					}
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(sessionArchive(archive.Comment, cells, got)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var onlyEngine = regexp.MustCompile(`(?m)^engine (\w+)$`)

// sessionCells gives the cells of a file and what the engines say to each.
func sessionCells(a *txtar.Archive) (cells []string, outs []map[string]string) {
	for _, f := range a.Files {
		engine, isOut := strings.CutPrefix(f.Name, "out")
		switch {
		case f.Name == "cell":
			cells = append(cells, strings.TrimSuffix(string(f.Data), "\n"))
			outs = append(outs, map[string]string{})
		case isOut && len(outs) > 0:
			if engine = strings.TrimSpace(engine); engine == "" {
				engine = Engines[0]
			}
			outs[len(outs)-1][engine] = string(f.Data)
		}
	}
	return cells, outs
}

func sessionArchive(comment []byte, cells []string, outs []map[string]string) *txtar.Archive {
	a := &txtar.Archive{Comment: comment}
	for i, cell := range cells {
		first := outs[i][Engines[0]]
		a.Files = append(a.Files, txtar.File{Name: "cell", Data: []byte(cell + "\n")}, txtar.File{Name: "out", Data: []byte(first)})
		for _, engine := range Engines[1:] {
			if out, ok := outs[i][engine]; ok && out != first {
				a.Files = append(a.Files, txtar.File{Name: "out " + engine, Data: []byte(out)})
			}
		}
	}
	return a
}
