package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/reval-editor/reval/gokernel"
)

func runGoKernel(ctx context.Context, _ environment, args []string) error {
	f := flags("kernel go")
	file := f.String("connection-file", "", "")
	engine := f.String("engine", "", "")
	// `jupyter run` gives its own files to the kernel, too.
	if _, err := parse(f, args, anyNumber); err != nil {
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
	return gokernel.ServeFile(ctx, *file, gokernel.Options{Version: version(), Engine: *engine, History: historyDir(), Startup: startupFile()})
}

// historyDir is where the Go kernel keeps what was executed; empty if there is no
// such place.
func historyDir() string {
	if dir := stateDir(); dir != "" {
		return filepath.Join(dir, "go-history")
	}
	return ""
}

// stateDir is where reval keeps what is to outlive it; empty if there is no such place.
func stateDir() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
		switch runtime.GOOS {
		case "darwin":
			dir = filepath.Join(home, "Library", "Application Support")
		case "windows":
			if dir, err = os.UserCacheDir(); err != nil { // %LocalAppData%
				return ""
			}
		}
	}
	return filepath.Join(dir, "reval")
}

// startupFile is the user's own Go code for every kernel.
func startupFile() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "reval", "go-kernel.go")
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
