package zsock

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestXPubFiltersByPrefix(t *testing.T) {
	x := xpub(t, Options{})
	all := sub(t, x.Endpoint())
	expect(t, x, "\x01")
	some := sub(t, x.Endpoint(), "kernel.1", "status")
	expect(t, x, "\x01kernel.1")
	expect(t, x, "\x01status")
	none := sub(t, x.Endpoint(), "nothing of this")
	expect(t, x, "\x01nothing of this")

	for _, topic := range []string{"kernel.2", "kernel.1.stream", "kernel", "status", "", "nothing of this kind"} {
		send(t, x, topic, "body")
	}
	for _, topic := range []string{"kernel.2", "kernel.1.stream", "kernel", "status", "", "nothing of this kind"} {
		expect(t, all, topic, "body")
	}
	expect(t, some, "kernel.1.stream", "body")
	expect(t, some, "status", "body")
	expect(t, none, "nothing of this kind", "body")
	send(t, x, "status", "end")
	expect(t, some, "status", "end")
}

// Both spellings of a subscription, ZMTP 3.0's message and 3.1's command, and the
// counting of repeated ones.
func TestXPubSubscriptions(t *testing.T) {
	x := xpub(t, Options{})
	p := rawDial(t, x.Endpoint())
	r := p.shake("SUB")
	steps := []struct {
		sent     []byte
		reported string
		in       bool // whether a message with topic "ab" comes through then
	}{
		{[]byte("\x00\x02\x00a"), "\x00a", false}, // cancel of what is not there
		{command("SUBSCRIBE", []byte("a")), "\x01a", true},
		{[]byte("\x00\x02\x01a"), "\x01a", true},
		{command("CANCEL", []byte("a")), "\x00a", true}, // one of two
		{[]byte("\x00\x02\x00a"), "\x00a", false},
		{[]byte("\x00\x03\x01ab"), "\x01ab", true},
		{command("CANCEL", []byte("ab")), "\x00ab", false},
		{[]byte("\x00\x01\x01"), "\x01", true},
	}
	// The message that tells whether the one before came through.
	p.write([]byte("\x00\x04\x01end"))
	expect(t, x, "\x01end")
	for i, step := range steps {
		p.write([]byte("\x00\x04\x02any"), step.sent) // the first is an XSUB's, and no subscription
		expect(t, x, step.reported)
		send(t, x, "ab", fmt.Sprint(i))
		send(t, x, "end", fmt.Sprint(i))
		want := [][]byte{[]byte("end"), fmt.Append(nil, i)}
		if step.in {
			want[0] = []byte("ab")
		}
		got, err := r.next(nil)
		if err != nil || !equal(got, want) {
			t.Fatalf("step %d: %q, %v, want %q", i, got, err, want)
		}
		if step.in {
			r.next(nil)
		}
	}
}

func TestXPubBoundsSubscriptions(t *testing.T) {
	lost := make(chan error, 1)
	x := xpub(t, Options{Queue: 10, OnDisconnect: func(err error) { lost <- err }})
	p := rawDial(t, x.Endpoint())
	p.shake("SUB")
	for i := range maxTopics + 1 {
		topic := fmt.Sprintf("\x01%05d", i)
		p.write(append([]byte{0, byte(len(topic))}, topic...))
	}
	if err := next(t, lost); !errors.Is(err, ErrTooLarge) {
		t.Errorf("lost with %v", err)
	}
}

func TestSubResubscribes(t *testing.T) {
	endpoint := "ipc://" + testenv.RuntimeDir(t) + "/s"
	x, err := ListenXPub(within(t), endpoint, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := DialSub(within(t), endpoint, Options{Reconnect: true, Subscribe: message("a", "b")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		expect(t, x, "\x01a")
		expect(t, x, "\x01b")
		send(t, x, "b", "body")
		expect(t, s, "b", "body")
		x.Close()
		if x, err = ListenXPub(within(t), endpoint, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	x.Close()
}

// A flood waits for its slowest reader, for as long as that
// takes, while messages that do not wait for room reach the others. It goes on when the
// reader does, or is gone.
func TestXPubRoom(t *testing.T) {
	const chunks, size, room = 100, 1<<20 - 100, 2 << 20
	for _, ends := range []string{"reads on", "hangs up"} {
		t.Run(ends, func(t *testing.T) {
			x := xpub(t, Options{})
			good := sub(t, x.Endpoint(), "good")
			expect(t, x, "\x01good")
			slow := rawDial(t, x.Endpoint())
			r := slow.shake("SUB")
			slow.write([]byte("\x00\x05\x01slow"))
			expect(t, x, "\x01slow")

			ctx, sent := within(t), make(chan error, 1)
			go func() {
				for i := range chunks {
					err := x.Room(ctx, room)
					if err == nil {
						err = x.Send(ctx, [][]byte{[]byte("slow"), {byte(i)}, make([]byte, size)})
					}
					if err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for x.waiting.Load() == 0 {
				if ctx.Err() != nil {
					t.Fatal("the flood does not wait")
				}
				runtime.Gosched()
			}
			for _, p := range x.s.peers {
				if n := p.out.bytes.Load(); n > room+size+100 {
					t.Errorf("%d bytes wait for a peer", n)
				}
			}
			send(t, x, "good", "still here")
			expect(t, good, "good", "still here")
			short, stop := context.WithCancel(ctx)
			stop()
			err := x.Room(short, room)
			for err == nil && ctx.Err() == nil { // the system's own buffers may still have room
				runtime.Gosched()
				err = x.Room(short, room)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Room with a context that has ended: %v", err)
			}
			if ends == "hangs up" {
				slow.Close()
			} else {
				for i := range chunks {
					if got, err := r.next(nil); err != nil || len(got) != 3 || got[1][0] != byte(i) {
						t.Fatalf("message %d is %.20q, %v", i, got, err)
					}
				}
			}
			if err := next(t, sent); err != nil {
				t.Error(err)
			}
		})
	}
}
