package zsock

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors that callers tell apart with errors.Is. Every error of this package
// names the endpoint and the cause as well.
var (
	// ErrClosed is returned by every method of a socket after its Close.
	ErrClosed = errors.New("socket closed")
	// ErrNoPeer is returned by Router.Send for an identity that is not connected.
	ErrNoPeer = errors.New("no such peer")
	// ErrSlowPeer is the cause of a connection ended by Options.SlowPeer.
	ErrSlowPeer = errors.New("peer does not read fast enough")
	// ErrTooLarge is the cause of a connection whose peer declared a frame or a
	// message over its cap.
	ErrTooLarge = errors.New("over the size cap")
	// ErrProtocol is the cause of a connection whose peer does not speak ZMTP 3,
	// or speaks it wrongly, or is a socket of a kind that does not fit.
	ErrProtocol = errors.New("not the ZMTP expected")
)

var errNoFrames = errors.New("a message has at least one frame")

// First bytes of a subscription and of its end, ZMTP 3.0 "publish-subscribe".
const (
	cancel    byte = 0
	subscribe byte = 1
)

// SlowPeer says what XPub and Router do with a message for a peer whose queue is full.
type SlowPeer int

const (
	// Block makes Send wait for room, Options.SlowTimeout at most; then the peer
	// is dropped. An XPub's other peers wait too.
	Block SlowPeer = iota
	// DropPeer ends the connection of the peer at once.
	DropPeer
)

// Options of a socket. The zero value is usable; every field left zero has the
// default named at it.
type Options struct {
	// Identity is the routing id that a Dealer gives to its peer, 1 to 255 bytes
	// of which the first is not zero. None by default.
	Identity []byte
	// Subscribe lists the topic prefixes of a Sub. Nil means everything.
	Subscribe [][]byte
	// MaxFrame and MaxMessage cap what a peer may send, in bytes; default
	// 256 MiB and 512 MiB. A peer that declares more loses its connection.
	MaxFrame, MaxMessage int64
	// Verify says why a message of a Router's peer, without its identity, is not by
	// whom the socket is for; nil says that it is. Until one of its messages verified a
	// peer is a stranger: it may send no frame of more than MaxStrange bytes, its
	// messages are dropped, and it has an identity only as long as no other verified
	// that has it too. Without Verify everybody is believed, and who comes last has
	// the identity. It runs on the peer's own goroutine.
	Verify func(message [][]byte) error
	// MaxStrange caps frames and messages of strangers, in bytes; default 256 KiB.
	MaxStrange int64
	// MaxStrangers caps a listening socket's connections that shake hands or whose peer is a
	// stranger: that came last makes way for the next, so that nobody who is there is driven
	// out, nor anybody kept out. Of sockets without Verify all peers are strangers.
	// Default 100.
	MaxStrangers int
	// HandshakeTimeout is what a peer has for its handshake; default 5 s.
	HandshakeTimeout time.Duration
	// Queue is the number of messages held for each peer on their way out, and for
	// the socket on their way in; default 1000.
	Queue int
	// QueueBytes bounds what a Dealer or a Sub holds of messages on their way in beside
	// their number: while it is exceeded no further one is read. Default 64 MiB.
	QueueBytes int64
	// Linger bounds the time in which Close writes what is queued; default 2 s.
	Linger time.Duration
	// SlowPeer is the policy of XPub, Router and Rep for a peer whose queue is full.
	SlowPeer SlowPeer
	// SlowTimeout is how long Block waits; default 5 s.
	SlowTimeout time.Duration
	// Stall is how long an XPub waits for a peer that takes next to nothing while others keep
	// up. It is waited for no more then, until it has caught up, and is dropped when too much
	// waits for it. Zero is for ever: it fits where nobody but the user can connect.
	Stall time.Duration
	// Reconnect makes a Dealer or Sub dial again, with backoff, after its
	// connection was lost; by default the loss ends the socket.
	Reconnect bool

	received *atomic.Int64 // bytes; set by a socket that counts them

	// The functions below run on the socket's goroutines: they must neither block
	// nor call Close of the same socket.

	// OnConnect is called after each handshake; that of a Dial function before it returns.
	OnConnect func()
	// OnDisconnect is called with the cause after each loss of a connection,
	// not after Close.
	OnDisconnect func(err error)
	// OnRefuse is called by a listening socket with the reason why a connection
	// was ended before its handshake was done.
	OnRefuse func(err error)
}

// closeWait is how long a closing connection waits, after its last byte was written
// and after each message that still comes, for the peer to close its end, beyond
// Options.Linger by no more than itself. Closing earlier, with bytes of the peer unread,
// would make TCP reset the connection and discard what the peer has not read yet.
const closeWait = 250 * time.Millisecond

func (o Options) withDefaults() (Options, error) {
	if len(o.Identity) > 255 || len(o.Identity) > 0 && o.Identity[0] == 0 {
		return o, fmt.Errorf("identity %q: must be at most 255 bytes and not begin with a zero byte", o.Identity)
	}
	orDefault(&o.MaxFrame, 256<<20)
	orDefault(&o.MaxMessage, 512<<20)
	orDefault(&o.MaxStrange, 256<<10)
	o.MaxStrange = min(o.MaxStrange, o.MaxFrame, o.MaxMessage)
	orDefault(&o.MaxStrangers, 100)
	orDefault(&o.HandshakeTimeout, 5*time.Second)
	orDefault(&o.Queue, 1000)
	orDefault(&o.QueueBytes, 64<<20)
	orDefault(&o.Linger, 2*time.Second)
	orDefault(&o.SlowTimeout, 5*time.Second)
	if o.OnConnect == nil {
		o.OnConnect = func() {}
	}
	if o.OnDisconnect == nil {
		o.OnDisconnect = func(error) {}
	}
	if o.OnRefuse == nil {
		o.OnRefuse = func(error) {}
	}
	return o, nil
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
