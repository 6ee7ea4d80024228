package gokernel

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// Comm is a channel between code of a cell and code of the client ("Custom
// Messages"). Its methods can be called from any goroutine.
type Comm struct {
	k      *kernel
	cell   *cell // whose messages they are
	id     string
	target string

	mu        sync.Mutex
	onMessage func(data string)
	onClose   func(data string)
}

// Send sends data, which encoding/json encodes, to the client.
func (c *Comm) Send(data any) { c.send(jupyter.CommMsg, data) }

// Close ends the comm.
func (c *Comm) Close() {
	if c.k.comms.remove(c.id) != nil {
		c.send(jupyter.CommClose, struct{}{})
	}
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

func (c *Comm) send(t jupyter.MsgType, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Errorf("comm %s: %w", c.target, err))
	}
	content := jupyter.CommContent{CommID: c.id, Data: encoded}
	if t == jupyter.CommOpen {
		content.TargetName = c.target
	}
	c.k.publishAfterOutput(c.cell, t, content)
}

// comms are those that are open, and the targets that cells serve.
type comms struct {
	mu      sync.Mutex
	open    map[string]*Comm
	targets map[string]target
}

// target is what a cell has called when the client opens a comm.
type target struct {
	cell *cell
	open func(c *Comm, data string)
}

func (cs *comms) add(c *Comm) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = map[string]*Comm{}
	}
	cs.open[c.id] = c
}

func (cs *comms) remove(id string) *Comm {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.open[id]
	delete(cs.open, id)
	return c
}

func (cs *comms) get(id string) *Comm {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.open[id]
}

// info answers comm_info_request.
func (cs *comms) info(r jupyter.CommInfoRequestContent) any {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	reply := jupyter.CommInfoReplyContent{Status: jupyter.StatusOK, Comms: map[string]jupyter.CommInfo{}}
	for id, c := range cs.open {
		if r.TargetName == "" || r.TargetName == c.target {
			reply.Comms[id] = jupyter.CommInfo{TargetName: c.target}
		}
	}
	return reply
}

// clear ends all comms and takes the targets out.
func (cs *comms) clear() {
	cs.mu.Lock()
	open := cs.open
	cs.open, cs.targets = nil, nil
	cs.mu.Unlock()
	for _, c := range open {
		c.send(jupyter.CommClose, struct{}{})
	}
}

func (k *kernel) serveComm(name string, open func(c *Comm, data string)) {
	k.comms.mu.Lock()
	defer k.comms.mu.Unlock()
	if k.comms.targets == nil {
		k.comms.targets = map[string]target{}
	}
	k.comms.targets[name] = target{k.cells.current(), open}
}

func (k *kernel) openComm(name string, data any) *Comm {
	c := &Comm{k: k, cell: k.cells.current(), id: jupyter.NewID(), target: name}
	k.comms.add(c)
	c.send(jupyter.CommOpen, data)
	return c
}

// onComm takes a comm message of the client. What it calls belongs to the cell that
// asked for it, so that its output goes there.
func (k *kernel) onComm(ctx context.Context, m *jupyter.Message) {
	var content jupyter.CommContent
	if err := m.Decode(&content); err != nil {
		k.log.Warn("comm message dropped", "error", err)
		return
	}
	data := string(content.Data)
	var owner *cell
	var handle func()
	switch m.Header.MsgType {
	case jupyter.CommOpen:
		k.comms.mu.Lock()
		t, ok := k.comms.targets[content.TargetName]
		k.comms.mu.Unlock()
		if !ok { // the protocol asks that an unknown target is closed at once
			k.publish(m, jupyter.CommClose, jupyter.CommContent{CommID: content.CommID, Data: json.RawMessage("{}")})
			return
		}
		c := &Comm{k: k, cell: t.cell, id: content.CommID, target: content.TargetName}
		k.comms.add(c)
		owner, handle = t.cell, func() { t.open(c, data) }
	case jupyter.CommMsg, jupyter.CommClose:
		c := k.comms.get(content.CommID)
		if m.Header.MsgType == jupyter.CommClose {
			c = k.comms.remove(content.CommID)
		}
		if c == nil {
			return
		}
		c.mu.Lock()
		f := c.onMessage
		if m.Header.MsgType == jupyter.CommClose {
			f = c.onClose
		}
		c.mu.Unlock()
		if f == nil {
			return
		}
		owner, handle = c.cell, func() { f(data) }
	}
	if owner != nil {
		defer k.cells.adopt(owner)()
	}
	if err := k.space.Load().engine.Do(ctx, handle); err != nil {
		failed := k.errorContent(err)
		for _, line := range failed.Traceback {
			fmt.Fprintln(k.streams.writer("stderr"), line)
		}
	}
	k.streams.sync()
}
