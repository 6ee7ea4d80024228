package gokernel

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the kernel answers into testdata/sessions")

// TestSessions evaluates the cells of each file in one kernel, over its real
// sockets: a file is cells and, after each, what the kernel published for it.
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
			c := startKernel(t)
			out := &txtar.Archive{Comment: archive.Comment}
			for i, f := range archive.Files {
				if f.Name != "cell" {
					continue
				}
				got := c.run(strings.TrimSuffix(string(f.Data), "\n"))
				want := ""
				if i+1 < len(archive.Files) && archive.Files[i+1].Name == "out" {
					want = string(archive.Files[i+1].Data)
				}
				if got != want && !*update {
					t.Errorf("cell\n%sgives\n%swant\n%s", f.Data, got, want)
				}
				out.Files = append(out.Files, f, txtar.File{Name: "out", Data: []byte(got)})
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
