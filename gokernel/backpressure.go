package gokernel

import (
	"context"
	"sync"

	"github.com/reval-editor/reval/internal/zsock"
)

const (
	// outputRoom is how many bytes may wait for a subscriber before what cells print and
	// show waits for it; hurriedRoom is the same while an interrupted cell ends.
	outputRoom, hurriedRoom = 4 << 20, 64 << 20
	// stateRoom is how many messages may wait for a subscriber. What a client causes by
	// its requests, such as states, does not wait for room; one that reads none of so
	// many, and for slowReader nothing, loses its connection.
	stateRoom = 8192
)

// backpressure has what cells print and show wait for the slowest subscriber of IOPub,
// for as long as it is connected. An interrupt lets it pass, so that a cell can end.
type backpressure struct {
	iopub *zsock.XPub
	life  context.Context // of the kernel

	mu       sync.Mutex
	hurrying int             // interrupted cells that are ending
	patient  context.Context // of those that wait; it ends when a cell is interrupted
	hurry    context.CancelFunc
}

func newBackpressure(ctx context.Context, iopub *zsock.XPub) *backpressure {
	b := &backpressure{iopub: iopub, life: ctx}
	b.patient, b.hurry = context.WithCancel(ctx)
	return b
}

// wait waits for room.
func (b *backpressure) wait() {
	b.mu.Lock()
	patient := b.patient
	b.mu.Unlock()
	if b.iopub.Room(patient, outputRoom) != nil {
		_ = b.iopub.Room(b.life, hurriedRoom)
	}
}

// hurryAt lets output pass from the end of ctx until the function that it gives is called.
func (b *backpressure) hurryAt(ctx context.Context) (end func()) {
	stop := context.AfterFunc(ctx, func() { b.hurried(1) })
	return func() {
		if !stop() {
			b.hurried(-1)
		}
	}
}

func (b *backpressure) hurried(cells int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hurrying += cells
	switch {
	case b.hurrying > 0:
		b.hurry()
	case b.patient.Err() != nil:
		b.patient, b.hurry = context.WithCancel(b.life)
	}
}
