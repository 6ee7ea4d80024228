package zsock

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestDealerRouterWithIdentities(t *testing.T) {
	r := router(t, Options{})
	ada := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	bob := dealer(t, r.Endpoint(), Options{Identity: []byte("bob")})
	nameless := dealer(t, r.Endpoint(), Options{})

	send(t, ada, "from", "ada")
	expect(t, r, "ada", "from", "ada")
	send(t, bob, "", "from bob")
	expect(t, r, "bob", "", "from bob")
	send(t, nameless, "hello")
	got := recv(t, r)
	if len(got) != 2 || len(got[0]) != 5 || got[0][0] != 0 {
		t.Fatalf("received %q, want a made identity of 5 bytes, the first zero, and a frame", got)
	}

	send(t, r, "bob", "to", "", "bob")
	send(t, r, string(got[0]), "to the nameless")
	send(t, r, "ada", "to ada")
	expect(t, ada, "to ada")
	expect(t, bob, "to", "", "bob")
	expect(t, nameless, "to the nameless")

	err := r.Send(within(t), message("carol", "hello"))
	if !errors.Is(err, ErrNoPeer) || !strings.Contains(err.Error(), "carol") {
		t.Errorf("send to an unknown peer: %v", err)
	}
}

func TestLargeMessages(t *testing.T) {
	r := router(t, Options{})
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	var want [][]byte
	for i, size := range []int{0, 1, 255, 256, bufferSize - 1, bufferSize, growFrom, growFrom + 1, 0, 5<<20 + 7, 3} {
		want = append(want, bytes.Repeat([]byte{byte('a' + i)}, size))
	}
	for range 3 {
		if err := d.Send(within(t), want); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		got := recv(t, r)
		if !equal(got[1:], want) {
			t.Fatal("a large message did not arrive as it was sent")
		}
		if err := r.Send(within(t), got); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if !equal(recv(t, d), want) {
			t.Fatal("a large message did not come back as it was sent")
		}
	}
}

// Frames handed out must not be written to by later messages, and appending to
// one must not touch the next.
func TestReceivedFramesBelongToTheCaller(t *testing.T) {
	r := router(t, Options{})
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	const n = 2000
	go func() {
		for i := range n {
			d.Send(context.Background(), message(fmt.Sprint("first ", i), fmt.Sprint("second ", i)))
		}
	}()
	var all [][][]byte
	for range n {
		got := recv(t, r)
		_ = append(got[1], '!')
		all = append(all, got)
	}
	for i, got := range all {
		if !equal(got, message("d", fmt.Sprint("first ", i), fmt.Sprint("second ", i))) {
			t.Fatalf("message %d became %q", i, got)
		}
	}
}

func TestOrderUnderLoad(t *testing.T) {
	const clients, each = 4, 25_000
	r := router(t, Options{Queue: 64})
	var running sync.WaitGroup
	for c := range clients {
		d := dealer(t, r.Endpoint(), Options{Identity: []byte{'c', byte(c)}, Queue: 64})
		running.Go(func() { // sends numbers
			for i := range uint32(each) {
				if err := d.Send(within(t), [][]byte{binary.BigEndian.AppendUint32(nil, i)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
		running.Go(func() { // receives their echoes
			for i := range uint32(each) {
				got, err := d.Recv(within(t))
				if err != nil || binary.BigEndian.Uint32(got[0]) != i {
					t.Errorf("client %d: echo %d is %x, %v", c, i, got, err)
					return
				}
			}
		})
	}
	var seen [clients]uint32
	for range clients * each {
		got := recv(t, r)
		c, i := got[0][1], binary.BigEndian.Uint32(got[1])
		if i != seen[c] {
			t.Fatalf("client %d: message %d came where %d was due", c, i, seen[c])
		}
		seen[c]++
		if err := r.Send(within(t), got); err != nil {
			t.Fatal(err)
		}
	}
	running.Wait()
}

func TestDialWaitsForTheListener(t *testing.T) {
	for _, endpoint := range []string{freeTCP(t), "ipc://" + t.TempDir() + "/late"} {
		dialled := make(chan *Dealer)
		go func() {
			d, err := DialDealer(within(t), endpoint, Options{Identity: []byte("d")})
			if err != nil {
				t.Error(err)
			}
			dialled <- d
		}()
		// A second dial, that gives up, shows that the first has had time to fail.
		ctx, stop := context.WithTimeout(context.Background(), 250*time.Millisecond)
		_, err := DialDealer(ctx, endpoint, Options{})
		stop()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), endpoint) ||
			!strings.Contains(err.Error(), "refused") && !strings.Contains(err.Error(), "no such file") {
			t.Errorf("dial of nothing: %v", err)
		}
		r, err := ListenRouter(within(t), endpoint, Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := next(t, dialled)
		send(t, d, "made it")
		expect(t, r, "d", "made it")
		d.Close()
		r.Close()
	}
}

func freeTCP(t *testing.T) string {
	r := router(t, Options{})
	r.Close()
	return r.Endpoint()
}

func TestLossEndsADealer(t *testing.T) {
	r := router(t, Options{})
	lost := make(chan error, 1)
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d"), OnDisconnect: func(err error) { lost <- err }})
	send(t, d, "hello")
	expect(t, r, "d", "hello")
	send(t, r, "d", "last words")
	r.Close()
	if err := next(t, lost); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), r.Endpoint()) {
		t.Errorf("OnDisconnect got %v", err)
	}
	expect(t, d, "last words")
	for range 2 {
		if _, err := d.Recv(within(t)); !errors.Is(err, io.EOF) || errors.Is(err, ErrClosed) {
			t.Errorf("Recv after the loss: %v", err)
		}
		if err := d.Send(within(t), message("x")); !errors.Is(err, io.EOF) {
			t.Errorf("Send after the loss: %v", err)
		}
	}
	d.Close()
	if _, err := d.Recv(within(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Recv after Close: %v", err)
	}
	if err := d.Send(within(t), message("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}

// A write that fails must not lose what the peer sent before it hung up.
func TestMessagesOfADeadPeerArrive(t *testing.T) {
	const n = 100
	path := testenv.RuntimeDir(t) + "/s"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		p := raw{t, nc}
		p.shake("ROUTER")
		for i := range n {
			p.write([]byte{0, 1, byte(i)})
		}
		nc.Close()
	}()
	d := dealer(t, "ipc://"+path, Options{Queue: 1})
	next(t, gone)
	for err == nil { // until the writer has failed, so that nobody empties the queue
		ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
		err = d.Send(ctx, message("are you there"))
		stop()
	}
	for i := range n {
		expect(t, d, string([]byte{byte(i)}))
	}
	if _, err := d.Recv(within(t)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Recv behind the last: %v", err)
	}
}

func TestReconnect(t *testing.T) {
	endpoint := "ipc://" + testenv.RuntimeDir(t) + "/s" // a tcp port may be taken meanwhile
	r, err := ListenRouter(within(t), endpoint, Options{})
	if err != nil {
		t.Fatal(err)
	}
	connected, lost := make(chan bool, 10), make(chan error, 10)
	d := dealer(t, endpoint, Options{
		Identity: []byte("d"), Reconnect: true,
		OnConnect: func() { connected <- true }, OnDisconnect: func(err error) { lost <- err },
	})
	next(t, connected)
	for i := range 3 {
		send(t, d, "before", fmt.Sprint(i))
		expect(t, r, "d", "before", fmt.Sprint(i))
		r.Close()
		if err := next(t, lost); !errors.Is(err, io.EOF) {
			t.Errorf("lost with %v", err)
		}
		send(t, d, "while away") // is queued
		if r, err = ListenRouter(within(t), endpoint, Options{}); err != nil {
			t.Fatal(err)
		}
		next(t, connected)
		expect(t, r, "d", "while away")
		send(t, r, "d", "welcome back")
		expect(t, d, "welcome back")
	}
	r.Close()
	next(t, lost)
	d.Close() // while it is dialling
	if _, err := d.Recv(within(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Recv after Close: %v", err)
	}
}

// A client that comes back before its old connection is known to be dead.
func TestIdentityMovesToTheNewConnection(t *testing.T) {
	lost := make(chan error, 1)
	r := router(t, Options{OnDisconnect: func(err error) { lost <- err }})
	old := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	send(t, old, "old")
	expect(t, r, "d", "old")
	fresh := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	if err := next(t, lost); !errors.Is(err, errReplaced) {
		t.Errorf("lost with %v", err)
	}
	send(t, r, "d", "hello")
	expect(t, fresh, "hello")
	if _, err := old.Recv(within(t)); !errors.Is(err, io.EOF) {
		t.Errorf("old connection: %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	const n = 1000
	big := strings.Repeat("x", 10_000)
	patient := Options{Linger: limit} // the machine may be slow
	t.Run("dealer", func(t *testing.T) {
		r := router(t, Options{Queue: 1})
		d := dealer(t, r.Endpoint(), Options{Identity: []byte("d"), Linger: limit})
		for i := range n {
			send(t, d, fmt.Sprint(i), big)
		}
		closed := make(chan error)
		go func() { closed <- d.Close() }()
		for i := range n {
			expect(t, r, "d", fmt.Sprint(i), big)
		}
		next(t, closed)
	})
	t.Run("router", func(t *testing.T) {
		r := router(t, patient)
		d := dealer(t, r.Endpoint(), Options{Identity: []byte("d"), Queue: 1})
		send(t, d, "hello")
		expect(t, r, "d", "hello")
		for i := range n {
			send(t, r, "d", fmt.Sprint(i), big)
		}
		// Bytes that the router has not read must not make its close a reset.
		go func() {
			for d.Send(context.Background(), message(big)) == nil {
			}
		}()
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		for i := range n {
			expect(t, d, fmt.Sprint(i), big)
		}
		next(t, closed)
	})
	t.Run("xpub", func(t *testing.T) {
		x := xpub(t, patient)
		s := sub(t, x.Endpoint())
		expect(t, x, "\x01")
		for i := range n {
			send(t, x, fmt.Sprint(i), big)
		}
		closed := make(chan error)
		go func() { closed <- x.Close() }()
		for i := range n {
			expect(t, s, fmt.Sprint(i), big)
		}
		next(t, closed)
	})
}

// A peer that reads nothing must not hold Close for longer than Linger.
func TestCloseIsBounded(t *testing.T) {
	stuck := make(chan struct{})
	endpoint := rawListen(t, func(p raw) {
		p.shake("ROUTER")
		<-stuck
	})
	d := dealer(t, endpoint, Options{Linger: 50 * time.Millisecond, Queue: 1})
	t.Cleanup(func() { close(stuck) }) // before the listener's own cleanup
	fill, full := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer full()
	chunk := [][]byte{make([]byte, 1<<20)}
	for d.Send(fill, chunk) == nil { // until the buffers on the way are full
	}
	if err := d.Send(fill, chunk); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("send into a full queue: %v", err)
	}
	start := time.Now()
	d.Close()
	if took := time.Since(start); took > limit/2 {
		t.Errorf("Close took %v", took)
	}
}

// A peer that does not hang up in its turn is not waited for as one that still reads.
func TestCloseOfASilentPeer(t *testing.T) {
	stuck := make(chan struct{})
	endpoint := rawListen(t, func(p raw) {
		p.shake("ROUTER")
		<-stuck
	})
	for range 5 { // the two deadlines must not overtake each other
		d := dealer(t, endpoint, Options{Linger: limit})
		start := time.Now()
		d.Close()
		if took := time.Since(start); took > limit/4 {
			t.Fatalf("Close took %v", took)
		}
		stuck <- struct{}{}
	}
}

func TestCloseWakesReceivers(t *testing.T) {
	r := router(t, Options{})
	d := dealer(t, r.Endpoint(), Options{})
	results := make(chan error, 2)
	for _, s := range []receiver{r, d} {
		go func() {
			_, err := s.Recv(context.Background())
			results <- err
		}()
	}
	d.Close()
	r.Close()
	for range 2 {
		if err := next(t, results); !errors.Is(err, ErrClosed) {
			t.Errorf("Recv: %v", err)
		}
	}
	if err := r.Send(within(t), message("d", "x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}

func TestSlowPeer(t *testing.T) {
	for name, o := range map[string]Options{
		"drop":  {Queue: 2, SlowPeer: DropPeer},
		"block": {Queue: 2, SlowPeer: Block, SlowTimeout: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			lost := make(chan error, 1)
			o.OnDisconnect = func(err error) { lost <- err }
			x := xpub(t, o)
			good := sub(t, x.Endpoint(), "good")
			expect(t, x, "\x01good")
			slow := rawDial(t, x.Endpoint())
			slow.shake("SUB")
			slow.write([]byte("\x00\x05\x01slow"))
			expect(t, x, "\x01slow")
			chunk := strings.Repeat("x", 1<<20)
			for dropped := false; !dropped; {
				send(t, x, "slow", chunk)
				select {
				case err := <-lost:
					if !errors.Is(err, ErrSlowPeer) {
						t.Errorf("dropped with %v", err)
					}
					dropped = true
				default:
				}
			}
			send(t, x, "good", "still here")
			expect(t, good, "good", "still here")
		})
	}
}

// What nobody receives is read until it is too much, and then the peer waits.
func TestQueueBytes(t *testing.T) {
	const size = 1 << 19
	lost := make(chan error, 1)
	x := xpub(t, Options{Queue: 1, SlowTimeout: 300 * time.Millisecond, OnDisconnect: func(err error) { lost <- err }})
	s, err := DialSub(within(t), x.Endpoint(), Options{QueueBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	expect(t, x, "\x01")
	chunk := strings.Repeat("x", size)
	for range 200 {
		send(t, x, chunk)
		select {
		case err := <-lost:
			// The queue's, one that waits to enter it, one that is being read.
			if got := s.Received(); !errors.Is(err, ErrSlowPeer) || got > 5*size+bufferSize {
				t.Errorf("%d bytes were read of a peer that was lost with %v", got, err)
			}
			if got := recv(t, s); len(got) != 1 || string(got[0]) != chunk {
				t.Errorf("received %d frames", len(got))
			}
			return
		default:
		}
	}
	t.Errorf("all was read: %d bytes", s.Received())
}

func TestRep(t *testing.T) {
	r, err := ListenRep(within(t), "tcp://127.0.0.1:0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() {
		served <- r.Serve(context.Background(), func(request [][]byte) [][]byte {
			if string(request[0]) == "silence" {
				return nil
			}
			return append(request, []byte("echoed"))
		})
	}()
	d := dealer(t, r.Endpoint(), Options{})
	send(t, d, "without a delimiter")
	send(t, d, "")
	send(t, d, "", "silence")
	send(t, d, "", "ping", "")
	expect(t, d, "", "ping", "", "echoed")
	send(t, d, "hop", "", "ping")
	expect(t, d, "hop", "", "ping", "echoed")
	r.Close()
	if err := next(t, served); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}

func TestMisuse(t *testing.T) {
	r := router(t, Options{})
	d := dealer(t, r.Endpoint(), Options{})
	x := xpub(t, Options{})
	for _, err := range []error{
		d.Send(within(t), nil), x.Send(within(t), nil), r.Send(within(t), message("identity alone")),
	} {
		if !errors.Is(err, errNoFrames) {
			t.Errorf("send of no frames: %v", err)
		}
	}
	for _, id := range []string{"\x00reserved", strings.Repeat("x", 256)} {
		if _, err := DialDealer(within(t), r.Endpoint(), Options{Identity: []byte(id)}); err == nil || !strings.Contains(err.Error(), "identity") {
			t.Errorf("identity %q: %v", id, err)
		}
	}
	if _, err := DialDealer(within(t), x.Endpoint(), Options{}); !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), "XPUB") {
		t.Errorf("DEALER to XPUB: %v", err)
	}
}
