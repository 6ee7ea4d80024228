package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// statements are the writer's.
type statements struct {
	session, hasSession, evaluation, find                  *sql.Stmt
	output, replace, void, voidUpdate, data, blob, newBlob *sql.Stmt
	loss, version, amend                                   *sql.Stmt
}

// prepareWriting prepares the writer's statements.
func (s *store) prepareWriting(ctx context.Context) error {
	st := &s.statements
	for _, p := range []struct {
		at    **sql.Stmt
		query string
	}{
		{&st.session, `INSERT INTO sessions (session, kernel, display_name, language, folder, started, ended) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (session) DO UPDATE SET kernel = excluded.kernel, display_name = excluded.display_name,
			language = excluded.language, folder = excluded.folder, started = excluded.started, ended = excluded.ended`},
		{&st.hasSession, `SELECT 1 FROM sessions WHERE session = ?`},
		{&st.evaluation, `INSERT INTO evaluations (evaluation, session, code, client, uri, line, "column", version, state, count, queued, started, ended, message, namespace, lines, first, last)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (evaluation) DO UPDATE SET state = excluded.state, count = excluded.count,
			queued = excluded.queued, started = excluded.started, ended = excluded.ended, message = excluded.message, namespace = excluded.namespace`},
		{&st.find, `SELECT id FROM evaluations WHERE evaluation = ?`},
		{&st.output, `INSERT INTO outputs (evaluation, kind, name, display, body, sum, lost, lost_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`},
		{&st.replace, `UPDATE outputs SET body = ?, sum = ? WHERE id = ? AND evaluation = ? AND kind = 'stream'`},
		{&st.void, `DELETE FROM outputs WHERE evaluation = ?`},
		{&st.voidUpdate, `DELETE FROM outputs WHERE evaluation = ? AND kind = 'update' AND display = ?`},
		{&st.data, `INSERT INTO data (output, mime, value, blob) VALUES (?, ?, ?, ?)`},
		{&st.blob, `SELECT id FROM blobs WHERE sha256 = ?`},
		{&st.newBlob, `INSERT INTO blobs (sha256, data) VALUES (?, ?)`},
		{&st.amend, `UPDATE evaluations SET hidden = hidden OR ?, uri = coalesce(nullif(?, ''), uri) WHERE evaluation = ?`},
		{&st.version, `PRAGMA user_version`},
		{&st.loss, `INSERT INTO losses (noted, evaluations, outputs, bytes) VALUES (?, ?, ?, ?)`},
	} {
		statement, err := s.conn.PrepareContext(ctx, p.query)
		if err != nil {
			return err
		}
		*p.at, s.prepared = statement, append(s.prepared, statement)
	}
	return nil
}

// live is what a batch may refer to that is not in the file.
type live interface {
	liveSession(id string) (Session, bool)
	liveEvaluation(id string) (Evaluation, bool)
}

// write writes a batch, and notes what is lost. old are the ids of the streams' rows that
// evaluations' outputs ended with so far; it gives the ids of those that the batch's
// outputs end with.
func (s *store) write(ctx context.Context, b *batch, from live, old map[string]int64, lost loss) (map[string]int64, error) {
	w := &transaction{statements: s.statements, ctx: ctx, live: from, old: old, tails: map[string]int64{}}
	err := transact(ctx, s.conn, func() error {
		var version int // another process may have migrated it
		if err := s.version.QueryRowContext(ctx).Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return errNewer
		}
		return w.batch(b, lost)
	})
	return w.tails, err
}

// transaction is the writing of one batch.
type transaction struct {
	statements
	ctx        context.Context
	live       live
	old, tails map[string]int64
}

func (w *transaction) batch(b *batch, lost loss) error {
	for _, session := range b.sessions {
		if err := w.writeSession(session); err != nil {
			return err
		}
	}
	for _, e := range b.evaluations {
		if err := w.writeEvaluation(e); err != nil {
			return err
		}
	}
	for _, a := range b.amendments {
		if _, err := w.amend.ExecContext(w.ctx, a.Hidden, a.URI, a.Evaluation); err != nil {
			return err
		}
	}
	for evaluation, o := range b.outputs {
		id, found, err := w.id(evaluation)
		if err == nil && found {
			err = w.outputs(evaluation, id, o)
		}
		if err != nil {
			return err
		}
		if !found { // it was not kept itself
			lost.outputs += o.lost.outputs
			lost.bytes += o.lost.bytes
		}
	}
	if lost != (loss{}) {
		_, err := w.loss.ExecContext(w.ctx, nanoseconds(time.Now()), lost.evaluations, lost.outputs, lost.bytes)
		return err
	}
	return nil
}

func (w *transaction) writeSession(s Session) error {
	_, err := w.session.ExecContext(w.ctx, s.ID, s.Kernel, s.DisplayName, s.Language, s.Folder, nanoseconds(s.Started), nanoseconds(s.Ended))
	return err
}

func (w *transaction) writeEvaluation(e Evaluation) error {
	if s, ok := w.live.liveSession(e.Session); ok {
		var one int
		err := w.hasSession.QueryRowContext(w.ctx, e.Session).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			err = w.writeSession(s)
		}
		if err != nil {
			return err
		}
	}
	_, err := w.evaluation.ExecContext(w.ctx, e.ID, e.Session, e.Code, e.Origin.Client, e.Origin.URI, e.Origin.Line, e.Origin.Column, e.Origin.Version,
		e.State, e.Count, nanoseconds(e.Queued), nanoseconds(e.Started), nanoseconds(e.Ended), e.Message, e.Namespace,
		e.Origin.Lines, e.Origin.Start, e.Origin.End)
	return err
}

// id finds the row of an evaluation, which is written again where it was removed while the
// evaluation runs.
func (w *transaction) id(evaluation string) (id int64, found bool, err error) {
	err = w.find.QueryRowContext(w.ctx, evaluation).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err == nil, err
	}
	e, ok := w.live.liveEvaluation(evaluation)
	if !ok {
		return 0, false, nil
	}
	if err := w.writeEvaluation(e); err != nil {
		return 0, false, err
	}
	err = w.find.QueryRowContext(w.ctx, evaluation).Scan(&id)
	return id, err == nil, err
}

// outputs writes what came of the evaluation with an id.
func (w *transaction) outputs(evaluation string, id int64, o *outputs) error {
	if o.void {
		if _, err := w.void.ExecContext(w.ctx, id); err != nil {
			return err
		}
	}
	entries := o.log.Entries()
	if o.tail {
		done, err := w.extend(evaluation, id, &entries[0], o.written)
		if err != nil {
			return err
		}
		if done {
			w.tails[evaluation] = w.old[evaluation]
			entries = entries[1:]
		}
	}
	if o.lost.outputs > 0 {
		entries = append(entries, missing(o.lost, o.why))
	}
	for _, e := range entries {
		at, err := w.insert(id, e)
		if err != nil {
			return err
		}
		if delete(w.tails, evaluation); e.Kind == record.Stream {
			w.tails[evaluation] = at
		}
	}
	return nil
}

// extend writes the stream that the last batch ended with, as far as it is new, and tells
// whether that is done. If the row is not there any more, what is new is left to be written.
func (w *transaction) extend(evaluation string, id int64, e *record.Entry, written int) (done bool, err error) {
	if len(e.Text) == written {
		return true, nil
	}
	if at := w.old[evaluation]; at != 0 {
		r, _ := newRow(*e)
		result, err := w.replace.ExecContext(w.ctx, r.body, r.sum, at, id)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); n > 0 || err != nil {
			return true, err
		}
	}
	e.Text = e.Text[written:]
	return false, nil
}

func (w *transaction) insert(evaluation int64, e record.Entry) (int64, error) {
	if e.Kind == record.Update {
		if _, err := w.voidUpdate.ExecContext(w.ctx, evaluation, e.DisplayID); err != nil {
			return 0, err
		}
	}
	r, data := newRow(e)
	result, err := w.output.ExecContext(w.ctx, evaluation, string(r.kind), r.name, r.display, r.body, r.sum, r.lost.outputs, r.lost.bytes)
	if err != nil {
		return 0, err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return 0, err
	}
	for mime, value := range data {
		if err := w.value(id, mime, value); err != nil {
			return 0, fmt.Errorf("write %s: %w", mime, err)
		}
	}
	return id, nil
}

func (w *transaction) value(output int64, mime string, value json.RawMessage) error {
	if len(value) <= inline {
		_, err := w.data.ExecContext(w.ctx, output, mime, string(value), nil)
		return err
	}
	name := hash(value)
	var id int64
	err := w.blob.QueryRowContext(w.ctx, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		var result sql.Result
		if result, err = w.newBlob.ExecContext(w.ctx, name, []byte(value)); err == nil {
			id, err = result.LastInsertId()
		}
	}
	if err != nil {
		return err
	}
	_, err = w.data.ExecContext(w.ctx, output, mime, nil, id)
	return err
}

// nanoseconds is a time as the file has it, NULL if there is none.
func nanoseconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}
