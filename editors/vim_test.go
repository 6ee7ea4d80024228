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

func scenarios() string { return filepath.Join(testenv.Root(), "vim", "test", "run.sh") }
