// Package reval_test holds the rules of ARCHITECTURE.md.
package reval_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/reval-editor/reval/"

// mayImport says which of our packages each may import besides itself and what
// lies below it. A package that is not listed may import nothing of ours.
var mayImport = map[string][]string{
	"cmd/reval":                 {"internal/control", "internal/trust", "internal/hub", "internal/journal", "lsp", "internal/daemon", "internal/terminal", "gokernel", "kernelclient"},
	"lsp":                       {"internal/hub", "internal/session", "internal/record", "internal/workspace", "kernelclient", "jupyter", "internal/document", "internal/language", "internal/output"},
	"internal/control":          {"internal/hub", "internal/session", "internal/record", "internal/workspace", "kernelclient", "jupyter"},
	"internal/daemon":           {"kernelclient", "internal/trust"},
	"internal/terminal":         {"internal/control", "internal/daemon", "internal/journal", "internal/record", "kernelclient", "jupyter", "internal/language", "internal/output", "internal/trust"},
	"internal/hub":              {"internal/journal", "internal/record", "internal/session", "internal/workspace", "kernelclient", "jupyter", "internal/language", "internal/trust"},
	"internal/session":          {"internal/record", "kernelclient", "jupyter"},
	"internal/record":           {"jupyter", "internal/output"},
	"internal/journal":          {"internal/record", "jupyter", "internal/trust"},
	"internal/workspace":        {"kernelclient", "internal/language"},
	"jupyter":                   {"internal/trust"},
	"kernelclient":              {"jupyter", "internal/trust", "internal/zsock"},
	"examples/shop":             {"gokernel"},
	"gokernel":                  {"jupyter", "internal/zsock", "gokernel/comm", "gokernel/display", "gokernel/front", "gokernel/magic", "gokernel/plot", "gokernel/ixgo", "gokernel/yaegi", "gokernel/stdinfo"},
	"gokernel/comm":             {"jupyter"},
	"gokernel/front":            {"jupyter", "gokernel/display", "gokernel/stdinfo"},
	"gokernel/ixgo":             {"gokernel/front", "gokernel/stdinfo"},
	"gokernel/yaegi":            {"gokernel/front", "gokernel/stdinfo"},
	"gokernel/internal/gotests": {"gokernel/front", "gokernel/ixgo", "gokernel/yaegi"},
	"internal/bench":            {"lsp", "kernelclient", "jupyter", "internal/zsock", "internal/bench/child", "internal/bench/sockets", "internal/bench/speed"},
	"internal/kernelpeer":       {"jupyter", "internal/zsock"},

	"internal/bench/sockets": {"internal/bench/child"},
}

func TestImportsPointDownwards(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module)
		for _, to := range fields[1:] {
			to, ours := strings.CutPrefix(to, module)
			if ours && !slices.Contains(mayImport[from], to) {
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow", from, to)
			}
		}
	}
}

func TestArchitectureNamesWhatThereIs(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	internal, err := os.ReadDir("internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range internal {
		if !strings.Contains(text, "`internal/"+e.Name()+"`") {
			t.Errorf("the code map has no internal/%s", e.Name())
		}
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains([]string{"internal", "bin", "cmd", "docs", "testdata", "examples"}, name) {
			continue
		}
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the code map has no %s", name)
		}
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(text, m[1]) {
			t.Errorf("ARCHITECTURE.md does not say what %s is for", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`((?:lsp|elisp|vim|internal|kernelclient|jupyter|cmd|gokernel)/[a-z0-9_/-]+\\.[a-z]+)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("ARCHITECTURE.md names %s, which is not there", m[1])
		}
	}
}
