package main

import (
	"context"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/internal/bench/sockets"
	"github.com/reval-editor/reval/internal/zsock"
)

// How sockets are measured: turns of each library, in each so many messages.
const (
	roundTripTurns = 15
	roundTrips     = 400
	publishTurns   = 7
)

// publications are what is published in one turn.
var publications = []struct {
	name    string
	request child.Request
}{
	{"3 frames of 100 B", child.Request{N: 200_000, Frames: 3, FrameSize: 100}},
	{"1 frame of 64 KiB", child.Request{N: 5_000, Frames: 1, FrameSize: 64 << 10}},
}

// pair is a library's server and client.
type pair struct {
	name           string
	server, client *child.Child

	roundTrips []time.Duration
	rates      map[string][]float64 // messages a second, by the publication
	lost       int
}

// sockets measures zsock beside libzmq.
func (b *bench) sockets(ctx context.Context) error {
	b.report.section("zsock beside libzmq", fmt.Sprintf(
		`Two processes of each, in Go, in turns: %d times %d round trips DEALER → ROUTER → DEALER of
6 frames of 100 B, and %d publications XPUB → SUB of %d and of %d messages, from the order to
publish until the last has arrived. Queues of 1000 messages; who is full waits. The worst rate
is that of the slowest turn.`, roundTripTurns, roundTrips, publishTurns, publications[0].request.N, publications[1].request.N))
	rows := [][]string{{"transport", "sockets", "round trip, median", "p99",
		publications[0].name + ", median", "worst", publications[1].name + ", median", "worst", "lost"}}
	lost := 0
	for _, transport := range []struct{ name, endpoint string }{
		{"tcp", "tcp://127.0.0.1:*"}, {"ipc", "ipc://" + b.dir + "/"},
	} {
		ours, err := b.startPair(ctx, "zsock", b.self, "zsock")
		if err != nil {
			return err
		}
		defer ours.close()
		theirs, err := b.startPair(ctx, "libzmq", *libzmq)
		if err != nil {
			return err
		}
		defer theirs.close()
		both := []*pair{ours, theirs}
		for _, p := range both {
			endpoint := transport.endpoint
			if transport.name == "ipc" {
				endpoint += p.name
			}
			if err := p.connect(endpoint); err != nil {
				return err
			}
		}
		if err := inTurns(both); err != nil {
			return err
		}
		for _, p := range both {
			row := []string{transport.name, p.name, microseconds(median(p.roundTrips)), microseconds(quantile(p.roundTrips, 0.99))}
			for _, what := range publications {
				rates := p.rates[what.name]
				row = append(row, perSecond(median(rates)), perSecond(quantile(rates, 0)))
			}
			rows = append(rows, append(row, fmt.Sprint(p.lost)))
		}
		lost += ours.lost
		ratio := float64(median(ours.roundTrips)) / float64(median(theirs.roundTrips))
		b.report.budget("zsock's round trip, "+transport.name, "≤ libzmq's", times(ratio), ratio <= 1)
		for _, what := range publications {
			ratio := median(ours.rates[what.name]) / median(theirs.rates[what.name])
			b.report.budget("zsock's rate, "+transport.name+", "+what.name, "≥ libzmq's", times(ratio), ratio >= 1)
		}
	}
	b.report.budget("messages that zsock lost", "0", fmt.Sprint(lost), lost == 0)
	b.report.table(rows...)
	return nil
}

func (b *bench) startPair(ctx context.Context, name, program string, args ...string) (p *pair, err error) {
	p = &pair{name: name, rates: map[string][]float64{}}
	if p.server, err = child.Start(ctx, name+"'s server", program, args...); err != nil {
		return nil, err
	}
	if p.client, err = child.Start(ctx, name+"'s client", program, args...); err != nil {
		p.server.Close()
		return nil, err
	}
	return p, nil
}

func (p *pair) close() {
	p.client.Close()
	p.server.Close()
}

// connect makes the sockets. A subscription has arrived when it returns.
func (p *pair) connect(endpoint string) error {
	for _, kind := range []struct{ bind, connect string }{{"echo", "connect"}, {"bind", "subscribe"}} {
		at := endpoint
		if endpoint[:3] == "ipc" {
			at += "-" + kind.bind
		}
		var bound string
		if err := p.server.Ask(child.Request{Do: kind.bind, Endpoint: at}, &bound); err != nil {
			return err
		}
		if err := p.client.Ask(child.Request{Do: kind.connect, Endpoint: bound}, nil); err != nil {
			return err
		}
	}
	return p.server.Ask(child.Request{Do: "subscribed"}, nil)
}

func inTurns(pairs []*pair) error {
	for range roundTripTurns {
		for _, p := range pairs {
			var took []time.Duration
			if err := p.client.Ask(child.Request{Do: "roundtrips", N: roundTrips, WarmUp: roundTrips / 10, Frames: 6, FrameSize: 100}, &took); err != nil {
				return err
			}
			p.roundTrips = append(p.roundTrips, took...)
		}
	}
	for _, what := range publications {
		for turn := range publishTurns + 1 {
			for _, p := range pairs {
				rate, err := p.publish(what.request)
				if err != nil {
					return err
				}
				if turn > 0 { // the first warms up
					p.rates[what.name] = append(p.rates[what.name], rate)
				}
			}
		}
	}
	return nil
}

// publish gives the messages that arrived in a second.
func (p *pair) publish(r child.Request) (float64, error) {
	r.Do = "receive"
	if err := p.client.Tell(r); err != nil {
		return 0, err
	}
	start := time.Now()
	r.Do = "publish"
	if err := p.server.Tell(r); err != nil {
		return 0, err
	}
	var got sockets.Received
	if err := p.client.Answer(&got); err != nil {
		return 0, err
	}
	took := time.Since(start)
	p.lost += got.Lost
	return float64(got.Messages) / took.Seconds(), p.server.Answer(nil)
}

func perSecond(rate float64) string {
	if rate >= 100e3 {
		return fmt.Sprintf("%.0f k/s", rate/1e3)
	}
	return fmt.Sprintf("%.1f k/s", rate/1e3)
}

// playZsock is the child whose sockets are ours.
func playZsock() error {
	ctx := context.Background()
	var o zsock.Options
	return sockets.Serve(sockets.Library{
		Router: func(endpoint string) (sockets.Socket, string, error) {
			s, err := zsock.ListenRouter(ctx, endpoint, o)
			if err != nil {
				return nil, "", err
			}
			return s, s.Endpoint(), nil
		},
		XPub: func(endpoint string) (sockets.Socket, string, error) {
			s, err := zsock.ListenXPub(ctx, endpoint, o)
			if err != nil {
				return nil, "", err
			}
			return s, s.Endpoint(), nil
		},
		Dealer: func(endpoint string) (sockets.Socket, error) { return zsock.DialDealer(ctx, endpoint, o) },
		Sub: func(endpoint string) (sockets.Socket, error) {
			s, err := zsock.DialSub(ctx, endpoint, o)
			return sub{s}, err
		},
	})
}

// sub is a socket that sends nothing.
type sub struct{ *zsock.Sub }

func (sub) Send(context.Context, [][]byte) error { return zsock.ErrNoPeer }
