package gokernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// stranger connects to a channel with the identity of c and sends what it signed with a
// key of its own.
func (c *client) stranger(ch jupyter.Channel) *zsock.Dealer {
	c.t.Helper()
	d, err := zsock.DialDealer(c.ctx, c.info.Endpoint(ch), zsock.Options{Identity: []byte(c.identity)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { d.Close() })
	forger, err := jupyter.NewWire(jupyter.SignatureScheme, jupyter.NewKey())
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := jupyter.NewMessage("stranger", jupyter.KernelInfoRequest, struct{}{})
	if err != nil {
		c.t.Fatal(err)
	}
	frames, err := forger.Encode(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := d.Send(c.ctx, frames); err != nil {
		c.t.Fatal(err)
	}
	return d
}

// A stranger without the key, who knows a client's identity, gets nothing of its replies
// and does not end its connection, neither on shell nor on stdin.
func TestStrangerDoesNotTakeAClientsPlace(t *testing.T) {
	c := startKernel(t)
	c.ask(jupyter.KernelInfoRequest, struct{}{})
	onShell, onStdin := c.stranger(jupyter.Shell), c.stranger(jupyter.Stdin)
	c.ask(jupyter.KernelInfoRequest, struct{}{})
	r := c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: "import \"fmt\"\nvar s string\nfmt.Scanln(&s)\ns", AllowStdin: true, StoreHistory: true})
	c.expectRunning(r)
	// The stranger can answer nothing that is taken.
	asked := c.recv(c.stdin)
	forged, err := asked.Reply("stranger", jupyter.InputReply, jupyter.InputReplyContent{Value: "forged"})
	if err != nil {
		t.Fatal(err)
	}
	wire, err := jupyter.NewWire(jupyter.SignatureScheme, jupyter.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	frames, err := wire.Encode(forged)
	if err != nil {
		t.Fatal(err)
	}
	if err := onStdin.Send(c.ctx, frames); err != nil {
		t.Fatal(err)
	}
	reply, err := asked.Reply("client", jupyter.InputReply, jupyter.InputReplyContent{Value: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	c.sendMessage(c.stdin, reply)
	if got := text(t, content[jupyter.DisplayDataContent](t, c.expect(c.iopub, jupyter.ExecuteResultMsg, r)).Data); got != `"mine"` {
		t.Errorf("the code read %s", got)
	}
	c.expectStatus(jupyter.StateIdle, r)
	c.expect(c.shell, jupyter.ExecuteReply, r)
	ctx, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
	defer cancel()
	if frames, err := onShell.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the stranger got %q %v", frames, err)
	}
}

// What the kernel published is no message to it, though it is signed with the key.
func TestPublishedMessageIsNoRequest(t *testing.T) {
	c := startKernel(t)
	c.ask(jupyter.KernelInfoRequest, struct{}{})
	r := c.execute("1")
	c.expect(c.iopub, jupyter.StatusMsg, r)
	published, err := c.iopub.Recv(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zsock.DialDealer(c.ctx, c.info.Endpoint(jupyter.Shell), zsock.Options{Identity: []byte(c.identity)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Send(c.ctx, published[1:]); err != nil {
		t.Fatal(err)
	}
	c.expect(c.iopub, jupyter.ExecuteResultMsg, r)
	c.expectStatus(jupyter.StateIdle, r)
	c.expect(c.shell, jupyter.ExecuteReply, r) // the connection is still this client's
	c.ask(jupyter.KernelInfoRequest, struct{}{})
}

// A kernel in a program listens where the user alone can connect, unless it is told not to.
func TestServeListensOnIPC(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows' clients know no ipc")
	}
	file := filepath.Join(testenv.RuntimeDir(t), "kernel-test.json")
	c, end := serve(t, Options{}, Host{ConnectionFile: file})
	if c.info.Transport != "ipc" || filepath.Dir(c.info.IP) != filepath.Dir(file) {
		t.Errorf("it listens on %s %s", c.info.Transport, c.info.IP)
	}
	c.ask(jupyter.KernelInfoRequest, struct{}{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
		t.Errorf("left are %v %v", left, err)
	}
}
