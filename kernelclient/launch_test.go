//go:build !windows

package kernelclient

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// gone returns when the process group has no process left.
func gone(t testing.TB, group int) {
	t.Helper()
	for ctx := within(t); !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH); {
		if ctx.Err() != nil {
			t.Fatalf("process group %d is still there", group)
		}
		// A killed process stays in its group until its parent has waited for it;
		// nothing tells when.
		time.Sleep(5 * time.Millisecond)
	}
}

func notThere(t testing.TB, file string) {
	t.Helper()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", file, err)
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Kernel){
		"shutdown": func(k *Kernel) {
			if err := k.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		},
		"close": (*Kernel).Close,
		"shutdown at once": func(k *Kernel) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := k.Shutdown(ctx); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := launch(t, Options{})
			// The child ignores what the kernel's own end sends it.
			run(t, k, "import subprocess\nchild = subprocess.Popen(['sh', '-c', 'trap \"\" INT TERM HUP; while :; do sleep 1; done'])")
			group := k.proc.pid
			end(k)
			gone(t, group)
			notThere(t, k.ConnectionFile())
			if err := k.Err(); err != nil {
				t.Errorf("an end that was asked for gave the error %v", err)
			}
			if _, err := k.Execute(within(t), ExecuteRequest{Code: "1"}, func(Event) {}); !errors.Is(err, ErrDead) {
				t.Errorf("execute after the end: %v", err)
			}
		})
	}
}

// TestShutdownWhileBusy: the end of a kernel that does not listen.
func TestShutdownWhileBusy(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('on', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "on")
	if err := k.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	// The kernel may get to tell of the interrupt that a shutdown begins with.
	if o := next(t, ended); !errors.Is(o.err, ErrDead) && o.reply.Status == jupyter.StatusOK {
		t.Fatalf("execute returned %+v, %v", o.reply, o.err)
	}
	gone(t, k.proc.pid)
}

func TestLaunchAgain(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	run(t, k, "x = 1")
	if err := k.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
	equal(t, run(t, launch(t, Options{}), "'x' in globals()"), "input 1\nresult \"False\"")
}

func TestDeath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, code string
		kill       bool
		want       []string
	}{
		{"killed while it prints", "import os\nos.write(2, b'last words\\n')\nwhile True: print('on')", true, []string{"signal: killed (by another program, or by the system if memory ran out): ", "last words"}},
		{"killed in a shell of its own", "import os\nos._exit(137)", false, []string{"exit status 137 (by another program, or by the system if memory ran out)"}},
		{"a runtime's own end", "import os, sys\nreal = sys.stderr._original_stdstream_copy\nos.write(real, b'before\\nfatal er')\nos.write(real, b'ror: concurrent map writes\\n\\n' + b'goroutine 1 [running]:\\nmain.main()\\n' * 5000)\nos._exit(2)", false,
			[]string{"exit status 2: fatal error: concurrent map writes"}},
		{"why on the next line", "import os, sys\nreal = sys.stderr._original_stdstream_copy\nos.write(real, b\"thread 'main' panicked at src/main.rs:2:5:\\n  no luck\\n\" + b'  at f\\n' * 5000)\nos._exit(101)", false,
			[]string{"exit status 101: thread 'main' panicked at src/main.rs:2:5: no luck"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := launch(t, Options{})
			l := newEvents()
			ended := start(within(t), k, ExecuteRequest{Code: c.code}, l.add)
			if c.kill {
				l.wait(t, "on")
				if err := k.proc.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			o := next(t, ended)
			if !errors.Is(o.err, ErrDead) {
				t.Fatalf("execute returned %v", o.err)
			}
			oneLine(t, o.err, c.want...)
			if strings.Contains(o.err.Error(), "WARNING") {
				t.Errorf("what it said at its start is told as its end's reason: %v", o.err)
			}
			next(t, k.Done())
			oneLine(t, k.Err(), c.want...)
			oneLine(t, k.Interrupt(within(t)), "kernel died")
			k.Close()
			notThere(t, k.ConnectionFile())
		})
	}
}

// TestLastOutput: what a kernel published before its death is handled, however
// slowly, before the death is told.
func TestLastOutput(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	other, err := Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	published, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { published.Close() })
	l := newEvents()
	first := true
	ended := start(within(t), k, ExecuteRequest{Code: "from IPython.display import display\nimport socket, time\n" +
		"for i in range(300): display(i)\nsocket.create_connection(('127.0.0.1', " + strconv.Itoa(published.Addr().(*net.TCPAddr).Port) + "))\ntime.sleep(1000)"}, func(e Event) {
		if first { // all of it is under way when the kernel dies
			select {
			case <-k.proc.exited:
			case <-t.Context().Done(): // the test has failed before
			}
			first = false
		}
		l.add(e)
	})
	all := make(chan error, 1)
	go func() {
		c, err := published.Accept()
		if err == nil {
			c.Close()
		}
		all <- err
	}()
	if err := next(t, all); err != nil {
		t.Fatal(err)
	}
	// Each client has a queue of its own in the kernel: what comes after it is answered
	// when all of them were written.
	if _, err := other.Request(within(t), jupyter.Control, jupyter.KernelInfoRequest, struct{}{}); err != nil {
		t.Fatal(err)
	}
	if err := k.proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if o := next(t, ended); !errors.Is(o.err, ErrDead) {
		t.Fatalf("execute returned %v", o.err)
	}
	if n := strings.Count(l.all(), "display"); n != 300 {
		t.Errorf("%d of 300 displays came", n)
	}
}

func TestFailingStart(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t)
	env := testenv.Env(t)
	for _, c := range []struct {
		name string
		argv []string
		dir  string
		want []string
	}{
		{"exits", []string{python, "-c", "import sys; sys.exit('no module named x')"}, "", []string{"exit status 1", "no module named x"}},
		{"exits well", []string{python, "-c", ""}, "", []string{"exit status 0"}},
		{"not on the PATH", []string{"no-such-kernel"}, "", []string{"no-such-kernel is not on the PATH"}},
		{"no such file", []string{"/no/such/kernel"}, "", []string{"/no/such/kernel", "no such file"}},
		{"no such folder", []string{python, "-c", ""}, "/no/such/folder", []string{"/no/such/folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Launch(within(t), Spec{Name: "broken", Argv: c.argv}, LaunchOptions{Env: env, Dir: c.dir})
			oneLine(t, err, append(c.want, "broken")...)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("told at the deadline only: %v", err)
			}
		})
	}
	t.Run("never ready", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(within(t), 8*time.Second)
		defer cancel()
		_, err := Launch(ctx, Spec{Name: "mute", Argv: []string{"sh", "-c", "echo still loading >&2; exec sleep 1000"}}, LaunchOptions{Env: env})
		oneLine(t, err, "mute", "not ready in time", "still loading")
	})
	files, err := os.ReadDir(RuntimeDir(env))
	if err != nil || len(files) > 0 {
		t.Errorf("connection files left: %v, %v", files, err)
	}
}

func TestConnectionFileIsPrivate(t *testing.T) {
	t.Parallel()
	st, err := os.Stat(launch(t, Options{}).ConnectionFile())
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	run(t, k, "shared = 7")
	other, err := Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Launched() || !k.Launched() {
		t.Error("Launched is wrong")
	}
	equal(t, run(t, other, "shared"), "input 2\nresult \"7\"")
	other.Close()
	if err := other.Err(); err != nil {
		t.Errorf("closed by us, but %v", err)
	}
	equal(t, run(t, k, "shared"), "input 3\nresult \"7\"")

	other, err = Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
	next(t, k.Done())
}

func TestAttachErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := jupyter.ConnectionInfo{Transport: "tcp", IP: "127.0.0.1", SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey()}
	ports, err := freePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	dead.ShellPort, dead.IOPubPort, dead.StdinPort, dead.ControlPort, dead.HBPort = ports[0], ports[1], ports[2], ports[3], ports[4]
	stale := filepath.Join(dir, "stale.json")
	if err := dead.WriteFile(stale); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file string
		want string
	}{
		{filepath.Join(dir, "not-there.json"), "no such file"},
		{file("text.json", "hello"), "JSON object"},
		{file("empty.json", "{}"), "ip"},
		{file("port.json", `{"ip": "127.0.0.1", "shell_port": 70000}`), "shell_port"},
		{file("scheme.json", `{"ip": "127.0.0.1", "signature_scheme": "rot13"}`), "rot13"},
		{stale, "has ended"},
	} {
		ctx := within(t)
		_, err := Attach(ctx, c.file, Options{})
		oneLine(t, err, c.file, c.want)
		if ctx.Err() != nil {
			t.Errorf("%s: it took until the context's end", c.file)
		}
	}
}

// TestAttachMute: a port that someone else has taken since, who says nothing.
func TestAttachMute(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ := strconv.Atoi(text)
	file := filepath.Join(t.TempDir(), "mute.json")
	if err := (jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1", ShellPort: port, IOPubPort: port, StdinPort: port, ControlPort: port, HBPort: port,
	}).WriteFile(file); err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	_, err = Attach(ctx, file, Options{})
	oneLine(t, err, file)
	if ctx.Err() != nil {
		t.Error("it took until the context's end")
	}
}

// A port that another program took after it was found free costs an attempt, not
// the start.
func TestLaunchTriesAgainWhenAPortIsTaken(t *testing.T) {
	t.Parallel()
	// What the first start does; the second is the real one.
	for name, fault := range map[string]string{
		"the kernel says so": "sys.exit('bind: Address already in use')",
		"another kernel is there": "import json, time, zmq; info, context, sockets = json.load(open(sys.argv[2])), zmq.Context(), []\n" +
			"    for channel in ('shell', 'iopub', 'stdin', 'control', 'hb'):\n" +
			"        sockets.append(context.socket(zmq.ROUTER)); sockets[-1].bind('tcp://127.0.0.1:%d' % info[channel + '_port'])\n" +
			"    time.sleep(1000)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			spec := ipykernel(t)
			first := filepath.Join(dir, "first")
			code := "import os, sys\nif not os.path.exists(sys.argv[1]):\n    open(sys.argv[1], 'w').close()\n    " + fault + "\n" +
				"os.execv(sys.executable, [sys.executable, '-m', 'ipykernel_launcher', '-f', sys.argv[2]])"
			spec.Argv = []string{spec.Argv[0], "-c", code, first, "{connection_file}"}
			k, err := Launch(within(t), spec, LaunchOptions{Env: testenv.Env(t), Dir: dir, Transport: TransportTCP})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(k.Close)
			if _, err := os.Stat(first); err != nil {
				t.Errorf("there was no first start: %v", err)
			}
		})
	}
}

// TestStartOfWhatIsNoKernel: a program that only prints is ended soon, whatever it prints, and
// an error is one line, whatever a kernelspec says.
func TestStartOfWhatIsNoKernel(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	r := registryFor(t, env)
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
			for _, r := range []*Registry{nil, r} {
				ctx := within(t)
				k, err := Launch(ctx, Spec{Name: "none", Argv: c.argv}, LaunchOptions{Env: env, Registry: r})
				if err == nil {
					k.Close()
					t.Fatal("it is told to be ready")
				}
				oneLine(t, err, "start kernel none", c.want)
				if ctx.Err() != nil || len(err.Error()) > 1500 {
					t.Errorf("it came at the deadline, or is long: %s", err)
				}
			}
		})
	}
	nothingLeft(t, env, r)
}

// TestStartThatTakesLongIsTold: what is waited for, and what the process said.
func TestStartThatTakesLongIsTold(t *testing.T) {
	t.Parallel()
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
