package testenv

import (
	"io"
	"net"
	"os/exec"
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
	port string

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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := &Server{t: t, argv: argv, env: Env(t), dir: t.TempDir(), port: port, Token: "secret-of-the-test"}
	s.Start()
	t.Cleanup(s.Stop)
	s.cable = cable{t: t, server: "127.0.0.1:" + port, at: "127.0.0.1:0", lines: map[net.Conn]bool{}}
	s.Join()
	t.Cleanup(s.Cut)
	return s
}

// Start starts a server that was stopped, at the same port, with more arguments.
func (s *Server) Start(more ...string) {
	s.t.Helper()
	s.argv = append(s.argv, more...)
	argv := make([]string, len(s.argv))
	for i, a := range s.argv {
		argv[i] = strings.NewReplacer("{port}", s.port, "{token}", s.Token).Replace(a)
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
	for deadline := time.Now().Add(screenDeadline); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended before it served:\n%s", s.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not listen within %v", screenDeadline)
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
	return "http://127.0.0.1:" + s.port + path + "?token=" + s.Token
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
	out, err := net.Dial("tcp", c.server)
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
