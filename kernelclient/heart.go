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

// heartBeats is logged of a kernel whose heartbeat will be asked.
const heartBeats = "kernel answers its heartbeat"

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
	if err := h.beats(ctx, defaultHeartbeat); err != nil {
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

// follow asks the heartbeat until nothing is waited for and the kernel answers.
// A kernel that sends messages is not asked.
func (k *Kernel) follow(ctx context.Context, h *heart) {
	defer h.rest()
	pause := time.NewTicker(h.pause)
	defer pause.Stop()
	for seen := k.came.Load(); ; {
		select {
		case <-pause.C:
		case <-k.stirred:
		case <-ctx.Done():
			return
		}
		k.mu.Lock()
		idle := len(k.replies) == 0 && len(k.executions) == 0
		k.mu.Unlock()
		responsive := !k.silent.Load()
		if idle && responsive {
			return
		}
		now := k.came.Load()
		answers := now != seen || h.beats(ctx, h.pause) == nil
		seen = now
		if ctx.Err() != nil {
			return
		}
		if answers != responsive {
			k.silent.Store(!answers)
			k.options.Responsive(answers)
		}
	}
}
