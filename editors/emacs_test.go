package editors

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// The package's ERT suites, elisp/test, in batch mode.
func TestEmacsPackage(t *testing.T) {
	emacs := testenv.Emacs(t)
	dir, env := project(t)
	words, err := run(t, dir, env, emacs, "-Q", "--batch",
		"-l", filepath.Join(testenv.Root(), "elisp", "test", "run.el"))
	if !asExpected.MatchString(words) || err != nil {
		t.Errorf("%v\n%s", err, words)
	}
}

var asExpected = regexp.MustCompile(`(?m)^Ran [1-9]\d* tests, [1-9]\d* results as expected, 0 unexpected`)
