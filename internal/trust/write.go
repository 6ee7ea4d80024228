package trust

import (
	"errors"
	"os"
	"path/filepath"
)

// TemporaryPattern matches the names that files of WriteFile have while they are written. What
// is left of a writer that was killed may be removed.
const TemporaryPattern = ".*.tmp"

// WriteFile writes a file that the user alone may read, whole or not at all: who reads it
// meanwhile finds the old one.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
