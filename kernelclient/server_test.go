package kernelclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// startRemote starts the server's ipykernel.
func startRemote(t testing.TB, s *testenv.Server, o Options) *Kernel {
	t.Helper()
	k, err := placeOf(t, s.URL("/")).Server.Start(within(t), Spec{Name: "python3"}, "", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func TestRemote(t *testing.T) {
	t.Parallel()
	for _, kind := range testenv.Servers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := testenv.StartServer(t, kind)
			server := placeOf(t, s.URL("/")).Server
			specs, err := server.Specs(within(t))
			if err != nil || len(specs) == 0 || specs[0].Name != "python3" || specs[0].Language != "python" {
				t.Fatalf("kernelspecs %+v, %v", specs, err)
			}
			k := startRemote(t, s, Options{})
			if !k.Launched() || k.Info().LanguageInfo.Name != "python" || k.Spec().Name != "python3" {
				t.Errorf("launched %v, language %q, spec %q", k.Launched(), k.Info().LanguageInfo.Name, k.Spec().Name)
			}
			equal(t, run(t, k, "print('é 😀'); 1+1"), "input 1\nstdout \"é 😀\\n\"\nresult \"2\"")

			c, err := k.Complete(within(t), "pri", 3)
			if err != nil || len(c.Matches) == 0 || c.Matches[0] != "print" {
				t.Errorf("completion %+v, %v", c, err)
			}

			l := newEvents()
			ended := start(within(t), k, ExecuteRequest{Code: "x = input('name? '); x", AllowInput: true}, func(e Event) {
				if asked, ok := e.(InputRequest); ok {
					go asked.Reply("Ada")
				}
				l.add(e)
			})
			if out := next(t, ended); out.err != nil {
				t.Fatal(out.err)
			}
			// Channels have no order among each other.
			for _, want := range []string{"input 2", "asked \"name? \" false", "result \"'Ada'\""} {
				if !strings.Contains(l.all(), want) {
					t.Errorf("no %s in:\n%s", want, l.all())
				}
			}

			l = newEvents()
			ended = start(within(t), k, ExecuteRequest{Code: "print('begun', flush=True)\nwhile True: pass"}, l.add)
			l.wait(t, "begun")
			if err := k.Interrupt(within(t)); err != nil {
				t.Fatal(err)
			}
			if out := next(t, ended); out.err != nil || out.reply.Status != "error" {
				t.Fatalf("interrupted: %+v, %v", out.reply, out.err)
			}
			l.wait(t, "error KeyboardInterrupt")

			running, err := server.Kernels(within(t))
			own := mustPlace(t, k)
			if err != nil || len(running) != 1 || running[0].ID != own.Kernel {
				t.Fatalf("running kernels %+v, %v; want %s", running, err, own.Kernel)
			}

			// A second client sees the same namespace, and leaves the kernel running.
			parsed := placeOf(t, own.URL())
			second, err := parsed.Server.Attach(within(t), parsed.Kernel, Options{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, strings.SplitN(run(t, second, "x"), "\n", 2)[1], "result \"'Ada'\"")
			second.Close()
			equal(t, strings.SplitN(run(t, k, "x"), "\n", 2)[1], "result \"'Ada'\"")

			if err := k.Shutdown(within(t)); err != nil {
				t.Fatal(err)
			}
			if running, err = server.Kernels(within(t)); err != nil || len(running) != 0 {
				t.Errorf("after the shutdown: %+v, %v", running, err)
			}
		})
	}
}

// The network is cut while a cell prints and until it has ended: nothing is lost.
func TestRemoteNetworkCut(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	connection := make(chan error, 100)
	k := startRemote(t, s, Options{Connection: func(err error) { connection <- err }})
	marks := t.TempDir()
	code := fmt.Sprintf(`
import os, pathlib, time
print('one', flush=True)
while not os.path.exists(%[1]q): time.sleep(.01)
print('two', flush=True)
pathlib.Path(%[2]q).touch()
6*7`, filepath.Join(marks, "go"), filepath.Join(marks, "gone"))
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: code}, l.add)
	l.wait(t, "one")
	s.Cut()
	oneLine(t, next(t, connection), "is lost", s.Address())
	touch(t, filepath.Join(marks, "go"))
	await(t, filepath.Join(marks, "gone"))
	// What is sent meanwhile waits, as long as its caller lets it.
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := k.Complete(ctx, "pri", 3); err == nil {
		t.Error("a completion was answered without a connection")
	}
	later := start(within(t), k, ExecuteRequest{Code: "7*6"}, func(Event) {})
	s.Join()
	for next(t, connection) != nil { // each attempt that failed
	}
	if out := next(t, ended); out.err != nil || out.reply.Status != "ok" {
		t.Fatalf("the cell that ran on: %+v, %v", out.reply, out.err)
	}
	equal(t, l.all(), "input 1\nstdout \"one\\ntwo\\n\"\nresult \"42\"")
	if out := next(t, later); out.err != nil || out.reply.Status != "ok" {
		t.Fatalf("the cell that was sent meanwhile: %+v, %v", out.reply, out.err)
	}
	equal(t, run(t, k, "1+1"), "input 3\nresult \"2\"")
}

// A server that keeps nothing: the evaluation's end is lost with the connection, which
// its caller is told.
func TestRemoteAnswerLost(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	s.Stop()
	s.Start("--MappingKernelManager.buffer_offline_messages=False")
	connection := make(chan error, 100)
	k := startRemote(t, s, Options{Connection: func(err error) { connection <- err }})
	marks := t.TempDir()
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: fmt.Sprintf(`
import os, pathlib, time
print('one', flush=True)
while not os.path.exists(%[1]q): time.sleep(.01)
`, filepath.Join(marks, "go"))}, l.add)
	l.wait(t, "one")
	s.Cut()
	oneLine(t, next(t, connection), "is lost")
	touch(t, filepath.Join(marks, "go"))
	// The second kernel message is answered behind the first: both are over.
	other, err := placeOf(t, s.DirectURL("/")).Server.Attach(within(t), mustPlace(t, k).Kernel, Options{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, other, "1")
	other.Close()
	s.Join()
	for next(t, connection) != nil {
	}
	oneLine(t, next(t, ended).err, "was lost while the connection to the server was down")
	equal(t, run(t, k, "1+1"), "input 3\nresult \"2\"")
}

// The server is started anew: its kernels are gone, which is told at once.
func TestRemoteServerRestarted(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('begun', flush=True)\nimport time\nwhile True: time.sleep(.01)"}, l.add)
	l.wait(t, "begun")
	s.Stop()
	s.Start()
	// The server interrupts its kernels when it ends, and that may come through.
	if out := next(t, ended); out.err != nil {
		oneLine(t, out.err, "kernel died")
	} else if out.reply.Status != jupyter.StatusError {
		t.Errorf("what ran ended with %+v", out.reply)
	}
	next(t, k.Done())
	oneLine(t, k.Err(), "kernel died")
	equal(t, run(t, startRemote(t, s, Options{}), "1+1"), "input 1\nresult \"2\"")
}

// A remote kernel's process ends: its server starts it anew, its namespace is gone.
func TestRemoteKernelDied(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	out := next(t, start(within(t), k, ExecuteRequest{Code: "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"}, func(Event) {}))
	oneLine(t, out.err, "kernel died", "what was defined is gone")
}

func TestRemoteRestart(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	first := startRemote(t, s, Options{})
	own := mustPlace(t, first)
	k, err := own.Server.Attach(within(t), own.Kernel, Options{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, k, "x = 1")
	if err := k.Restart(within(t)); err != nil {
		t.Fatal(err)
	}
	if k.Err() != nil {
		t.Errorf("a restart that was asked for is no death: %v", k.Err())
	}
	if k, err = own.Server.Attach(within(t), own.Kernel, Options{}); err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if got := run(t, k, "x"); !strings.Contains(got, "NameError") {
		t.Errorf("after the restart x is still there:\n%s", got)
	}
}

func TestRemoteRefused(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	address, id := s.Address(), mustPlace(t, k).Kernel
	open := func(url string) error {
		p, err := ParseServerURL(url)
		if err != nil {
			return err
		}
		if p.Kernel != "" {
			_, err = p.Server.Attach(within(t), p.Kernel, Options{})
		} else {
			_, err = p.Server.Start(within(t), Spec{Name: p.Spec}, "", Options{})
		}
		return err
	}
	oneLine(t, open("http://"+address+"/?token=wrong"), "refuses the token", "?token=", address)
	oneLine(t, open("http://"+address+"/api/kernels/"+id), "refuses the token")
	oneLine(t, open("http://"+address+"/api/kernels/00000000-0000-0000-0000-000000000000?token="+s.Token), "no such kernel")
	oneLine(t, open("http://"+address+"/api/kernelspecs/none?token="+s.Token), "start kernel none")
	oneLine(t, open("http://127.0.0.1:1/?token="+s.Token), "connection refused", "127.0.0.1:1")
	for _, url := range []string{
		"http://" + address + "/?token=wrong", "http://127.0.0.1:1/?token=wrong", "http://a b/?token=wrong", "ftp://host/?token=wrong",
		"http://" + address + "/api/contents?token=wrong",
	} {
		if err := open(url); err == nil || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v, which shows the token or is none", url, err)
		}
	}
}

// A server may fail to list its kernels while one of them ends.
func TestServerFails(t *testing.T) {
	t.Parallel()
	for failures, works := range map[int]bool{2: true, 1000: false} {
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if int(requests.Add(1)) <= failures {
				http.Error(w, `{"message": "Unhandled error"}`, http.StatusInternalServerError)
				return
			}
			io.WriteString(w, `[{"id": "1", "name": "python3"}]`)
		}))
		defer server.Close()
		kernels, err := placeOf(t, server.URL).Server.Kernels(within(t))
		if works && (err != nil || len(kernels) != 1) {
			t.Errorf("%d failures: %+v, %v", failures, kernels, err)
		} else if !works {
			oneLine(t, err, "list the kernels of "+server.URL, "HTTP 500", "Unhandled error")
		}
	}
}

// A server that sends on, be it to another port of the same host, to what is not encrypted
// or to another host, does not give the token away, neither for a request nor for the
// websocket. To itself it may send on.
func TestRedirectGetsNoToken(t *testing.T) {
	t.Parallel()
	var seen atomic.Value // of the last request that the other server got
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(fmt.Sprint(r.Header["Authorization"], r.URL.RawQuery))
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer other.Close()
	_, port, err := net.SplitHostPort(other.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{other.URL, "http://localhost:" + port} {
		for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
			server := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
			}))
			defer server.Close()
			p := placeOf(t, server.URL+"/?token=secret")
			p.Server.http.Transport = server.Client().Transport
			_, err := p.Server.Kernels(within(t))
			oneLine(t, err, "refuses the token", "it sends on to "+to)
			if got := seen.Load(); got != "[]" {
				t.Errorf("%s to %s: the other server got %v", name, to, got)
			}
			seen.Store("")
			if _, err := dialWeb(within(t), p.Server, "id", "session"); err == nil {
				t.Error("the websocket of a server that refuses")
			}
			if got := seen.Load(); got != "[]" && got != "" && got != "[]session_id=session" {
				t.Errorf("%s to %s: by the websocket the other server got %v", name, to, got)
			}
		}
	}
	var own *httptest.Server
	own = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/hub") {
			http.Redirect(w, r, own.URL+"/hub"+r.URL.Path, http.StatusFound)
			return
		}
		seen.Store(fmt.Sprint(r.Header["Authorization"]))
		io.WriteString(w, "[]")
	}))
	defer own.Close()
	if _, err := placeOf(t, own.URL+"/?token=secret").Server.Kernels(within(t)); err != nil || seen.Load() != "[token secret]" {
		t.Errorf("to itself: %v, %v", seen.Load(), err)
	}
}

// Ids that a server names lead nowhere but to the kernel of that id.
func TestIDsAreOneElementOfAPath(t *testing.T) {
	t.Parallel()
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.Method+" "+r.URL.EscapedPath())
		io.WriteString(w, "{}")
	}))
	defer server.Close()
	s := placeOf(t, server.URL+"/base/?token=secret").Server
	for _, id := range []string{"../../../admin", "a/../../b", "x?y#z", "%2e%2e", "..", ".", ""} {
		s.delete(within(t), id)
		s.interrupt(within(t), id)
		s.restart(within(t), id)
		s.kernel(within(t), id)
		dialWeb(within(t), s, id, "session")
	}
	for _, path := range paths {
		rest, ok := strings.CutPrefix(path[strings.Index(path, " ")+1:], "/base/api/kernels/")
		if n := strings.Count(rest, "/"); !ok || strings.HasPrefix(rest, "/") || n > 1 || strings.Contains(rest, "..") && !strings.Contains(rest, "%2F") {
			t.Errorf("asked for %s", path)
		}
	}
	if len(paths) != 4*5 {
		t.Errorf("%d requests, not 20: %q", len(paths), paths)
	}
	for _, p := range []Place{{Server: s, Kernel: "../../admin"}, {Server: s, Spec: "../../admin"}} {
		if again, err := ParseServerURL(p.URL()); err != nil || again.URL() != p.URL() {
			t.Errorf("%s is read as %+v, %v", p, again, err)
		}
	}
}

// A URL with a mistake is told again without what may be a secret in it.
func TestMistakenURLKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"http:/host:8888/?token=secret", "htp://host/?token=secret", "host:8888?token=secret", "https//user:secret@host/", "secret@host",
		"HTTP://user:secret@host", "http:/host/#token=secret", "ssh:/user:secret@host",
	} {
		_, err := Choose(nil, nil, Wanted{Name: name})
		oneLine(t, err, "no kernel", "host")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseServerURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://localhost:8888/?token=abc":                           "http://localhost:8888 token abc",
		"http://localhost:8888/lab?token=abc":                        "http://localhost:8888 token abc",
		"http://localhost:8888/lab/tree/a.ipynb?token=abc":           "http://localhost:8888 token abc",
		"https://hub.example.com/user/ada/lab/?token=abc":            "https://hub.example.com/user/ada token abc",
		"https://hub.example.com/user/ada/tree":                      "https://hub.example.com/user/ada token ",
		"https://host/hub-at/user/lab/lab/tree/user/a.ipynb":         "https://host/hub-at/user/lab token ",
		"https://host/user/ada%40example.org/?token=abc":             "https://host/user/ada%40example.org token abc",
		"https://host/user/ada/named/lab":                            "https://host/user/ada/named token ",
		"https://host/base/api/kernels/0123?token=abc":               "https://host/base token abc kernel 0123",
		"http://host:1/api/kernelspecs/python3":                      "http://host:1 token  spec python3",
		"http://host:1/api/kernelspecs/my%20kernel/?token=a%26b%3Dc": "http://host:1 token a&b=c spec my kernel",
	} {
		p, err := ParseServerURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		got := fmt.Sprintf("%s token %s", p.Server, p.Server.token)
		if p.Kernel != "" {
			got += " kernel " + p.Kernel
		}
		if p.Spec != "" {
			got += " spec " + p.Spec
		}
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
		if again, err := ParseServerURL(p.URL()); err != nil || again.URL() != p.URL() {
			t.Errorf("%s: its own URL %s is read as %+v, %v", raw, p.URL(), again, err)
		}
	}
}

// placeOf is what a URL names.
func placeOf(t testing.TB, url string) Place {
	t.Helper()
	p, err := ParseServerURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustPlace(t testing.TB, k *Kernel) Place {
	t.Helper()
	p, ok := k.Place()
	if !ok {
		t.Fatal("the kernel is not remote")
	}
	return p
}

func touch(t testing.TB, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// await returns when a file is there. The kernel makes it, and tells it to nobody.
func await(t testing.TB, file string) {
	t.Helper()
	for ctx := within(t); ctx.Err() == nil; {
		if _, err := os.Stat(file); err == nil {
			return
		}
	}
	t.Fatalf("%s did not come", file)
}
