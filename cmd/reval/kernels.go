package main

import (
	"context"
	"fmt"
	"os"

	"github.com/reval-editor/reval/internal/terminal"
	"github.com/reval-editor/reval/kernelclient"
)

func runKernels(ctx context.Context, env environment, args []string) error {
	f := flags("kernels")
	asJSON := f.Bool("json", false, "")
	server := f.String("server", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if *server != "" {
		return terminal.ServerKernels(ctx, streams(env), *server, *asJSON)
	}
	finder, err := finderHere()
	if err != nil {
		return err
	}
	return terminal.Kernels(ctx, streams(env), finder, *asJSON)
}

// finderHere finds the kernels as of a file in the current folder.
func finderHere() (kernelclient.Finder, error) {
	dir, err := os.Getwd()
	if err != nil {
		return kernelclient.Finder{}, fmt.Errorf("find the current folder: %w", err)
	}
	builtin, err := builtinKernels()
	return kernelclient.Finder{Dir: dir, Builtin: builtin}, err
}
