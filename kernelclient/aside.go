package kernelclient

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// ErrBusy is returned by a request to a kernel that runs code, when an earlier one
// waits in it already: it would only queue up behind the code.
var ErrBusy = errors.New("kernel is busy")

// How kernels say that they have subshells (JEP 91) and a debugger ("Kernel info").
const (
	subshellFeature = "kernel subshells"
	debuggerFeature = "debugger"
)

// subshellPatience bounds how long a kernel may take to make a subshell.
const subshellPatience = 5 * time.Second

// subshellPause is how long a new subshell has to answer before it is asked again.
const subshellPause = 50 * time.Millisecond

// errInherited is why a kernel's subshells are not used.
var errInherited = errors.New("it lists a debugger too, which does not answer: the list is its base class's")

// aside is what a Kernel knows of asking while code runs. Guarded by Kernel.mu.
type aside struct {
	subshell *string       // once it was made
	making   chan struct{} // closed when the attempt to make it has ended
	waiting  string        // message id of a request that waits behind the code
}

// route settles in which shell a question is asked. Where the kernel has subshells, one is
// made for completions, and for all that is asked while code runs: IPython loads for a second
// and more when it is first asked to complete, for which no evaluation is to wait, and its
// completer is not made for two threads: asked in the main shell and in a subshell at the
// same time it finds nothing, or never answers.
// Elsewhere the request is sent as it is, since some kernels answer at once, but
// only one at a time while code runs.
func (k *Kernel) route(ctx context.Context, m *jupyter.Message) error {
	k.mu.Lock()
	busy := len(k.executions) > 0
	k.mu.Unlock()
	if !busy && m.Header.MsgType != jupyter.CompleteRequest {
		return nil
	}
	if slices.Contains(k.info.SupportedFeatures, subshellFeature) {
		if busy { // when the code runs, the main shell has answered what it was asked before
			k.begun(ctx)
		}
		if m.Header.SubshellID = k.subshell(ctx); m.Header.SubshellID != nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if !busy {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.aside.waiting != "" {
		return ErrBusy
	}
	k.aside.waiting = m.Header.MsgID
	return nil
}

// controlPause is how long the shell has to answer a client that attaches, before the
// control channel is asked, too.
const controlPause = 250 * time.Millisecond

// askInfo asks who the kernel is. One that was attached to may run code, for which its
// shell waits; many answer on control meanwhile. A kernel that is started runs none,
// and is slow for another reason.
func (k *Kernel) askInfo(ctx context.Context) (*jupyter.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	type answer struct {
		reply *jupyter.Message
		err   error
	}
	answers := make(chan answer, 2)
	open := 0
	ask := func(channel jupyter.Channel) {
		open++
		asking.Go(func() {
			reply, err := k.Request(ctx, channel, jupyter.KernelInfoRequest, struct{}{})
			answers <- answer{reply, err}
		})
	}
	ask(jupyter.Shell)
	slow := time.NewTimer(controlPause)
	defer slow.Stop()
	if k.proc != nil {
		slow.Stop()
	}
	for {
		select {
		case a := <-answers:
			if open--; a.err == nil || open == 0 {
				return a.reply, a.err
			}
		case <-slow.C:
			ask(jupyter.Control)
		}
	}
}

// subshell gives the Kernel's subshell, which the first call makes; nil if there is
// none. A kernel that lists the feature need not have it. One that has not said so in
// time, for it may hold all its threads while it computes, is asked again.
func (k *Kernel) subshell(ctx context.Context) *string {
	k.mu.Lock()
	making := k.aside.making
	first := making == nil
	if first {
		making = make(chan struct{})
		k.aside.making = making
	}
	k.mu.Unlock()
	if first {
		go func() {
			defer close(making)
			id, err := k.createSubshell()
			k.mu.Lock()
			defer k.mu.Unlock()
			switch {
			case err == nil:
				k.aside.subshell = &id
			case errors.Is(err, context.DeadlineExceeded):
				k.aside.making = nil
			}
			if err != nil {
				k.options.Logger.Debug(noSubshell, "error", err)
			}
		}()
	}
	select {
	case <-making:
	case <-ctx.Done():
		return nil
	case <-k.done:
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.aside.subshell
}

// AsksAside says whether questions are asked in a subshell, so that what is evaluated meanwhile
// does not wait for the answers.
func (k *Kernel) AsksAside() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.aside.subshell != nil
}

// noSubshell is logged of a kernel that lists subshells and is not asked in one.
const noSubshell = "no subshell"

func (k *Kernel) createSubshell() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), subshellPatience)
	defer cancel()
	if err := k.meansItsFeatures(ctx); err != nil {
		return "", err
	}
	reply, err := k.Request(ctx, jupyter.Control, jupyter.CreateSubshellRequest, struct{}{})
	if err != nil {
		return "", err
	}
	c, err := decode[jupyter.CreateSubshellReplyContent](reply)
	if err != nil {
		return "", err
	}
	if c.Status != jupyter.StatusOK || c.SubshellID == "" {
		return "", errors.New("the kernel made none: " + c.Failure().Value)
	}
	// ipykernel 7.4 leaves the first message to a new subshell lying until another
	// comes.
	for {
		m, err := jupyter.NewMessage(k.session, jupyter.KernelInfoRequest, struct{}{})
		if err != nil {
			return "", err
		}
		m.Header.SubshellID = &c.SubshellID
		wait, stop := context.WithTimeout(ctx, subshellPause)
		_, err = k.roundTrip(wait, jupyter.Shell, m)
		stop()
		switch {
		case err == nil:
			return c.SubshellID, nil
		case errors.Is(err, ErrDead):
			return "", err
		case ctx.Err() != nil:
			return "", errors.New("the one that the kernel made does not answer")
		}
	}
}

// debugInfo asks whether a debugger is started, and starts none ("Debug request").
var debugInfo = json.RawMessage(`{"type":"request","seq":1,"command":"debugInfo","arguments":{}}`)

// meansItsFeatures finds out whether a kernel that lists subshells can do two things at
// once. Kernels built upon ipykernel's base class, as bash_kernel and Calysto Scheme,
// repeat its list: their subshells answer, but two threads then talk to one
// interpreter, after which it may answer nobody any more. So it has to be known before
// a subshell is asked anything of the language. The same list promises a debugger, which
// can be asked without harm, and which no base class has.
func (k *Kernel) meansItsFeatures(ctx context.Context) error {
	if !slices.Contains(k.info.SupportedFeatures, debuggerFeature) {
		return nil
	}
	m, err := jupyter.NewMessage(k.session, jupyter.DebugRequest, debugInfo)
	if err != nil {
		return err
	}
	reply, forget := k.expectReply(m)
	defer forget()
	if err := k.send(ctx, jupyter.Control, m); err != nil {
		return err
	}
	// A kernel that has answered what was asked later will not answer this, unless it
	// answers out of order.
	if _, err := k.Request(ctx, jupyter.Control, jupyter.KernelInfoRequest, struct{}{}); err != nil {
		return err
	}
	late := time.NewTimer(controlPause)
	defer late.Stop()
	select {
	case r, ok := <-reply:
		var answer struct{ Success bool }
		if ok && r.Decode(&answer) == nil && answer.Success {
			return nil
		}
	case <-late.C:
	}
	return errInherited
}
