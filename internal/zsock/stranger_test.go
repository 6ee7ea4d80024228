package zsock

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// password is what verifies in these tests.
func password(message [][]byte) error {
	if string(message[0]) != "password" {
		return errors.New("no password")
	}
	return nil
}

// A connection with another's identity has it once a message of it has verified, and
// not before.
func TestIdentityIsHandedOverToWhoVerifies(t *testing.T) {
	r := router(t, Options{Verify: password})
	ada := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, ada, "password", "1")
	expect(t, r, "ada", "password", "1")

	stranger := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, stranger, "let me in")
	bob := dealer(t, r.Endpoint(), Options{Identity: []byte("bob")})
	send(t, bob, "password", "2")
	expect(t, r, "bob", "password", "2")
	send(t, r, "ada", "for ada")
	expect(t, ada, "for ada")

	// The client that comes back while its old connection is not known dead.
	again := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, again, "password", "3")
	expect(t, r, "ada", "password", "3")
	send(t, r, "ada", "for the new one")
	expect(t, again, "for the new one")
	if _, err := ada.Recv(within(t)); err == nil {
		t.Error("the connection before it still receives")
	}
}

// Who came first and did not verify makes way, and gets until then what is asked of all.
func TestStrangerThatCameFirst(t *testing.T) {
	r := router(t, Options{Verify: password})
	stranger := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, stranger, "not me")
	ada := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	joined := func() bool { return len(r.s.peersOf([]byte("ada"), true)) == 2 }
	for !joined() {
		runtime.Gosched()
	}
	if err := r.SendToClaims(within(t), message("ada", "who is there?")); err != nil {
		t.Fatal(err)
	}
	expect(t, stranger, "who is there?")
	expect(t, ada, "who is there?")
	send(t, ada, "password", "it is me")
	expect(t, r, "ada", "password", "it is me")
	send(t, r, "ada", "welcome")
	expect(t, ada, "welcome")
	if _, err := stranger.Recv(within(t)); err == nil {
		t.Error("the stranger was welcomed")
	}
}

// A stranger that leaves makes no difference to whose identity it claimed.
func TestClaimantLeaves(t *testing.T) {
	left := make(chan error, 10)
	r := router(t, Options{Verify: password, OnDisconnect: func(err error) { left <- err }})
	ada := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, ada, "password")
	expect(t, r, "ada", "password")
	stranger := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	stranger.Close()
	<-left
	send(t, r, "ada", "for ada")
	expect(t, ada, "for ada")
	if len(r.s.claims) != 0 {
		t.Errorf("%d claims are kept", len(r.s.claims))
	}
}

// Strangers cost little, whatever they declare; those who verified may send much.
func TestStrangersSendLittle(t *testing.T) {
	lost := make(chan error, 100)
	r := router(t, Options{Verify: password, OnDisconnect: func(err error) { lost <- err }})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 6 {
		stranger := dealer(t, r.Endpoint(), Options{})
		stranger.Send(within(t), [][]byte{make([]byte, 8<<20)}) // it may end before all is sent
		if err := <-lost; !errors.Is(err, ErrTooLarge) {
			t.Errorf("a stranger was lost for %v", err)
		}
	}
	many := dealer(t, r.Endpoint(), Options{})
	frames := make([][]byte, 20_000)
	many.Send(within(t), frames)
	if err := <-lost; !errors.Is(err, ErrTooLarge) {
		t.Errorf("a stranger with many frames was lost for %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > (6*8+24)<<20 { // what the test itself makes is most of it
		t.Errorf("%d MB were allocated", grown>>20)
	}
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	large := bytes.Repeat([]byte("x"), 8<<20)
	if err := d.Send(within(t), [][]byte{[]byte("password"), []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if err := d.Send(within(t), [][]byte{large}); err != nil {
		t.Fatal(err)
	}
	expect(t, r, "d", "password", "hello")
	if got := recv(t, r); !bytes.Equal(got[1], large) {
		t.Error("a large message of one who verified did not come as it was sent")
	}
}

// However many strangers come, be it that they never shake hands, say nothing, or send what
// does not verify, few are there; who was there before stays, and who comes is served.
func TestStrangersMakeWay(t *testing.T) {
	const most = 4
	r := router(t, Options{Verify: password, MaxStrangers: most})
	ada := dealer(t, r.Endpoint(), Options{Identity: []byte("ada")})
	send(t, ada, "password", "1")
	expect(t, r, "ada", "password", "1")
	quiet := dealer(t, r.Endpoint(), Options{Identity: []byte("quiet")}) // as a client's stdin is
	for range 3 * most {
		rawDial(t, r.Endpoint()) // says nothing
		rawDial(t, r.Endpoint()).shake("DEALER")
		d, err := DialDealer(within(t), r.Endpoint(), Options{})
		if err == nil {
			t.Cleanup(func() { d.Close() })
			d.Send(within(t), message("let me in"))
		}
		r.s.mu.Lock()
		peers, strangers := len(r.s.peers), len(r.s.strangers)
		r.s.mu.Unlock()
		if strangers > most || peers > most+20 { // those that were ended may not have left
			t.Fatalf("%d strangers, %d peers", strangers, peers)
		}
	}
	for {
		r.s.mu.Lock()
		peers := len(r.s.peers)
		r.s.mu.Unlock()
		if peers <= most+1 {
			break
		}
		if t.Context().Err() != nil {
			t.Fatalf("%d peers stay", peers)
		}
		runtime.Gosched()
	}
	bob := dealer(t, r.Endpoint(), Options{Identity: []byte("bob")})
	send(t, bob, "password", "2")
	expect(t, r, "bob", "password", "2")
	send(t, r, "ada", "for ada")
	expect(t, ada, "for ada")
	send(t, r, "quiet", "for quiet")
	expect(t, quiet, "for quiet")
	send(t, quiet, "password", "3")
	expect(t, r, "quiet", "password", "3")
}

// Of subscribers nothing is known: they are as few, and the first of them stay.
func TestSubscribersAreFew(t *testing.T) {
	const most = 3
	x := xpub(t, Options{MaxStrangers: most})
	first := sub(t, x.Endpoint())
	expect(t, x, "\x01")
	for range 3 * most {
		rawDial(t, x.Endpoint()).shake("SUB")
		x.s.mu.Lock()
		strangers := len(x.s.strangers)
		x.s.mu.Unlock()
		if strangers > most {
			t.Fatalf("%d subscribers", strangers)
		}
	}
	send(t, x, "for", "the first")
	expect(t, first, "for", "the first")
}

// A subscriber that does not read is left behind while another keeps up, and loses its
// connection when too much waits for it; alone it is waited for.
func TestStalledSubscriberIsLeftBehind(t *testing.T) {
	const size, room = 1<<20 - 100, 2 << 20
	lost := make(chan error, 10)
	x := xpub(t, Options{Stall: 50 * time.Millisecond, OnDisconnect: func(err error) { lost <- err }})
	mute := rawDial(t, x.Endpoint())
	mute.shake("SUB")
	mute.write([]byte("\x00\x01\x01"))
	expect(t, x, "\x01")
	publish := func(ctx context.Context) error {
		if err := x.Room(ctx, room); err != nil {
			return err
		}
		return x.Send(ctx, [][]byte{[]byte("flood"), make([]byte, size)})
	}
	alone, stop := context.WithTimeout(within(t), 10*50*time.Millisecond)
	defer stop()
	for publish(alone) == nil { // what the system has room for, and what may wait
	}
	if alone.Err() == nil {
		t.Fatal("the only subscriber is not waited for")
	}

	reader := sub(t, x.Endpoint())
	expect(t, x, "\x01")
	var read atomic.Int64
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := reader.Recv(ctx); err != nil {
				return
			}
			read.Add(1)
		}
	}()
	sent := int64(0)
	for ; len(lost) == 0; sent++ {
		if err := publish(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := next(t, lost); !errors.Is(err, ErrSlowPeer) {
		t.Errorf("it was lost for %v", err)
	}
	if sent < behindRoom/size/2 {
		t.Errorf("it was lost after %d messages", sent)
	}
	for read.Load() < sent {
		if ctx.Err() != nil {
			t.Fatalf("the reader got %d messages of %d", read.Load(), sent)
		}
		runtime.Gosched()
	}
	cancel()
	<-done
}
