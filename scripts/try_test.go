// Package scripts holds no Go but this test of `make try`.
package scripts

import (
	"os/exec"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestTry does what the sample tells a newcomer to do, in each editor.
func TestTry(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		testenv.Missing(t, "make")
	}
	for _, c := range []struct {
		editor                   string
		find                     func(testing.TB) string
		nextCell, eval, lastCell []string
	}{
		{"nvim", testenv.Nvim, []string{"]", "r"}, []string{`\`, "e"}, []string{"G"}},
		{"vim", testenv.Vim, []string{"]", "r"}, []string{`\`, "e"}, []string{"G"}},
		{"emacs", testenv.Emacs, []string{"C-c", ";", "n"}, []string{"C-c", ";", "c"}, []string{"M->", "C-p"}},
	} {
		t.Run(c.editor, func(t *testing.T) {
			c.find(t)
			term := testenv.StartTerminal(t, testenv.Env(t), testenv.Root(), "make", "try", "EDITOR="+c.editor)
			term.WaitFor(`primes := \[\]int`)

			term.Press(c.nextCell...)
			term.Press(c.eval...)
			term.WaitFor(`^\s*sum\s.*28`)

			term.Press(c.nextCell...)
			term.Press(c.eval...)
			term.WaitFor(`prime 5 is 11`)

			term.Press(c.lastCell...)
			term.Press(c.eval...)
			t.Log(term.WaitFor(`primes\[index\].*out of range`))
		})
	}
}
