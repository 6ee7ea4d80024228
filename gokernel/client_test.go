package gokernel

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
	"go.uber.org/goleak"
)

// kernelVariable makes the test binary a kernel of the connection file that it
// names; the others are its options.
const (
	kernelVariable  = "REVAL_TEST_KERNEL"
	engineVariable  = "REVAL_TEST_ENGINE"
	historyVariable = "REVAL_TEST_HISTORY"
	startupVariable = "REVAL_TEST_STARTUP"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(kernelVariable); path != "" {
		if err := ServeFile(context.Background(), path, Options{
			Version: "test", Engine: os.Getenv(engineVariable), History: os.Getenv(historyVariable), Startup: os.Getenv(startupVariable),
		}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// limit bounds what waits for an event that does not come, in a test that fails.
const limit = testenv.Patience

// client is a Jupyter client of a kernel that runs as a child process.
type client struct {
	t                     testing.TB
	ctx                   context.Context
	wire                  *jupyter.Wire
	info                  jupyter.ConnectionInfo
	identity              string // of its DEALERs
	shell, control, stdin *zsock.Dealer
	iopub                 *zsock.Sub
	process               *exec.Cmd // nil for a kernel in this process
}

// connection writes a connection file. Ports, which only Windows needs, may be taken by another
// before the kernel binds them; a new folder is the test's own.
func connection(t testing.TB) (jupyter.ConnectionInfo, string) {
	t.Helper()
	info := jupyter.ConnectionInfo{
		Transport: "ipc", IP: filepath.Join(testenv.RuntimeDir(t), "kernel"), ShellPort: 1, IOPubPort: 2, StdinPort: 3,
		ControlPort: 4, HBPort: 5, SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(),
	}
	if runtime.GOOS == "windows" {
		info.Transport, info.IP = "tcp", "127.0.0.1"
		for _, port := range []*int{&info.ShellPort, &info.IOPubPort, &info.StdinPort, &info.ControlPort, &info.HBPort} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			*port = l.Addr().(*net.TCPAddr).Port
		}
	}
	path := filepath.Join(t.TempDir(), "kernel.json")
	if err := info.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return info, path
}

// startKernel starts a kernel and waits for its welcome.
func startKernel(t testing.TB) *client { return startKernelOn(t, "") }

// startKernelOn starts a kernel on an engine, with more variables in its environment.
func startKernelOn(t testing.TB, engine string, env ...string) *client {
	t.Helper()
	info, path := connection(t)
	cmd := startProcess(t, path, engine, env...)
	c := connect(t, info)
	c.process = cmd
	return c
}

// startProcess starts the kernel of a connection file.
func startProcess(t testing.TB, path, engine string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	races := filepath.Join(t.TempDir(), "races")
	cmd.Env = append(append(os.Environ(), env...), kernelVariable+"="+path, engineVariable+"="+engine, "GORACE=exitcode=0 log_path="+races)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		checkRaces(t, races)
	})
	return cmd
}

// checkRaces fails on the race detector's reports about the kernel. Those in
// which the interpreter runs a cell are let pass: it writes the result of a
// cancelled run unguarded, and the notes of positions are shared by goroutines on
// purpose (yaegi/trace.go).
func checkRaces(t testing.TB, prefix string) {
	t.Helper()
	paths, err := filepath.Glob(prefix + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, report := range strings.Split(string(data), "==================") {
			if strings.Contains(report, "DATA RACE") && !strings.Contains(report, "github.com/traefik/yaegi/interp.") {
				t.Errorf("race in the kernel:\n%s", report)
			}
		}
	}
}

func connect(t testing.TB, info jupyter.ConnectionInfo) *client {
	t.Helper()
	return connectWith(t, info, zsock.Options{})
}

// connectWith gives a client whose SUB has these options.
func connectWith(t testing.TB, info jupyter.ConnectionInfo, iopub zsock.Options) *client {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	wire, err := jupyter.NewWire(info.SignatureScheme, info.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, ctx: ctx, wire: wire, info: info}
	c.identity = jupyter.NewID()
	identity := zsock.Options{Identity: []byte(c.identity)}
	dial := func(ch jupyter.Channel) *zsock.Dealer {
		d, err := zsock.DialDealer(ctx, info.Endpoint(ch), identity)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	c.shell, c.control, c.stdin = dial(jupyter.Shell), dial(jupyter.Control), dial(jupyter.Stdin)
	if c.iopub, err = zsock.DialSub(ctx, info.Endpoint(jupyter.IOPub), iopub); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.iopub.Close() })
	for {
		if m := c.recv(c.iopub); m.Header.MsgType == jupyter.IOPubWelcomeMsg {
			return c
		}
	}
}

type receiver interface {
	Recv(context.Context) ([][]byte, error)
}

func (c *client) recv(from receiver) *jupyter.Message {
	c.t.Helper()
	frames, err := from.Recv(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := c.wire.Decode(frames)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *client) send(to *zsock.Dealer, t jupyter.MsgType, content any) *jupyter.Message {
	c.t.Helper()
	m, err := jupyter.NewMessage("client", t, content)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendMessage(to, m)
	return m
}

func (c *client) sendMessage(to *zsock.Dealer, m *jupyter.Message) {
	c.t.Helper()
	frames, err := c.wire.Encode(m)
	if err == nil {
		err = to.Send(c.ctx, frames)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) execute(code string) *jupyter.Message {
	c.t.Helper()
	return c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: code, StoreHistory: true, StopOnError: true})
}

// expect reads one message of IOPub or a channel, which must have the type and parent.
func (c *client) expect(from receiver, t jupyter.MsgType, parent *jupyter.Message) *jupyter.Message {
	c.t.Helper()
	m := c.recv(from)
	if m.Header.MsgType != t || m.Parent.MsgID != parent.Header.MsgID {
		c.t.Fatalf("got %s of %s: %s; want %s of %s", m.Header.MsgType, m.Parent.MsgID, m.Content, t, parent.Header.MsgID)
	}
	return m
}

func (c *client) expectStatus(state string, parent *jupyter.Message) {
	c.t.Helper()
	var s jupyter.StatusContent
	m := c.expect(c.iopub, jupyter.StatusMsg, parent)
	if err := m.Decode(&s); err != nil || s.ExecutionState != state {
		c.t.Fatalf("status %s, want %s", m.Content, state)
	}
}

// expectRunning reads what opens an execution.
func (c *client) expectRunning(request *jupyter.Message) {
	c.t.Helper()
	c.expectStatus(jupyter.StateBusy, request)
	c.expect(c.iopub, jupyter.ExecuteInputMsg, request)
}

func content[T any](t testing.TB, m *jupyter.Message) (v T) {
	t.Helper()
	if err := m.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// expectStream waits for text, which may come in several messages.
func (c *client) expectStream(name, text string, request *jupyter.Message) {
	c.t.Helper()
	for got := ""; got != text; {
		m := content[jupyter.StreamContent](c.t, c.expect(c.iopub, jupyter.StreamMsg, request))
		if got += m.Text; m.Name != name || !strings.HasPrefix(text, got) {
			c.t.Fatalf("stream %s %q, want %s %q", m.Name, got, name, text)
		}
	}
}

// ask sends a shell request and gives its reply, passing over busy and idle.
func (c *client) ask(t jupyter.MsgType, request any) *jupyter.Message {
	c.t.Helper()
	m := c.send(c.shell, t, request)
	c.expectStatus(jupyter.StateBusy, m)
	reply := c.recv(c.shell)
	c.expectStatus(jupyter.StateIdle, m)
	if reply.Parent.MsgID != m.Header.MsgID {
		c.t.Fatalf("reply to %s, want one to %s", reply.Parent.MsgID, m.Header.MsgID)
	}
	return reply
}

// run evaluates a cell and gives a transcript: streams, value, error.
func (c *client) run(code string) string {
	c.t.Helper()
	request := c.execute(code)
	c.expectRunning(request)
	var b strings.Builder
	stream, failed := "", false
	for {
		m := c.recv(c.iopub)
		if m.Parent.MsgID != request.Header.MsgID {
			c.t.Fatalf("%s of another request: %s", m.Header.MsgType, m.Content)
		}
		switch m.Header.MsgType {
		case jupyter.StreamMsg:
			s := content[jupyter.StreamContent](c.t, m)
			if s.Name != stream {
				fmt.Fprintf(&b, "%s:\n", s.Name)
				stream = s.Name
			}
			b.WriteString(s.Text)
			if !strings.HasSuffix(s.Text, "\n") {
				b.WriteString("⏎\n")
			}
		case jupyter.ExecuteResultMsg:
			fmt.Fprintf(&b, "value: %s\n", text(c.t, content[jupyter.DisplayDataContent](c.t, m).Data))
		case jupyter.ErrorMsg:
			failed = true
			e := content[jupyter.ErrorContent](c.t, m)
			fmt.Fprintf(&b, "%s:\n%s\n", e.Name, strings.Join(e.Traceback, "\n"))
		case jupyter.StatusMsg:
			reply := c.expect(c.shell, jupyter.ExecuteReply, request)
			var status struct{ Status string }
			if err := json.Unmarshal(reply.Content, &status); err != nil {
				c.t.Fatal(err)
			}
			if failed != (status.Status == jupyter.StatusError) {
				c.t.Fatalf("reply %s after %s", reply.Content, b.String())
			}
			return b.String()
		default:
			c.t.Fatalf("unexpected %s: %s", m.Header.MsgType, m.Content)
		}
	}
}

func text(t testing.TB, data jupyter.MIMEBundle) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(data["text/plain"], &s); err != nil {
		t.Fatalf("text/plain %s: %v", data["text/plain"], err)
	}
	return s
}

// waitExit waits for the kernel's process.
func (c *client) waitExit() {
	c.t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.process.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			c.t.Fatalf("the kernel's exit: %v", err)
		}
	case <-c.ctx.Done():
		c.t.Fatal("the kernel did not exit")
	}
}
