//go:build !windows

package kernelclient

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/testenv"
)

// fated is the spec of a kernel with that fate: this test binary.
func fated(t testing.TB, fate kernelpeer.Fate) Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{
		Name: "fated", Argv: []string{self, "{connection_file}"}, InterruptMode: InterruptBySignal,
		Env: map[string]string{kernelpeer.FateVariable: string(fate)},
	}
}

// TestDeathAtEachStepOfAStart: the caller is told at once, how the kernel ended and
// what it said, and nothing is left of it.
func TestDeathAtEachStepOfAStart(t *testing.T) {
	t.Parallel()
	t.Run("a child", func(t *testing.T) {
		t.Parallel()
		testDeathAtEachStepOfAStart(t, testenv.Env(t), nil)
	})
	t.Run("one that is to outlive us", func(t *testing.T) {
		t.Parallel()
		env := testenv.Env(t)
		r := registryFor(t, env)
		testDeathAtEachStepOfAStart(t, env, r)
		nothingLeft(t, env, r)
	})
}

func testDeathAtEachStepOfAStart(t *testing.T, env []string, r *Registry) {
	const exit = "exit status 7: " + kernelpeer.LastWords
	for _, c := range []struct {
		fate kernelpeer.Fate
		want string
	}{
		{kernelpeer.DiesAtOnce, exit},
		{kernelpeer.DiesAtItsFile, exit},
		{kernelpeer.DiesBound + "shell", exit},
		{kernelpeer.DiesBound + "iopub", exit},
		{kernelpeer.DiesBound + "stdin", exit},
		{kernelpeer.DiesBound + "control", exit},
		{kernelpeer.DiesBound + "hb", exit},
		{kernelpeer.DiesSubscribed, exit},
		{kernelpeer.DiesAsked, exit},
		{kernelpeer.DiesAnswered, exit},
		{kernelpeer.KilledAsked, "signal: killed"},
		{kernelpeer.HangsUp, "it closed its "},
	} {
		t.Run(string(c.fate), func(t *testing.T) {
			ctx := within(t)
			k, err := Launch(ctx, fated(t, c.fate), LaunchOptions{Env: env, Registry: r})
			if err == nil {
				k.Close()
				t.Fatal("it is told to be ready")
			}
			oneLine(t, err, "start kernel fated", c.want)
			if !errors.Is(err, ErrDead) || ctx.Err() != nil {
				t.Errorf("%v is no ErrDead, or came at the deadline", err)
			}
		})
	}
	for _, fate := range []kernelpeer.Fate{kernelpeer.NeverBinds, kernelpeer.NeverAnswers} {
		t.Run(string(fate), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(within(t), time.Second)
			defer cancel()
			_, err := Launch(ctx, fated(t, fate), LaunchOptions{Env: env, Registry: r})
			oneLine(t, err, "start kernel fated", "not ready in time")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is no DeadlineExceeded", err)
			}
		})
	}
	files, err := os.ReadDir(RuntimeDir(env))
	if err != nil || len(files) > 0 {
		t.Errorf("files left: %v, %v", files, err)
	}
	nothingRuns(t, env)
}

// TestDeathRightAfterTheStart: a kernel that was busy with its own start-up when it
// died may be told as ready first, but then every call says that it is dead.
func TestDeathRightAfterTheStart(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	k, err := Launch(within(t), fated(t, kernelpeer.DiesBusy), LaunchOptions{Env: env})
	if err == nil {
		next(t, k.Done())
		err = k.Err()
		_, again := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(Event) {})
		oneLine(t, again, "execute", "exit status 7: "+kernelpeer.LastWords)
		k.Close()
	}
	oneLine(t, err, "exit status 7: "+kernelpeer.LastWords)
	if !errors.Is(err, ErrDead) {
		t.Errorf("%v is no ErrDead", err)
	}
	nothingRuns(t, env)
}

// TestDeathOfALaunchedKernel: what it printed comes before its death is told.
func TestDeathOfALaunchedKernel(t *testing.T) {
	t.Parallel()
	k, err := Launch(within(t), fated(t, kernelpeer.DiesExecuting), LaunchOptions{Env: testenv.Env(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	l := newEvents()
	_, err = k.Execute(within(t), ExecuteRequest{Code: "x"}, l.add)
	oneLine(t, err, "execute", "exit status 7: "+kernelpeer.LastWords)
	if !errors.Is(err, ErrDead) {
		t.Errorf("%v is no ErrDead", err)
	}
	equal(t, l.all(), "input 1\nstdout \"on\"")
}

// TestStubbornKernel: a kernel that hears neither the request nor SIGTERM, and whose
// child does not either, ends all the same, in the time that a shutdown has.
func TestStubbornKernel(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Kernel) error{
		"shutdown": func(k *Kernel) error { return k.Shutdown(context.Background()) },
		"shutdown with a deadline": func(k *Kernel) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			return k.Shutdown(ctx)
		},
		"close": func(k *Kernel) error { k.Close(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			k, err := Launch(within(t), fated(t, kernelpeer.Stubborn), LaunchOptions{Env: env})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(k.Close)
			begun := time.Now()
			if err := end(k); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > shutdownGrace+terminateGrace+limit/4 {
				t.Errorf("it took %v", took)
			}
			gone(t, k.proc.pid)
			notThere(t, k.ConnectionFile())
			nothingRuns(t, env)
		})
	}
}

// nothingRuns tells the processes that were started with an environment of
// testenv.Env, whatever group they moved to: its home is nobody else's.
func nothingRuns(t testing.TB, env []string) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=").Output()
	if err != nil {
		testenv.Missing(t, "ps")
	}
	home := "HOME=" + environMap(env)["HOME"] + "\x00"
	for _, pid := range strings.Fields(string(out)) {
		environ, err := os.ReadFile("/proc/" + pid + "/environ")
		if err != nil {
			continue // ended meanwhile, another's, or a system without /proc
		}
		if strings.Contains(string(environ), home) {
			if n, err := strconv.Atoi(pid); err == nil && n != os.Getpid() {
				t.Errorf("process %s still runs", pid)
			}
		}
	}
}
