package main

import (
	"context"

	"github.com/reval-editor/reval/internal/terminal"
)

func runDoctor(ctx context.Context, env environment, args []string) error {
	f := flags("doctor")
	asJSON := f.Bool("json", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	finder, err := finderHere()
	if err != nil {
		return err
	}
	d := terminal.Doctor{Streams: streams(env), Finder: finder, Version: version()}
	d.Daemon, d.NoDaemon = daemonPlace()
	return d.Do(ctx, *asJSON)
}
