package journal

import (
	"context"
	"database/sql"
	"time"
)

// tidying is how often it is looked for what is too old.
const tidying = time.Hour

// few is how many evaluations, or rows of outputs, are removed in one transaction: others
// write meanwhile. A stream's row has up to 16 KiB.
const few = 500

// measured is how many bytes are written until it is looked how large the file is.
const measured = 1 << 20

// share is the part of the journal's size that one evaluation may take: code that prints
// without end leaves the rest as it is.
const share = 4

// keptBroken is how many journals are kept that were moved aside.
const keptBroken = 3

// remove removes a part of what is too old or too much, and notes whether that was all.
func (w *writer) remove(ctx context.Context) {
	if w.options.MaxBytes > 0 {
		if err := w.measure(ctx); err != nil {
			w.cannotRemove(err)
		}
	}
	w.mu.Lock()
	tidy := w.tidy
	w.mu.Unlock()
	if tidy {
		return
	}
	more, err := w.store.remove(ctx)
	if err == nil && !more {
		more, err = w.expire(ctx)
	}
	if err != nil {
		w.cannotRemove(err)
	}
	w.setTidy(!more || err != nil)
}

func (w *writer) setTidy(tidy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tidy = tidy
}

// cannotRemove leaves it to the next time.
func (w *writer) cannotRemove(err error) {
	w.options.Logger.Warn("remove old history", "error", err)
	if isBroken(err) {
		w.mu.Lock()
		w.damaged = true
		w.mu.Unlock()
	}
}

// measure trims what has more than its share, and looks now and then how large the file is.
func (w *writer) measure(ctx context.Context) error {
	for evaluation, n := range w.sizes {
		most := w.options.MaxBytes / share
		if int64(n) <= most {
			continue
		}
		bytes, err := w.store.trim(ctx, evaluation, int64(n)-most/10*9)
		if err != nil {
			return err
		}
		w.sizes[evaluation] = max(0, n-max(bytes, few)) // it was counted in another way
		w.setTidy(false)
	}
	if w.unmeasured < measured {
		return nil
	}
	w.unmeasured = 0
	used, err := w.store.used(ctx)
	if used > w.options.MaxBytes {
		w.setTidy(false)
	}
	return err
}

// expire hides some of the evaluations that are too old or too many, and tells whether there
// may be more.
func (w *writer) expire(ctx context.Context) (more bool, err error) {
	if w.options.MaxAge > 0 {
		// A clock that is set while this runs makes nothing old.
		old := w.began.Add(time.Since(w.began)).Add(-w.options.MaxAge)
		c, err := w.store.hideBefore(ctx, old, "")
		if c.Evaluations > 0 || err != nil {
			return true, err
		}
		if err := removeBroken(w.path, keptBroken); err != nil {
			w.options.Logger.Warn("remove damaged history", "error", err)
		}
	}
	used, err := w.store.used(ctx)
	if err != nil || w.options.MaxBytes < 0 || used <= w.options.MaxBytes {
		if err == nil {
			more, err = w.store.shrink(ctx, reused)
		}
		return more, err
	}
	much := used - w.options.MaxBytes/10*9
	n, err := w.store.hideOldest(ctx, much)
	if n > 0 || err != nil {
		return true, err
	}
	// What runs has all of it.
	var oldest string
	err = w.store.conn.QueryRowContext(ctx, `SELECT evaluation FROM evaluations
		WHERE id = (SELECT evaluation FROM outputs WHERE kind <> 'lost' ORDER BY id LIMIT 1)`).Scan(&oldest)
	if err != nil {
		return false, err
	}
	bytes, err := w.store.trim(ctx, oldest, much)
	return bytes > 0, err
}

// used is how many bytes of the file are in use.
func (s *store) used(ctx context.Context) (int64, error) {
	pages, free, size, err := s.pages(ctx)
	return (pages - free) * size, err
}

func (s *store) pages(ctx context.Context) (pages, free, size int64, err error) {
	err = s.conn.QueryRowContext(ctx, "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size").Scan(&pages, &free, &size)
	return pages, free, size, err
}

// reused is the part of the file that may be free for what comes.
const reused = 4

// shrink gives a part of what is free back to the system if it is more than one in that many
// pages, and tells whether there is more; any, if part is 0.
func (s *store) shrink(ctx context.Context, part int64) (more bool, err error) {
	pages, free, _, err := s.pages(ctx)
	if err != nil || free == 0 || free*part < pages && part > 0 {
		return false, err
	}
	if _, err = s.conn.ExecContext(ctx, "PRAGMA incremental_vacuum(1000)"); err != nil {
		return false, err
	}
	_, left, _, err := s.pages(ctx)
	return left < free, err // a file that was made otherwise gives nothing back
}

// hideBefore hides some of the evaluations that ended before a time, or of all if that is
// zero, of the sessions of a folder and those in it, or of all; then the sessions of these
// that have none any more. Where it hid few evaluations there may be more.
func (s *store) hideBefore(ctx context.Context, before time.Time, folder string) (c Cleared, err error) {
	old, oldSession := "", ""
	args := []any{sql.Named("few", few)}
	if !before.IsZero() {
		old = " AND (ended < :before OR ended IS NULL AND coalesce(started, queued) < :before)"
		oldSession = " AND coalesce(ended, started) < :before"
		args = append(args, sql.Named("before", before.UnixNano()))
	}
	in, of := "", ""
	if folder != "" {
		var values []any
		in, values = inFolder(folder)
		in, of = " AND "+in, " AND session IN (SELECT session FROM sessions WHERE "+in+")"
		args = append(args, values...)
	}
	err = transact(ctx, s.conn, func() error {
		var err error
		c.Evaluations, err = s.hide(ctx, "SELECT id FROM evaluations WHERE 1"+old+of+" ORDER BY id LIMIT :few", args...)
		if err != nil || c.Evaluations == few {
			return err
		}
		c.Sessions, err = affected(s.conn.ExecContext(ctx, "DELETE FROM sessions WHERE 1"+oldSession+in+" AND session NOT IN (SELECT session FROM evaluations)", args...))
		return err
	})
	return c, err
}

// affected is how many rows a statement changed.
func affected(result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// hideOldest hides the oldest evaluations that have ended, so many that they have some bytes.
func (s *store) hideOldest(ctx context.Context, bytes int64) (n int, err error) {
	err = transact(ctx, s.conn, func() error {
		last, err := s.oldest(ctx, bytes)
		if err == nil && last > 0 {
			n, err = s.hide(ctx, `SELECT id FROM evaluations WHERE ended IS NOT NULL AND id <= ?`, last)
		}
		return err
	})
	return n, err
}

// oldest is the last of the oldest evaluations that together have some bytes; 0 if none has
// ended.
func (s *store) oldest(ctx context.Context, bytes int64) (last int64, err error) {
	rows, err := s.conn.QueryContext(ctx, `SELECT id, octet_length(code) + (SELECT coalesce(sum(`+outputBytes+`), 0) FROM outputs WHERE evaluation = evaluations.id)
		FROM evaluations WHERE ended IS NOT NULL ORDER BY id LIMIT ?`, few)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for bytes > 0 && rows.Next() {
		var has int64
		if err := rows.Scan(&last, &has); err != nil {
			return 0, err
		}
		bytes -= has
	}
	return last, rows.Err()
}

// outputBytes is about what a row of outputs takes.
const outputBytes = `100 + octet_length(body) + (SELECT coalesce(sum(octet_length(coalesce(value, blobs.data))), 0)
	FROM data LEFT JOIN blobs ON blobs.id = data.blob WHERE output = outputs.id)`

// hide takes evaluations whose ids a query gives from sight: from then on nothing of them
// is read. Their outputs are left to remove. It is a part of a transaction.
func (s *store) hide(ctx context.Context, query string, args ...any) (int, error) {
	n, err := affected(s.conn.ExecContext(ctx, "INSERT INTO removed (evaluation) "+query, args...))
	if n > 0 && err == nil {
		_, err = s.conn.ExecContext(ctx, "DELETE FROM evaluations WHERE id IN (SELECT evaluation FROM removed)")
	}
	return n, err
}

// remove removes some of the outputs of hidden evaluations, and tells whether there is more.
func (s *store) remove(ctx context.Context) (more bool, err error) {
	var any bool
	if err := s.conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM removed)").Scan(&any); err != nil || !any {
		return false, err
	}
	err = transact(ctx, s.conn, func() error {
		n, err := affected(s.conn.ExecContext(ctx, `DELETE FROM outputs WHERE id IN
			(SELECT id FROM outputs WHERE evaluation IN (SELECT evaluation FROM removed) LIMIT ?)`, few))
		if more = n == few; err == nil && !more {
			_, err = s.conn.ExecContext(ctx, "DELETE FROM removed")
		}
		return err
	})
	return more, err
}

// trim removes the oldest outputs of an evaluation, about as many as have some bytes, leaves
// a line in their place, and gives their bytes; 0 if there is nothing to remove.
func (s *store) trim(ctx context.Context, evaluation string, most int64) (bytes int, err error) {
	err = transact(ctx, s.conn, func() error {
		var id, last int64
		var gone loss
		err := s.conn.QueryRowContext(ctx, `SELECT coalesce(max(evaluation), 0), coalesce(max(id), 0), coalesce(sum(bytes), 0), coalesce(sum(lost), 0), coalesce(sum(lost_bytes), 0)
			FROM (SELECT *, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM (
				SELECT id, evaluation, iif(kind = 'lost', 0, `+outputBytes+`) AS bytes, iif(kind = 'lost', lost, 1) AS lost, iif(kind = 'lost', lost_bytes, `+outputBytes+`) AS lost_bytes
				FROM outputs WHERE evaluation = (SELECT id FROM evaluations WHERE evaluation = ?) ORDER BY id LIMIT ?))
			WHERE before < ?`, evaluation, few, most).Scan(&id, &last, &bytes, &gone.outputs, &gone.bytes)
		if err != nil || bytes == 0 {
			return err
		}
		if _, err := s.conn.ExecContext(ctx, "DELETE FROM outputs WHERE evaluation = ? AND id <= ?", id, last); err != nil {
			return err
		}
		r, _ := newRow(missing(gone, "there was more than the history keeps"))
		_, err = s.conn.ExecContext(ctx, `INSERT INTO outputs (id, evaluation, kind, name, display, body, sum, lost, lost_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			last, id, string(r.kind), r.name, r.display, r.body, r.sum, r.lost.outputs, r.lost.bytes)
		return err
	})
	return bytes, err
}
