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
