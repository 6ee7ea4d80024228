package kernelclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// inputSocket is a second stdin channel, under the routing id of the program that had an
// adopted kernel before: code that it sent asks for input there.
type inputSocket struct {
	wire   *jupyter.Wire
	socket *zsock.Dealer
}

// hearInput has what an adopted kernel still runs ask for input here. Two goroutines do it,
// which end with that, or with the Kernel. A kernel that has not noticed yet that the last
// program is gone may give nobody its place: then nothing is asked here, as if this were not.
func (k *Kernel) hearInput(ctx context.Context, identity string) {
	if _, occupied := k.Occupied(); !occupied {
		return
	}
	info, err := jupyter.ReadConnectionFile(k.file)
	if err != nil {
		return
	}
	s := &inputSocket{}
	if s.wire, err = jupyter.NewWire(info.SignatureScheme, info.Key); err == nil {
		s.socket, err = zsock.DialDealer(ctx, info.Endpoint(jupyter.Stdin), zsock.Options{Identity: []byte(identity)})
	}
	if err != nil {
		k.options.Logger.Debug("hear what an adopted kernel asks for", "error", err)
		return
	}
	k.mu.Lock()
	k.occupation.input = s
	k.mu.Unlock()
	go func() {
		select {
		case <-k.occupation.settled:
		case <-k.done:
		}
		s.socket.Close()
	}()
	go func() {
		for {
			frames, err := s.socket.Recv(context.Background())
			if err != nil {
				return
			}
			m, err := s.wire.Decode(frames)
			if err != nil {
				k.malformed(jupyter.Stdin, err)
				continue
			}
			k.handleInputRequest(m, s.send)
		}
	}()
}

func (s *inputSocket) send(ctx context.Context, m *jupyter.Message) error {
	frames, err := s.wire.Encode(m)
	if err != nil {
		return err
	}
	return s.socket.Send(ctx, frames)
}

// keep keeps an input request until somebody awaits its execution; false if nobody will.
// Kernel.mu is held.
func (o *occupation) keep(m *jupyter.Message) bool {
	if o == nil || o.input == nil {
		return false
	}
	select {
	case <-o.settled:
		return false
	default:
	}
	o.asked = m
	return true
}

// take gives the input request of an execution that was kept, or nil. Kernel.mu is held.
func (o *occupation) take(msgID string) *jupyter.Message {
	m := o.asked
	if m == nil || m.Parent.MsgID != msgID {
		return nil
	}
	o.asked = nil
	return m
}

// Answer answers an input request of which the program was told that had the kernel before,
// and which that program did not answer; msgID is its execution's. A kernel that waits for
// nothing passes it over.
func (k *Kernel) Answer(ctx context.Context, msgID, value string) error {
	if _, occupied := k.Occupied(); !occupied || k.occupation.input == nil {
		return errors.New("answer input request: the kernel waits for nothing that it was asked before it was adopted")
	}
	m, err := jupyter.NewMessage(k.session, jupyter.InputReply, jupyter.InputReplyContent{Value: value})
	if err != nil {
		return err
	}
	m.Parent = jupyter.Header{MsgID: msgID, Session: k.session, MsgType: jupyter.InputRequest}
	if err := k.occupation.input.send(ctx, m); err != nil {
		return fmt.Errorf("answer input request: %w", err)
	}
	return nil
}
