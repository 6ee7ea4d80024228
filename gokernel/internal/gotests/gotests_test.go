package main

import (
	"os"
	"slices"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	os.Exit(m.Run())
}

// quick are programs that between them use most of the language and take little
// time: `make gotests` runs all.
var quick = []string{
	"chan/doubleselect.go", "const8.go", "convert4.go", "defererrcheck.go", "fixedbugs/issue45175.go", "newexpr.go", "range4.go", "recover1.go",
	"typeparam/list2.go", "typeparam/sets.go", "typeparam/stringer.go", "typeswitch.go",
}

// TestQuick runs some of the Go distribution's programs on the default engine.
func TestQuick(t *testing.T) {
	all, err := programs()
	if err != nil {
		testenv.Missing(t, err.Error())
	}
	all = slices.DeleteFunc(all, func(p program) bool { return !slices.Contains(quick, p.name) })
	for _, f := range forms {
		for _, r := range runAll(all, "ixgo", f.name, 2) {
			if r.failure != "" {
				t.Errorf("%s, %s: %s", r.name, f.name, r.failure)
			}
		}
	}
}
