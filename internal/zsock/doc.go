// Package zsock gives the five ZeroMQ sockets that a messaging client and
// server of the Jupyter kind need: DEALER and SUB, which connect, and ROUTER,
// XPUB and REP, which bind. It speaks ZMTP 3.0 with the NULL mechanism
// (https://rfc.zeromq.org/spec/23/) over tcp and ipc, and knows nothing of what
// the messages mean.
//
// # Why not zmq4's own sockets
//
// The handshake is that of github.com/go-zeromq/zmq4. Its sockets are not used,
// because a daemon that runs for weeks cannot live with what they do:
//
//   - after a peer died, the first Recv reports it and the next blocks for ever,
//     while Send returns nil and drops the message; here a lost connection is an
//     error of both, with its cause;
//   - their automatic reconnect deadlocks under a busy writer, their accept loop
//     handshakes one connection at a time (one mute client shuts out the rest)
//     and a mute server holds a dial beyond its context; here a handshake has a
//     deadline and its own goroutine;
//   - they allocate whatever frame length a peer declares, and panic on some;
//     here lengths are capped and memory grows only as bytes arrive;
//   - closing drops what is queued; here Close writes it, within Options.Linger;
//   - PINGs go unanswered and an XPUB never reports subscriptions; here both work.
//
// zmq4's framing has the same trust in lengths, so it is used for the handshake
// alone, behind a guard that bounds what it reads (handshake.go). The framing
// after that is this package's own (wire.go).
//
// # What a socket promises
//
// Messages of one connection arrive in the order they were sent, whole or not at
// all. Queues are bounded. What was handed to the operating system when a
// connection breaks may be lost, and is not sent again: as everywhere in ZeroMQ, a
// protocol above that needs certainty acknowledges.
//
// Frames given to Send belong to the socket until they are written: do not change
// them afterwards. Frames returned by Recv belong to the caller; those of one
// message may share one backing array, each with its capacity clipped.
//
// All methods may be called from any goroutine. Contexts given to Dial and Listen
// functions bound that call alone, not the life of the socket; Close ends it, and
// when Close returns no goroutine of the socket is left.
package zsock
