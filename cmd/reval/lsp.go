package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// stdio joins the two standard streams to one connection. A read of standard
// input cannot be broken off, so another goroutine makes it, which ends with the
// process.
type stdio struct {
	*io.PipeReader
	io.Writer
}

func newStdio(env environment) stdio {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, env.stdin)
		w.CloseWithError(err)
	}()
	return stdio{r, env.stdout}
}

func runLSP(ctx context.Context, env environment, args []string) error {
	f := flags("lsp")
	f.Bool("standalone", true, "")
	logFile := f.String("log", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if *logFile != "" {
		out, err := os.OpenFile(*logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		defer out.Close()
		logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	builtin, err := builtinKernels()
	if err != nil {
		return err
	}
	return lsp.Serve(ctx, newStdio(env), lsp.Options{Version: version(), Builtin: builtin, Logger: logger})
}

// builtinKernels are the kernels in this binary.
func builtinKernels() ([]kernelclient.Spec, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []kernelclient.Spec{{
		Name: "go", DisplayName: "Go (reval)", Language: "go",
		Argv:          []string{self, "kernel", "go", "--connection-file", "{connection_file}"},
		InterruptMode: kernelclient.InterruptByMessage,
		Source:        "embedded",
	}}, nil
}
