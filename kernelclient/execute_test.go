package kernelclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

func TestExecuteEvents(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	for _, c := range []struct{ name, code, want string }{
		{"value", "1+1", "input 1\nresult \"2\""},
		{"streams in order", "import sys\nprint('a', flush=True)\nprint('b', file=sys.stderr, flush=True)\nprint('größe 👍')",
			"input 2\nstdout \"a\\n\"\nstderr \"b\\n\"\nstdout \"größe 👍\\n\""},
		{"display and update", "d = display('one', display_id='x')\nprint('between')\nd.update('two')\n3",
			"input 3\ndisplay \"'one'\" x\nstdout \"between\\n\"\nupdate \"'two'\" x\nresult \"3\""},
		{"clear", "from IPython.display import clear_output\nprint(1)\nclear_output(wait=True)\nprint(2)\nclear_output()",
			"input 4\nstdout \"1\\n\"\nclear true\nstdout \"2\\n\"\nclear false"},
		{"error", "print('before')\n1/0", "input 5\nstdout \"before\\n\"\nerror ZeroDivisionError: division by zero"},
		{"page", "len?", "input 6\npayload"},
		{"nothing", "", "input 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, run(t, k, c.code), c.want)
		})
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	l := newEvents()
	reply, err := k.Execute(within(t), ExecuteRequest{
		Code:       "import getpass\nname = input('who? ')\nsecret = getpass.getpass('password: ')\nname + secret",
		AllowInput: true,
	}, func(e Event) {
		l.add(e)
		if r, ok := e.(InputRequest); ok {
			answer := "größe"
			if r.Password {
				answer = "🔑"
			}
			if err := r.Reply(answer); err != nil {
				t.Errorf("reply: %v", err)
			}
		}
	})
	if err != nil || reply.Status != jupyter.StatusOK {
		t.Fatal(reply, err)
	}
	// Questions come on a channel of their own, be it before the execution's first event.
	equal(t, strings.Replace(l.all(), "input 1\n", "", 1), "asked \"who? \" false\nasked \"password: \" true\nresult \"'größe🔑'\"")

	if got := run(t, k, "input()"); !strings.Contains(got, "error StdinNotImplementedError") {
		t.Errorf("input that nobody answers: %s", got)
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	attached, err := Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(attached.Close)
	for _, c := range []struct {
		name      string
		interrupt func(context.Context) error
		later     bool // the loop is known to run
		times     int
	}{
		{"at once", k.Interrupt, false, 10},
		{"later", k.Interrupt, true, 2},
		{"by message", attached.Interrupt, true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range c.times {
				l := newEvents()
				ended := start(within(t), k, ExecuteRequest{Code: "print('runs', flush=True)\nwhile True: pass"}, l.add)
				if c.later {
					l.wait(t, "runs")
				} else {
					k.registered(t)
				}
				if err := c.interrupt(within(t)); err != nil {
					t.Fatal(err)
				}
				o := next(t, ended)
				// Mostly a KeyboardInterrupt; one within ipykernel's own locks is told as theirs.
				stopped := o.reply.Status == jupyter.StatusError
				before := !c.later && o.reply.Status == jupyter.StatusAborted // the code had not begun
				if o.err != nil || !stopped && !before {
					t.Fatalf("reply %+v, error %v, events\n%s", o.reply, o.err, l.all())
				}
				if got := run(t, k, "'alive'"); !strings.HasSuffix(got, "result \"'alive'\"") {
					t.Fatalf("after the interrupt: %s", got)
				}
			}
		})
	}
}

// registered returns when Execute has been called and its request is about to be sent.
func (k *Kernel) registered(t testing.TB) {
	t.Helper()
	ctx := within(t)
	for ctx.Err() == nil {
		k.mu.Lock()
		n := len(k.executions)
		k.mu.Unlock()
		if n > 0 {
			return
		}
	}
	t.Fatal("nothing was executed")
}

func TestInterruptIdle(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	equal(t, run(t, k, "1"), "input 1\nresult \"1\"")
}

func TestRequests(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	run(t, k, "from types import SimpleNamespace\ngröße = SimpleNamespace(foo_at_runtime=1)")
	ctx := within(t)

	if i := k.Info(); i.Implementation != "ipython" || i.LanguageInfo.Name != "python" {
		t.Errorf("kernel_info: %+v", i)
	}
	code := "x = '👍'; größe.foo"
	if r, err := k.Complete(ctx, code, CursorAt(code, len(code))); err != nil || !slices.Contains(r.Matches, "foo_at_runtime") ||
		r.CursorStart != len([]rune("x = '👍'; größe.")) || r.CursorEnd != len([]rune(code)) {
		t.Errorf("complete: %+v, %v", r, err)
	}
	if r, err := k.Inspect(ctx, "größe", 3, 0); err != nil || !r.Found || !strings.Contains(string(r.Data["text/plain"]), "SimpleNamespace") {
		t.Errorf("inspect: %+v, %v", r, err)
	}
	if r, err := k.Inspect(ctx, "not_there", 3, 0); err != nil || r.Found {
		t.Errorf("inspect what is not there: %+v, %v", r, err)
	}
	for code, want := range map[string]string{"1": "complete", "for i in x:": "incomplete", "1 1": "invalid"} {
		if r, err := k.IsComplete(ctx, code); err != nil || r.Status != want {
			t.Errorf("is_complete %q: %+v, %v", code, r, err)
		}
	}
	if r, err := k.History(ctx, jupyter.HistoryRequestContent{HistAccessType: "tail", N: 1, Raw: true}); err != nil ||
		len(r.History) != 1 || !strings.Contains(unescape(r.History[0]), "größe = SimpleNamespace") {
		t.Errorf("history: %s, %v", r.History, err)
	}
	if r, err := k.CommInfo(ctx, ""); err != nil || r.Status != jupyter.StatusOK {
		t.Errorf("comm_info: %+v, %v", r, err)
	}
	if _, err := k.Request(ctx, jupyter.IOPub, jupyter.KernelInfoRequest, struct{}{}); err == nil {
		t.Error("a request on iopub gave no error")
	}
}

func unescape(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return fmt.Sprint(v)
}

func TestConcurrentRequests(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	run(t, k, strings.Join([]string{"name0_end = 0", "name1_end = 1", "name2_end = 2", "name3_end = 3"}, "\n"))
	ask := func() {
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				for range 5 {
					code := fmt.Sprintf("name%d_", i)
					r, err := k.Complete(within(t), code, CursorAt(code, len(code)))
					if err != nil || !slices.Equal(r.Matches, []string{code + "end"}) {
						t.Errorf("complete %s: %v, %v", code, r.Matches, err)
					}
				}
			})
		}
		wait.Wait()
	}
	ask() // in the main shell
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('runs', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "runs")
	ask() // in a subshell
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	next(t, ended)
	ask() // in the subshell, while nothing runs

	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			code := fmt.Sprintf("print(%d)", i)
			l := newEvents()
			if _, err := k.Execute(within(t), ExecuteRequest{Code: code}, l.add); err != nil || !strings.HasSuffix(l.all(), fmt.Sprintf("\nstdout \"%d\\n\"", i)) {
				t.Errorf("execute %s: %v, %s", code, err, l.all())
			}
		})
	}
	wait.Wait()
}

func TestLateOutput(t *testing.T) {
	t.Parallel()
	late := newEvents()
	k := launch(t, Options{Late: func(parent string, e Event) {
		if s, ok := e.(Stream); ok {
			late.add(Stream{s.Name, parent + " " + s.Text})
		}
	}})
	l := newEvents()
	signal := filepath.Join(t.TempDir(), "go on")
	if _, err := k.Execute(within(t), ExecuteRequest{ID: "first", Code: strings.Join([]string{
		"import os, threading, time",
		"def work():",
		fmt.Sprintf("    while not os.path.exists(%q): time.sleep(0.01)", signal),
		"    print('from the thread')",
		"threading.Thread(target=work).start()",
	}, "\n")}, l.add); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	late.wait(t, "first from the thread")
	equal(t, l.all(), "input 1")
}

// TestCancelledExecute: the kernel goes on when Execute's context has ended.
func TestCancelledExecute(t *testing.T) {
	t.Parallel()
	late := newEvents()
	k := launch(t, Options{Late: func(_ string, e Event) { late.add(e) }})
	ctx, cancel := context.WithCancel(within(t))
	l := newEvents()
	ended := start(ctx, k, ExecuteRequest{Code: "import time\nprint('on', flush=True)\nwhile not globals().get('stop'): time.sleep(0.01)\nprint('done')"}, l.add)
	l.wait(t, "on")
	cancel()
	if o := next(t, ended); !errors.Is(o.err, context.Canceled) {
		t.Fatalf("error %v", o.err)
	}
	before := l.all()
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	late.wait(t, "error KeyboardInterrupt")
	equal(t, l.all(), before)
}
