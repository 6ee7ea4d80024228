// Package journal keeps on disk what kernels published: sessions, their evaluations, and
// the outputs of these, in one SQLite file of the user's. It is written to by one
// goroutine of each process, in batches, and read by whoever asks. What is typed in answer
// to a kernel (input, getpass) is not given to it: there is no call for it.
//
// Nothing that befalls the file reaches who evaluates: where it cannot be written, that is
// told once, what is given meanwhile waits in bounded memory, and what has no room there
// is counted and noted in its place.
package journal

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// Session is a kernel that evaluates, for the time that it lives.
type Session struct {
	ID string
	// Kernel is the name by which it was chosen, DisplayName what people read.
	Kernel, DisplayName, Language string
	// Folder is where the kernel runs, an absolute path; empty if it is elsewhere.
	Folder         string
	Started, Ended time.Time
}

// Evaluation is one piece of code and what became of it, but for its outputs. Its session,
// code and origin stay what they are when it is told first.
type Evaluation struct {
	ID      string // of all sessions there is only one with it
	Session string // the session's ID
	Code    string
	Origin  Origin
	State   string // in the words of package session
	Count   int    // the kernel's execution count, 0 if it gave none
	// Namespace counts the session's kernels that had ended when it began to run.
	Namespace int
	// Queued is when it was asked for. Ended is zero until all that is known of its end
	// is in the other fields.
	Queued, Started, Ended time.Time
	Message                string // why it was lost or cancelled, in a line
}

// Origin is where an evaluation's code was written.
type Origin struct {
	Client string // which editor asked
	URI    string
	// Line and Column are of the code's first character, from 0; the column in code points.
	Line, Column int
	// Lines is the text of the code's lines, and Start and End are its bounds in that, in
	// bytes; empty if that was not told.
	Lines      string
	Start, End int
	Version    int // of the document
}

// Amendment is what becomes of an evaluation's result.
type Amendment struct {
	Evaluation string // its ID
	// Hidden says that it was cleared, or that another stands in its place.
	Hidden bool
	// URI is what its document is called now; empty if that has not changed.
	URI string
}

// Options say where a journal is and what it keeps.
type Options struct {
	// Dir is the folder of the journal, an absolute path. It is made with mode 0700.
	Dir string
	// MaxAge is how long an evaluation is kept after its end, MaxBytes how large the
	// journal may be; 0 stands for 90 days and 2 GiB, and a negative value for no limit.
	MaxAge   time.Duration
	MaxBytes int64
	// Exclude are folders of whose sessions, and of those of folders in them, nothing is to
	// be kept: absolute paths, or such as begin with ~/; * is all. Whoever has a session
	// asks [Journal.Keeps].
	Exclude []string
	Logger  *slog.Logger
	// Trouble is told in one line for the user, once, that the journal cannot be written
	// or had to be begun anew. It must not wait for the journal.
	Trouble func(string)

	// How long an attempt to write waits for other processes, and how long it is until the
	// next one: tests have no time.
	busy, retry time.Duration
}

const (
	defaultAge  = 90 * 24 * time.Hour
	defaultSize = 2 << 30

	defaultBusy  = 5 * time.Second
	defaultRetry = time.Second

	fileName = "journal.db"
)

// Journal is the journal as one process writes and reads it. Its methods may be called by
// many goroutines at once. A process opens no second one in the same folder.
//
// Goroutines: the writer's run, until Close.
type Journal struct {
	options Options // with their defaults
	path    string
	exclude exclusion

	wake   chan struct{} // has room for one: the writer is to look again
	opened chan struct{} // closed when the file was opened, or could not be
	ended  chan struct{} // closed when the writer has ended

	mu sync.Mutex
	// sessions and evaluations are those that have not ended, as they were told last: what
	// is not in the file (any more) is written from here.
	sessions    map[string]Session
	evaluations map[string]Evaluation
	next        *batch
	tails       map[string]*outputs // what begins an evaluation's outputs in the next batch
	writing     int                 // bytes of the batch that is being written
	flushes     []chan error
	closing     bool
	store       *store        // nil while there is none
	why         error         // why nothing can be written; nil if it can
	off         error         // why nothing is kept any more, for good
	stalled     bool          // nothing was written for as long as one may wait
	tidy        bool          // there is nothing to remove
	damaged     bool          // who read the file found it broken
	progress    chan struct{} // closed with each change of what is above
	lost        loss          // what is noted nowhere yet
}

// loss is what there was no room for.
type loss struct{ evaluations, outputs, bytes int }

func (l *loss) subtract(noted loss) {
	l.evaluations -= noted.evaluations
	l.outputs -= noted.outputs
	l.bytes -= noted.bytes
}

// Bounds of what waits to be written, in bytes and time.
const (
	delay      = 100 * time.Millisecond // how long it waits for more to come
	soonDelay  = 10 * time.Millisecond  // and that an evaluation runs: what outlives this process wants to know
	enough     = 256 << 10              // what is written without waiting for more
	maxPending = 8 << 20                // whoever gives more waits, but only for patience
	maxEntry   = 64 << 20               // what is no output of anybody's
	patience   = time.Second
)

var errExcluded = errors.New("the journal is switched off")

// Open opens the journal of a folder, in the background, and makes it if there is none.
// What goes wrong is told by way of Options.Trouble.
func Open(o Options) *Journal {
	o.MaxAge, o.MaxBytes = cmp.Or(o.MaxAge, defaultAge), cmp.Or(o.MaxBytes, defaultSize)
	o.busy, o.retry = cmp.Or(o.busy, defaultBusy), cmp.Or(o.retry, defaultRetry)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Trouble == nil {
		o.Trouble = func(string) {}
	}
	j := &Journal{
		path: filepath.Join(o.Dir, fileName), options: o,
		wake: make(chan struct{}, 1), opened: make(chan struct{}), ended: make(chan struct{}),
		sessions: map[string]Session{}, evaluations: map[string]Evaluation{},
		next: newBatch(), tails: map[string]*outputs{}, progress: make(chan struct{}),
	}
	var err error
	if j.exclude, err = newExclusion(o.Exclude); err != nil {
		j.tell(err.Error() + ": until that is mended no history is kept at all")
	}
	if j.exclude.all {
		j.off = errExcluded
		close(j.opened)
		close(j.ended)
		return j
	}
	go (&writer{Journal: j, began: time.Now(), retry: o.retry}).run()
	return j
}

// Close writes what waits, or says why it cannot, and closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.look()
	<-j.ended
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.why
}

// Session tells of a session, as it is now.
func (j *Journal) Session(s Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.takes() {
		return
	}
	if s.Ended.IsZero() {
		j.sessions[s.ID] = s
	} else {
		delete(j.sessions, s.ID)
	}
	j.next.session(s)
	j.grown()
}

// Evaluation tells of an evaluation, as it is now. Its session was told before, and it is
// told before its outputs.
func (j *Journal) Evaluation(e Evaluation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.takes() {
		return
	}
	if _, known := j.evaluations[e.ID]; !known && j.pending() >= maxPending {
		if !e.Ended.IsZero() { // or else it is told again
			j.lost.evaluations++
		}
		return
	}
	if e.Ended.IsZero() {
		j.evaluations[e.ID] = e
	} else {
		delete(j.evaluations, e.ID)
		delete(j.tails, e.ID)
	}
	j.next.evaluation(e)
	if !j.next.soon && !e.Started.IsZero() && e.Ended.IsZero() {
		j.next.soon = true
		j.look()
	}
	j.grown()
}

// Amend tells what becomes of results.
func (j *Journal) Amend(amendments ...Amendment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.takes() || j.pending() >= maxPending || len(amendments) == 0 {
		return
	}
	j.next.amend(amendments)
	j.grown()
}

// Output tells what came of an evaluation. Where more is given than the disk takes, it
// waits until there is room, but not for a disk that stands still for a second.
func (j *Journal) Output(evaluation string, e record.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waitForRoom()
	if !j.takes() {
		return
	}
	o := j.next.outputs[evaluation]
	if o == nil {
		if o = j.tails[evaluation]; o == nil {
			o = newOutputs()
		}
		delete(j.tails, evaluation)
		j.next.outputs[evaluation] = o
	}
	if size := e.Size(); size > maxEntry {
		e = missing(loss{outputs: 1, bytes: size}, "that is too much to be kept")
	}
	why := ""
	if j.pending() >= maxPending {
		why = reason(j.why)
	}
	j.next.bytes += o.add(e, why)
	j.grown()
}

// Flush waits until all that was told before is committed: the end of this process does
// not harm it any more. The error says why it is not.
func (j *Journal) Flush(ctx context.Context) error {
	j.mu.Lock()
	if j.off != nil {
		defer j.mu.Unlock()
		if j.off == errExcluded {
			return nil
		}
		return j.off
	}
	if j.closing {
		j.mu.Unlock()
		return errClosed
	}
	done := make(chan error, 1)
	j.flushes = append(j.flushes, done)
	j.mu.Unlock()
	j.look()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errClosed = errors.New("the journal is closed")

// Keeps tells whether sessions of a folder are to be given to the journal.
func (j *Journal) Keeps(folder string) bool { return !j.exclude.has(folder) }

// takes tells whether anything that is told will be written; mu is held.
func (j *Journal) takes() bool { return j.off == nil && !j.closing }

// pending is how much waits to be written; mu is held.
func (j *Journal) pending() int { return j.next.bytes + j.writing }

// grown has the writer look where that changes what it waits for; mu is held.
func (j *Journal) grown() {
	if !j.next.begun || j.next.bytes >= enough && !j.next.full {
		j.next.begun, j.next.full = true, j.next.bytes >= enough
		j.look()
	}
}

// look has the writer look again at what there is to do.
func (j *Journal) look() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// waitForRoom waits for the disk, as long as it gets on; mu is held, but not meanwhile.
func (j *Journal) waitForRoom() {
	if j.pending() < maxPending {
		return
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for j.pending() >= maxPending && j.why == nil && !j.stalled && j.takes() {
		progress := j.progress
		j.mu.Unlock()
		select {
		case <-progress:
			limit.Reset(patience)
		case <-limit.C:
			progress = nil
		}
		j.mu.Lock()
		if progress == nil {
			j.stalled = true
		}
	}
}

// changed tells those who wait for room; mu is held.
func (j *Journal) changed() {
	close(j.progress)
	j.progress = make(chan struct{})
}

// tell tells the user.
func (j *Journal) tell(words string) {
	j.options.Logger.Warn("journal", "trouble", words)
	j.options.Trouble(words)
}
