package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// inherited names the variables that a daemon gets of the environment of who starts it: a
// name that ends in * stands for all that begin so. What kernels need comes with each
// client's preface.
var inherited = []string{
	"HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "LANG", "LANGUAGE", "LC_*", "TZ", "XDG_*", "JUPYTER_*",
	"*_proxy", "*_PROXY", "SSL_CERT_*", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GORACE", "GOCOVERDIR",
}

// environment is that of a daemon.
func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.ContainsFunc(inherited, func(pattern string) bool {
			matched, _ := filepath.Match(pattern, name)
			return matched
		})
	})
}

// Descriptors that a daemon is started with.
const (
	readyDescriptor = 3 // it writes a readiness to it
	startDescriptor = 4 // the lock of starts, which it closes when it listens
)

// readiness is what a daemon that was started says, once: a line of JSON.
type readiness struct {
	Error string `json:"error,omitempty"`
	// Refused says that the error is what a [RefusedError] has: no daemon is wanted.
	Refused bool `json:"refused,omitempty"`
}

// start starts a daemon in a session of its own and waits until it listens. The lock of
// starts is held, and is the daemon's, too, until then.
func (o JoinOptions) start(ctx context.Context, starting *os.File) error {
	fail := func(err error) error { return fmt.Errorf("start the daemon: %w", err) }
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it does not say that it is ready"))
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	defer ready.Close()
	cmd := exec.Command(self, o.Command...)
	cmd.Env = environment(o.Preface.Env)
	cmd.Dir = string(filepath.Separator)
	cmd.ExtraFiles = []*os.File{theirs, starting}
	cmd.SysProcAttr = detached()
	keepDescriptors()
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return fail(err)
	}
	go cmd.Wait() // for as long as both live; then it is init's
	stop := context.AfterFunc(ctx, func() { ready.Close() })
	defer stop()
	line, err := readLine(bufio.NewReader(ready), maxWelcome)
	if ctx.Err() != nil {
		cmd.Process.Kill()
		return fail(context.Cause(ctx))
	}
	var r readiness
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	switch {
	case errors.Is(err, io.EOF):
		return fail(errors.New("it ended before it was ready: `reval daemon log` may tell why"))
	case err != nil:
		return fail(err)
	case r.Refused:
		return RefusedError{r.Error}
	case r.Error != "":
		return fail(errors.New(r.Error))
	}
	return nil
}

// starting is for a process that is about to be a daemon: whoever else would start one
// waits until the function is called, which tells who started this process that it is
// ready, or why it is not. detached says that [Join] started it.
func starting(ctx context.Context, p Place, detached bool) (ready func(error), err error) {
	if !detached {
		lock, err := lockFile(ctx, p.start())
		if err != nil {
			return nil, fmt.Errorf("start the daemon: %w", err)
		}
		return func(error) { lock.Close() }, nil
	}
	closeOnExec(readyDescriptor, startDescriptor)
	tell, lock := os.NewFile(readyDescriptor, "ready"), os.NewFile(startDescriptor, startName)
	return func(err error) {
		var r readiness
		if err != nil {
			r = readiness{err.Error(), errors.As(err, new(RefusedError))}
		}
		writeLine(tell, r) // who started it may have gone
		tell.Close()
		lock.Close()
	}, nil
}
