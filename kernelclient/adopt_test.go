//go:build !windows

package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// survivor is a real kernel, and code in its language.
type survivor struct {
	name string
	spec func(t testing.TB) Spec
	// Gives x a value; prints tick 0 to tick 59, a line every 50 ms, and goes on after tick 20 when
	// there is a file go; shows x; prints "on" and then runs for ever.
	set, tick, show, hang string
}

const ticks = 60

func installedSpec(dir ...string) func(testing.TB) Spec {
	return func(t testing.TB) Spec {
		t.Helper()
		var err error
		for _, d := range dir {
			var spec Spec
			if spec, err = ReadSpec(d); err == nil {
				return spec
			}
		}
		testenv.Missing(t, err.Error())
		panic("unreachable")
	}
}

var survivors = []survivor{
	{
		"ipykernel", ipykernel,
		"x = 41", "import os, time\nfor i in range(60):\n    print('tick', i, flush=True)\n    time.sleep(0.05)\n    while i == 20 and not os.path.exists('go'): time.sleep(0.05)", "print(x + 1)",
		"print('on', flush=True)\nwhile True: pass",
	},
	{
		"Go kernel", func(t testing.TB) Spec { return goKernel(t).spec },
		"x := 41", "import (\n\"fmt\"\n\"os\"\n\"time\"\n)\nfor i := range 60 {\n\tfmt.Println(\"tick\", i)\n\ttime.Sleep(50 * time.Millisecond)\n\tfor i == 20 {\n\t\tif _, err := os.Stat(\"go\"); err == nil {\n\t\t\tbreak\n\t\t}\n\t\ttime.Sleep(50 * time.Millisecond)\n\t}\n}", "import \"fmt\"\nfmt.Println(x + 1)",
		"import \"fmt\"\nfmt.Println(\"on\")\nfor {}",
	},
	{
		"bash_kernel", installedSpec(filepath.Join(testenv.JupyterPath(), "kernels", "bash")),
		"x=41", "for i in $(seq 0 59); do echo tick $i; sleep 0.05; while [ $i = 20 ] && [ ! -e go ]; do sleep 0.05; done; done", "echo $((x + 1))",
		"echo on; while :; do sleep 0.1; done",
	},
	{
		"IRkernel", installedSpec("/usr/share/jupyter/kernels/ir", "/usr/lib/R/site-library/IRkernel/kernelspec"),
		"x <- 41", "for (i in 0:59) { cat(paste('tick', i)); cat('\\n'); flush.console(); Sys.sleep(0.05); while (i == 20 && !file.exists('go')) Sys.sleep(0.05) }", "cat(x + 1); cat('\\n')",
		"cat('on\\n'); flush.console(); repeat Sys.sleep(0.01)",
	},
}

// registryFor is a registry in the environment of a test.
func registryFor(t testing.TB, env []string) *Registry {
	t.Helper()
	dir, err := RegistryDir(env)
	must(t, err)
	r, err := OpenRegistry(dir, "")
	must(t, err)
	return r
}

// only gives the registry's one entry.
func only(t testing.TB, r *Registry) Entry {
	t.Helper()
	entries, err := r.Entries()
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("entries: %+v", entries)
	}
	return entries[0]
}

// nothingLeft checks that there are neither processes nor files of an environment's kernels.
func nothingLeft(t testing.TB, env []string, r *Registry) {
	t.Helper()
	nothingRuns(t, env)
	sockets, err := SocketDir(env)
	must(t, err)
	for _, dir := range []string{r.dir, sockets, RuntimeDir(env)} {
		files, err := os.ReadDir(dir)
		must(t, err)
		for _, f := range files {
			if !f.IsDir() {
				t.Errorf("left: %s", filepath.Join(dir, f.Name()))
			}
		}
	}
}

var tickLine = regexp.MustCompile(`tick (\d+)`)

// goOn has ticking code go on.
func goOn(t testing.TB, e Entry) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(e.Dir, "go"), nil, 0o600))
}

// endsTicking checks that what came is without gap or repeat to the last line.
func endsTicking(t testing.TB, got string) {
	t.Helper()
	found := tickLine.FindAllStringSubmatch(got, -1)
	for i, m := range found {
		if want := strconv.Itoa(ticks - len(found) + i); m[1] != want {
			t.Fatalf("tick %s came where %s should:\n%s", m[1], want, got)
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d ticks came:\n%s", len(found), got)
	}
}

// TestAdopt: a kernel whose starter was killed runs on, and who adopts it has it as if it had
// been started there.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for _, v := range survivors {
		for _, transport := range []string{TransportIPC, TransportTCP} {
			t.Run(v.name+" "+transport, func(t *testing.T) {
				t.Parallel()
				env := testenv.Env(t)
				r := registryFor(t, env)
				s := startStarter(t, env, order{Spec: v.spec(t), Registry: r.dir, Dir: t.TempDir(), Transport: transport, Before: v.set, Code: v.tick, ID: "ticking"}, nil)
				s.tells(t, launched)
				s.tells(t, hears)
				e := only(t, r)
				if _, err := r.Adopt(within(t), e, Options{}); !errors.Is(err, ErrHeld) {
					t.Fatalf("a kernel whose starter lives: %v", err)
				}
				s.kill()
				if e.Session != "the session" || e.Build != "the test's build" || e.Info == nil || e.Err != nil {
					t.Errorf("entry %+v", e)
				}
				l := newEvents()
				k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
				must(t, err)
				t.Cleanup(k.Close)
				if parent, occupied := k.Occupied(); !occupied || parent != "" && parent != "ticking" {
					t.Errorf("occupied: %q, %t", parent, occupied)
				}
				if _, err := r.Adopt(within(t), e, Options{}); !errors.Is(err, ErrHeld) {
					t.Errorf("adopted twice: %v", err)
				}
				goOn(t, e)
				status, err := k.Await(within(t), "ticking", l.add)
				if err != nil || status != jupyter.StatusOK {
					t.Fatalf("await: %q, %v; heard:\n%s", status, err, l.all())
				}
				endsTicking(t, l.all())
				if !strings.Contains(run(t, k, v.show), "42") || !k.Launched() {
					t.Error("it is not the kernel that it was")
				}
				next(t, k.occupation.settled)
				if _, occupied := k.Occupied(); occupied {
					t.Error("it is told to be occupied still")
				}
				if again, err := k.Await(within(t), "ticking", l.add); err != nil || again != status {
					t.Errorf("await what has ended: %q, %v", again, err)
				}
				if _, err := k.Await(within(t), "other", l.add); !errors.Is(err, ErrMissed) {
					t.Errorf("await what had ended: %v", err)
				}
				l = newEvents()
				ended := start(within(t), k, ExecuteRequest{Code: v.hang}, l.add)
				l.wait(t, `stdout "on`)
				must(t, k.Interrupt(within(t)))
				if o := next(t, ended); o.err != nil || o.reply.Status == "" {
					t.Errorf("interrupted: %+v", o)
				}
				must(t, k.Shutdown(within(t)))
				gone(t, e.PID)
				nothingLeft(t, env, r)
			})
		}
	}
}

// adoptable starts a kernel and kills its starter.
func adoptable(t testing.TB, env []string, r *Registry, o order) Entry {
	t.Helper()
	o.Registry, o.Dir = r.dir, t.TempDir()
	if o.Spec.Name == "" {
		o.Spec = goKernel(t).spec
	}
	s := startStarter(t, env, o, nil)
	s.tells(t, launched)
	if o.Code != "" {
		for want := map[string]bool{hears: true, asked: o.Asks}; want[hears] || want[asked]; {
			line := next(t, s.lines)
			if !want[line] {
				t.Fatalf("the starter says %q", line)
			}
			want[line] = false
		}
	}
	e := only(t, r)
	if e.Err != nil {
		t.Fatal(e.Err)
	}
	s.kill()
	return e
}

func TestAdoptRestart(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{Before: "x := 41"})
	k, err := r.Adopt(within(t), e, Options{})
	must(t, err)
	must(t, k.Shutdown(within(t)))
	again, err := Launch(within(t), k.Spec(), LaunchOptions{Env: env, Dir: e.Dir, Registry: r})
	must(t, err)
	t.Cleanup(again.Close)
	if only(t, r).PID != again.proc.pid {
		t.Error("the restarted kernel is not entered")
	}
	if got := run(t, again, "x"); !strings.Contains(got, "error") {
		t.Errorf("x is there after a restart: %s", got)
	}
	must(t, again.Shutdown(within(t)))
	nothingLeft(t, env, r)
}

// TestRelease: a starter that lets go in order leaves the kernel as one that is killed.
func TestRelease(t *testing.T) {
	t.Parallel()
	v := survivors[0]
	env := testenv.Env(t)
	r := registryFor(t, env)
	s := startStarter(t, env, order{Spec: v.spec(t), Registry: r.dir, Dir: t.TempDir(), Before: v.set, Code: v.tick, ID: "ticking", Release: true}, nil)
	for _, line := range []string{launched, hears, left} {
		s.tells(t, line)
	}
	e := only(t, r)
	for i := range 3 { // and so on from one to the next
		if r.Held(e) {
			t.Error("a kernel that was let go is held")
		}
		l := newEvents()
		k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
		must(t, err)
		if !r.Held(e) {
			t.Error("a kernel that was adopted is not held")
		}
		l.wait(t, "tick")
		note := fmt.Sprint("note ", i)
		must(t, k.Note(note))
		if got := only(t, r).Session; got != note {
			t.Errorf("it is noted %q", got)
		}
		asked := start(within(t), k, ExecuteRequest{Code: "pass"}, func(Event) {})
		must(t, k.Release())
		must(t, k.Release())
		if o := next(t, asked); !errors.Is(o.err, ErrReleased) || errors.Is(o.err, ErrDead) {
			t.Errorf("execute: %v", o.err)
		}
		next(t, k.Done())
		must(t, k.Err())
		k.Close()
		oneLine(t, k.Note("late"), "no registry of this program's")
		if got := only(t, r).Session; got != note {
			t.Errorf("the one after it finds %q", got)
		}
		if err := k.Shutdown(within(t)); !errors.Is(err, ErrReleased) {
			t.Errorf("shutdown: %v", err)
		}
		if err := k.Interrupt(within(t)); !errors.Is(err, ErrReleased) {
			t.Errorf("interrupt: %v", err)
		}
	}
	l := newEvents()
	k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
	must(t, err)
	goOn(t, e)
	if _, err := k.Await(within(t), "ticking", l.add); err != nil {
		t.Fatal(err)
	}
	endsTicking(t, l.all())
	if got := run(t, k, v.show); !strings.HasSuffix(got, "stdout \"42\\n\"") {
		t.Errorf("it shows %s", got)
	}
	k.Close()
	gone(t, e.PID)
	nothingLeft(t, env, r)

	k = launch(t, Options{})
	oneLine(t, k.Release(), "release kernel")
	run(t, k, "1")
}

// TestAdoptBySeveral: of many who adopt a kernel at the same time one has it.
func TestAdoptBySeveral(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{})
	const adopters = 8
	kernels, errs := make(chan *Kernel, adopters), make(chan error, adopters)
	for range adopters {
		go func() {
			k, err := r.Adopt(within(t), e, Options{})
			if err != nil {
				errs <- err
				return
			}
			kernels <- k
		}()
	}
	k := next(t, kernels)
	for range adopters - 1 {
		if err := next(t, errs); !errors.Is(err, ErrHeld) {
			t.Error(err)
		}
	}
	run(t, k, "1")
	must(t, k.Shutdown(within(t)))
	nothingLeft(t, env, r)
}

// TestAdoptAnotherProcess: one that has the number of a kernel is left alone.
func TestAdoptAnotherProcess(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{})
	other := e
	other.Start += "0"
	if _, err := r.Adopt(within(t), other, Options{}); !errors.Is(err, ErrDead) {
		t.Fatalf("it is adopted: %v", err)
	}
	// Nobody tells a kernel by its file alone, so that one is written anew.
	g := &registration{registry: r, entry: other}
	must(t, g.write())
	if got := only(t, r); !errors.Is(got.Err, ErrDead) {
		t.Errorf("it is listed as alive: %+v", got)
	}
	h, err := holdProcess(e.PID, e.Start)
	if err != nil {
		t.Fatalf("the process of that number was ended: %v", err)
	}
	t.Cleanup(func() {
		h.signalGroup(syscall.SIGKILL)
		h.close()
		gone(t, e.PID)
		nothingRuns(t, env)
	})
	if entries, err := r.Entries(); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestHandleSignalsNoOther: also when the process ends after it was held.
func TestHandleSignalsNoOther(t *testing.T) {
	t.Parallel()
	start, err := processStart(os.Getpid())
	must(t, err)
	if _, err := holdProcess(os.Getpid(), start+"1"); !errors.Is(err, errNoProcess) {
		t.Errorf("held: %v", err)
	}
	if err := signalGroupOf(os.Getpid(), start+"1", 0); !errors.Is(err, errNoProcess) {
		t.Errorf("signalled: %v", err)
	}
	again, err := processStart(os.Getpid())
	must(t, err)
	equal(t, again, start)
}

// TestAdoptDead: a kernel that died meanwhile is told with its last words, and swept.
func TestAdoptDead(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(t *testing.T, r *Registry, e Entry) error{
		"adopted": func(t *testing.T, r *Registry, e Entry) error {
			_, err := r.Adopt(within(t), e, Options{})
			return err
		},
		"listed": func(t *testing.T, r *Registry, _ Entry) error { return only(t, r).Err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			r := registryFor(t, env)
			e := adoptable(t, env, r, order{Spec: ipykernel(t), Code: "import os, sys, time\nprint('on', flush=True)\ntime.sleep(1)\nos.write(sys.stderr._original_stdstream_copy, b'fatal error: no luck\\n')\nos._exit(3)"})
			gone(t, e.PID)
			err := find(t, r, e)
			oneLine(t, err, "kernel died while no program had it: fatal error: no luck")
			if !errors.Is(err, ErrDead) {
				t.Errorf("%v is no ErrDead", err)
			}
			if entries, err := r.Entries(); err != nil || len(entries) > 0 {
				t.Errorf("%v, %v", entries, err)
			}
			nothingLeft(t, env, r)
		})
	}
}

// TestDeathOfAdopted: it is told at once, with what was said at last, and with its children.
func TestDeathOfAdopted(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{Spec: ipykernel(t), Before: "import subprocess\nchild = subprocess.Popen(['sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])"})
	k, err := r.Adopt(within(t), e, Options{})
	must(t, err)
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "import os, sys\nos.write(sys.stderr._original_stdstream_copy, b'fatal error: no luck\\n')\nprint('on', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, `stdout "on`)
	endKernel(t, e.PID)
	o := next(t, ended)
	oneLine(t, o.err, "execute", "kernel died: it ended: fatal error: no luck")
	if !errors.Is(o.err, ErrDead) {
		t.Errorf("%v is no ErrDead", o.err)
	}
	if _, known := k.ExitStatus(); known {
		t.Error("its exit status is told")
	}
	k.Close()
	gone(t, e.PID)
	nothingLeft(t, env, r)
}

func endKernel(t testing.TB, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	must(t, err)
	must(t, p.Kill())
}

// TestAdoptFails: a kernel that cannot be reached is left as it is.
func TestAdoptFails(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{})
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := r.Adopt(ctx, e, Options{}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrDead) {
		t.Errorf("adopt: %v", err)
	}
	file, err := os.ReadFile(e.ConnectionFile)
	must(t, err)
	must(t, os.Remove(e.ConnectionFile))
	if _, err := r.Adopt(within(t), e, Options{}); err == nil || errors.Is(err, ErrDead) {
		t.Errorf("adopt: %v", err)
	}
	must(t, os.WriteFile(e.ConnectionFile, file, 0o600))
	far := e
	far.Host = "elsewhere\nthere"
	_, err = r.Adopt(within(t), far, Options{})
	oneLine(t, err, "another machine")
	k, err := r.Adopt(within(t), e, Options{})
	must(t, err)
	k.Close()
	nothingLeft(t, env, r)
}

// TestAdoptSilent: a kernel that answers nobody while it computes is adopted all the same.
func TestAdoptSilent(t *testing.T) {
	t.Parallel()
	for _, v := range survivors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			r := registryFor(t, env)
			e := adoptable(t, env, r, order{Spec: v.spec(t), Before: v.set, Code: v.hang, ID: "hanging"})
			k, err := r.Adopt(within(t), e, Options{})
			must(t, err)
			t.Cleanup(k.Close)
			if _, occupied := k.Occupied(); !occupied {
				t.Error("it is told to be idle")
			}
			if k.Info().ProtocolVersion == "" {
				t.Error("it does not say what it is")
			}
			l := newEvents()
			type result struct {
				status string
				err    error
			}
			ended := make(chan result, 1)
			go func() {
				status, err := k.Await(within(t), "hanging", l.add)
				ended <- result{status, err}
			}()
			must(t, k.Interrupt(within(t)))
			if o := next(t, ended); o.err != nil {
				t.Errorf("await: %+v", o)
			}
			// docs/kernels.md: what bash_kernel is after an interrupt is another matter.
			if v.name != "bash_kernel" && !strings.Contains(run(t, k, v.show), "42") {
				t.Error("it is not the kernel that it was")
			}
			must(t, k.Shutdown(within(t)))
			nothingLeft(t, env, r)
		})
	}
}

// TestAdoptInput: what an adopted kernel asks for later is asked who awaits it, and what it
// had asked before can be answered.
func TestAdoptInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		spec        func(testing.TB) Spec
		later, asks string
	}{
		{
			"ipykernel", ipykernel,
			"import time\nprint('on', flush=True)\ntime.sleep(2)\nprint('hello', input('name? '))",
			"print('on', flush=True)\nprint('hello', input('name? '))",
		},
		{
			"Go kernel", survivors[1].spec,
			"import (\"fmt\"; \"time\")\nfmt.Println(\"on\")\ntime.Sleep(2 * time.Second)\nvar s string\nfmt.Scanln(&s)\nfmt.Println(\"hello\", s)",
			"import \"fmt\"\nfmt.Println(\"on\")\nvar s string\nfmt.Scanln(&s)\nfmt.Println(\"hello\", s)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			r := registryFor(t, env)
			for name, asked := range map[string]bool{"later": false, "before": true} {
				code := c.later
				if asked {
					code = c.asks
				}
				e := adoptable(t, env, r, order{Spec: c.spec(t), Code: code, ID: "asking", Asks: asked})
				k, err := r.Adopt(within(t), e, Options{})
				must(t, err)
				t.Cleanup(k.Close)
				l := newEvents()
				ended := make(chan error, 1)
				go func() {
					_, err := k.Await(within(t), "asking", func(e Event) {
						if ask, ok := e.(InputRequest); ok {
							ask.Reply("Ada")
						}
						l.add(e)
					})
					ended <- err
				}()
				if asked {
					must(t, k.Answer(within(t), "asking", "Ada"))
				}
				if err := next(t, ended); err != nil || !strings.Contains(l.all(), "hello Ada") {
					t.Errorf("%s: %v:\n%s", name, err, l.all())
				}
				next(t, k.occupation.settled)
				if err := k.Answer(within(t), "asking", "Ada"); err == nil {
					t.Error("answered once more")
				}
				must(t, k.Shutdown(within(t)))
				nothingLeft(t, env, r)
			}
		})
	}
}

// TestAdoptEvery: so it is with every kernel that reval is tested with.
func TestAdoptEvery(t *testing.T) {
	t.Parallel()
	kernel := func(name string) func(testing.TB) Spec {
		return installedSpec(filepath.Join(testenv.JupyterPath(), "kernels", name))
	}
	const script = "for (let i = 0; i < 60; i++) { console.log('tick', i); await new Promise(r => setTimeout(r, 50)); while (i == 20 && !fs.existsSync('go')) await new Promise(r => setTimeout(r, 50)); }"
	for _, v := range []survivor{
		{"ipykernel 6", kernel("ipykernel6"), "x = 41", survivors[0].tick, "print(x + 1)", ""},
		{"xeus-python", kernel("xeus-python"), "x = 41", survivors[0].tick, "print(x + 1)", ""},
		{"Deno", kernel("deno"), "let x = 41; import fs from 'node:fs'", script, "console.log(x + 1)", ""},
		{"tslab", kernel("tslab"), "let x = 41; import * as fs from 'fs'", script, "console.log(x + 1)", ""},
		{
			"Calysto Scheme", kernel("calysto-scheme"), "(define x 41)",
			`(import "time")(import "os")(for-each (lambda (i) (begin (display (string-append "tick " (number->string i) "\n")) (time.sleep (if (and (= i 20) (not (os.path.exists "go"))) 8 0.05)))) (range 60))`,
			"(display (+ x 1))", "",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			r := registryFor(t, env)
			e := adoptable(t, env, r, order{Spec: v.spec(t), Before: v.set, Code: v.tick, ID: "ticking"})
			l := newEvents()
			k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
			must(t, err)
			t.Cleanup(k.Close)
			goOn(t, e)
			if status, err := k.Await(within(t), "ticking", l.add); err != nil || status != jupyter.StatusOK {
				t.Errorf("await: %q, %v", status, err)
			}
			endsTicking(t, l.all())
			if !strings.Contains(run(t, k, v.show), "42") {
				t.Error("it is not the kernel that it was")
			}
			must(t, k.Shutdown(within(t)))
			nothingLeft(t, env, r)
		})
	}
}

// TestAdoptError: an error is heard though its reply went to who is gone; and what a kernel
// drops after an error is not waited for.
func TestAdoptError(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name string
		spec func(testing.TB) Spec
		code string
	}{
		{"ipykernel", ipykernel, "import os, time\nprint('on', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.05)\n1/0"},
		{"Go kernel", survivors[1].spec, "import (\"fmt\"; \"os\"; \"time\")\nfmt.Println(\"on\")\nfor {\n\tif _, err := os.Stat(\"go\"); err == nil {\n\t\tbreak\n\t}\n\ttime.Sleep(50 * time.Millisecond)\n}\npanic(\"no\")"},
		{"IRkernel", survivors[3].spec, "cat('on\\n'); flush.console(); while (!file.exists('go')) Sys.sleep(0.05); stop('no')"},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			r := registryFor(t, env)
			e := adoptable(t, env, r, order{Spec: v.spec(t), Code: v.code, ID: "failing"})
			l := newEvents()
			k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
			must(t, err)
			t.Cleanup(k.Close)
			goOn(t, e)
			status, err := k.Await(within(t), "failing", l.add)
			if err != nil || status != jupyter.StatusError || !strings.Contains(l.all(), "error ") {
				t.Errorf("await: %q, %v:\n%s", status, err, l.all())
			}
			begun := time.Now()
			next(t, k.occupation.settled)
			if took := time.Since(begun); took > k.patience {
				t.Errorf("it is told to be occupied for %v", took)
			}
			must(t, k.Shutdown(within(t)))
			nothingLeft(t, env, r)
		})
	}
}

// TestFate: what is told of an end is certain, else nothing is told.
func TestFate(t *testing.T) {
	t.Parallel()
	status := func(state string) *jupyter.Message {
		m, err := jupyter.NewMessage("s", jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: state})
		must(t, err)
		m.Parent = jupyter.Header{MsgID: "x", MsgType: jupyter.ExecuteRequest}
		return m
	}
	said := func(o *occupation, e Event) {
		m := status("")
		m.Header.MsgType = jupyter.StreamMsg
		o.note(m, e)
	}
	for _, c := range []struct {
		name        string
		began, sure bool
		events      []Event
		ends        bool
		want        string
		wantEnded   bool
	}{
		{name: "nothing"},
		{name: "an end at once", ends: true, wantEnded: true},
		{name: "an end after a while", sure: true, ends: true, want: jupyter.StatusOK, wantEnded: true},
		{name: "dropped", sure: true, began: true, ends: true, wantEnded: true},
		{name: "output", events: []Event{Stream{}}, ends: true, want: jupyter.StatusOK, wantEnded: true},
		{name: "an error", began: true, events: []Event{Input{}, Error{}, Stream{}}, ends: true, want: jupyter.StatusError, wantEnded: true},
		{name: "no end", events: []Event{Stream{}}, want: jupyter.StatusOK},
	} {
		o := &occupation{settled: make(chan struct{}), fates: map[string]*fate{}}
		if c.sure {
			o.since = time.Now().Add(-2 * failurePatience)
		}
		if c.began {
			o.note(status(jupyter.StateBusy), nil)
		}
		for _, e := range c.events {
			said(o, e)
		}
		if c.ends {
			o.note(status(jupyter.StateIdle), nil)
		}
		if got, ended := o.fate("x"); got != c.want || ended != c.wantEnded {
			t.Errorf("%s: %q, %t", c.name, got, ended)
		}
	}
}

// TestAdoptHeartbeat: a kernel that answers its heartbeat between executions only is asked
// again when it is through with what it ran.
func TestAdoptHeartbeat(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{Spec: survivors[3].spec(t), Code: "cat('on\\n'); flush.console(); Sys.sleep(8)"})
	beats := make(chan struct{}, 1)
	k, err := r.Adopt(within(t), e, Options{Responsive: func(bool) {}, Logger: seeLog(heartBeats, beats)})
	must(t, err)
	t.Cleanup(k.Close)
	next(t, beats)
	must(t, k.Shutdown(within(t)))
}

// TestAdoptStopped: one that is stopped answers nobody, is left as it is, and can be ended.
func TestAdoptStopped(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	e := adoptable(t, env, r, order{})
	must(t, syscall.Kill(e.PID, syscall.SIGSTOP))
	ctx, cancel := context.WithTimeout(within(t), time.Second)
	defer cancel()
	if _, err := r.Adopt(ctx, e, Options{}); err == nil || errors.Is(err, ErrDead) {
		t.Errorf("adopt: %v", err)
	}
	if got := only(t, r); got.Err != nil {
		t.Errorf("it is told as dead: %v", got.Err)
	}
	must(t, r.End(e))
	gone(t, e.PID)
	nothingLeft(t, env, r)
	if err := r.End(e); !errors.Is(err, ErrDead) {
		t.Errorf("ended again: %v", err)
	}
}

// TestAdoptStart: a start that was broken off goes on, or is ended if nothing can come of it.
func TestAdoptStart(t *testing.T) {
	t.Parallel()
	slow := goKernel(t).spec
	slow.Argv = append([]string{"/bin/sh", "-c", `while [ ! -e go ]; do sleep 0.05; done; exec "$0" "$@"`}, slow.Argv...)
	never := Spec{Name: "never", Argv: []string{"/bin/sh", "-c", "echo no luck >&2; exec sleep 1000", "{connection_file}"}, KernelProtocolVersion: "5.5"}
	for name, c := range map[string]struct {
		spec      Spec
		transport string
		check     func(t *testing.T, dir string, adopt func() (*Kernel, error))
	}{
		"goes on": {slow, "", func(t *testing.T, dir string, adopt func() (*Kernel, error)) {
			must(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
			k, err := adopt()
			must(t, err)
			run(t, k, "1")
			must(t, k.Shutdown(within(t)))
		}},
		// It would register its ports with who is gone.
		"is lost": {never, TransportTCP, func(t *testing.T, _ string, adopt func() (*Kernel, error)) {
			_, err := adopt()
			oneLine(t, err, "adopt kernel never", "its start was broken off")
			if !errors.Is(err, ErrDead) {
				t.Errorf("%v is no ErrDead", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, dir := testenv.Env(t), t.TempDir()
			r := registryFor(t, env)
			s := startStarter(t, env, order{Spec: c.spec, Registry: r.dir, Dir: dir, Transport: c.transport}, nil)
			var e Entry
			for ctx := within(t); e.ID == "" && ctx.Err() == nil; time.Sleep(time.Millisecond) { // nothing tells
				entries, err := r.Entries()
				must(t, err)
				if len(entries) == 1 {
					e = entries[0]
				}
			}
			s.kill()
			c.check(t, dir, func() (*Kernel, error) { return r.Adopt(within(t), e, Options{}) })
			gone(t, e.PID)
			nothingLeft(t, env, r)
		})
	}
}

// TestInterruptOfTheStarter: Ctrl-C in its terminal reaches the starter and not the kernel,
// nor does the terminal's end.
func TestInterruptOfTheStarter(t *testing.T) {
	t.Parallel()
	v := survivors[0]
	env := testenv.Env(t)
	r := registryFor(t, env)
	terminal, tty, err := pty.Open()
	must(t, err)
	t.Cleanup(func() { terminal.Close() })
	s := startStarter(t, env, order{Spec: v.spec(t), Registry: r.dir, Dir: t.TempDir(), Code: v.tick, ID: "ticking"}, func(cmd *exec.Cmd) {
		cmd.Stdin = tty
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	})
	tty.Close()
	s.tells(t, launched)
	s.tells(t, hears)
	_, err = terminal.Write([]byte{3})
	must(t, err)
	s.tells(t, interrupted)
	terminal.Close() // which ends the starter by SIGHUP
	s.cmd.Wait()
	l := newEvents()
	e := only(t, r)
	k, err := r.Adopt(within(t), e, Options{Late: func(_ string, e Event) { l.add(e) }})
	must(t, err)
	goOn(t, e)
	if status, err := k.Await(within(t), "ticking", l.add); err != nil || status != jupyter.StatusOK {
		t.Errorf("await: %q, %v", status, err)
	}
	endsTicking(t, l.all())
	must(t, k.Shutdown(within(t)))
	nothingLeft(t, env, r)
}

// TestOutputFile: what a kernel's process itself writes explains its death, and does not
// fill the disk.
func TestOutputFile(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
	k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Dir: t.TempDir(), Registry: r})
	must(t, err)
	t.Cleanup(k.Close)
	size := func() int64 {
		st, err := os.Stat(r.path(k.registration.entry.ID, logSuffix))
		must(t, err)
		if st.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v", st.Mode())
		}
		return st.Size()
	}
	if n := size(); n != 0 {
		t.Errorf("%d bytes of the start were kept", n)
	}
	const flood = "import os, sys\nreal = sys.stderr._original_stdstream_copy\nfor i in range(%d): os.write(real, b'x' * 65535 + b'\\n')\nos.write(real, b'fatal error: no luck\\n' + b'goroutine 1\\n' * 20000)"
	run(t, k, fmt.Sprintf(flood, 64))
	k.proc.output.look()
	if n := size(); n > maxOutputFile {
		t.Errorf("it has %d bytes after it was looked at", n)
	}
	run(t, k, fmt.Sprintf(flood, 2))
	ended := start(within(t), k, ExecuteRequest{Code: "os._exit(3)"}, func(Event) {})
	o := next(t, ended)
	oneLine(t, o.err, "exit status 3: fatal error: no luck")
	k.Close()
	nothingLeft(t, env, r)

	// While no program has it nobody empties it; who adopts it does.
	e := adoptable(t, env, r, order{Spec: ipykernel(t), Code: fmt.Sprintf(flood, 64) + "\nprint('on', flush=True)"})
	k, err = r.Adopt(within(t), e, Options{})
	must(t, err)
	if n := size(); n > maxOutputFile {
		t.Errorf("it has %d bytes after the adoption", n)
	}
	endKernel(t, e.PID)
	next(t, k.Done())
	oneLine(t, k.Err(), "it ended: fatal error: no luck")
	k.Close()
	nothingLeft(t, env, r)
}
