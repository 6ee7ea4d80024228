package main

import (
	"context"

	"github.com/reval-editor/reval/internal/terminal"
)

func runHistoryClear(ctx context.Context, env environment, args []string) error {
	f := flags("history clear")
	before := f.String("before", "", "")
	folder := f.String("folder", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	history, err := terminal.ParseHistoryClear(*before, *folder)
	if err != nil {
		return usageError{err}
	}
	return history.Do(ctx, streams(env))
}
