package editors

import (
	"path/filepath"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// The plugin's scenarios, vim/test/scenarios.vim, in Vim.
func TestVimPlugin(t *testing.T) {
	t.Parallel()
	vim := testenv.Vim(t)
	dir, env := project(t)
	report, err := run(t, dir, append(env, "REVAL_TEST_VIM="+vim), scenarios(), "vim")
	checkReport(t, report, "")
	if err != nil {
		t.Error(err)
	}
}

// The same scenarios in Neovim.
func TestNeovimPlugin(t *testing.T) {
	t.Parallel()
	nvim := testenv.Nvim(t)
	dir, env := project(t)
	report, err := run(t, dir, append(env, "REVAL_TEST_NVIM="+nvim), scenarios(), "nvim")
	checkReport(t, report, "")
	if err != nil {
		t.Error(err)
	}
}

func scenarios() string { return filepath.Join(testenv.Root(), "vim", "test", "run.sh") }
