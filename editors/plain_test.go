package editors

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// Neovim's own client, with neovim/reval.lua as the whole configuration.
func TestPlainNeovim(t *testing.T) {
	for _, c := range []struct {
		name, scenarios string
		find            func(testing.TB) string
	}{
		{"newest", ".", testenv.Nvim},
		// It has no vim.lsp.config: the configuration takes its other way.
		{"0.10", ".", testenv.NvimFloor},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nvim := c.find(t)
			dir, env := project(t)
			report := filepath.Join(t.TempDir(), "report")
			env = append(env, "REVAL_TEST_REPORT="+report, "REVAL_TEST_PATTERN="+c.scenarios)
			words, err := run(t, dir, env, nvim, "--headless", "-n", "-i", "NONE",
				"-u", file("neovim", "reval.lua"), "-S", file("testdata", "plain.lua"))
			checkReport(t, readReport(t, report), words)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// eglot, with eglot/reval-eglot.el as the whole configuration; in a terminal, because
// batch mode has neither windows nor an echo area.
func TestPlainEglot(t *testing.T) {
	t.Parallel()
	emacs := testenv.Eglot(t)
	dir, env := project(t)
	report := filepath.Join(t.TempDir(), "report")
	term := testenv.StartTerminal(t, append(env, "TERM=screen-256color", "REVAL_TEST_REPORT="+report), dir,
		emacs, "-q", "-nw", "-l", file("eglot", "reval-eglot.el"), "-l", file("testdata", "plain.el"))
	// The terminal's deadline is for one test, not for all of them.
	for said := ""; !finished.MatchString(said); {
		before := said
		term.WaitUntil("the end of another test", func(string) bool {
			said = readReport(t, report)
			return said != before
		})
	}
	status := term.WaitExit()
	checkReport(t, readReport(t, report), term.Screen())
	if status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// finished finds the last line of a report.
var finished = regexp.MustCompile(`(?m)^(all \d+ passed|\d+ of \d+ failed)$`)

// file names one of this folder.
func file(elem ...string) string {
	return filepath.Join(append([]string{testenv.Root(), "editors"}, elem...)...)
}
