package trust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Private makes a folder with mode 0700, or checks that it is one and the user's own.
// Nobody but the user and root can put another in its place: that is checked of all
// folders above it, up to the root.
func Private(dir string) error {
	if !filepath.IsAbs(dir) {
		return refuse(dir, errors.New("it is no absolute path"))
	}
	dir = filepath.Clean(dir)
	// Above what is missing all must be in order before anything is made there.
	there := dir
	for {
		if _, err := os.Lstat(there); err == nil || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there)
	}
	if err := held(there, maxLinks); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	st, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !st.IsDir():
		return refuse(dir, errors.New("it is no folder"))
	case !ownedByUser(st):
		return refuse(dir, ForeignError{owner(st)})
	case othersMay(st, 0o077):
		return refuse(dir, errors.New("others may enter it: its mode is not 0700"))
	}
	if err := held(dir, maxLinks); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return held(real, maxLinks)
}

// NewPrivate makes a new folder with mode 0700 and a random name in base, which may be
// one that all users write to.
func NewPrivate(base, pattern string) (string, error) {
	if !filepath.IsAbs(base) {
		return "", refuse(base, errors.New("it is no absolute path"))
	}
	if err := held(base, maxLinks); err != nil {
		return "", err
	}
	return os.MkdirTemp(base, pattern)
}

// maxLinks is how many links a path may lead over, as for the system.
const maxLinks = 40

// held says why others than the user and root could put something else at path, an
// absolute one of a folder; nil if they cannot.
func held(path string, links int) error {
	at := filepath.VolumeName(path) + string(filepath.Separator)
	rest := strings.Split(strings.Trim(path[len(filepath.VolumeName(path)):], string(filepath.Separator)), string(filepath.Separator))
	shared := false // others may make files in what is above
	for {
		st, err := os.Lstat(at)
		if err == nil {
			err = owned(at, st)
		}
		switch {
		case err != nil:
			return err
		case st.Mode()&fs.ModeSymlink != 0:
			if err := heldLink(at, shared, links); err != nil {
				return err
			}
			shared = false
		case !st.IsDir():
			return refuse(at, errors.New("it is no folder"))
		default:
			// Where the sticky bit is set others may add, but neither rename nor remove.
			shared = othersMay(st, 0o022)
			if shared && st.Mode()&fs.ModeSticky == 0 {
				return refuse(at, errors.New("others may write to it"))
			}
		}
		if len(rest) == 0 || rest[0] == "" {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

func heldLink(path string, shared bool, links int) error {
	switch {
	case shared:
		return refuse(path, errors.New("it is a link in a folder that others write to"))
	case links == 0:
		return refuse(path, errLinks)
	}
	target, err := linkTarget(path)
	if err != nil {
		return err
	}
	return held(target, links-1)
}
