package journal

import (
	"errors"
	"fmt"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// reason says in a few words why something is not written.
func reason(err error) string {
	switch {
	case err == nil:
		return "they came faster than they could be written"
	case errors.Is(err, errNewer):
		return err.Error()
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		return "no room is left on the disk"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return "another process holds it"
	case sqlite3.SQLITE_READONLY:
		return "it is read-only"
	}
	return err.Error()
}

// explain says for the user what is wrong with the journal at path, and what to do.
func explain(path string, err error) string {
	if errors.Is(err, errNewer) {
		return fmt.Sprintf("no history is kept: %v, %s; update this one, or move that file away", err, path)
	}
	mended := "that is mended"
	if code(err) == sqlite3.SQLITE_FULL {
		mended = "there is room in " + filepath.Dir(path)
	}
	return fmt.Sprintf("the history is not written to %s: %s; evaluation goes on, and history is written again as soon as %s", path, reason(err), mended)
}
