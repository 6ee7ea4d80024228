package kernelclient

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/reval-editor/reval/jupyter"
)

// Comm is a message of a comm, a channel between a program in the kernel and one at
// the client, which both sides can open ("Custom Messages", Jupyter messaging). Those
// that code causes come to its execution in order with its outputs, the others to
// Options.Late.
type Comm struct {
	// Type is comm_open, comm_msg or comm_close.
	Type jupyter.MsgType
	jupyter.CommContent
	// Metadata is a JSON object, nil for an empty one. Buffers are binary data that
	// Data refers to; they are not copied.
	Metadata json.RawMessage
	Buffers  [][]byte
}

// SendComm sends a comm's message to the kernel. Nothing answers it: who opens a comm
// whose target the kernel does not know gets a comm_close. An id for a new one is
// [jupyter.NewID].
func (k *Kernel) SendComm(ctx context.Context, c Comm) error {
	switch c.Type {
	case jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose:
	default:
		return fmt.Errorf("send to a comm: %q is no comm's message", c.Type)
	}
	if len(c.Data) == 0 {
		c.Data = json.RawMessage("{}")
	}
	m, err := jupyter.NewMessage(k.session, c.Type, c.CommContent)
	if err != nil {
		return err
	}
	m.Metadata, m.Buffers = c.Metadata, c.Buffers
	return k.send(ctx, jupyter.Shell, m)
}

// Debug makes a request to the kernel's debugger and gives its answer, both messages of
// the Debug Adapter Protocol. A kernel that has one lists the feature "debugger" in its
// info, or sets Debugger there, as older ones do. What the debugger tells by itself comes as [Debug] events.
func (k *Kernel) Debug(ctx context.Context, request json.RawMessage) (json.RawMessage, error) {
	reply, err := k.Request(ctx, jupyter.Control, jupyter.DebugRequest, request)
	if err != nil {
		return nil, err
	}
	return reply.Content, nil
}
