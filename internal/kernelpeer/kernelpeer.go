// Package kernelpeer is a kernel that a test plays: real sockets and signed
// messages, but what it answers, and whether, is the test's. It is imported by
// tests only, which use it where a real kernel cannot be made to fail.
//
// A [Kernel] lies with messages, by its [Script]. [Lines] stand between a client
// and a kernel, be it played or real, and fail with bytes: they stall, break off
// in the middle of a frame, declare frames that never come. [Main] is a kernel in a
// process of its own, which dies as it is told.
package kernelpeer

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// Script says what becomes of a request of each type. A function may send
// whatever it likes, and hold its channel up; channels have a goroutine each. A
// type that is missing is answered as a plain kernel would if it is
// kernel_info_request, execute_request or interrupt_request, and else not at all.
type Script map[jupyter.MsgType]func(*Request)

// Kernel is a kernel that runs until Stop or the test's end.
//
// Goroutines, until Stop: one for each of shell, control and stdin, which runs the
// script, and one that answers the heartbeat.
type Kernel struct {
	// File is its connection file, Wire signs with that file's key.
	File string
	Wire *jupyter.Wire

	report  func(format string, args ...any) // of what went wrong
	script  Script
	session string
	sockets map[jupyter.Channel]*zsock.Router
	iopub   *zsock.XPub
	heart   *zsock.Rep
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
	info := jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1", SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(),
	}
	k := newKernel(script, t.Errorf)
	t.Cleanup(k.Stop)
	if err := k.bind(&info, func(jupyter.Channel) {}); err != nil {
		t.Fatalf("played kernel: %v", err)
	}
	k.File = filepath.Join(t.TempDir(), "kernel.json")
	if err := info.WriteFile(k.File); err != nil {
		t.Fatalf("played kernel: %v", err)
	}
	k.serve()
	return k
}

func newKernel(script Script, report func(string, ...any)) *Kernel {
	k := &Kernel{report: report, script: script, session: jupyter.NewID(), sockets: map[jupyter.Channel]*zsock.Router{}}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// bind binds the channels of info in the order of its fields, and calls bound after
// each. A port that is 0 is chosen and filled in.
func (k *Kernel) bind(info *jupyter.ConnectionInfo, bound func(jupyter.Channel)) (err error) {
	if k.Wire, err = jupyter.NewWire(info.SignatureScheme, info.Key); err != nil {
		return err
	}
	for _, c := range []struct {
		channel jupyter.Channel
		port    *int
	}{
		{jupyter.Shell, &info.ShellPort}, {jupyter.IOPub, &info.IOPubPort}, {jupyter.Stdin, &info.StdinPort},
		{jupyter.Control, &info.ControlPort}, {jupyter.Heartbeat, &info.HBPort},
	} {
		endpoint, err := k.listen(c.channel, info.Endpoint(c.channel))
		if err != nil {
			return err
		}
		if *c.port == 0 {
			*c.port = portOf(endpoint)
		}
		bound(c.channel)
	}
	return nil
}

func (k *Kernel) listen(channel jupyter.Channel, endpoint string) (bound string, err error) {
	switch channel {
	case jupyter.IOPub:
		if k.iopub, err = zsock.ListenXPub(k.ctx, endpoint, zsock.Options{}); err != nil {
			return "", err
		}
		return k.iopub.Endpoint(), nil
	case jupyter.Heartbeat:
		if k.heart, err = zsock.ListenRep(k.ctx, endpoint, zsock.Options{}); err != nil {
			return "", err
		}
		return k.heart.Endpoint(), nil
	}
	router, err := zsock.ListenRouter(k.ctx, endpoint, zsock.Options{})
	if err != nil {
		return "", err
	}
	k.sockets[channel] = router
	return router.Endpoint(), nil
}

// Stop ends the kernel as a death would: all connections are closed.
func (k *Kernel) Stop() {
	k.cancel()
	for _, s := range k.sockets {
		s.Close()
	}
	if k.iopub != nil {
		k.iopub.Close()
	}
	if k.heart != nil {
		k.heart.Close()
	}
	k.wait.Wait()
}

// serve starts to answer.
func (k *Kernel) serve() {
	for channel := range k.sockets {
		k.wait.Go(func() { k.play(channel) })
	}
	k.wait.Go(func() { k.heart.Serve(k.ctx, func(ping [][]byte) [][]byte { return ping }) })
}

func (k *Kernel) play(channel jupyter.Channel) {
	for {
		frames, err := k.sockets[channel].Recv(k.ctx)
		if err != nil {
			return
		}
		m, err := k.Wire.Decode(frames)
		if err != nil {
			k.report("played kernel: %s: %v", channel, err)
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
		r.replyInfo()
		r.Status(jupyter.StateIdle)
	case jupyter.ExecuteRequest:
		r.Begin()
		r.End()
	case jupyter.InterruptRequest:
		r.Reply(jupyter.InterruptReply, jupyter.StatusReplyContent{Status: jupyter.StatusOK})
	}
}

func (r *Request) replyInfo() {
	r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, Implementation: "played"})
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
		r.Kernel.report("played kernel: %v", err)
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
		k.report("played kernel: %v", err)
		return
	}
	k.SendFrames(channel, frames)
}

// SendFrames sends frames as they are. A client that is gone is no error.
func (k *Kernel) SendFrames(channel jupyter.Channel, frames [][]byte) {
	k.TrySend(k.ctx, channel, frames)
}

// TrySend is SendFrames to a client that may not read, until ctx ends.
func (k *Kernel) TrySend(ctx context.Context, channel jupyter.Channel, frames [][]byte) {
	if channel == jupyter.IOPub {
		k.iopub.Send(ctx, frames)
		return
	}
	k.sockets[channel].Send(ctx, frames)
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

// Pause holds the channel up for a time, as a kernel that is slow: where the client's
// patience is tested there is no event to wait for.
func (r *Request) Pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Kernel.Done():
	}
}

// Code is the code of an execute request.
func (r *Request) Code() string {
	var c jupyter.ExecuteRequestContent
	if err := r.Decode(&c); err != nil {
		r.Kernel.report("played kernel: %v", err)
	}
	return c.Code
}

// portOf gives the port of a tcp endpoint that was bound.
func portOf(endpoint string) int {
	port, err := strconv.Atoi(endpoint[strings.LastIndexByte(endpoint, ':')+1:])
	if err != nil {
		panic("kernelpeer: " + endpoint + " is no endpoint with a port")
	}
	return port
}
