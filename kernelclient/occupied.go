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
	parent string           // of what IOPub brought last, if that has not ended
	own    string           // the request of settleOccupation
	since  time.Time        // IOPub brought something
	fates  map[string]*fate // by the request's id

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
	var status jupyter.StatusContent
	if m.Header.MsgType == jupyter.StatusMsg {
		status, _ = decode[jupyter.StatusContent](m)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = time.Now()
	}
	asks := m.Parent.MsgType != "" && m.Parent.MsgType != jupyter.ExecuteRequest
	if m.Parent.MsgID == o.own || event == nil && (asks || status.ExecutionState == "") {
		return
	}
	f := o.fates[m.Parent.MsgID]
	if f == nil {
		f = new(fate)
		if len(o.fates) < maxFates {
			o.fates[m.Parent.MsgID] = f
		}
	}
	switch _, failed := event.(Error); {
	case event != nil:
		f.spoke, f.failed = true, f.failed || failed
	case status.ExecutionState == jupyter.StateBusy:
		f.began = true
	case status.ExecutionState == jupyter.StateIdle:
		f.ended, f.sure = true, time.Since(o.since) > failurePatience
		if o.parent == m.Parent.MsgID {
			o.parent = ""
		}
		return
	}
	o.parent = m.Parent.MsgID
}

// fate is what IOPub told of an execution that another program had sent.
type fate struct {
	began, spoke, failed, ended bool
	// sure says that IOPub was heard so long before the end that an error would have been, too.
	sure bool
}

const (
	// maxFates bounds what is remembered, since other clients choose their ids at will.
	maxFates = 1000
	// failurePatience is how long a kernel may take from publishing an error to the end of
	// the execution, for which it has nothing else to do.
	failurePatience = time.Second
)

// fate tells how an execution ended whose reply was not seen; ended is false if IOPub has not
// told of the end.
func (o *occupation) fate(msgID string) (status string, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.fates[msgID]
	switch {
	case f == nil:
		return "", false
	case f.failed:
		return jupyter.StatusError, f.ended
	case f.spoke, f.sure && !f.began:
		return jupyter.StatusOK, f.ended
	}
	return "", f.ended
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
