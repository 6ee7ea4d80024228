package kernelclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

// jupyterServer is a real server of kernels, reached through a cable that can be cut.
type jupyterServer struct {
	t     testing.TB
	argv  []string
	env   []string
	dir   string
	port  string
	token string
	cable *cable

	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has ended
}

// servers are the programs that serve kernels, by their arguments; {port} and {token}
// are replaced.
var servers = map[string]func(testing.TB) []string{
	"jupyter_server": func(t testing.TB) []string {
		return []string{testenv.JupyterServer(t), "--no-browser", "--allow-root", "--ServerApp.port={port}", "--ServerApp.port_retries=0",
			"--IdentityProvider.token={token}", "--ServerApp.ip=127.0.0.1"}
	},
	"kernel_gateway": func(t testing.TB) []string {
		return []string{testenv.KernelGateway(t), "--KernelGatewayApp.port={port}", "--KernelGatewayApp.port_retries=0",
			"--KernelGatewayApp.auth_token={token}", "--KernelGatewayApp.ip=127.0.0.1", "--JupyterWebsocketPersonality.list_kernels=True"}
	},
}

func startServer(t testing.TB, kind string) *jupyterServer {
	t.Helper()
	argv := servers[kind](t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := &jupyterServer{t: t, argv: argv, env: testenv.Env(t), dir: t.TempDir(), port: port, token: "secret-of-the-test"}
	s.start()
	t.Cleanup(s.stop)
	s.cable = newCable(t, "127.0.0.1:"+port)
	return s
}

func (s *jupyterServer) start() {
	s.t.Helper()
	argv := make([]string, len(s.argv))
	for i, a := range s.argv {
		argv[i] = strings.NewReplacer("{port}", s.port, "{token}", s.token).Replace(a)
	}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env, s.cmd.Dir = s.env, s.dir
	s.cmd.SysProcAttr = ownGroup()
	var stderr strings.Builder
	s.cmd.Stderr = &stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		s.cmd.Wait()
	}()
	// It says that it runs before it listens.
	for ctx := within(s.t); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended before it served:\n%s", stderr.String())
		case <-ctx.Done():
			s.t.Fatal("the server does not listen")
		default:
		}
	}
}

// stopPatience is how long a server may take to end its kernels.
const stopPatience = 5 * time.Second

// stop ends the server and its kernels.
func (s *jupyterServer) stop() {
	if s.cmd == nil {
		return
	}
	terminateGroup(s.cmd.Process)
	select {
	case <-s.ended:
	case <-time.After(stopPatience):
	}
	killGroup(s.cmd.Process)
	<-s.ended
	s.cmd = nil
}

// place is what a URL of the server names; path follows the server's own.
func (s *jupyterServer) place(path string) Place {
	s.t.Helper()
	p, err := ParseServerURL("http://" + s.cable.address() + path + "?token=" + s.token)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// cable passes bytes on between clients and a server, until it is cut.
type cable struct {
	t      testing.TB
	server string
	at     string

	mu       sync.Mutex
	listener net.Listener
	lines    map[net.Conn]bool
	wait     sync.WaitGroup
}

func newCable(t testing.TB, server string) *cable {
	c := &cable{t: t, server: server, at: "127.0.0.1:0", lines: map[net.Conn]bool{}}
	c.join()
	t.Cleanup(c.cut)
	return c
}

func (c *cable) address() string { return c.at }

// join lets clients through, again at the same address.
func (c *cable) join() {
	l, err := net.Listen("tcp", c.at)
	if err != nil {
		c.t.Fatal(err)
	}
	c.at = l.Addr().String()
	c.mu.Lock()
	c.listener = l
	c.mu.Unlock()
	c.wait.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", c.server)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			if c.listener != l {
				in.Close()
				out.Close()
			}
			c.lines[in], c.lines[out] = true, true
			c.mu.Unlock()
			for _, line := range [][2]net.Conn{{in, out}, {out, in}} {
				c.wait.Go(func() {
					io.Copy(line[0], line[1])
					line[0].Close()
					line[1].Close()
				})
			}
		}
	})
}

// cut breaks all connections off and lets none through.
func (c *cable) cut() {
	c.mu.Lock()
	if c.listener != nil {
		c.listener.Close()
		c.listener = nil
	}
	for line := range c.lines {
		line.Close()
	}
	clear(c.lines)
	c.mu.Unlock()
	c.wait.Wait()
}

// startRemote starts the server's ipykernel.
func startRemote(t testing.TB, s *jupyterServer, o Options) *Kernel {
	t.Helper()
	k, err := s.place("/").Server.Start(within(t), Spec{Name: "python3"}, "", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func TestRemote(t *testing.T) {
	t.Parallel()
	for kind := range servers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, kind)
			server := s.place("/").Server
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
			equal(t, l.all(), "input 2\nasked \"name? \" false\nresult \"'Ada'\"")

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
			place, _ := k.Place()
			if err != nil || len(running) != 1 || running[0].ID != place.Kernel {
				t.Fatalf("running kernels %+v, %v; want %s", running, err, place.Kernel)
			}

			// A second client sees the same namespace, and leaves the kernel running.
			parsed, err := ParseServerURL(place.URL())
			if err != nil {
				t.Fatal(err)
			}
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
	s := startServer(t, "jupyter_server")
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
	s.cable.cut()
	oneLine(t, next(t, connection), "is lost", s.cable.address())
	touch(t, filepath.Join(marks, "go"))
	await(t, filepath.Join(marks, "gone"))
	// What is sent meanwhile waits, as long as its caller lets it.
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := k.Complete(ctx, "pri", 3); err == nil {
		t.Error("a completion was answered without a connection")
	}
	later := start(within(t), k, ExecuteRequest{Code: "7*6"}, func(Event) {})
	s.cable.join()
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
	s := startServer(t, "jupyter_server")
	s.stop()
	s.argv = append(s.argv, "--MappingKernelManager.buffer_offline_messages=False")
	s.start()
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
	s.cable.cut()
	oneLine(t, next(t, connection), "is lost")
	touch(t, filepath.Join(marks, "go"))
	// The second kernel message is answered behind the first: both are over.
	other, err := s.direct().Server.Attach(within(t), mustPlace(t, k).Kernel, Options{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, other, "1")
	other.Close()
	s.cable.join()
	for next(t, connection) != nil {
	}
	oneLine(t, next(t, ended).err, "was lost while the connection to the server was down")
	equal(t, run(t, k, "1+1"), "input 3\nresult \"2\"")
}

// The server is started anew: its kernels are gone, which is told at once.
func TestRemoteServerRestarted(t *testing.T) {
	t.Parallel()
	s := startServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('begun', flush=True)\nimport time\nwhile True: time.sleep(.01)"}, l.add)
	l.wait(t, "begun")
	s.stop()
	s.start()
	oneLine(t, next(t, ended).err, "kernel died")
	<-k.Done()
	oneLine(t, k.Err(), "kernel died")
	equal(t, run(t, startRemote(t, s, Options{}), "1+1"), "input 1\nresult \"2\"")
}

// A remote kernel's process ends: its server starts it anew, its namespace is gone.
func TestRemoteKernelDied(t *testing.T) {
	t.Parallel()
	s := startServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	out := next(t, start(within(t), k, ExecuteRequest{Code: "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"}, func(Event) {}))
	oneLine(t, out.err, "kernel died", "what was defined is gone")
}

func TestRemoteRestart(t *testing.T) {
	t.Parallel()
	s := startServer(t, "jupyter_server")
	first := startRemote(t, s, Options{})
	place := mustPlace(t, first)
	k, err := place.Server.Attach(within(t), place.Kernel, Options{})
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
	if k, err = place.Server.Attach(within(t), place.Kernel, Options{}); err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if got := run(t, k, "x"); !strings.Contains(got, "NameError") {
		t.Errorf("after the restart x is still there:\n%s", got)
	}
}

func TestRemoteRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, "jupyter_server")
	k := startRemote(t, s, Options{})
	address, id := s.cable.address(), mustPlace(t, k).Kernel
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
	oneLine(t, open("http://"+address+"/api/kernels/00000000-0000-0000-0000-000000000000?token="+s.token), "no such kernel")
	oneLine(t, open("http://"+address+"/api/kernelspecs/none?token="+s.token), "start kernel none")
	oneLine(t, open("http://127.0.0.1:1/?token="+s.token), "connection refused", "127.0.0.1:1")
	for _, url := range []string{
		"http://" + address + "/?token=wrong", "http://127.0.0.1:1/?token=wrong", "http://a b/?token=wrong", "ftp://host/?token=wrong",
		"http://" + address + "/api/contents?token=wrong",
	} {
		if err := open(url); err == nil || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v, which shows the token or is none", url, err)
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

func mustPlace(t testing.TB, k *Kernel) Place {
	t.Helper()
	p, ok := k.Place()
	if !ok {
		t.Fatal("the kernel is not remote")
	}
	return p
}

// direct is the server without the cable.
func (s *jupyterServer) direct() Place {
	s.t.Helper()
	p, err := ParseServerURL("http://127.0.0.1:" + s.port + "/?token=" + s.token)
	if err != nil {
		s.t.Fatal(err)
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
