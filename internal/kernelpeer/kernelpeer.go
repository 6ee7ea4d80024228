// Package kernelpeer is a kernel that a test plays: real sockets and signed
// messages, but what it answers, and whether, is the test's. It is imported by
// tests only, which use it where a real kernel cannot be made to fail.
package kernelpeer

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// Script says what becomes of a request of each type. A function may send
// whatever it likes, and hold its channel up; channels have a goroutine each. A
// type that is missing is answered as a plain kernel would if it is
// kernel_info_request, execute_request or interrupt_request, and else not at all.
type Script map[jupyter.MsgType]func(*Request)

// Kernel is a kernel that runs until Stop or the test's end.
type Kernel struct {
	// File is its connection file, Wire signs with that file's key.
	File string
	Wire *jupyter.Wire

	t       testing.TB
	script  Script
	session string
	sockets map[jupyter.Channel]*zsock.Router
	iopub   *zsock.XPub
	ctx     context.Context
	cancel  context.CancelFunc
	wait    sync.WaitGroup
}

// Request is a request that came on Channel.
type Request struct {
	*jupyter.Message
	Channel jupyter.Channel
	Kernel  *Kernel
}

// Start binds a kernel's sockets and writes its connection file.
func Start(t testing.TB, script Script) *Kernel {
	t.Helper()
	k := &Kernel{t: t, script: script, session: jupyter.NewID(), sockets: map[jupyter.Channel]*zsock.Router{}}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	info := jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1", HBPort: 1, // nobody listens to a heart
		SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(),
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("played kernel: %v", err)
		}
	}
	var err error
	k.Wire, err = jupyter.NewWire(info.SignatureScheme, info.Key)
	must(err)
	for channel, port := range map[jupyter.Channel]*int{
		jupyter.Shell: &info.ShellPort, jupyter.Control: &info.ControlPort, jupyter.Stdin: &info.StdinPort,
	} {
		router, err := zsock.ListenRouter(k.ctx, "tcp://127.0.0.1:0", zsock.Options{})
		must(err)
		k.sockets[channel] = router
		*port = portOf(t, router.Endpoint())
	}
	k.iopub, err = zsock.ListenXPub(k.ctx, "tcp://127.0.0.1:0", zsock.Options{})
	must(err)
	info.IOPubPort = portOf(t, k.iopub.Endpoint())
	k.File = filepath.Join(t.TempDir(), "kernel.json")
	must(info.WriteFile(k.File))
	for channel := range k.sockets {
		k.wait.Go(func() { k.serve(channel) })
	}
	t.Cleanup(k.Stop)
	return k
}

// Stop ends the kernel as a death would: all connections are closed.
func (k *Kernel) Stop() {
	k.cancel()
	for _, s := range k.sockets {
		s.Close()
	}
	k.iopub.Close()
	k.wait.Wait()
}

func (k *Kernel) serve(channel jupyter.Channel) {
	for {
		frames, err := k.sockets[channel].Recv(k.ctx)
		if err != nil {
			return
		}
		m, err := k.Wire.Decode(frames)
		if err != nil {
			k.t.Errorf("played kernel: %s: %v", channel, err)
			continue
		}
		r := &Request{Message: m, Channel: channel, Kernel: k}
		if play := k.script[m.Header.MsgType]; play != nil {
			play(r)
		} else {
			r.Answer()
		}
	}
}

// Answer does what a plain kernel would.
func (r *Request) Answer() {
	switch r.Header.MsgType {
	case jupyter.KernelInfoRequest:
		r.Status(jupyter.StateBusy)
		r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, Implementation: "played"})
		r.Status(jupyter.StateIdle)
	case jupyter.ExecuteRequest:
		r.Begin()
		r.End()
	case jupyter.InterruptRequest:
		r.Reply(jupyter.InterruptReply, jupyter.StatusReplyContent{Status: jupyter.StatusOK})
	}
}

// Begin publishes what comes first of an execution.
func (r *Request) Begin() {
	r.Status(jupyter.StateBusy)
	r.Publish(jupyter.ExecuteInputMsg, jupyter.ExecuteInputContent{ExecutionCount: 1})
}

// End replies that the execution went well, and publishes idle.
func (r *Request) End() {
	r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusOK, ExecutionCount: 1})
	r.Status(jupyter.StateIdle)
}

// Print publishes text on stdout.
func (r *Request) Print(text string) {
	r.Publish(jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: text})
}

// Status publishes an execution state whose parent is r.
func (r *Request) Status(state string) {
	r.Publish(jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: state})
}

// Reply sends a reply on the request's channel.
func (r *Request) Reply(t jupyter.MsgType, content any) {
	r.Kernel.Send(r.Channel, r.Make(r.Channel, t, content))
}

// Publish sends a message on IOPub whose parent is r.
func (r *Request) Publish(t jupyter.MsgType, content any) {
	r.Kernel.Send(jupyter.IOPub, r.Make(jupyter.IOPub, t, content))
}

// Make gives a message to r's sender that Send takes, to be falsified before.
func (r *Request) Make(channel jupyter.Channel, t jupyter.MsgType, content any) *jupyter.Message {
	m, err := r.Message.Reply(r.Kernel.session, t, content)
	if err != nil {
		r.Kernel.t.Errorf("played kernel: %v", err)
		return r.Message
	}
	m.Identities = r.Identities
	if channel == jupyter.IOPub {
		m.Identities = [][]byte{[]byte(t)}
	}
	return m
}

// Send signs and sends a message.
func (k *Kernel) Send(channel jupyter.Channel, m *jupyter.Message) {
	frames, err := k.Wire.Encode(m)
	if err != nil {
		k.t.Errorf("played kernel: %v", err)
		return
	}
	k.SendFrames(channel, frames)
}

// SendFrames sends frames as they are. A client that is gone is no error.
func (k *Kernel) SendFrames(channel jupyter.Channel, frames [][]byte) {
	if channel == jupyter.IOPub {
		k.iopub.Send(k.ctx, frames)
		return
	}
	k.sockets[channel].Send(k.ctx, frames)
}

// Done is closed at the kernel's end, which Stop waits to see noticed.
func (k *Kernel) Done() <-chan struct{} { return k.ctx.Done() }

// Wait holds the channel up until event, or the kernel's end.
func (r *Request) Wait(event <-chan struct{}) {
	select {
	case <-event:
	case <-r.Kernel.Done():
	}
}

// Code is the code of an execute request.
func (r *Request) Code() string {
	var c jupyter.ExecuteRequestContent
	if err := r.Decode(&c); err != nil {
		r.Kernel.t.Errorf("played kernel: %v", err)
	}
	return c.Code
}

func portOf(t testing.TB, endpoint string) int {
	t.Helper()
	port, err := strconv.Atoi(endpoint[strings.LastIndexByte(endpoint, ':')+1:])
	if err != nil {
		t.Fatalf("played kernel: %v", err)
	}
	return port
}
