package kernelclient

import (
	"context"
	"fmt"
	"strings"

	"github.com/reval-editor/reval/jupyter"
)

// Request sends a request on the shell or control channel and waits for its
// reply. A kernel need not answer a type that it does not know: ctx bounds the
// wait.
func (k *Kernel) Request(ctx context.Context, channel jupyter.Channel, t jupyter.MsgType, content any) (*jupyter.Message, error) {
	if channel != jupyter.Shell && channel != jupyter.Control {
		return nil, fmt.Errorf("%s: requests go to the shell or the control channel, not to %s", t, channel)
	}
	m, err := jupyter.NewMessage(k.session, t, content)
	if err != nil {
		return nil, err
	}
	reply, err := k.roundTrip(ctx, channel, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return reply, nil
}

// Complete asks for completions of code at a position; those of the reply are what the
// matches replace ("Completion").
//
// It may be called while code runs, as the requests below: a kernel with subshells
// answers at once, and so do some others. With one that does not, the request
// waits until ctx ends, and further ones get ErrBusy.
func (k *Kernel) Complete(ctx context.Context, code string, at Cursor) (jupyter.CompleteReplyContent, error) {
	return ask[jupyter.CompleteReplyContent](ctx, k, jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: code, CursorPos: int(at)})
}

// Inspect asks for what the kernel knows of the name at a position. Detail is 0, or 1 for
// the source as well ("Introspection").
func (k *Kernel) Inspect(ctx context.Context, code string, at Cursor, detail int) (jupyter.InspectReplyContent, error) {
	return ask[jupyter.InspectReplyContent](ctx, k, jupyter.InspectRequest,
		jupyter.InspectRequestContent{Code: code, CursorPos: int(at), DetailLevel: detail})
}

// IsComplete asks whether code can be evaluated as it stands, or needs more lines.
func (k *Kernel) IsComplete(ctx context.Context, code string) (jupyter.IsCompleteReplyContent, error) {
	return ask[jupyter.IsCompleteReplyContent](ctx, k, jupyter.IsCompleteRequest, jupyter.IsCompleteRequestContent{Code: code})
}

// History asks for earlier inputs, and outputs if the request says so.
func (k *Kernel) History(ctx context.Context, r jupyter.HistoryRequestContent) (jupyter.HistoryReplyContent, error) {
	return ask[jupyter.HistoryReplyContent](ctx, k, jupyter.HistoryRequest, r)
}

// CommInfo lists the open comms, of one target if it is not empty.
func (k *Kernel) CommInfo(ctx context.Context, target string) (jupyter.CommInfoReplyContent, error) {
	return ask[jupyter.CommInfoReplyContent](ctx, k, jupyter.CommInfoRequest, jupyter.CommInfoRequestContent{TargetName: target})
}

func ask[T any](ctx context.Context, k *Kernel, t jupyter.MsgType, content any) (T, error) {
	var v T
	m, err := jupyter.NewMessage(k.session, t, content)
	if err != nil {
		return v, err
	}
	if err := k.route(ctx, m); err != nil {
		return v, fmt.Errorf("%s: %w", t, err)
	}
	reply, err := k.roundTrip(ctx, jupyter.Shell, m)
	if err != nil {
		return v, fmt.Errorf("%s: %w", t, err)
	}
	err = reply.Decode(&v)
	return v, err
}

// roundTrip sends a request and waits for the reply that names it as its parent.
func (k *Kernel) roundTrip(ctx context.Context, channel jupyter.Channel, m *jupyter.Message) (*jupyter.Message, error) {
	reply, forget := k.expectReply(m)
	defer forget()
	if err := k.send(ctx, channel, m); err != nil {
		return nil, err
	}
	select {
	case r, ok := <-reply:
		if !ok {
			return nil, errConnectionLost
		}
		return r, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-k.done:
		return nil, k.deadErr()
	}
}

// expectReply gives the channel that a request's reply will come over; it is closed if
// the connection breaks before. forget is called when nobody waits any more.
func (k *Kernel) expectReply(m *jupyter.Message) (reply chan *jupyter.Message, forget func()) {
	reply = make(chan *jupyter.Message, 1)
	k.mu.Lock()
	k.replies[m.Header.MsgID] = reply
	k.mu.Unlock()
	select {
	case k.waited <- struct{}{}:
	default:
	}
	return reply, func() {
		k.mu.Lock()
		delete(k.replies, m.Header.MsgID)
		k.mu.Unlock()
	}
}

func (k *Kernel) send(ctx context.Context, channel jupyter.Channel, m *jupyter.Message) error {
	if err := k.channels.send(ctx, channel, m); err != nil {
		select {
		case <-k.done:
			return k.deadErr()
		case <-k.closing: // which readers of the channels must not wait for
			return k.deadErr()
		default:
			return fmt.Errorf("send %s: %w", m.Header.MsgType, err)
		}
	}
	return nil
}

// handleReply gives a reply of shell or control to who waits for it. A reply
// that nobody waits for came too late, or twice.
func (k *Kernel) handleReply(m *jupyter.Message) {
	// What answers another type of request is no answer, whoever it says to be for.
	asked, isRequest := strings.CutSuffix(string(m.Parent.MsgType), "_request")
	if isRequest && string(m.Header.MsgType) != asked+"_reply" {
		k.malformed(jupyter.Shell, fmt.Errorf("%s %s is no answer to %s", m.Header.MsgType, m.Header.MsgID, m.Parent.MsgType))
		return
	}
	k.mu.Lock()
	waiting := k.replies[m.Parent.MsgID]
	delete(k.replies, m.Parent.MsgID)
	if k.aside.waiting == m.Parent.MsgID {
		k.aside.waiting = ""
	}
	k.mu.Unlock()
	if waiting == nil {
		k.options.Logger.Debug("reply to nobody", "type", m.Header.MsgType, "parent", m.Parent.MsgID)
		return
	}
	waiting <- m
}
