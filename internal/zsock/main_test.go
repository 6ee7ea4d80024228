package zsock

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds what waits for an event that does not come, in a test that fails.
const limit = testenv.Patience

func within(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	return ctx
}

func router(t testing.TB, o Options) *Router {
	t.Helper()
	r, err := ListenRouter(within(t), "tcp://127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func xpub(t testing.TB, o Options) *XPub {
	t.Helper()
	x, err := ListenXPub(within(t), "tcp://127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func dealer(t testing.TB, endpoint string, o Options) *Dealer {
	t.Helper()
	d, err := DialDealer(within(t), endpoint, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func sub(t testing.TB, endpoint string, topics ...string) *Sub {
	t.Helper()
	var o Options
	for _, topic := range topics {
		o.Subscribe = append(o.Subscribe, []byte(topic))
	}
	s, err := DialSub(within(t), endpoint, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

type receiver interface {
	Recv(context.Context) ([][]byte, error)
}

type sender interface {
	Send(context.Context, [][]byte) error
}

func send(t testing.TB, s sender, frames ...string) {
	t.Helper()
	if err := s.Send(within(t), message(frames...)); err != nil {
		t.Fatal(err)
	}
}

func recv(t testing.TB, r receiver) [][]byte {
	t.Helper()
	got, err := r.Recv(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func expect(t testing.TB, r receiver, want ...string) {
	t.Helper()
	if got := recv(t, r); !equal(got, message(want...)) {
		t.Fatalf("received %q, want %q", got, want)
	}
}

func message(frames ...string) [][]byte {
	m := make([][]byte, len(frames))
	for i, f := range frames {
		m[i] = []byte(f)
	}
	return m
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// next waits for a value, as an event, from a callback.
func next[T any](t testing.TB, events <-chan T) T {
	t.Helper()
	select {
	case v := <-events:
		return v
	case <-within(t).Done():
		t.Fatal("the event did not come")
		panic("unreachable")
	}
}

// raw is a peer that the test plays byte by byte.
type raw struct {
	t testing.TB
	net.Conn
}

// rawDial connects to a socket of ours without a handshake.
func rawDial(t testing.TB, endpoint string) raw {
	t.Helper()
	network, address, err := split(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(limit))
	return raw{t, nc}
}

// rawListen waits for one connection of ours at a time, and plays it.
func rawListen(t testing.TB, play func(raw)) (endpoint string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			nc.SetDeadline(time.Now().Add(limit))
			play(raw{t, nc})
			nc.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return "tcp://" + ln.Addr().String()
}

// greeting is that of a ZMTP 3.1 peer with the NULL mechanism.
func greeting() []byte {
	g := make([]byte, greetingSize)
	g[0], g[9], g[10], g[11] = 0xff, 0x7f, 3, 1
	copy(g[12:], "NULL")
	return g
}

func ready(typ string) []byte {
	return command("READY", property("Socket-Type", typ))
}

func property(name, value string) []byte {
	p := append([]byte{byte(len(name))}, name...)
	p = append(p, 0, 0, byte(len(value)>>8), byte(len(value)))
	return append(p, value...)
}

func command(name string, data []byte) []byte {
	body := append(append([]byte{byte(len(name))}, name...), data...)
	return append(appendHeader(nil, flagCommand, len(body)), body...)
}

func (r raw) write(parts ...[]byte) {
	for _, p := range parts {
		if _, err := r.Write(p); err != nil {
			r.t.Errorf("raw peer: %v", err)
		}
	}
}

// shake does the handshake and returns a reader of what follows it.
func (r raw) shake(typ string) *wireReader {
	r.write(greeting(), ready(typ))
	g := &guard{Conn: r.Conn, br: bufio.NewReader(r.Conn)}
	if _, err := g.greeting(); err != nil {
		r.t.Errorf("raw peer: %v", err)
	}
	if _, err := g.ready(); err != nil {
		r.t.Errorf("raw peer: %v", err)
	}
	return &wireReader{br: g.br, maxFrame: 1 << 20, maxMessage: 1 << 20}
}
