package gokernel

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/reval-editor/reval/gokernel/comm"
	"github.com/reval-editor/reval/jupyter"
)

// comms are those that are open, and the targets that cells serve.
type comms struct {
	queue *queue // the client's messages

	mu      sync.Mutex
	open    map[string]openComm
	targets map[string]target
}

// openComm is a comm with the cell whose its messages are.
type openComm struct {
	*comm.Comm
	cell *cell
}

// target is what a cell has called when the client opens a comm.
type target struct {
	cell *cell
	open func(c *comm.Comm, data string)
}

// newComm makes a comm of a cell, which is open until one side closes it.
func (k *kernel) newComm(c *cell, id, name string) *comm.Comm {
	made := comm.New(id, name, func(t jupyter.MsgType, content jupyter.CommContent) {
		if t == jupyter.CommClose {
			k.comms.remove(id)
		}
		k.publishAfterOutput(c, t, content)
	})
	k.comms.mu.Lock()
	defer k.comms.mu.Unlock()
	if k.comms.open == nil {
		k.comms.open = map[string]openComm{}
	}
	k.comms.open[id] = openComm{made, c}
	return made
}

// openComm opens a comm to the client.
func (k *kernel) openComm(name string, data any) *comm.Comm {
	made := k.newComm(k.cells.current(), jupyter.NewID(), name)
	made.Open(data)
	return made
}

// serveComm has open called with each comm that the client opens for a target.
func (k *kernel) serveComm(name string, open func(c *comm.Comm, data string)) {
	k.comms.mu.Lock()
	defer k.comms.mu.Unlock()
	if k.comms.targets == nil {
		k.comms.targets = map[string]target{}
	}
	k.comms.targets[name] = target{k.cells.current(), open}
}

func (cs *comms) remove(id string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, id)
}

// info answers comm_info_request.
func (cs *comms) info(r jupyter.CommInfoRequestContent) any {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	reply := jupyter.CommInfoReplyContent{Status: jupyter.StatusOK, Comms: map[string]jupyter.CommInfo{}}
	for id, c := range cs.open {
		if r.TargetName == "" || r.TargetName == c.Target {
			reply.Comms[id] = jupyter.CommInfo{TargetName: c.Target}
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
		c.Close()
	}
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
	k.comms.mu.Lock()
	t, served := k.comms.targets[content.TargetName]
	open, known := k.comms.open[content.CommID]
	k.comms.mu.Unlock()
	var owner *cell
	var handle func()
	switch {
	case m.Header.MsgType == jupyter.CommOpen && served:
		c := k.newComm(t.cell, content.CommID, content.TargetName)
		owner, handle = t.cell, func() { t.open(c, data) }
	case m.Header.MsgType == jupyter.CommOpen: // the protocol asks that an unknown target is closed at once
		k.publish(m, jupyter.CommClose, jupyter.CommContent{CommID: content.CommID, Data: json.RawMessage("{}")})
		return
	case !known:
		return
	default:
		if m.Header.MsgType == jupyter.CommClose {
			k.comms.remove(content.CommID)
		}
		f := open.Handler(m.Header.MsgType)
		if f == nil {
			return
		}
		owner, handle = open.cell, func() { f(data) }
	}
	if owner != nil {
		defer k.cells.adopt(owner)()
	}
	if err := k.space.Load().engine.Do(ctx, handle); err != nil {
		for _, line := range k.errorContent(ctx, err).Traceback {
			fmt.Fprintln(k.streams.writer("stderr"), line)
		}
	}
	k.streams.syncCell(owner)
}
