package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/reval-editor/reval/internal/terminal"
)

func runRun(ctx context.Context, env environment, args []string) error {
	f := flags("run")
	kernel := f.String("kernel", "", "")
	file, args, err := parseScript(f, args)
	if err != nil {
		return err
	}
	if file == "-" && *kernel == "" {
		return usagef("run: standard input does not tell its language: choose a kernel, with --kernel NAME before the - (`reval kernels` lists them)")
	}
	builtin, err := builtinKernels()
	if err != nil {
		return err
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	// A reader that goes away, such as head, is told by an error of the write: the
	// kernel is still to be ended.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)

	err = terminal.Run{
		Streams: streams(env), File: file, Args: args, Kernel: *kernel, Builtin: builtin, Interrupts: interrupts,
	}.Do(ctx)
	if errors.Is(err, syscall.EPIPE) {
		return terminal.ExitError{Status: exitError}
	}
	return err
}

// parseScript parses the flags before a file. What follows the file is its own, a flag
// and "--" too; "--" before it lets its name begin with "-".
func parseScript(f *flag.FlagSet, args []string) (file string, rest []string, err error) {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", nil, err
		}
		return "", nil, usageError{err}
	}
	if f.NArg() == 0 {
		return "", nil, usagef("%s: an argument is missing", f.Name())
	}
	return f.Arg(0), f.Args()[1:], nil
}

// streams are the standard ones, with what is known of their terminal.
func streams(env environment) terminal.Streams {
	s := terminal.Streams{
		In: env.stdin, Out: env.stdout, Err: env.stderr,
		OutColor: showsColors(env.stdout), ErrColor: showsColors(env.stderr),
	}
	if fd, ok := terminalOf(env.stdin); ok {
		s.ReadPassword = func(ctx context.Context) (string, error) { return readPassword(ctx, fd, env.stdout) }
	}
	return s
}

// showsColors tells whether colours are wanted there (NO_COLOR is that of no-color.org).
func showsColors(stream any) bool {
	_, ok := terminalOf(stream)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminalOf gives the file descriptor of a stream that is a terminal.
func terminalOf(stream any) (fd int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// readPassword reads a line of a terminal without showing it, and then ends the
// line that the prompt is on.
func readPassword(ctx context.Context, fd int, out io.Writer) (string, error) {
	shown, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		text []byte
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- answer{text, err}
	}()
	defer fmt.Fprintln(out)
	select {
	case a := <-read:
		return string(a.text), a.err
	case <-ctx.Done(): // the read goes on, but what is typed is to be seen again
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, shown))
	}
}
