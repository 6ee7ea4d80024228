package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// Cleared is what Clear removed.
type Cleared struct{ Sessions, Evaluations int }

// Clear removes from the journal in dir, for good, the evaluations that ended before a
// time, or all if that is zero, of the sessions of a folder and those in it, or all if that
// is empty. What other processes have not written yet, they write afterwards. If all is to be
// removed, that goes for journals that were damaged and moved aside, too.
func Clear(ctx context.Context, dir string, before time.Time, folder string) (Cleared, error) {
	var c Cleared
	path := filepath.Join(dir, fileName)
	all := before.IsZero() && folder == ""
	if exists(path) {
		s, aside, err := openStore(ctx, path, defaultBusy, nil)
		if err != nil {
			return c, fmt.Errorf("clear the history: %w", err)
		}
		defer s.close()
		if aside != "" && !all {
			return c, fmt.Errorf("clear the history: it was damaged, and is now %s: remove that, or clear everything", aside)
		}
		if c, err = s.clear(ctx, before, folder); err != nil {
			return c, fmt.Errorf("clear the history: %w", err)
		}
	}
	if all && exists(dir) {
		return c, removeBroken(path, 0)
	}
	return c, nil
}

func (s *store) clear(ctx context.Context, before time.Time, folder string) (c Cleared, err error) {
	for more := true; more && err == nil; {
		var hidden Cleared
		hidden, err = s.hideBefore(ctx, before, folder)
		c.Evaluations += hidden.Evaluations
		c.Sessions += hidden.Sessions
		more = hidden.Evaluations == few
	}
	if before.IsZero() && folder == "" && err == nil {
		_, err = s.conn.ExecContext(ctx, "DELETE FROM losses")
	}
	for more := true; more && err == nil; {
		more, err = s.remove(ctx)
	}
	for more := true; more && err == nil; {
		more, err = s.shrink(ctx, 0)
	}
	if err == nil {
		// What was removed is in the file that SQLite writes first, too.
		_, err = s.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return c, err
}
