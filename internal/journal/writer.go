package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// writer is the goroutine that writes to the file, and alone opens and closes it. What it
// has besides the journal is its own.
type writer struct {
	*Journal
	began      time.Time
	file       fs.FileInfo      // of the file that was opened last
	batch      *batch           // what could not be written yet, nil if there is none
	tails      map[string]int64 // ids of the rows that evaluations' outputs end with, if these are streams
	sizes      map[string]int   // bytes of the outputs of evaluations that have not ended
	retry      time.Duration    // until the next attempt, after one that failed
	unmeasured int              // bytes written since it was looked how large the file is
	aged       time.Time        // when it was looked for what is too old
}

// lastRetry is up to which time the time between attempts grows.
const lastRetry = time.Minute

func (w *writer) run() {
	defer close(w.ended)
	w.tails, w.sizes = map[string]int64{}, map[string]int{}
	ctx := context.Background() // an attempt ends by itself, after SQLite's busy_timeout
	if err := w.open(ctx, nil); err != nil {
		w.failed(err)
	}
	close(w.opened)
	for {
		closing := w.wait()
		w.mu.Lock()
		flushes, damaged, err := w.flushes, w.damaged, w.off
		w.flushes, w.damaged = nil, false
		w.mu.Unlock()
		if damaged && err == nil {
			if err = w.open(ctx, w.file); err != nil {
				w.failed(err)
			}
		}
		if err == nil {
			err = w.write(ctx)
		}
		for _, done := range flushes {
			done <- err
		}
		if closing {
			w.close()
			return
		}
		if err == nil && w.store != nil {
			w.remove(ctx)
		}
	}
}

// wait waits until there is something to do now, and tells whether it is for the last time.
func (w *writer) wait() (closing bool) {
	age := time.NewTimer(time.Until(w.aged.Add(tidying)))
	defer age.Stop()
	var due <-chan time.Time
	dueSoon := false
	for {
		w.mu.Lock()
		healthy, waits, soon, pause := w.why == nil, w.batch != nil || w.next.begun, w.next.soon, delay
		switch {
		case !healthy:
			pause, soon = w.retry, false
		case soon:
			pause = soonDelay
		}
		closing = w.closing
		now := closing || len(w.flushes) > 0 || w.damaged || healthy && (w.next.full || !w.tidy && !waits)
		w.mu.Unlock()
		if now {
			return closing
		}
		if waits && (due == nil || soon && !dueSoon) {
			timer := time.NewTimer(pause)
			defer timer.Stop()
			due, dueSoon = timer.C, soon
		}
		select {
		case <-w.wake:
		case <-due:
			return false
		case <-age.C:
			w.aged = time.Now()
			w.setTidy(false)
			return false
		}
	}
}

// write writes all that waits; first what could not be written before.
func (w *writer) write(ctx context.Context) error {
	if err := w.commit(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	w.take()
	w.mu.Unlock()
	return w.commit(ctx)
}

// take takes what waits as the next batch; mu is held.
func (w *writer) take() {
	if !w.next.begun {
		return
	}
	w.batch, w.writing = w.next, w.next.bytes
	w.next = newBatch()
	for evaluation, o := range w.batch.outputs {
		if _, runs := w.evaluations[evaluation]; !runs {
			continue // what comes after its end begins a new row
		}
		if rest := o.rest(); rest != nil {
			w.Journal.tails[evaluation] = rest
		}
	}
}

// commit writes the batch, if there is one.
func (w *writer) commit(ctx context.Context) error {
	if w.batch == nil {
		return nil
	}
	err := w.attempt(ctx)
	if isBroken(err) {
		w.options.Logger.Error("write the journal", "error", err)
		if err = w.open(ctx, w.file); err == nil {
			err = w.attempt(ctx)
		}
	}
	switch {
	case err == nil:
		w.succeeded()
		return nil
	case code(err) == 0 || passes(err) || isBroken(err):
		w.failed(err)
		return err
	}
	// Nothing would ever be written if this were tried again and again.
	w.options.Logger.Error("a part of the journal is lost", "error", err)
	w.drop()
	return err
}

// attempt writes the batch in one transaction.
func (w *writer) attempt(ctx context.Context) error {
	if w.store == nil || !w.store.there() {
		if err := w.open(ctx, nil); err != nil {
			return err
		}
	}
	w.mu.Lock()
	lost := w.lost
	w.mu.Unlock()
	tails, err := w.store.write(ctx, w.batch, w, w.tails, lost)
	if err != nil {
		switch code(err) {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM:
		default: // what was opened may be of no use any more
			w.close()
		}
		return err
	}
	w.mu.Lock()
	w.lost.subtract(lost)
	w.mu.Unlock()
	for evaluation := range w.batch.outputs {
		if id, ok := tails[evaluation]; ok {
			w.tails[evaluation] = id
		} else {
			delete(w.tails, evaluation)
		}
	}
	return nil
}

// succeeded follows the commit of the batch.
func (w *writer) succeeded() {
	w.mu.Lock()
	resumed := w.why != nil
	w.why, w.stalled, w.writing = nil, false, 0
	w.changed()
	for evaluation, o := range w.batch.outputs {
		if _, runs := w.evaluations[evaluation]; !runs {
			delete(w.tails, evaluation)
			delete(w.sizes, evaluation)
			continue
		}
		if o.void {
			delete(w.sizes, evaluation)
		}
		w.sizes[evaluation] += o.size()
	}
	w.mu.Unlock()
	w.unmeasured += w.batch.bytes
	w.batch, w.retry = nil, w.options.retry
	if resumed {
		w.options.Logger.Info("the journal is written again", "path", w.path)
	}
}

// failed follows an attempt that came to nothing.
func (w *writer) failed(err error) {
	w.mu.Lock()
	first := w.why == nil
	w.why = err
	if errors.Is(err, errNewer) {
		w.off = err
		w.next, w.Journal.tails = newBatch(), map[string]*outputs{}
		clear(w.sessions)
		clear(w.evaluations)
		w.batch, w.writing = nil, 0
	}
	w.changed()
	w.mu.Unlock()
	w.retry = min(2*w.retry, lastRetry)
	w.options.Logger.Debug("write the journal", "error", err)
	if first {
		w.tell(explain(w.path, err))
	}
}

// drop counts the batch as lost.
func (w *writer) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost.evaluations += len(w.batch.evaluations)
	for evaluation, o := range w.batch.outputs {
		w.lost.outputs += len(o.log.Entries()) + o.lost.outputs
		w.lost.bytes += o.size() + o.lost.bytes
		delete(w.tails, evaluation)
	}
	w.batch, w.writing = nil, 0
	w.changed()
}

// open opens the file, or the one that is there now. broken is one that is to be moved
// aside; nil if none is known as such.
func (w *writer) open(ctx context.Context, broken fs.FileInfo) error {
	w.close()
	s, aside, err := openStore(ctx, w.path, w.options.busy, broken)
	if aside != "" {
		w.tell(fmt.Sprintf("the history in %s was damaged: it was moved to %s, and a new one is begun", w.path, aside))
	}
	if err != nil {
		return err
	}
	if w.file == nil || !os.SameFile(w.file, s.file) {
		clear(w.tails)
	}
	w.file = s.file
	w.mu.Lock()
	w.store = s
	w.mu.Unlock()
	return nil
}

func (w *writer) close() {
	w.mu.Lock()
	s := w.store
	w.store = nil
	w.mu.Unlock()
	if s != nil {
		s.close()
	}
}

func (w *writer) liveSession(id string) (Session, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.sessions[id]
	return s, ok
}

func (w *writer) liveEvaluation(id string) (Evaluation, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.evaluations[id]
	return e, ok
}
