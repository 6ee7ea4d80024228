// Command reval joins editors to live kernels. `reval help` tells the rest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/reval-editor/reval/internal/terminal"
)

// command is one of reval's commands. Its run parses args, which do not have the
// command's name.
type command struct {
	name    string // with its words, as `kernel go`
	args    string // what follows it in a usage line
	summary string
	run     func(ctx context.Context, env environment, args []string) error
}

// environment is where a command runs.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// commands in the order in which help lists them.
var commands []command

func init() {
	commands = []command{
		{"lsp", "[--standalone] [--log FILE]", "speak the Language Server Protocol on stdin and stdout, for an editor", runLSP},
		{"run", "[--kernel NAME|URL] FILE [ARGUMENT...]", "evaluate the cells of a file in order", runRun},
		{"kernels", "[--server URL] [--json]", "list the kernels that there are", runKernels},
		{"doctor", "[--json]", "tell what was found on this machine, what is missing, and what mends it", runDoctor},
		{"sessions", "[--json]", "list the sessions that editors have begun", runSessions},
		{"tail", "[--all] [--json] [SESSION]", "show what happens in a session", runTail},
		{"stop", "[SESSION]", "end a session and its kernel", runStop},
		{"history clear", "[--before TIME] [--folder FOLDER]", "remove what was kept of evaluations", runHistoryClear},
		{"history", "[--folder FOLDER] [--limit N] [--json]", "show what was evaluated, and what came of it", runHistory},
		{"daemon status", "[--json]", "tell of the daemon that serves this user's editors", runDaemonStatus},
		{"daemon stop", "", "end it, and with it what it serves", runDaemonStop},
		{"daemon restart", "", "end it and start one of this reval", runDaemonRestart},
		{"daemon log", "[--follow]", "show the end of its log", runDaemonLog},
		{"daemon run", "[--idle DURATION] [--detached]", "be the daemon", runDaemon},
		{"kernel go", "--connection-file FILE [--engine NAME]", "be the embedded Go kernel of a connection file", runGoKernel},
		{"kernel install", "[--user | --sys-prefix | --prefix DIR] [--name NAME] [--engine NAME]", "make the embedded Go kernel one of Jupyter's", runKernelInstall},
		{"version", "", "print the version", runVersion},
		{"help", "[COMMAND]", "explain a command", runHelp},
	}
}

// Exit statuses.
const (
	exitError = 1
	exitUsage = 2
)

// usageError is wrong use of the command line; the usage follows it.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, environment{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

func run(ctx context.Context, env environment, args []string) int {
	c, rest, err := find(args)
	if err == nil {
		err = c.run(ctx, env, rest)
	}
	var exit terminal.ExitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.stdout, usage(c))
		return 0
	case errors.As(err, new(usageError)):
		fmt.Fprintf(env.stderr, "reval: %s\n", terminal.Words(err))
		if c != nil {
			fmt.Fprintf(env.stderr, "usage: reval %s %s\n", c.name, c.args)
		} else {
			fmt.Fprintln(env.stderr, "`reval help` lists the commands")
		}
		return exitUsage
	case errors.As(err, &exit):
		return exit.Status
	}
	fmt.Fprintf(env.stderr, "reval: %s\n", terminal.Words(err))
	return exitError
}

// find takes the command from the arguments; the longest name wins.
func find(args []string) (*command, []string, error) {
	if len(args) == 0 {
		return nil, nil, usagef("no command")
	}
	if args[0] == "--help" || args[0] == "-h" || args[0] == "-help" {
		args = append([]string{"help"}, args[1:]...)
	}
	if args[0] == "--version" {
		args[0] = "version"
	}
	for _, c := range commands {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return &c, args[len(words):], nil
		}
	}
	return nil, nil, usagef("no command %q", args[0])
}

// flags makes a flag set whose errors are usage errors.
func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// anyNumber of arguments is what a command takes that does not look at them.
const anyNumber = -1

// parse parses flags that may stand before, between and behind the arguments, of
// which there must be n.
func parse(f *flag.FlagSet, args []string, n int) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		args = f.Args()
		if len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	switch {
	case n == anyNumber:
	case len(rest) < n:
		return nil, usagef("%s: an argument is missing", f.Name())
	case len(rest) > n:
		return nil, usagef("%s: unexpected argument %q", f.Name(), rest[n])
	}
	return rest, nil
}
