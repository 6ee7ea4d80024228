package zsock

import (
	"encoding/binary"
	"testing"
	"time"
)

// Messages go past the queue until the peer's buffers are full, of the last one
// perhaps a part, and then through the queue: their order is one.
func TestOrderPastAndThroughTheQueue(t *testing.T) {
	const behind = 100 // messages sent when the queue has begun to fill
	read, done := make(chan int), make(chan struct{})
	endpoint := rawListen(t, func(p raw) {
		defer close(done)
		r := p.shake("ROUTER")
		for want := range <-read {
			frames, err := r.next(nil)
			if err != nil {
				t.Errorf("message %d: %v", want, err)
				return
			}
			if got := int(binary.BigEndian.Uint64(frames[0])); got != want || len(frames) != 2 || len(frames[1]) != maxNow-100 {
				t.Errorf("message %d of %d frames has come as number %d", got, len(frames), want)
				return
			}
		}
	})
	d := dealer(t, endpoint, Options{})
	out := d.d.out
	body := make([]byte, maxNow-100)
	sent := 0
	sendNumbered := func() {
		t.Helper()
		out.last.Store(-int64(time.Second)) // as if it were alone
		if err := d.Send(within(t), [][]byte{binary.BigEndian.AppendUint64(nil, uint64(sent)), body}); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	for out.pending.Load() == 0 || len(out.ch) == 0 {
		sendNumbered()
	}
	for range behind {
		sendNumbered()
	}
	read <- sent
	next(t, done)
}

// What several senders hand over at once arrives whole, and each one's in its order.
func TestOrderOfSeveralSenders(t *testing.T) {
	const senders, each = 4, 2000
	r := router(t, Options{})
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	for s := range senders {
		go func() {
			for i := range each {
				if i%7 == 0 {
					d.d.out.last.Store(-int64(time.Second))
				}
				if err := d.Send(within(t), message(string(rune('a'+s)), string(binary.BigEndian.AppendUint64(nil, uint64(i))))); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	want := map[string]uint64{}
	for range senders * each {
		m := recv(t, r)
		s := string(m[1])
		if got := binary.BigEndian.Uint64(m[2]); got != want[s] {
			t.Fatalf("message %d of sender %s has come as number %d", got, s, want[s])
		}
		want[s]++
	}
}
