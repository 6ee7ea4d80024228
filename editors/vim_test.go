package editors

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// The plugin's scenarios, vim/test/scenarios.vim, in Vim.
func TestVimPlugin(t *testing.T) {
	t.Parallel()
	vim := testenv.Vim(t)
	dir, env := project(t)
	report, err := run(t, dir, append(elsewhere(t, dir, env), "REVAL_TEST_VIM="+vim), scenarios(), "vim")
	checkReport(t, report, "")
	if err != nil {
		t.Error(err)
	}
}

// The same scenarios in Neovim, the newest that `make test` installs and the oldest.
func TestNeovimPlugin(t *testing.T) {
	for name, find := range map[string]func(testing.TB) string{"newest": testenv.Nvim, "0.10": testenv.NvimFloor} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nvim := find(t)
			dir, env := project(t)
			report, err := run(t, dir, append(elsewhere(t, dir, env), "REVAL_TEST_NVIM="+nvim), scenarios(), "nvim")
			checkReport(t, report, "")
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A message that is wider than the screen is cut, and no key has to be pressed for it,
// also after a list to choose from: Vim would show the whole of it then.
func TestVimMessageWaitsForNoKey(t *testing.T) {
	t.Parallel()
	vim := testenv.Vim(t)
	dir, env := project(t)
	env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
	term := testenv.StartTerminal(t, env, dir, vim, "-u", script("try.vim"), "-i", "NONE", "a.py")
	term.WaitFor(`a\.py`)
	term.Type(":set columns=60\n")
	term.Type(":RevalKernel\n")
	server := regexp.MustCompile(`(?m)^ *(\d+)\. +a Jupyter server`)
	term.Type(server.FindStringSubmatch(term.WaitFor(server.String()))[1] + "\n")
	term.WaitFor(`^URL \(http.*:$`)
	term.Type("http://127.0.0.1:9/?token=secret\n") // nobody listens there
	if screen := term.WaitFor(`^reval: .*…$|Press ENTER`); strings.Contains(screen, "Press ENTER") {
		t.Errorf("a key is waited for:\n%s", screen)
	}
	term.Type(":RevalState\n")
	term.WaitFor(`(?s)reval: list the kernelspecs of.*refused\n`)
}

// A result waits for no key where Vim read it while it ran somebody's timer, and another
// timer is due so often that what was read is never handed on: once no key came for
// 'updatetime', only a wait of more than 10 ms for the next timer ends for that.
func TestVimShowsWhatLiesUnread(t *testing.T) {
	t.Parallel()
	vim := testenv.Vim(t)
	dir, env := project(t)
	busy := filepath.Join(dir, "busy.vim")
	if err := os.WriteFile(busy, []byte(`set updatetime=50
function! Busy(timer) abort
  2Reval
  let start = reltime()
  while reltimefloat(reltime(start)) < 2
  endwhile
endfunction
function! Begin() abort
  call timer_start(1000, 'Busy')
  call timer_start(1, {-> 0}, {'repeat': -1})
endfunction
`), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
	term := testenv.StartTerminal(t, env, dir, vim, "-u", script("try.vim"), "-i", "NONE", "-S", busy, "a.py")
	term.WaitFor(`a\.py`)
	term.Type("i1 + 1\n2 + 2\n")
	term.Press("Escape")
	term.Type(":1Reval\n")
	term.WaitFor(`(?m)^1 \+ 1 +⇒ 2`)
	term.Type(":call Begin()\n")
	term.WaitFor(`(?m)^2 \+ 2 +⇒ 4`)
}

// A kernel's question takes no key from who types into the file: it is asked in Normal
// mode, and can be put aside there to look at the code.
func TestVimQuestionWaitsForNormalMode(t *testing.T) {
	for name, editor := range map[string]func(testing.TB) string{"vim": testenv.Vim, "nvim": testenv.Nvim} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := editor(t)
			dir, env := project(t)
			env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+testenv.Reval(t))
			term := testenv.StartTerminal(t, env, dir, program, "-u", script("try.vim"), "-i", "NONE", "a.py")
			term.WaitFor(`a\.py`)
			term.Type("iname = input('who? ')")
			term.Press("Escape")
			term.Type(":Reval\no")
			term.WaitFor(`(?m)'\) +● waits for input`)
			term.Type("# nothing of this is lost")
			if screen := term.WaitFor(`nothing of this is lost`); regexp.MustCompile(`(?m)^who\?`).MatchString(screen) {
				t.Errorf("it asks while somebody types:\n%s", screen)
			}
			term.Press("Escape")
			term.WaitFor(`(?m)^who\? *$`)
			term.Press("Escape")
			term.WaitFor(`(?m)^reval: the kernel waits: :RevalInput`)
			term.Type("gg:RevalInput\n")
			term.WaitFor(`(?m)^who\? *$`)
			term.Type("Zoë\n")
			term.WaitFor(`(?m)'\) +✓`)
			term.Type("Go")
			term.Type("name")
			term.Press("Escape")
			term.Type(":Reval\n")
			term.WaitFor(`(?m)^name +⇒ 'Zoë'`)
		})
	}
}

func scenarios() string { return filepath.Join(testenv.Root(), "vim", "test", "run.sh") }
