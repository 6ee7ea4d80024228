// Package sockets moves messages between two processes, a server and a client, with
// any library of ZeroMQ sockets: the same loops for each, so that only the libraries
// differ.
package sockets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
)

// Patience is how long anything may take.
const Patience = 30 * time.Second

// Socket sends and receives whole messages. It is used by one goroutine at a time.
// Send and Recv fail when ctx ends, or after Patience.
type Socket interface {
	Send(ctx context.Context, frames [][]byte) error
	Recv(ctx context.Context) ([][]byte, error)
	io.Closer
}

// Library makes sockets. The ones that bind tell the endpoint to connect to. None of
// them may drop a message: a sender waits for a receiver that is slower.
type Library struct {
	Router, XPub func(endpoint string) (s Socket, bound string, err error)
	Dealer, Sub  func(endpoint string) (Socket, error)
}

// Received is what a client saw of a publication.
type Received struct {
	Messages, Lost int
}

// Serve plays the server or the client, as it is asked, with the sockets of l.
//
// The server answers
//   - echo: binds a ROUTER and sends what comes back to where it came from;
//     the answer is the endpoint
//   - bind: binds an XPUB; the answer is the endpoint
//   - subscribed: waits for the first subscription
//   - publish: N messages of Frames frames of FrameSize bytes
//
// and the client
//   - connect, roundtrips: a DEALER to Endpoint, and N messages there and back;
//     the answer is the time of each
//   - subscribe, receive: a SUB to Endpoint, and N messages; the answer is Received
func Serve(l Library) error {
	var dealer, sub, xpub Socket
	within := func(f func(context.Context, child.Request) (any, error)) func(child.Request) (any, error) {
		return func(r child.Request) (any, error) {
			ctx, cancel := context.WithTimeout(context.Background(), Patience)
			defer cancel()
			return f(ctx, r)
		}
	}
	return child.Serve(map[string]func(child.Request) (any, error){
		"echo": func(r child.Request) (any, error) {
			router, bound, err := l.Router(r.Endpoint)
			if err == nil {
				go echo(router)
			}
			return bound, err
		},
		"bind": func(r child.Request) (_ any, err error) {
			var bound string
			xpub, bound, err = l.XPub(r.Endpoint)
			return bound, err
		},
		"subscribed": within(func(ctx context.Context, _ child.Request) (any, error) {
			_, err := xpub.Recv(ctx)
			return true, err
		}),
		"publish": within(func(ctx context.Context, r child.Request) (any, error) { return true, publish(ctx, xpub, r) }),
		"connect": func(r child.Request) (_ any, err error) {
			if dealer != nil {
				dealer.Close()
			}
			dealer, err = l.Dealer(r.Endpoint)
			return true, err
		},
		"roundtrips": within(func(ctx context.Context, r child.Request) (any, error) { return roundTrips(ctx, dealer, r) }),
		"subscribe": func(r child.Request) (_ any, err error) {
			if sub != nil {
				sub.Close()
			}
			sub, err = l.Sub(r.Endpoint)
			return true, err
		},
		"receive": within(func(ctx context.Context, r child.Request) (any, error) { return receive(ctx, sub, r.N) }),
	})
}

// echo serves until the process ends. What a Recv without a message gives is no end.
func echo(router Socket) {
	for ctx := context.Background(); ; {
		if frames, err := router.Recv(ctx); err == nil {
			router.Send(ctx, frames)
		}
	}
}

func roundTrips(ctx context.Context, dealer Socket, r child.Request) ([]time.Duration, error) {
	message := newMessage(r)
	var times []time.Duration
	for i := range r.WarmUp + r.N {
		start := time.Now()
		if err := dealer.Send(ctx, message); err != nil {
			return nil, err
		}
		back, err := dealer.Recv(ctx)
		if err != nil {
			return nil, err
		}
		if i >= r.WarmUp {
			times = append(times, time.Since(start))
		}
		if len(back) != r.Frames || len(back[0]) != r.FrameSize {
			return nil, fmt.Errorf("a message of %d frames came back with %d", r.Frames, len(back))
		}
	}
	return times, nil
}

func newMessage(r child.Request) [][]byte {
	message := make([][]byte, r.Frames)
	for i := range message {
		message[i] = make([]byte, r.FrameSize)
	}
	return message
}

// publish numbers its messages in their first frame, which is a new one for each, since a
// library may keep what it is given.
func publish(ctx context.Context, xpub Socket, r child.Request) error {
	message := newMessage(r)
	for i := range r.N {
		numbered := make([][]byte, r.Frames)
		copy(numbered, message)
		numbered[0] = binary.BigEndian.AppendUint64(make([]byte, 0, r.FrameSize), uint64(i))[:r.FrameSize]
		if err := xpub.Send(ctx, numbered); err != nil {
			return err
		}
	}
	return nil
}

// receive counts the numbers that are missing up to n. An end before the last one is
// no failure, but a loss.
func receive(ctx context.Context, sub Socket, n int) (got Received, err error) {
	for next := 0; next < n; next++ {
		frames, err := sub.Recv(ctx)
		if err != nil {
			got.Lost = n - got.Messages
			return got, nil
		}
		got.Messages++
		number := int(binary.BigEndian.Uint64(frames[0]))
		if number < next {
			return got, errors.New("a message came twice, or out of order")
		}
		got.Lost += number - next
		next = number
	}
	return got, nil
}
