package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxFile is how many bytes a file may have that is read: kernelspecs, connection
// files and the like have a few thousand.
const MaxFile = 1 << 20

// ReadFile reads a regular file of at most MaxFile bytes that is the user's or root's,
// behind links, too. It never waits, as opening a named pipe would. Its errors name the
// file and what is wrong with it in one line.
func ReadFile(path string) ([]byte, error) {
	// To be opened is enough to set off some devices, so it is looked at before; what
	// was opened is looked at again.
	st, err := os.Stat(path)
	if err != nil {
		if missing := new(fs.PathError); errors.As(err, &missing) {
			missing.Op = "open" // what was wanted
		}
		return nil, err
	}
	if err := readable(path, st); err != nil {
		return nil, err
	}
	if err := Owned(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err = f.Stat(); err == nil {
		err = readable(path, st)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		err = refuse(path, errTooLong)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

var errTooLong = fmt.Errorf("it has more than %d MiB", MaxFile>>20)

func readable(path string, st fs.FileInfo) error {
	switch {
	case !st.Mode().IsRegular():
		return refuse(path, errors.New("it is no regular file"))
	case st.Size() > MaxFile:
		return refuse(path, errTooLong)
	}
	return owned(path, st)
}

// Owned says why what stands at path is not to be believed: it, or any of the links from
// path to it, is another user's; nil if all is the user's or root's.
func Owned(path string) error { return ownedChain(path, maxLinks) }

func ownedChain(path string, links int) error {
	st, err := os.Lstat(path)
	if err == nil {
		err = owned(path, st)
	}
	if err != nil || st.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	if links == 0 {
		return refuse(path, errLinks)
	}
	target, err := linkTarget(path)
	if err != nil {
		return err
	}
	// The folders that it names may be links as well.
	for dir := filepath.Dir(target); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if st, err := os.Lstat(dir); err == nil && st.Mode()&fs.ModeSymlink != 0 {
			if err := ownedChain(dir, links-1); err != nil {
				return err
			}
		}
	}
	return ownedChain(target, links-1)
}

var errLinks = errors.New("it leads over too many links")

// linkTarget is the absolute path that a link names.
func linkTarget(path string) (string, error) {
	target, err := os.Readlink(path)
	if err != nil || filepath.IsAbs(target) {
		return target, err
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(above, target), err
}

func owned(path string, st fs.FileInfo) error {
	if whose := stranger(st); whose != "" {
		return refuse(path, ForeignError{whose})
	}
	return nil
}

// ForeignError is wrapped where something belongs to another user than this one and root.
type ForeignError struct{ User string }

func (e ForeignError) Error() string { return "it belongs to another user, " + e.User }

func refuse(path string, why error) error { return fmt.Errorf("%s: %w", path, why) }
