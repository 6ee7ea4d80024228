// Package daemon is the transport between editors and the user's daemon: how
// `reval lsp` finds or starts it, what both say before the bytes, and how it serves,
// leaves and is ended. It knows neither LSP nor kernels.
//
// # Files
//
// In the user's private runtime folder ([Locate]) each build of reval has
//
//	daemon-ID.sock  where the daemon listens
//	daemon-ID.lock  locked (flock) by the daemon as long as it lives
//
// and all builds share daemon.start-ID, which is locked while a daemon is started: by who
// starts it and then, by the same open file, by the new daemon until it listens. Who has
// this lock and reaches no daemon knows that none is being started. The names have the
// machine's start in them: the folder may be on a disk, and that of several machines.
//
// A process is ended only if it is at the other end of a daemon's socket, never because a
// file names it.
//
// # Protocol
//
// Who connects sends one line of JSON, a [Preface]; the daemon answers with one, a
// [Welcome], or a refusal in words. Both have checked the other's user id before. After
// that the bytes are LSP's or, for [Control], lines of JSON: a request, an answer.
//
// An end in order is told from a death by who is left: the daemon shuts down its side
// for writing and reads on until the peer has closed.
package daemon
