package kernelclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// ExecuteRequest is code to run.
type ExecuteRequest struct {
	// ID becomes the message id, which late events carry; empty for a random one. No
	// other execution that has not ended may have it.
	ID   string
	Code string
	// Silent suppresses the result, the history and the execution count.
	Silent bool
	// NoHistory keeps the code out of the kernel's history.
	NoHistory bool
	// UserExpressions are evaluated after the code.
	UserExpressions map[string]string
	// AllowInput says that InputRequest events are answered. Without it the code
	// gets an error when it asks for input.
	AllowInput bool
	// ContinueOnError lets the kernel run what is queued in it after an error.
	ContinueOnError bool
}

// abortAlias is how bash_kernel and tslab write the status aborted.
const abortAlias = "abort"

// errNoReply ends an execution whose kernel published idle and then sent no reply.
var errNoReply = errors.New("the kernel became idle without a reply")

// How long a reply may come after the idle status, which kernels publish after it
// but on another connection. ipykernel never replies when it is interrupted
// between execute_input and the code.
const (
	defaultPatience          = 10 * time.Second // and idle after the reply
	interruptedReplyPatience = 500 * time.Millisecond
)

// execution is one execute request that has not ended.
type execution struct {
	// mu orders calls of handle: IOPub's reader and stdin's make them.
	mu     sync.Mutex
	handle func(Event)
	ended  bool // Execute returns, no call may follow
	// What handle was called with: an Error, a Stream of stderr.
	failed, printedError bool
	// giveUp ends the wait for the reply.
	giveUp context.CancelCauseFunc
	// Guarded by Kernel.mu; closed when the kernel began to run the code, and when
	// IOPub said idle.
	begun, idle       chan struct{}
	hasBegun, hasIdle bool
	interrupted       bool        // Interrupt was called
	overdue           *time.Timer // calls giveUp; started by idle
}

// Execute runs code and calls handle with every event of it, in the kernel's
// order, from one goroutine at a time; handle must not block for long, since all
// of the kernel's output waits for it. Execute returns when the kernel has both
// replied and published idle, so no event comes later but those of
// Options.Late. An error in the code is no error of Execute: the reply's Status
// says it, and an Error event came. Nor is an interrupt that came before the code
// ran: then Status is aborted.
//
// When ctx ends, Execute returns but the kernel goes on: Interrupt stops it.
func (k *Kernel) Execute(ctx context.Context, r ExecuteRequest, handle func(Event)) (jupyter.ExecuteReplyContent, error) {
	content := jupyter.ExecuteRequestContent{
		Code: r.Code, Silent: r.Silent, StoreHistory: !r.NoHistory && !r.Silent, UserExpressions: r.UserExpressions,
		AllowStdin: r.AllowInput, StopOnError: !r.ContinueOnError,
	}
	if content.UserExpressions == nil {
		content.UserExpressions = map[string]string{}
	}
	id := cmp.Or(r.ID, jupyter.NewID())
	for begin := time.Now(); ; {
		// Made anew for each attempt: by the same date a kernel may know a replay.
		m, err := jupyter.NewMessage(k.session, jupyter.ExecuteRequest, content)
		if err != nil {
			return jupyter.ExecuteReplyContent{}, err
		}
		m.Header.MsgID = id
		reply, refused, err := k.executeOnce(ctx, m, handle)
		if !refused || time.Since(begin) > refusalPatience {
			return reply, err
		}
	}
}

// How long and how often code is sent again that a kernel aborts although nothing
// was queued before it. tslab refuses all code for 200 ms after an error.
const (
	refusalPatience = time.Second
	refusalPause    = 50 * time.Millisecond
)

// executeOnce sends the request once; refused tells, after a pause, that the kernel
// aborted it although no other execution of this client was there and nobody
// interrupted it.
func (k *Kernel) executeOnce(ctx context.Context, m *jupyter.Message, handle func(Event)) (reply jupyter.ExecuteReplyContent, refused bool, err error) {
	waiting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	x := &execution{handle: handle, giveUp: giveUp, begun: make(chan struct{}), idle: make(chan struct{})}
	k.mu.Lock()
	alone := len(k.executions) == 0
	same := k.executions[m.Header.MsgID] != nil
	if !same {
		k.executions[m.Header.MsgID] = x
	}
	k.mu.Unlock()
	if same {
		return reply, false, fmt.Errorf("execute: an execution with the id %s has not ended, choose another id", m.Header.MsgID)
	}
	defer k.forget(m.Header.MsgID, x)
	answer, err := k.roundTrip(waiting, jupyter.Shell, m)
	if errors.Is(err, errNoReply) && k.wasInterrupted(x) {
		reply.Status = jupyter.StatusAborted
		return reply, false, nil
	}
	if err != nil {
		return reply, false, fmt.Errorf("execute: %w", err)
	}
	if err := answer.Decode(&reply); err != nil {
		return reply, false, fmt.Errorf("execute: %w", err)
	}
	if reply.Status == abortAlias {
		reply.Status = jupyter.StatusAborted
	}
	if reply.Status != jupyter.StatusAborted || k.hasBegun(x) { // a request that was not run may have no idle
		if err := k.waitIdle(ctx, waiting, x); err != nil {
			return reply, false, fmt.Errorf("execute: %w", err)
		}
	}
	if reply.Status == jupyter.StatusError {
		x.fail(reply.Failure())
	}
	for _, p := range reply.Payload {
		x.call(decodePayload(p))
	}
	if reply.Status != jupyter.StatusAborted || !alone || k.hasBegun(x) {
		return reply, false, nil
	}
	pause := time.NewTimer(refusalPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return reply, !k.wasInterrupted(x), nil
	case <-ctx.Done():
	case <-k.done:
	}
	return reply, false, nil
}

// forget takes an execution from those that events are routed to; when it
// returns, none is being handled.
func (k *Kernel) forget(id string, x *execution) {
	k.mu.Lock()
	delete(k.executions, id)
	if len(k.executions) == 0 {
		k.aside.waiting = "" // it is answered now, or never
	}
	if x.overdue != nil {
		x.overdue.Stop()
	}
	k.mu.Unlock()
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
}

// replyPatience is how long the reply may come after idle; mu is held.
func (k *Kernel) replyPatience(x *execution) time.Duration {
	if x.interrupted {
		return interruptedReplyPatience
	}
	return k.patience
}

func (k *Kernel) wasInterrupted(x *execution) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return x.interrupted
}

func (k *Kernel) hasBegun(x *execution) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return x.hasBegun
}

// call hands an event to the execution; false if it has ended.
func (x *execution) call(e Event) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return false
	}
	switch e := e.(type) {
	case Error:
		x.failed = true
	case Stream:
		x.printedError = x.printedError || e.Name == "stderr"
	}
	x.handle(e)
	return true
}

// fail hands on the error of the reply if the kernel published none: Calysto Scheme
// and tslab print errors to stderr instead, tslab without a word in the reply. A
// traceback that was printed is not repeated.
func (x *execution) fail(e jupyter.ErrorContent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed {
		return
	}
	x.failed = true
	if x.printedError {
		e.Traceback = nil
	}
	x.handle(Error{e})
}

// handleIOPub routes an IOPub message by its parent.
func (k *Kernel) handleIOPub(m *jupyter.Message) {
	k.published.Add(1)
	defer k.published.Add(1)
	if m.Header.MsgType == jupyter.IOPubWelcomeMsg {
		k.welcomed.Store(true)
	} else {
		select {
		case <-k.heard:
		default:
			close(k.heard)
		}
	}
	event, err := decodeEvent(m)
	if err != nil {
		k.malformed(jupyter.IOPub, err)
		return
	}
	k.occupation.note(m, event)
	if !k.caused(m) {
		return
	}
	k.mu.Lock()
	x := k.executions[m.Parent.MsgID]
	if x != nil && event != nil && !x.hasBegun {
		x.hasBegun = true
		close(x.begun)
	}
	if x != nil && event != nil && x.overdue != nil {
		x.overdue.Reset(k.replyPatience(x)) // idle was not the last of it
	}
	k.mu.Unlock()
	switch {
	case event != nil:
		if x == nil || !x.call(event) {
			k.options.Late(m.Parent.MsgID, event)
		}
	case x != nil && m.Header.MsgType == jupyter.StatusMsg:
		status, err := decode[jupyter.StatusContent](m)
		if err != nil {
			k.malformed(jupyter.IOPub, err)
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if status.ExecutionState == jupyter.StateIdle && !x.hasIdle {
			x.hasIdle = true
			close(x.idle)
			x.overdue = time.AfterFunc(k.replyPatience(x), func() { x.giveUp(errNoReply) })
		}
	}
}

// caused tells whether a message is not what another client of the kernel has caused,
// who can choose the id of its request at will: also one that an execution here has.
func (k *Kernel) caused(m *jupyter.Message) bool {
	if m.Parent.Session == k.session {
		k.echoes.Store(true)
		return true
	}
	// Some kernels say nothing but the id.
	return m.Parent.MsgID == "" || m.Parent.Session == "" && !k.echoes.Load()
}

// handleStdin takes a message of the stdin channel.
func (k *Kernel) handleStdin(m *jupyter.Message) {
	k.handleInputRequest(m, func(ctx context.Context, r *jupyter.Message) error { return k.send(ctx, jupyter.Stdin, r) })
}

// handleInputRequest hands an input request to its execution; send is for the answer. One that
// belongs to none of ours gets an empty answer: a kernel must not hang for a line that nobody
// is asked for. Only what an adopted kernel runs waits for Await.
func (k *Kernel) handleInputRequest(m *jupyter.Message, send func(context.Context, *jupyter.Message) error) {
	if m.Header.MsgType != jupyter.InputRequest {
		k.options.Logger.Debug("message dropped", "channel", jupyter.Stdin, "type", m.Header.MsgType)
		return
	}
	content, err := decode[jupyter.InputRequestContent](m)
	if err != nil {
		k.malformed(jupyter.Stdin, err)
		return
	}
	reply := func(value string) error {
		r, err := m.Reply(k.session, jupyter.InputReply, jupyter.InputReplyContent{Value: value})
		if err != nil {
			return err
		}
		r.Header.Username = m.Header.Username
		return send(context.Background(), r)
	}
	k.mu.Lock()
	x := k.executions[m.Parent.MsgID]
	waits := x == nil && k.caused(m) && k.occupation.keep(m)
	k.mu.Unlock()
	if waits || x != nil && k.caused(m) && x.call(InputRequest{Prompt: content.Prompt, Password: content.Password, Reply: reply}) {
		return
	}
	if err := reply(""); err != nil {
		k.options.Logger.Warn("answer stray input request", "error", err)
	}
}
