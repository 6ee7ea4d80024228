// Package comm has the channels between code of cells and code of a Jupyter client
// ("Custom Messages").
package comm

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// Comm is one channel. Its methods can be called from any goroutine.
type Comm struct {
	ID, Target string
	send       func(jupyter.MsgType, jupyter.CommContent)

	mu        sync.Mutex
	closed    bool
	onMessage func(data string)
	onClose   func(data string)
}

// New makes a comm whose messages are sent by send.
func New(id, target string, send func(jupyter.MsgType, jupyter.CommContent)) *Comm {
	return &Comm{ID: id, Target: target, send: send}
}

// Open tells the client of the comm.
func (c *Comm) Open(data any) {
	c.send(jupyter.CommOpen, jupyter.CommContent{CommID: c.ID, TargetName: c.Target, Data: c.encode(data)})
}

// Send sends data, which encoding/json encodes, to the client.
func (c *Comm) Send(data any) {
	c.send(jupyter.CommMsg, jupyter.CommContent{CommID: c.ID, Data: c.encode(data)})
}

// Close ends the comm, unless it has ended.
func (c *Comm) Close() {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if !closed {
		c.send(jupyter.CommClose, jupyter.CommContent{CommID: c.ID, Data: json.RawMessage("{}")})
	}
}

func (c *Comm) encode(data any) json.RawMessage {
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Errorf("comm %s: %w", c.Target, err))
	}
	return encoded
}

// OnMessage has f called with the data of each message, as JSON.
func (c *Comm) OnMessage(f func(data string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onMessage = f
}

// OnClose has f called when the client ends the comm.
func (c *Comm) OnClose(f func(data string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onClose = f
}

// Handler gives what is to be called with a message of the client; nil = nothing.
func (c *Comm) Handler(t jupyter.MsgType) func(data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t == jupyter.CommClose {
		c.closed = true
		return c.onClose
	}
	return c.onMessage
}
