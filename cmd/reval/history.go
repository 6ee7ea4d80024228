package main

import (
	"context"
	"errors"

	"github.com/reval-editor/reval/internal/terminal"
)

func runHistoryClear(ctx context.Context, env environment, args []string) error {
	f := flags("history clear")
	before := f.String("before", "", "")
	folder := f.String("folder", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	dir := stateDir()
	if dir == "" {
		return errors.New("there is no history: neither HOME nor XDG_STATE_HOME says where it would be")
	}
	history, err := terminal.ParseHistoryClear(dir, *before, *folder)
	if err != nil {
		return usageError{err}
	}
	return history.Do(ctx, streams(env))
}
