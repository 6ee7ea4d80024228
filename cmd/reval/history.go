package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/reval-editor/reval/internal/terminal"
)

// journalDir is the folder of the user's journal.
func journalDir() (string, error) {
	dir := stateDir()
	if dir == "" {
		return "", errors.New("there is no history: neither HOME nor XDG_STATE_HOME says where it would be")
	}
	return dir, nil
}

func runHistory(ctx context.Context, env environment, args []string) error {
	f := flags("history")
	folder := f.String("folder", "", "")
	limit := f.Int("limit", 20, "")
	asJSON := f.Bool("json", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if *limit < 1 {
		return usagef("history: --limit is at least 1")
	}
	dir, err := journalDir()
	if err != nil {
		return err
	}
	h := terminal.History{Streams: streams(env), Dir: dir, Limit: *limit, JSON: *asJSON}
	if *folder != "" {
		if h.Folder, err = filepath.Abs(*folder); err != nil {
			return fmt.Errorf("find the folder: %w", err)
		}
	}
	return h.Do(ctx)
}

func runHistoryClear(ctx context.Context, env environment, args []string) error {
	f := flags("history clear")
	before := f.String("before", "", "")
	folder := f.String("folder", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	dir, err := journalDir()
	if err != nil {
		return err
	}
	history, err := terminal.ParseHistoryClear(dir, *before, *folder)
	if err != nil {
		return usageError{err}
	}
	return history.Do(ctx, streams(env))
}
