package kernelclient

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
)

// defaultHeartbeat is the default of Options.Heartbeat.
const defaultHeartbeat = 5 * time.Second

// Logged of a kernel whose heartbeat will be asked, and of one whose silence will be told
// also while it runs code.
const (
	heartBeats  = "kernel answers its heartbeat"
	heartHeeded = "kernel answers its heartbeat while it runs code"
)

// hearted are channels with a heartbeat beside them ("Heart beat for kernels").
type hearted interface {
	dialHeart(ctx context.Context) (*zsock.Dealer, error)
}

func (s *sockets) dialHeart(ctx context.Context) (*zsock.Dealer, error) {
	return zsock.DialDealer(ctx, s.heartbeat, zsock.Options{HandshakeTimeout: defaultHeartbeat})
}

// heart asks a kernel's heartbeat. It has a connection only while it asks.
type heart struct {
	channels hearted
	pause    time.Duration // between two questions, and for an answer
	socket   *zsock.Dealer
	asked    int
	// heeded says that the heartbeat was answered while code ran: IRkernel answers it
	// between executions only, and computes in silence otherwise.
	heeded bool
}

// beats tells whether the kernel echoes a ping within patience.
func (h *heart) beats(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if h.socket == nil {
		socket, err := h.channels.dialHeart(ctx)
		if err != nil {
			return err
		}
		h.socket = socket
	}
	h.asked++
	ping := strconv.Itoa(h.asked)
	if err := h.socket.Send(ctx, [][]byte{nil, []byte(ping)}); err != nil { // a REQ's envelope
		return err
	}
	for {
		echo, err := h.socket.Recv(ctx)
		if err != nil {
			if ctx.Err() == nil {
				h.rest()
			}
			return err
		}
		if string(echo[len(echo)-1]) == ping { // not an earlier one's, which was given up
			return nil
		}
	}
}

func (h *heart) rest() {
	if h.socket != nil {
		h.socket.Close()
		h.socket = nil
	}
}

// watchHeart starts the goroutine that tells Options.Responsive what becomes of the
// heartbeat, once the kernel has started. It sleeps while nothing is waited for. stop
// ends it.
func (k *Kernel) watchHeart(started <-chan struct{}) (stop func()) {
	channels, ok := k.channels.(hearted)
	if !ok || k.options.Responsive == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-started:
			k.askHeart(ctx, &heart{channels: channels, pause: cmp.Or(k.options.Heartbeat, defaultHeartbeat)})
		case <-ctx.Done():
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

func (k *Kernel) askHeart(ctx context.Context, h *heart) {
	defer h.rest()
	if err := h.beats(ctx, defaultHeartbeat); err != nil && !k.beatsLater(ctx, h) {
		// It has just answered kernel_info: this tells nothing about the kernel.
		k.options.Logger.Debug("kernel without a heartbeat", "error", err)
		return
	}
	k.options.Logger.Debug(heartBeats)
	h.rest()
	for {
		select {
		case <-k.waited:
			k.follow(ctx, h)
		case <-ctx.Done():
			return
		}
	}
}

// beatsLater asks an adopted kernel again when it is through with what it runs: some do not
// answer their heartbeat meanwhile.
func (k *Kernel) beatsLater(ctx context.Context, h *heart) bool {
	if _, occupied := k.Occupied(); !occupied {
		return false
	}
	h.rest()
	select {
	case <-k.occupation.settled:
		return h.beats(ctx, defaultHeartbeat) == nil
	case <-ctx.Done():
		return false
	}
}

// follow asks the heartbeat until nothing is waited for and the kernel answers.
// A kernel that sends messages is not asked, but once while code runs.
func (k *Kernel) follow(ctx context.Context, h *heart) {
	defer h.rest()
	pause := time.NewTicker(h.pause)
	defer pause.Stop()
	var last *execution // that ran when the heartbeat was asked last
	for seen := k.came.Load(); ; {
		runs, begins := k.running()
		if h.heeded {
			begins = nil
		}
		if h.heeded || runs == nil || runs == last {
			select {
			case <-pause.C:
			case <-begins:
			case <-k.stirred:
			case <-ctx.Done():
				return
			}
			runs, _ = k.running()
		}
		last = runs
		k.mu.Lock()
		idle := len(k.replies) == 0 && len(k.executions) == 0
		k.mu.Unlock()
		responsive := !k.silent.Load()
		if idle && responsive {
			return
		}
		now := k.came.Load()
		answers := now != seen
		seen = now
		if unproven := runs != nil && !h.heeded; !answers || unproven {
			beats := h.beats(ctx, h.pause) == nil
			if beats && unproven && k.runsOn(ctx, runs) {
				h.heeded = true
				k.options.Logger.Debug(heartHeeded)
			}
			answers = answers || beats
		}
		if ctx.Err() != nil {
			return
		}
		if answers != responsive && (answers || runs == nil || h.heeded) {
			k.silent.Store(!answers)
			k.options.Responsive(answers)
		}
	}
}

// running gives an execution whose code the kernel runs, and what tells that it begins
// with another; nil for none.
func (k *Kernel) running() (runs *execution, begins <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, x := range k.executions {
		switch {
		case !x.hasBegun:
			begins = x.begun
		case !x.hasIdle:
			runs = x
		}
	}
	return runs, begins
}

// endPause is how long the end of an execution may be under way on another channel than
// what the kernel sent after it.
const endPause = 100 * time.Millisecond

// runsOn tells whether the kernel ran the code when it last sent something.
func (k *Kernel) runsOn(ctx context.Context, x *execution) bool {
	pause := time.NewTimer(endPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
	runs, _ := k.running()
	return runs == x
}
