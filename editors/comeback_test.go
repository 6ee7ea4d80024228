package editors

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// What was evaluated in a file is there again, and what runs is told to its end, when an
// editor that was killed opens it again; and in another editor, beside the first.
func TestKilledEditorComesBack(t *testing.T) {
	t.Parallel()
	vim := func(program string) []string { return []string{program, "-u", script("try.vim"), "-i", "NONE"} }
	editors := map[string][]string{
		"Vim":    vim(testenv.Vim(t)),
		"Neovim": vim(testenv.Nvim(t)),
		"Emacs":  {testenv.Emacs(t), "-nw", "-Q", "-l", script("try.el")},
	}
	next := map[string]string{"Vim": "Neovim", "Neovim": "Emacs", "Emacs": "Vim"}
	for name, argv := range editors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := project(t)
			env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
			const code = "6 * 7\n\nimport time\nfor i in range(30): print('line', i); time.sleep(0.1)\n"
			if err := os.WriteFile(filepath.Join(dir, "a.py"), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			term := testenv.StartTerminal(t, env, dir, append(argv, "a.py")...)
			term.WaitFor(`6 \* 7`)
			evaluate := func(keys []string, command string) {
				if name == "Emacs" {
					term.Press(keys...)
				} else {
					term.Type(command)
				}
			}
			evaluate([]string{"C-c", ";", "l"}, ":1Reval\n")
			term.WaitFor(`6 \* 7 +⇒ 42`)
			evaluate([]string{"M->", "Up", "Up", "C-Space", "M->", "C-c", ";", "r"}, ":3,4Reval\n")
			term.WaitFor(`(?m)^line 2$`)
			term.Kill()
			for _, again := range []string{name, next[name]} {
				term := testenv.StartTerminal(t, env, dir, append(editors[again], "a.py")...)
				term.WaitFor(`(?m)6 \* 7 +⇒ 42`)
				term.WaitFor(`(?m)time\.sleep\(0\.1\) +✓ \d`)
				term.Kill()
			}
			// What the daemon had in memory is in the journal after its end.
			stop := exec.Command(testenv.Reval(t), "daemon", "stop")
			stop.Env = env
			if out, err := stop.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			term = testenv.StartTerminal(t, env, dir, append(argv, "a.py")...)
			term.WaitFor(`6 \* 7 *$`)
			if name == "Emacs" {
				term.Press("M-x")
				term.Type("reval-restore\n")
			} else {
				term.Type(":RevalRestore\n")
			}
			term.WaitFor(`(?m)6 \* 7 +⇒ 42 +\(20\d\d-\d\d-\d\d \d\d:\d\d\)`)
		})
	}
}
