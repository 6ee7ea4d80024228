package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// lines is how many lines the first evaluation of a start prints.
const lines = 20

// startedKernel is a kernel that is started often.
type startedKernel struct {
	spec Spec
	// print is code that prints %d lines: %q, a space and the line's number.
	print string
}

func goKernel(t testing.TB) startedKernel {
	return startedKernel{
		Spec{
			Name: "go", Language: "go", InterruptMode: InterruptByMessage,
			Argv: []string{testenv.Reval(t), "kernel", "go", "--connection-file", "{connection_file}"},
		},
		"import \"fmt\"\nfor i := range %d { fmt.Println(%q, i) }",
	}
}

func pythonKernel(t testing.TB) startedKernel {
	return startedKernel{ipykernel(t), "for i in range(%d): print(%q, i)"}
}

// printed evaluates at once, and gives an error unless the output is there, whole and
// once.
func (s startedKernel) printed(ctx context.Context, k *Kernel, word string) error {
	l := newEvents()
	if _, err := k.Execute(ctx, ExecuteRequest{Code: fmt.Sprintf(s.print, lines, word)}, l.add); err != nil {
		return err
	}
	var want strings.Builder
	for i := range lines {
		fmt.Fprintln(&want, word, i)
	}
	if got := l.all(); !regexp.MustCompile(`^input \d+\n` + regexp.QuoteMeta(fmt.Sprintf("stdout %q", want.String())) + `$`).MatchString(got) {
		return errors.New("got\n" + got)
	}
	return nil
}

// transports are those that a kernel is started with by turns.
func transports() []string {
	if runtime.GOOS == "windows" {
		return []string{TransportTCP}
	}
	return []string{TransportIPC, TransportTCP}
}

// TestStarts: no output of a first evaluation is lost, however often a kernel is
// started. REVAL_TEST_STARTS is how often ipykernel is.
func TestStarts(t *testing.T) {
	t.Parallel()
	times := 20
	if v := os.Getenv("REVAL_TEST_STARTS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("REVAL_TEST_STARTS: %v", err)
		}
		times = n
	}
	for name, c := range map[string]struct {
		times  int
		kernel func(testing.TB) startedKernel
	}{
		"go": {200, goKernel}, "ipykernel": {times, pythonKernel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kernel, env, dir := c.kernel(t), testenv.Env(t), t.TempDir()
			for i := range c.times {
				k, err := Launch(within(t), kernel.spec, LaunchOptions{Env: env, Dir: dir, Transport: transports()[i%len(transports())]})
				if err != nil {
					t.Fatalf("start %d: %v", i+1, err)
				}
				err = kernel.printed(within(t), k, "first")
				k.Close()
				if err != nil {
					t.Errorf("start %d, over %s: %v", i+1, k.Transport(), err)
				}
			}
		})
	}
}

// TestSubscribers: each of several clients that attach to a kernel at the same time
// gets the whole output of its own first evaluation.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	const subscribers = 5
	for name, c := range map[string]struct {
		times  int
		kernel func(testing.TB) startedKernel
	}{
		"go": {10, goKernel}, "ipykernel": {4, pythonKernel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kernel, env, dir := c.kernel(t), testenv.Env(t), t.TempDir()
			for i := range c.times {
				transport := transports()[i%len(transports())]
				k, err := Launch(within(t), kernel.spec, LaunchOptions{Env: env, Dir: dir, Transport: transport})
				if err != nil {
					t.Fatalf("start %d: %v", i+1, err)
				}
				var wait sync.WaitGroup
				for n := range subscribers {
					wait.Go(func() {
						other, err := Attach(within(t), k.ConnectionFile(), Options{})
						if err != nil {
							t.Errorf("subscriber %d: %v", n+1, err)
							return
						}
						defer other.Close()
						if err := kernel.printed(within(t), other, fmt.Sprint("subscriber ", n)); err != nil {
							t.Errorf("start %d, over %s, subscriber %d: %v", i+1, transport, n+1, err)
						}
					})
				}
				wait.Wait()
				if err := kernel.printed(within(t), k, "launcher"); err != nil {
					t.Errorf("start %d, over %s, the launcher: %v", i+1, transport, err)
				}
				k.Close()
			}
		})
	}
}

// TestStartOfWhatIsNoKernel: a program that only prints is ended soon, whatever it prints, and
// an error is one line, whatever a kernelspec says.
func TestStartOfWhatIsNoKernel(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a shell is needed")
	}
	env := testenv.Env(t)
	for _, c := range []struct {
		name string
		argv []string
		want string
	}{
		{"on stdout", []string{"/bin/sh", "-c", "yes", "{connection_file}"}, "it prints without end and becomes no kernel; it said: y / y / y"},
		{"on stderr", []string{"/bin/sh", "-c", "yes >&2", "{connection_file}"}, "it prints without end and becomes no kernel; it said: y / y / y"},
		{"no line", []string{"/bin/sh", "-c", "cat /dev/zero"}, "it prints without end and becomes no kernel"},
		{"a long line", []string{"/bin/sh", "-c", "printf %05000d 1 >&2; exit 3"}, "exit status 3"},
		{"a line end in its name", []string{"/no/such\nprogram"}, `"/no/such\nprogram"`},
		{"a line end on the PATH", []string{"such\nprogram"}, `"such\nprogram" is not on the PATH`},
		{"a relative name", []string{"./such\nprogram"}, `"./such\nprogram" is no absolute path`},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := within(t)
			k, err := Launch(ctx, Spec{Name: "none", Argv: c.argv}, LaunchOptions{Env: env})
			if err == nil {
				k.Close()
				t.Fatal("it is told to be ready")
			}
			oneLine(t, err, "start kernel none", c.want)
			if ctx.Err() != nil || len(err.Error()) > 1500 {
				t.Errorf("it came at the deadline, or is long: %s", err)
			}
		})
	}
	nothingRuns(t, env)
}

// TestStartThatTakesLongIsTold: what is waited for, and what the process said.
func TestStartThatTakesLongIsTold(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a shell is needed")
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	words := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		spec := Spec{Name: "slow", Argv: []string{"/bin/sh", "-c", "echo still loading; exec sleep 1000", "{connection_file}"}}
		_, err := Launch(ctx, spec, LaunchOptions{Options: Options{Waiting: func(w string) { words <- w }}, Env: testenv.Env(t)})
		ended <- err
	}()
	if got := next(t, words); got != "kernel slow was started 5 s ago and does not answer yet; it said: still loading" {
		t.Errorf("it is told %q", got)
	}
	cancel()
	if err := next(t, ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
