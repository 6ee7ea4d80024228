//go:build !windows

package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// victim is a real kernel, and code in its language.
type victim struct {
	name string
	spec func(t testing.TB) Spec
	// Prints its lines for ever; asks for a line; prints "on" and then runs for ever;
	// prints 0 to 499, a line a millisecond.
	print, input, hang, count string
}

var victims = []victim{
	{
		"ipykernel", ipykernel,
		"while True: print('on', flush=True)",
		"input('? ')",
		"print('on', flush=True)\nwhile True: pass",
		"import time\nfor i in range(500):\n    print(i)\n    time.sleep(0.001)",
	},
	{
		"Go kernel", func(t testing.TB) Spec {
			return Spec{
				Name: "go", Language: "go", InterruptMode: InterruptByMessage,
				Argv: []string{testenv.Reval(t), "kernel", "go", "--connection-file", "{connection_file}"},
			}
		},
		"import \"fmt\"\nfor { fmt.Println(\"on\") }",
		"import \"fmt\"\nvar s string\nfmt.Scanln(&s)",
		"import \"fmt\"\nfmt.Println(\"on\")\nfor {}",
		"import (\n\"fmt\"\n\"time\"\n)\nfor i := 0; i < 500; i++ {\n\tfmt.Println(i)\n\ttime.Sleep(time.Millisecond)\n}",
	},
}

// launch starts the victim and joins it a second time.
func (v victim) launch(t testing.TB, o Options) (k, other *Kernel) {
	t.Helper()
	k, err := Launch(within(t), v.spec(t), LaunchOptions{Options: o, Env: testenv.Env(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	if other, err = Attach(within(t), k.ConnectionFile(), Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return k, other
}

// signal sends a signal to a kernel's process. A kernel that is stopped has stopped, with
// all its threads, when signal returns.
func (k *Kernel) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := k.proc.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	if s != syscall.SIGSTOP {
		return
	}
	argv := []string{"ps", "-o", "stat="}
	if runtime.GOOS == "linux" {
		argv = append(argv, "-L")
	}
	argv = append(argv, "-p", strconv.Itoa(k.proc.pid))
	for ctx := within(t); ; {
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
		if err != nil {
			t.Fatal(err)
		}
		runs := func(state string) bool { return !strings.HasPrefix(state, "T") }
		if !slices.ContainsFunc(strings.Fields(string(out)), runs) {
			return
		}
	}
}

// TestKilled: whatever a kernel is at when it is killed, everyone who waits is told
// at once that it is dead, the second client as well, and nothing is left of it.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, v := range victims {
		for _, c := range []struct {
			name, code, sign string
			stop             bool // before it is asked and killed
		}{
			{"while it prints", v.print, `stdout "on`, false},
			{"while it waits for input", v.input, "asked ", false},
			{"while it computes", v.hang, `stdout "on`, false},
			{"while a completion is pending", v.hang, `stdout "on`, true},
		} {
			t.Run(v.name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				k, other := v.launch(t, Options{})
				l := newEvents()
				ended := []<-chan outcome{start(within(t), k, ExecuteRequest{Code: c.code, AllowInput: true}, l.add)}
				l.wait(t, c.sign)
				ended = append(ended, start(within(t), k, ExecuteRequest{Code: "queued"}, func(Event) {}))
				asked := make(chan error, 2)
				if c.stop {
					k.signal(t, syscall.SIGSTOP)
					for _, k := range []*Kernel{k, other} {
						m, err := jupyter.NewMessage(k.session, jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "x", CursorPos: 1})
						if err != nil {
							t.Fatal(err)
						}
						go func() {
							_, err := k.roundTrip(within(t), jupyter.Shell, m)
							asked <- err
						}()
						k.waitsFor(t, m.Header.MsgID)
					}
				}
				killed := time.Now()
				k.signal(t, syscall.SIGKILL)
				for _, e := range ended {
					o := next(t, e)
					oneLine(t, o.err, "execute", "kernel died", "signal: killed")
					if !errors.Is(o.err, ErrDead) {
						t.Errorf("%v is no ErrDead", o.err)
					}
				}
				if c.stop {
					for range 2 {
						if err := next(t, asked); !errors.Is(err, ErrDead) {
							t.Errorf("completion: %v", err)
						}
					}
				}
				next(t, k.Done())
				next(t, other.Done())
				oneLine(t, other.Err(), "kernel died", "connection was lost")
				if took := time.Since(killed); took > limit/4 {
					t.Errorf("it was told after %v", took)
				}
				k.Close()
				gone(t, k.proc.pid)
				notThere(t, k.ConnectionFile())
			})
		}
	}
}

// waitsFor returns when a request is about to be sent.
func (k *Kernel) waitsFor(t testing.TB, id string) {
	t.Helper()
	for ctx := within(t); ctx.Err() == nil; {
		k.mu.Lock()
		_, waits := k.replies[id]
		k.mu.Unlock()
		if waits {
			return
		}
	}
	t.Fatal("nothing was asked")
}

// TestStopped: a kernel that is stopped is told to be silent, a request ends by its
// deadline, and when the kernel continues nothing of its output was lost.
func TestStopped(t *testing.T) {
	t.Parallel()
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			told, beats := make(chan bool, 100), make(chan struct{}, 10)
			k, other := v.launch(t, Options{
				Responsive: func(b bool) { told <- b }, Heartbeat: 500 * time.Millisecond, Logger: seeLog(heartBeats, beats),
			})
			next(t, beats)
			l := newEvents()
			ended := start(within(t), k, ExecuteRequest{Code: v.hang}, l.add)
			l.wait(t, "stdout \"on")
			next(t, beats) // while code runs
			if err := k.Interrupt(within(t)); err != nil {
				t.Fatal(err)
			}
			next(t, ended)
			l = newEvents()
			ended = start(within(t), k, ExecuteRequest{Code: v.count}, l.add)
			l.wait(t, "stdout \"0\\n")
			k.signal(t, syscall.SIGSTOP)
			if next(t, told) {
				t.Error("a stopped kernel is told to answer")
			}
			for _, k := range []*Kernel{k, other} {
				ctx, cancel := context.WithTimeout(within(t), 100*time.Millisecond)
				defer cancel()
				begun := time.Now()
				if _, err := k.Request(ctx, jupyter.Shell, jupyter.KernelInfoRequest, struct{}{}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("kernel_info: %v", err)
				}
				if took := time.Since(begun); took > limit/4 {
					t.Errorf("a request of 100 ms took %v", took)
				}
			}
			k.signal(t, syscall.SIGCONT)
			if !next(t, told) {
				t.Error("a kernel that goes on is told to be silent")
			}
			if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusOK {
				t.Fatalf("%+v", o)
			}
			var want strings.Builder
			for i := range 500 {
				fmt.Fprintln(&want, i)
			}
			if got := l.all(); !strings.HasSuffix(got, fmt.Sprintf("stdout %q", want.String())) {
				t.Errorf("output was lost or out of order:\n%.2000s", got)
			}
			equal(t, run(t, other, "")[:len("input ")], "input ")
		})
	}
}

// TestKilledKernelLeavesNoChildren: what it had started goes with it, whatever signal
// that ignores.
func TestKilledKernelLeavesNoChildren(t *testing.T) {
	t.Parallel()
	k, _ := victims[0].launch(t, Options{})
	run(t, k, "import subprocess\nchild = subprocess.Popen(['sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])")
	k.signal(t, syscall.SIGKILL)
	next(t, k.Done())
	k.Close()
	gone(t, k.proc.pid)
}

// TestStoppedKernelIsEnded: a stopped process hears nothing but SIGKILL.
func TestStoppedKernelIsEnded(t *testing.T) {
	t.Parallel()
	k, other := victims[0].launch(t, Options{})
	k.signal(t, syscall.SIGSTOP)
	begun := time.Now()
	other.Close()
	if took := time.Since(begun); took > limit/4 {
		t.Errorf("leaving a stopped kernel took %v", took)
	}
	ctx, cancel := context.WithTimeout(within(t), 100*time.Millisecond)
	defer cancel()
	if err := k.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	gone(t, k.proc.pid)
	notThere(t, k.ConnectionFile())
}
