package main

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/reval-editor/reval/gokernel"
)

func runGoKernel(ctx context.Context, _ environment, args []string) error {
	f := flags("kernel go")
	file := f.String("connection-file", "", "")
	engine := f.String("engine", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if *file == "" {
		return usagef("kernel go: --connection-file is missing")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if os.Getenv("JPY_PARENT_PID") == strconv.Itoa(os.Getppid()) {
		go endWithParent(ctx, cancel)
	}
	return gokernel.ServeFile(ctx, *file, gokernel.Options{Version: version(), Engine: *engine})
}

// endWithParent ends the kernel when the client that started it is gone, as
// ipykernel does with the same variable: a client that was killed cannot shut it
// down. The system tells nobody of a parent's end, so it is looked for.
func endWithParent(ctx context.Context, end context.CancelFunc) {
	parent := os.Getppid()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if os.Getppid() != parent {
				end()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
