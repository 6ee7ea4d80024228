package editors

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// The package's ERT suites, elisp/test: in batch mode, which is how Emacs is most
// easily hung, and in a window of an X server, where no test has an excuse.
func TestEmacsPackage(t *testing.T) {
	emacs := testenv.Emacs(t)
	suite := filepath.Join(testenv.Root(), "elisp", "test", "run.el")

	t.Run("batch", func(t *testing.T) {
		t.Parallel()
		dir, env := project(t)
		env = elsewhere(t, dir, env)
		said, err := run(t, dir, env, emacs, "-Q", "--batch", "-l", suite)
		checkERT(t, said, err)
	})

	// Older than 29, Emacs finds eglot only by the site's files.
	t.Run("eglot", func(t *testing.T) {
		t.Parallel()
		dir, env := project(t)
		env = append(env, `REVAL_TEST_SELECTOR="eglot"`)
		said, err := run(t, dir, env, testenv.Eglot(t), "-q", "--batch", "-l", suite)
		checkERT(t, said, err)
	})

	t.Run("frame", func(t *testing.T) {
		t.Parallel()
		if exec.Command(emacs, "-Q", "--batch", "--eval", "(kill-emacs (if (fboundp 'x-open-connection) 0 1))").Run() != nil {
			testenv.Missing(t, "an Emacs with windows: "+emacs+" is built for the terminal alone")
		}
		dir, env := project(t)
		log := filepath.Join(t.TempDir(), "log")
		env = append(elsewhere(t, dir, env), "DISPLAY="+testenv.Xvfb(t), "REVAL_TEST_LOG="+log)
		said, err := run(t, dir, env, emacs, "-Q", "-l", suite)
		words := readReport(t, log)
		checkERT(t, words+said, err)
		if skipped := skippedERT.FindAllString(words, -1); skipped != nil {
			t.Errorf("skipped in a window, where all can run:\n%s", strings.Join(skipped, "\n"))
		}
	})
}

// A kernel's question takes nothing of what is being typed in a file: it is told beside
// the code, and asked when no key comes any more.
func TestEmacsAsksWhenIdle(t *testing.T) {
	t.Parallel()
	term := emacsTerminal(t, "ask.py", "input('Now? ')\n\n", "--eval", "(setq reval-input-idle-delay 3)")
	term.Press("C-c", ";", "l", "M->")
	term.WaitFor("running") // a kernel starts for more keys than a line has room for
	typed := 0
	for more := 10; more > 0; typed++ {
		term.Type("x")
		if strings.Contains(term.WaitFor(fmt.Sprintf("^x{%d}$", typed+1)), "waits for input") {
			more--
		}
	}
	term.WaitFor(`^Now\?$`)
	term.Type("yes\n")
	term.WaitFor("⇒ 'yes'")
	term.WaitFor(fmt.Sprintf("^x{%d}$", typed))
}

// emacsTerminal starts Emacs in a terminal with a file of this text and the plugin on.
func emacsTerminal(t *testing.T, name, text string, args ...string) *testenv.Terminal {
	t.Helper()
	dir, env := project(t)
	env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	argv := append([]string{testenv.Emacs(t), "-Q", "-nw", "-l", script("try.el")}, args...)
	term := testenv.StartTerminal(t, env, dir, append(argv, name)...)
	term.WaitFor(`reval`) // in the mode line
	return term
}

var (
	summaryERT = regexp.MustCompile(`(?m)^Ran [1-9]\d* tests, [1-9]\d* results as expected, 0 unexpected.*`)
	// A test's own line, such as "  skipped  3/60  name (0.01 sec)", and the count in
	// the summary, so that neither is missed where the other is worded anew.
	skippedERT = regexp.MustCompile(`(?m)^ *skipped +\d+/\d+.*|^Ran .* [1-9]\d* skipped.*`)
)

// checkERT wants that a run of ERT came to its end with all as expected.
func checkERT(t *testing.T, said string, err error) {
	t.Helper()
	summary := summaryERT.FindString(said)
	if summary == "" || err != nil {
		t.Errorf("Emacs ended with %v, having said:\n%s", err, said)
		return
	}
	t.Log(summary)
}
