package zsock

import (
	"encoding/binary"
	"testing"
	"time"
)

// Messages go past the queue until the peer's buffers are full, some of them in part,
// and then through the queue: their order is one.
func TestOrderPastAndThroughTheQueue(t *testing.T) {
	const behind = 100 // messages sent when the queue has begun to fill
	body := make([]byte, maxNow-100)
	first, read, done := make(chan struct{}), make(chan int, 1), make(chan struct{})
	endpoint := rawListen(t, func(p raw) {
		defer close(done)
		r := p.shake("ROUTER")
		var want int
		receive := func(n int) {
			for ; want < n; want++ {
				frames, err := r.next(nil)
				if err != nil {
					t.Errorf("message %d: %v", want, err)
					return
				}
				if !equal(frames, [][]byte{binary.BigEndian.AppendUint64(nil, uint64(want)), body}) {
					t.Errorf("message %d has come with %d frames, the first %x", want, len(frames), frames[0])
					return
				}
			}
		}
		receive(1)
		close(first)
		receive(<-read)
	})
	defer close(read) // the peer ends with a test that fails
	d := dealer(t, endpoint, Options{})
	out := d.d.out
	sent := 0
	sendNumbered := func() {
		t.Helper()
		out.last.Store(-int64(time.Second)) // as if it were alone
		if err := d.Send(within(t), [][]byte{binary.BigEndian.AppendUint64(nil, uint64(sent)), body}); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	sendNumbered()
	next(t, first)
	c := out.conn.Load()
	if c.some == nil {
		t.Skip("this system has no write that does not wait")
	}
	c.mu.Lock()
	all, calls := c.some, 0
	c.some = func(p []byte) int { // as of a system that has little room now and then
		if calls++; calls%3 == 0 {
			p = p[:len(p)/2]
		}
		return all(p)
	}
	c.mu.Unlock()
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
