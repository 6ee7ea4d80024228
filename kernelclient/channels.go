package kernelclient

import (
	"context"
	"fmt"
	"sync"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// channels carry a kernel's messages: over ZeroMQ, or over a Jupyter server's
// websocket.
type channels interface {
	// send hands a message over; ctx bounds how long it waits for room.
	send(ctx context.Context, channel jupyter.Channel, m *jupyter.Message) error
	// read starts the reading. handle is called with each message that is well
	// formed; those of one channel come in order, one at a time. lost is called when
	// a channel can be read no more, also after close.
	read(handle func(jupyter.Channel, *jupyter.Message), lost func(error))
	// drained is closed when nothing is read any more.
	drained() <-chan struct{}
	// close ends the channels and waits until nothing is read any more.
	close()
}

// sockets are the channels of a kernel on this machine.
//
// Goroutines: one reader for each channel, started by read, which ends when its
// socket does.
type sockets struct {
	wire                  *jupyter.Wire
	malformed             func(jupyter.Channel, error)
	transport             string // TransportIPC or TransportTCP
	heartbeat             string // its endpoint
	shell, control, stdin *zsock.Dealer
	iopub                 *zsock.Sub

	readers sync.WaitGroup
	ended   chan struct{}
}

// maxUnheard is how many bytes of a kernel's output wait here for whoever hears it, of a kernel
// that is faster; more waits in the kernel.
const maxUnheard = 8 << 20

// dialSockets connects to a kernel. identity is the routing id that it answers to.
func dialSockets(ctx context.Context, c jupyter.ConnectionInfo, identity string, malformed func(jupyter.Channel, error)) (_ *sockets, err error) {
	s := &sockets{malformed: malformed, transport: c.Transport, heartbeat: c.Endpoint(jupyter.Heartbeat), ended: make(chan struct{})}
	if s.wire, err = jupyter.NewWire(c.SignatureScheme, c.Key); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.closeAll()
		}
	}()
	if s.iopub, err = zsock.DialSub(ctx, c.Endpoint(jupyter.IOPub), zsock.Options{QueueBytes: maxUnheard}); err != nil {
		return nil, fmt.Errorf("connect iopub: %w", err)
	}
	// Stdin's identity must be shell's: the kernel sends input requests to the
	// identity of the execute request.
	for _, d := range []struct {
		channel jupyter.Channel
		socket  **zsock.Dealer
	}{{jupyter.Shell, &s.shell}, {jupyter.Control, &s.control}, {jupyter.Stdin, &s.stdin}} {
		if *d.socket, err = zsock.DialDealer(ctx, c.Endpoint(d.channel), zsock.Options{Identity: []byte(identity)}); err != nil {
			return nil, fmt.Errorf("connect %s: %w", d.channel, err)
		}
	}
	return s, nil
}

func (s *sockets) send(ctx context.Context, channel jupyter.Channel, m *jupyter.Message) error {
	frames, err := s.wire.Encode(m)
	if err != nil {
		return err
	}
	switch channel {
	case jupyter.Shell:
		return s.shell.Send(ctx, frames)
	case jupyter.Control:
		return s.control.Send(ctx, frames)
	case jupyter.Stdin:
		return s.stdin.Send(ctx, frames)
	}
	return fmt.Errorf("nothing is sent on the %s channel", channel)
}

func (s *sockets) read(handle func(jupyter.Channel, *jupyter.Message), lost func(error)) {
	for channel, recv := range map[jupyter.Channel]func(context.Context) ([][]byte, error){
		jupyter.Shell: s.shell.Recv, jupyter.Control: s.control.Recv, jupyter.Stdin: s.stdin.Recv, jupyter.IOPub: s.iopub.Recv,
	} {
		s.readers.Go(func() {
			for {
				frames, err := recv(context.Background())
				if err != nil {
					lost(fmt.Errorf("%s channel: %w", channel, err))
					return
				}
				m, err := s.wire.Decode(frames)
				if err != nil {
					s.malformed(channel, err)
					continue
				}
				handle(channel, m)
			}
		})
	}
	go func() {
		s.readers.Wait()
		close(s.ended)
	}()
}

func (s *sockets) received() int64 { return s.iopub.Received() }

func (s *sockets) drained() <-chan struct{} { return s.ended }

func (s *sockets) close() {
	s.closeAll()
	<-s.ended
}

// closeAll closes at the same time: a kernel that hangs makes each wait for it.
func (s *sockets) closeAll() {
	var closing sync.WaitGroup
	defer closing.Wait()
	for _, d := range []*zsock.Dealer{s.shell, s.control, s.stdin} {
		if d != nil {
			closing.Go(func() { d.Close() })
		}
	}
	if s.iopub != nil {
		s.iopub.Close()
	}
}
