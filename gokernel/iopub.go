package gokernel

import (
	"context"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// slowReader is how long a subscriber may take nothing when there is no room for any
// more messages; then it loses its connection. stalledReader is how long others wait for one
// over tcp, which may be a stranger.
const (
	slowReader    = 30 * time.Second
	stalledReader = 2 * time.Second
)

// publish sends a message on IOPub; parent may be nil. It does not wait for room.
func (k *kernel) publish(parent *jupyter.Message, t jupyter.MsgType, content any) {
	m, err := k.message(parent, t, content)
	if err != nil {
		k.log.Error("publish", "type", t, "error", err)
		return
	}
	m.Identities = [][]byte{[]byte("kernel." + string(t))} // the topic
	k.publishing.Lock()
	defer k.publishing.Unlock()
	frames, err := k.wire.Encode(m)
	if err == nil {
		err = k.iopub.Send(context.Background(), frames)
	}
	if err != nil {
		k.log.Error("publish", "type", t, "error", err)
	}
}

func (k *kernel) message(parent *jupyter.Message, t jupyter.MsgType, content any) (*jupyter.Message, error) {
	if parent == nil {
		return jupyter.NewMessage(k.session, t, content)
	}
	return parent.Reply(k.session, t, content)
}

// publishStream publishes output of a cell; c may be nil.
func (k *kernel) publishStream(c *cell, name, text string) {
	var parent *jupyter.Message
	if c != nil {
		parent = c.request
	}
	k.pressure.wait()
	k.publish(parent, jupyter.StreamMsg, jupyter.StreamContent{Name: name, Text: text})
}

// status brackets the handling of a request with busy and idle; the function it
// gives publishes idle.
func (k *kernel) status(m *jupyter.Message) (idle func()) {
	k.publish(m, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: jupyter.StateBusy})
	return func() { k.publish(m, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: jupyter.StateIdle}) }
}

// reply answers m on the channel that it came by.
func (k *kernel) reply(to *zsock.Router, m *jupyter.Message, t jupyter.MsgType, content any) {
	k.tell(to.Send, m, t, content)
}

// ask asks the client that sent m. Its stdin channel is known by the first answer.
func (k *kernel) ask(m *jupyter.Message, content jupyter.InputRequestContent) {
	k.tell(k.stdin.SendToClaims, m, jupyter.InputRequest, content)
}

func (k *kernel) tell(send func(context.Context, [][]byte) error, m *jupyter.Message, t jupyter.MsgType, content any) {
	r, err := m.Reply(k.session, t, content)
	if err == nil {
		r.Identities = m.Identities
		var frames [][]byte
		if frames, err = k.wire.Encode(r); err == nil {
			err = send(context.Background(), frames)
		}
	}
	if err != nil {
		k.log.Warn("reply not sent", "type", t, "error", err)
	}
}

// welcome greets every new subscription (JEP 65), so that a client knows that it
// misses nothing from then on.
func (k *kernel) welcome(ctx context.Context) {
	for {
		frames, err := k.iopub.Recv(ctx)
		if err != nil {
			return
		}
		if len(frames) == 0 || len(frames[0]) == 0 || frames[0][0] != 1 {
			continue
		}
		topic := string(frames[0][1:])
		m, err := jupyter.NewMessage(k.session, jupyter.IOPubWelcomeMsg, jupyter.IOPubWelcomeContent{Subscription: topic})
		if err != nil {
			continue
		}
		m.Identities = [][]byte{[]byte(topic)} // its own topic, so that it passes the filter
		k.publishing.Lock()
		if encoded, err := k.wire.Encode(m); err == nil {
			_ = k.iopub.Send(ctx, encoded)
		}
		k.publishing.Unlock()
	}
}
