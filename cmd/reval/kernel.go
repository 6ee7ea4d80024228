package main

import (
	"context"

	"github.com/reval-editor/reval/gokernel"
)

func runGoKernel(ctx context.Context, _ environment, args []string) error {
	f := flags("kernel go")
	file := f.String("connection-file", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if *file == "" {
		return usagef("kernel go: --connection-file is missing")
	}
	return gokernel.ServeFile(ctx, *file, gokernel.Options{Version: version()})
}
