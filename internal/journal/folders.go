package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Exists tells whether there is a journal in a folder.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, fileName))
	return err == nil
}

// Excludes tells whether a list as of Options.Exclude has a folder. A list that is not
// understood has all.
func Excludes(list []string, folder string) bool {
	x, _ := newExclusion(list)
	return x.has(folder)
}

// exclusion is what is not to be kept.
type exclusion struct {
	all     bool
	folders []string
}

// newExclusion reads Options.Exclude. What it does not understand excludes all.
func newExclusion(list []string) (exclusion, error) {
	var x exclusion
	for _, folder := range list {
		if rest, ok := strings.CutPrefix(folder, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
			if home, err := os.UserHomeDir(); err == nil {
				folder = filepath.Join(home, rest)
			}
		}
		switch {
		case folder == "*":
			x.all = true
		case !filepath.IsAbs(folder):
			return exclusion{all: true}, fmt.Errorf("to keep %q out of the history it must be an absolute path, or begin with ~/", folder)
		default:
			x.folders = append(x.folders, filepath.Clean(folder))
		}
	}
	return x, nil
}

func (x exclusion) has(folder string) bool {
	if x.all {
		return true
	}
	if folder == "" {
		return false
	}
	for _, spelling := range spellings(folder) {
		for dir := spelling; ; dir = filepath.Dir(dir) {
			if slices.ContainsFunc(x.folders, func(excluded string) bool { return same(dir, excluded) }) {
				return true
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return false
}

// spellings are a folder's path and, if that is another, its path without links.
func spellings(folder string) []string {
	folder = filepath.Clean(folder)
	if real, err := filepath.EvalSymlinks(folder); err == nil && real != folder {
		return []string{folder, real}
	}
	return []string{folder}
}

// same tells whether two paths name the same folder, in whatever letters.
func same(a, b string) bool {
	if a == b {
		return true
	}
	statA, errA := os.Stat(a)
	statB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(statA, statB)
}
