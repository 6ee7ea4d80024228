package kernelpeer

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

// Lines stand between a client and a kernel, one for each channel. They relay
// until they are told to fail.
type Lines struct {
	// File is the connection file of a client that shall use the lines.
	File string

	lines map[jupyter.Channel]*Line
}

// Between puts lines before the kernel of a connection file. They end with the test.
func Between(t testing.TB, file string) *Lines {
	t.Helper()
	info, err := jupyter.ReadConnectionFile(file)
	if err != nil {
		t.Fatalf("lines: %v", err)
	}
	kernel := info
	info.Transport, info.IP = "tcp", "127.0.0.1"
	ls := &Lines{File: filepath.Join(t.TempDir(), "lines.json"), lines: map[jupyter.Channel]*Line{}}
	for channel, port := range map[jupyter.Channel]*int{
		jupyter.Shell: &info.ShellPort, jupyter.IOPub: &info.IOPubPort, jupyter.Stdin: &info.StdinPort,
		jupyter.Control: &info.ControlPort, jupyter.Heartbeat: &info.HBPort,
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("lines: %v", err)
		}
		*port = ln.Addr().(*net.TCPAddr).Port
		l := &Line{ln: ln, done: make(chan struct{}), flows: make(chan struct{}), ends: map[net.Conn]struct{}{}}
		close(l.flows)
		l.network, l.address, _ = strings.Cut(kernel.Endpoint(channel), "://")
		if l.network == "ipc" {
			l.network = "unix"
		}
		ls.lines[channel] = l
		l.running.Go(l.accept)
		t.Cleanup(l.stop)
	}
	if err := info.WriteFile(ls.File); err != nil {
		t.Fatalf("lines: %v", err)
	}
	return ls
}

// Of gives the line of a channel.
func (ls *Lines) Of(channel jupyter.Channel) *Line { return ls.lines[channel] }

// Line relays the bytes of one channel.
//
// Goroutines, until the test's end: one that accepts, and two for each connection,
// which end with it.
type Line struct {
	network, address string // the kernel's
	ln               net.Listener
	done             chan struct{}
	running          sync.WaitGroup

	mu     sync.Mutex // guards what follows, and writing to the client
	flows  chan struct{}
	client net.Conn // of the last connection
	ends   map[net.Conn]struct{}
}

// Stall relays nothing more, in either direction. The connections stay.
func (l *Line) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows = make(chan struct{})
}

// Resume relays again, what came meanwhile first.
func (l *Line) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.flows)
}

// Inject sends bytes to the client as if they were the kernel's. They stand between
// two messages if the client has got all that the kernel sent. It returns when the
// system has taken them, or the client has hung up.
func (l *Line) Inject(p []byte) {
	l.mu.Lock()
	client := l.client
	l.mu.Unlock()
	if client != nil {
		client.Write(p)
	}
}

// Cut closes the connections at once. A client can connect again.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := range l.ends {
		// An end, and not the reset that bytes which nobody has read would make of it.
		if half, ok := end.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
		end.Close()
	}
}

func (l *Line) stop() {
	close(l.done)
	l.ln.Close()
	l.Cut()
	l.running.Wait()
}

func (l *Line) accept() {
	for {
		client, err := l.ln.Accept()
		if err != nil {
			return
		}
		kernel, err := net.Dial(l.network, l.address)
		if err != nil {
			client.Close()
			continue
		}
		l.mu.Lock()
		l.client = client
		l.ends[client], l.ends[kernel] = struct{}{}, struct{}{}
		l.mu.Unlock()
		l.running.Go(func() { l.relay(client, kernel) })
		l.running.Go(func() { l.relay(kernel, client) })
		select {
		case <-l.done: // stop may not have seen these two
			l.Cut()
		default:
		}
	}
}

// relay copies until one end closes, and then closes both: ZeroMQ has no use for
// half a connection.
func (l *Line) relay(to, from net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, end := range []net.Conn{to, from} {
			end.Close()
			delete(l.ends, end)
		}
	}()
	io.Copy(to, stalling{l, from})
}

// stalling reads from a connection and holds what came back while the line stalls.
type stalling struct {
	line *Line
	net.Conn
}

func (s stalling) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.line.mu.Lock()
	flows := s.line.flows
	s.line.mu.Unlock()
	select {
	case <-flows:
	case <-s.line.done:
	}
	return n, err
}
