package terminal

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/journal"
)

// HistoryClear removes what was kept of evaluations.
type HistoryClear struct {
	Dir string // the journal's
	// Before is the time before which they ended; zero for all.
	Before time.Time
	// Folder is the folder of their sessions, or one above it; empty for all.
	Folder string
}

// ParseHistoryClear reads what a command line says: a day, a time or an age, and a folder.
func ParseHistoryClear(dir, before, folder string) (HistoryClear, error) {
	c := HistoryClear{Dir: dir}
	var err error
	if before != "" {
		if c.Before, err = moment(before, time.Now()); err != nil {
			return c, err
		}
	}
	if folder != "" {
		if c.Folder, err = filepath.Abs(folder); err != nil {
			return c, fmt.Errorf("find the folder: %w", err)
		}
	}
	return c, nil
}

// moment is the time that a day (its beginning), a time, or an age names.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil && days >= 0 {
			return now.AddDate(0, 0, -days), nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	return time.Time{}, fmt.Errorf("%q is no day (2026-11-30), time (2026-11-30T12:00) or age (30d, 12h)", text)
}

// Do removes it, and says on Out how much that was.
func (c HistoryClear) Do(ctx context.Context, s Streams) error {
	cleared, err := journal.Clear(ctx, c.Dir, c.Before, c.Folder)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "removed: %s, %s\n", count(cleared.Evaluations, "evaluation"), count(cleared.Sessions, "session"))
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
