package lsp

import (
	"os"
	"path/filepath"
	"testing"
)

// What a kernel prints has no other host asked for a file.
func TestFilesOfOtherHostsAreNotLookedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.py")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if files := existing(`File "` + file + `", line 1`); !files[file] {
		t.Errorf("%s is not found: %v", file, files)
	}
	for _, text := range []string{
		`File "/` + file + `", line 1`, // on Unix the same file
		`File /` + file + `:1`,
		`File "\\host\share\a.py", line 1`, `File "//host/share/a.py", line 1`, `File "\/host\share\a.py", line 1`,
		`File "\\?\C:\a.py", line 1`, `File "\\.\pipe\a", line 1`,
	} {
		if named := namedFiles(text); len(named) > 0 {
			t.Errorf("%s: %v", text, named)
		}
	}
}
