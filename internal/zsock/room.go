package zsock

import (
	"context"
	"slices"
	"time"
)

// What a peer is to take in Options.Stall for others to wait for it, and how much may wait
// for one that does not, in bytes.
const (
	leastTaken = 1 << 20
	behindRoom = 64 << 20
)

// lag is how far a peer was when it was first seen to have no room.
type lag struct {
	taken int64
	since time.Time
}

// Room waits until no more than this many bytes wait for any one peer, so that a caller
// can keep what fills the queues at the pace of the slowest peer, for as long as that
// takes, while other messages still find room. Peers that have stalled (Options.Stall) are
// left behind. The error is ctx's or ErrClosed.
func (x *XPub) Room(ctx context.Context, bytes int64) error {
	if len(x.over(bytes)) == 0 {
		return nil
	}
	x.waiting.Add(1)
	defer x.waiting.Add(-1)
	var look <-chan time.Time
	if x.s.o.Stall > 0 {
		ticker := time.NewTicker(x.s.o.Stall)
		defer ticker.Stop()
		look = ticker.C
	}
	lags := map[*peer]lag{}
	for {
		x.mu.Lock()
		shrunk := x.shrunk
		x.mu.Unlock()
		over := x.over(bytes)
		if len(over) == 0 {
			return nil
		}
		for _, p := range over {
			if _, known := lags[p]; !known {
				lags[p] = lag{p.out.taken.Load(), time.Now()}
			}
		}
		select {
		case <-shrunk:
		case <-look:
			x.leaveBehind(lags)
		case <-ctx.Done():
			return x.s.wrap("wait for room", ctx.Err())
		case <-x.s.life.Done():
			return x.s.wrap("wait for room", ErrClosed)
		}
	}
}

// over gives the peers that can still take messages, and are to be waited for, for which more
// bytes wait.
func (x *XPub) over(bytes int64) (over []*peer) {
	x.s.mu.RLock()
	defer x.s.mu.RUnlock()
	for _, p := range x.s.peers {
		switch waits := p.out.bytes.Load(); {
		case p.out.conn.Load() == nil:
		case waits == 0:
			p.behind.Store(false)
		case !p.behind.Load():
			if waits > bytes {
				over = append(over, p)
			}
		case waits > behindRoom:
			p.out.kill()
			p.fail(ErrSlowPeer)
		}
	}
	return over
}

// leaveBehind has nobody wait any more for peers that took next to nothing in their time, if
// there are others.
func (x *XPub) leaveBehind(lags map[*peer]lag) {
	keepsUp := func(p *peer) bool {
		_, lags := lags[p]
		return !lags && !p.behind.Load() && p.out.conn.Load() != nil && p.topics.any()
	}
	x.s.mu.RLock()
	others := false
	for _, p := range x.s.peers {
		others = others || keepsUp(p)
	}
	x.s.mu.RUnlock()
	for p, was := range lags {
		if time.Since(was.since) < x.s.o.Stall/2 { // the next look is soon enough
			continue
		}
		delete(lags, p)
		if others && p.out.taken.Load()-was.taken < leastTaken {
			p.behind.Store(true)
		}
	}
}

// patience is how long a message for a peer that has no room waits, of those that it is for:
// not for ever while others keep up, and not at all for one that was left behind.
func (x *XPub) patience(p *peer, to []*peer) time.Duration {
	o := x.s.o
	switch {
	case o.SlowPeer == DropPeer || p.behind.Load():
		return 0
	case o.Stall == 0 || !slices.ContainsFunc(to, func(other *peer) bool { return other != p && !other.behind.Load() }):
		return o.SlowTimeout
	}
	return min(o.Stall, o.SlowTimeout)
}

// onShrunk wakes those that wait in Room.
func (x *XPub) onShrunk() {
	if x.waiting.Load() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.shrunk)
	x.shrunk = make(chan struct{})
}
