package testenv

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a real server of kernels, reached through a cable that can be cut.
type Server struct {
	Token string

	t    testing.TB
	argv []string
	env  []string
	dir  string

	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	stderr strings.Builder

	cable
}

// Servers are the kinds of servers that StartServer knows.
var Servers = []string{"jupyter_server", "jupyter_server, older websocket", "kernel_gateway"}

// StartServer starts a server with a token of its own. It ends with the test.
func StartServer(t testing.TB, kind string) *Server {
	t.Helper()
	var argv []string
	switch kind {
	case "jupyter_server", "jupyter_server, older websocket":
		argv = []string{JupyterServer(t), "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port={port}",
			"--ServerApp.port_retries=0", "--IdentityProvider.token={token}"}
		if kind != "jupyter_server" {
			argv = append(argv, "--ZMQChannelsWebsocketConnection.kernel_ws_protocol=")
		}
	case "kernel_gateway":
		argv = []string{KernelGateway(t), "--KernelGatewayApp.ip=127.0.0.1", "--KernelGatewayApp.port={port}",
			"--KernelGatewayApp.port_retries=0", "--KernelGatewayApp.auth_token={token}", "--JupyterWebsocketPersonality.list_kernels=True"}
	default:
		t.Fatalf("no server %q", kind)
	}
	s := &Server{t: t, argv: argv, env: Env(t), dir: t.TempDir(), Token: "secret-" + rand.Text()}
	s.cable = cable{t: t, at: "127.0.0.1:0", lines: map[net.Conn]bool{}}
	s.Start()
	t.Cleanup(s.Stop)
	s.Join()
	t.Cleanup(s.cable.Cut)
	return s
}

// startAttempts is how many ports are tried: a free one may be another's a moment later.
const startAttempts = 5

// Start starts a server that was stopped, with more arguments. Clients reach it at the
// same address.
func (s *Server) Start(more ...string) {
	s.t.Helper()
	s.argv = append(s.argv, more...)
	for range startAttempts {
		if s.start() {
			return
		}
	}
	s.t.Fatalf("the server ended before it served:\n%s", s.stderr.String())
}

// start tells whether the server serves; if not, it has ended.
func (s *Server) start() bool {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.server = address
	s.mu.Unlock()
	argv := make([]string, len(s.argv))
	for i, a := range s.argv {
		argv[i] = strings.NewReplacer("{port}", port, "{token}", s.Token).Replace(a)
	}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env, s.cmd.Dir = s.env, s.dir
	s.stderr.Reset()
	s.cmd.Stderr = &s.stderr
	s.cmd.WaitDelay = time.Second // a kernel may have inherited the pipe
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	// It says that it runs before it listens.
	for deadline := time.Now().Add(Patience); ; {
		switch _, status := s.kernels(); status {
		case http.StatusOK:
			return true
		case http.StatusUnauthorized, http.StatusForbidden: // another server has the port
			s.Stop()
			return false
		}
		select {
		case <-s.ended:
			return false
		case <-time.After(20 * time.Millisecond): // nothing tells
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not listen within %v", Patience)
		}
	}
}

// stopPatience is how long a server may take to end its kernels.
const stopPatience = 5 * time.Second

// Stop ends the server and its kernels.
func (s *Server) Stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopPatience):
		s.cmd.Process.Kill()
		<-s.ended
	}
}

// URL is the server's, with its token, through the cable.
func (s *Server) URL(path string) string {
	return "http://" + s.Address() + path + "?token=" + s.Token
}

// DirectURL is URL past the cable.
func (s *Server) DirectURL(path string) string {
	return "http://" + s.server + path + "?token=" + s.Token
}

// Cut breaks all connections off and lets none through. When it returns, the server has
// noticed, or does not run: what its kernels print from then on it keeps.
func (s *Server) Cut() {
	s.t.Helper()
	s.cable.Cut()
	for deadline := time.Now().Add(Patience); s.heard(); {
		if time.Now().After(deadline) {
			s.t.Errorf("the server does not notice within %v that its clients are gone", Patience)
			return
		}
		time.Sleep(5 * time.Millisecond) // nothing tells
	}
}

// heard tells whether a client is connected to one of the server's kernels.
func (s *Server) heard() bool {
	kernels, status := s.kernels()
	if status == 0 {
		return false
	}
	return status != http.StatusOK || // Jupyter Server answers 500 while a kernel ends
		slices.ContainsFunc(kernels, func(k kernel) bool { return k.Connections > 0 })
}

type kernel struct{ Connections int }

// kernels lists the server's kernels; the status is 0 if it does not answer.
func (s *Server) kernels() (kernels []kernel, status int) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(s.DirectURL("/api/kernels"))
	if err != nil {
		return nil, 0
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&kernels); err != nil && response.StatusCode == http.StatusOK {
		return nil, 0
	}
	return kernels, response.StatusCode
}

// cable passes bytes on between clients and a server, until it is cut.
type cable struct {
	t  testing.TB
	at string

	mu       sync.Mutex
	server   string // written by the test alone
	listener net.Listener
	lines    map[net.Conn]bool
	wait     sync.WaitGroup
}

// Address is the host and port at which clients reach the server.
func (c *cable) Address() string { return c.at }

// Join lets clients through, again at the same address.
func (c *cable) Join() {
	c.t.Helper()
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
			c.pass(l, in)
		}
	})
}

// pass connects a client to the server.
func (c *cable) pass(l net.Listener, in net.Conn) {
	c.mu.Lock()
	server := c.server
	c.mu.Unlock()
	out, err := net.Dial("tcp", server)
	if err != nil {
		in.Close()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != l { // it was cut meanwhile
		in.Close()
		out.Close()
		return
	}
	c.lines[in], c.lines[out] = true, true
	for _, line := range [][2]net.Conn{{in, out}, {out, in}} {
		c.wait.Go(func() {
			io.Copy(line[0], line[1])
			line[0].Close()
			line[1].Close()
		})
	}
}

// Cut breaks all connections off and lets none through.
func (c *cable) Cut() {
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
