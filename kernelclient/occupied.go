package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// busyPatience is how long an adopted kernel may answer nobody before it is taken to run code:
// some are silent then.
const busyPatience = 2 * time.Second

// occupation is what a kernel was at when it was adopted.
type occupation struct {
	// settled is closed when the kernel is through with all that it was sent before.
	settled chan struct{}

	mu     sync.Mutex
	parent string // of what IOPub brought last, if that has not ended
	own    string // the request of settleOccupation

	// input is the way to the program that had the kernel before, which is asked for input: nil
	// if there is none. Guarded by Kernel.mu until the Kernel is handed out, and set no more.
	input *inputSocket
	// asked is what came over it before somebody awaits the execution that asks. Guarded by
	// Kernel.mu.
	asked *jupyter.Message
}

// Occupied tells whether the kernel, which was adopted, is still at what it was sent before,
// and by which request's id, which IOPub's messages have for a parent. The id is empty as long
// as nothing was heard of it. Other clients' requests count, too. A kernel that was not
// adopted is not occupied.
func (k *Kernel) Occupied() (msgID string, occupied bool) {
	if k.occupation == nil {
		return "", false
	}
	select {
	case <-k.occupation.settled:
		return "", false
	case <-k.done:
		return "", false
	default:
	}
	k.occupation.mu.Lock()
	defer k.occupation.mu.Unlock()
	return k.occupation.parent, true
}

// note looks whose output IOPub brings.
func (o *occupation) note(m *jupyter.Message, event Event) {
	if o == nil || m.Parent.MsgID == "" {
		return
	}
	select {
	case <-o.settled:
		return
	default:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	status, _ := decode[jupyter.StatusContent](m)
	switch {
	case m.Parent.MsgID == o.own:
	case event != nil || status.ExecutionState == jupyter.StateBusy && m.Parent.MsgType == jupyter.ExecuteRequest:
		o.parent = m.Parent.MsgID
	case status.ExecutionState == jupyter.StateIdle && o.parent == m.Parent.MsgID:
		o.parent = ""
	}
}

// ascertain finds out whether an adopted kernel runs code: then settleOccupation waits. Until
// it need not, the control channel, where it is answered, tells that IOPub is heard.
func (k *Kernel) ascertain(ctx context.Context) error {
	go k.settleOccupation()
	patience := time.NewTimer(busyPatience)
	defer patience.Stop()
	pause := time.NewTimer(controlPause)
	defer pause.Stop()
	asking, cancel := context.WithCancel(ctx)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer cancel()
	heard := (chan struct{})(nil)
	for {
		select {
		case <-k.occupation.settled:
			return nil
		case <-heard:
			return nil
		case <-k.done:
			return k.deadErr()
		case <-ctx.Done():
			return fmt.Errorf("wait for kernel_info_reply: %w", context.Cause(ctx))
		case <-patience.C:
			k.options.Logger.Debug("kernel answers nobody, it is taken to run code", "kernel", k.spec.Name)
			return nil
		case <-pause.C:
			heard = k.heard
			asked.Go(func() { k.Request(asking, jupyter.Control, jupyter.KernelInfoRequest, struct{}{}) })
			pause.Reset(controlPause)
		}
	}
}

// nothing is code that has no effect, and no place in the history.
var nothing = jupyter.ExecuteRequestContent{Silent: true, UserExpressions: map[string]string{}}

// settleOccupation waits until the kernel has run nothing, for which it is asked: it runs what it is
// sent in turn, while some answer everything else at once. What it published before is heard
// then, too.
func (k *Kernel) settleOccupation() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for begun := time.Now(); ; {
		subscribed := false
		select {
		case <-k.heard:
			subscribed = true
		default:
		}
		m, err := jupyter.NewMessage(k.session, jupyter.ExecuteRequest, nothing)
		if err != nil {
			k.options.Logger.Warn("ask adopted kernel", "error", err)
			return
		}
		k.occupation.mu.Lock()
		k.occupation.own = m.Header.MsgID
		k.occupation.mu.Unlock()
		x := standIn(func(Event) {})
		k.mu.Lock()
		k.executions[m.Header.MsgID] = x
		k.mu.Unlock()
		if _, err := k.roundTrip(ctx, jupyter.Shell, m); err != nil {
			return // it is gone, or was left
		}
		idle := k.hasRunNothing(ctx, x, subscribed)
		k.forget(m.Header.MsgID, x)
		if idle || time.Since(begun) > iopubPatience {
			close(k.occupation.settled)
			return
		}
	}
}

// hasRunNothing waits for the end of nothing on IOPub. It may have come before the
// subscription has: then it is false, after a pause.
func (k *Kernel) hasRunNothing(ctx context.Context, x *execution, subscribed bool) bool {
	if subscribed {
		err := k.waitIdle(ctx, ctx, x)
		return err == nil || errors.Is(err, errNoIdle)
	}
	pause := time.NewTimer(iopubPause)
	defer pause.Stop()
	select {
	case <-x.idle:
		return true
	case <-pause.C:
	case <-k.done:
	}
	return false
}

// standIn is an execution that runs and was not sent here.
func standIn(handle func(Event)) *execution {
	begun := make(chan struct{})
	close(begun)
	return &execution{handle: handle, giveUp: func(error) {}, begun: begun, hasBegun: true, idle: make(chan struct{})}
}
