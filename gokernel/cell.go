package gokernel

import (
	"context"
	"encoding/json"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/jupyter"
)

// cell is one execution: what output, displays and questions belong to.
type cell struct {
	request    *jupyter.Message
	allowStdin bool
	silent     bool
	ctx        context.Context
	stop       context.CancelFunc // interrupts it
	stopAgain  func()             // a second time

	code string // that is evaluated; of the executor

	printed atomic.Bool // it has written something

	reading sync.Mutex // guards rest
	rest    []byte     // of the last line of input

	mu       sync.Mutex
	count    int
	payloads []json.RawMessage
}

func newCell(ctx context.Context, m *jupyter.Message, r jupyter.ExecuteRequestContent) *cell {
	c := &cell{request: m, allowStdin: r.AllowStdin, silent: r.Silent}
	again := make(chan struct{})
	c.stopAgain = sync.OnceFunc(func() { close(again) })
	c.ctx, c.stop = context.WithCancel(front.WithSecond(ctx, again))
	return c
}

// pay adds a payload to the cell's reply.
func (c *cell) pay(payload any) {
	encoded, err := json.Marshal(payload)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.payloads = append(c.payloads, encoded)
}

// cells knows which goroutine is whose. The runtime hands a goroutine's profiler
// labels on to the goroutines that it starts; a cell's code is run with labels of its
// own, whose address tells the cell also after its end.
type cells struct {
	labelled sync.Map // address of labels to *cell

	mu         sync.Mutex
	foreground *cell          // that runs, or ran last, in the main shell
	running    map[*cell]bool // in all shells
}

// adopt makes the calling goroutine, and those that it will start, a cell's, until
// the function that it gives is called.
func (cs *cells) adopt(c *cell) (end func()) {
	before := goroutineLabels()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("cell", c.request.Header.MsgID)))
	labels := goroutineLabels()
	cs.labelled.Store(uintptr(labels), c)
	runtime.AddCleanup((*uintptr)(labels), func(address uintptr) { cs.labelled.Delete(address) }, uintptr(labels))
	return func() { setGoroutineLabels(before) }
}

// inherit gives what makes the goroutine that calls it belong to the cell that the
// calling one belongs to now.
func (cs *cells) inherit() (adopt func()) {
	labels := goroutineLabels()
	return func() { setGoroutineLabels(labels) }
}

// current gives the cell that the calling goroutine belongs to: the one in whose
// code it was started, else the foreground's. It is nil before the first.
func (cs *cells) current() *cell {
	if labels := goroutineLabels(); labels != nil {
		if c, ok := cs.labelled.Load(uintptr(labels)); ok {
			return c.(*cell)
		}
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.foreground
}

// main gives the foreground's cell.
func (cs *cells) main() *cell {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.foreground
}

// begin notes that a cell runs.
func (cs *cells) begin(c *cell) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.running[c] = true
}

// turn makes a cell the foreground's.
func (cs *cells) turn(c *cell) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.foreground = c
}

func (cs *cells) end(c *cell) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.running, c)
}

// interrupt ends all running cells; those that were interrupted before, a second time.
func (cs *cells) interrupt() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.running {
		if c.ctx.Err() != nil {
			c.stopAgain()
		}
		c.stop()
	}
}

//go:linkname goroutineLabels runtime/pprof.runtime_getProfLabel
func goroutineLabels() unsafe.Pointer

//go:linkname setGoroutineLabels runtime/pprof.runtime_setProfLabel
func setGoroutineLabels(unsafe.Pointer)
