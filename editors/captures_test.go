package editors

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

var update = flag.Bool("update", false, "write the screens into docs/captures")

// A Python file evaluated by keys, cell by cell, in each editor with its plugin and
// nothing of the user's: the value, what is printed and the error are on the screen.
// docs/captures shows these screens.
func TestCaptures(t *testing.T) {
	for _, c := range []struct {
		name           string
		find           func(testing.TB) string
		start          []string
		eval, nextCell []string
	}{
		{"emacs", testenv.Emacs, []string{"-Q", "-nw", "-l", script("try.el")},
			[]string{"C-c", ";", "c"}, []string{"C-c", ";", "n"}},
		{"vim", testenv.Vim, []string{"-u", script("try.vim"), "-i", "NONE"},
			[]string{`\`, "e"}, []string{"]", "r"}},
		{"neovim", testenv.Nvim, []string{"-u", script("try.vim"), "-i", "NONE"},
			[]string{`\`, "e"}, []string{"]", "r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			editor := c.find(t)
			dir, env := project(t)
			env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
			sample, err := os.ReadFile(filepath.Join(testenv.Root(), "testdata", "captures", "analysis.py"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "analysis.py"), sample, 0o600); err != nil {
				t.Fatal(err)
			}

			term := testenv.StartTerminal(t, env, dir, append(append([]string{editor}, c.start...), "analysis.py")...)
			term.WaitFor(`^\S* *statistics\.mean\(week\.values\(\)\)$`)
			term.Press(c.eval...)
			term.WaitFor(`mean\(week\.values\(\)\) .*22\.7`)

			term.Press(c.nextCell...)
			term.Press(c.eval...)
			term.WaitFor(`^\W*Fri  22\.5 °C ▪{22}$`)

			term.Press(c.nextCell...)
			term.Press(c.eval...)
			screen := term.WaitUntil("value, stream and error", func(screen string) bool {
				return !slices.ContainsFunc(captured, func(wanted *regexp.Regexp) bool { return !wanted.MatchString(screen) })
			})
			if !*update {
				return
			}
			path := filepath.Join(testenv.Root(), "docs", "captures", c.name+".txt")
			if err := os.WriteFile(path, []byte(trimmed(screen)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// script names a file of scripts, by which `make try` starts an editor.
func script(name string) string { return filepath.Join(testenv.Root(), "scripts", name) }

// captured is what the last screen still shows, all of it at once.
var captured = []*regexp.Regexp{
	regexp.MustCompile(`mean\(week\.values\(\)\) .*22\.7`),
	regexp.MustCompile(`(?m)^\W*Fri  22\.5 °C ▪{22}$`),
	regexp.MustCompile(`week\["Sun"\] .*KeyError: 'Sun'`), // beside the code
	regexp.MustCompile(`(?m)^\W*KeyError: 'Sun'$`),        // where Python tells it
}

var trailing = regexp.MustCompile(`(?m)[ \t]+$`)

// trimmed is a screen without what is empty at its rows' ends and below.
func trimmed(screen string) string {
	return strings.TrimRight(trailing.ReplaceAllString(screen, ""), "\n") + "\n"
}
