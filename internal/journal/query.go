package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/jupyter"
)

// Query says which evaluations are wanted; what is empty does not matter.
type Query struct {
	Session string
	URI     string
	Folder  string // of the session, or a folder above it
	Shown   bool   // whose result was neither cleared nor replaced
	Unended bool   // whose end is not known
	Before  string // the ID of an evaluation: those that were told before it
	Limit   int    // how many at most; 0 is no limit
}

// Evaluations gives the evaluations that a query asks for, the last that was told first.
// What was told since the last Flush may be missing, here and in all that is read.
func (j *Journal) Evaluations(ctx context.Context, q Query) (found []Evaluation, err error) {
	query := `SELECT e.evaluation, e.session, e.code, e.client, e.uri, e.line, e."column", e.version,
		e.state, e.count, e.queued, e.started, e.ended, e.message, e.namespace, e.lines, e.first, e.last FROM evaluations e WHERE 1`
	var args []any
	where := func(condition string, values ...any) {
		query += " AND " + condition
		args = append(args, values...)
	}
	if q.Session != "" {
		where("e.session = :session", sql.Named("session", q.Session))
	}
	if q.URI != "" {
		where("e.uri = :uri", sql.Named("uri", q.URI))
	}
	if q.Folder != "" {
		condition, values := inFolder(q.Folder)
		where("e.session IN (SELECT session FROM sessions WHERE "+condition+")", values...)
	}
	if q.Shown {
		where("NOT e.hidden")
	}
	if q.Unended {
		where("e.ended IS NULL")
	}
	if q.Before != "" {
		where("e.id < (SELECT id FROM evaluations WHERE evaluation = :before)", sql.Named("before", q.Before))
	}
	query += " ORDER BY e.id DESC LIMIT :limit"
	args = append(args, sql.Named("limit", atMost(q.Limit)))
	err = j.read(ctx, func(tx *sql.Tx, _ *store) error {
		found = nil
		rows, err := tx.QueryContext(ctx, query, args...)
		return each(rows, err, func(rows *sql.Rows) error {
			var e Evaluation
			var queued, started, ended sql.NullInt64
			if err := rows.Scan(&e.ID, &e.Session, &e.Code, &e.Origin.Client, &e.Origin.URI, &e.Origin.Line, &e.Origin.Column, &e.Origin.Version,
				&e.State, &e.Count, &queued, &started, &ended, &e.Message,
				&e.Namespace, &e.Origin.Lines, &e.Origin.Start, &e.Origin.End); err != nil {
				return err
			}
			e.Queued, e.Started, e.Ended = at(queued), at(started), at(ended)
			found = append(found, e)
			return nil
		})
	})
	return found, err
}

// Sessions gives the sessions of a folder and of those in it, or all, the last that was
// told first.
func (j *Journal) Sessions(ctx context.Context, folder string) (found []Session, err error) {
	condition, args := "1", []any(nil)
	if folder != "" {
		condition, args = inFolder(folder)
	}
	err = j.read(ctx, func(tx *sql.Tx, _ *store) error {
		found = nil
		query := "SELECT session, kernel, display_name, language, folder, started, ended FROM sessions WHERE " + condition + " ORDER BY id DESC"
		rows, err := tx.QueryContext(ctx, query, args...)
		return each(rows, err, func(rows *sql.Rows) error {
			var s Session
			var started, ended sql.NullInt64
			if err := rows.Scan(&s.ID, &s.Kernel, &s.DisplayName, &s.Language, &s.Folder, &started, &ended); err != nil {
				return err
			}
			s.Started, s.Ended = at(started), at(ended)
			found = append(found, s)
			return nil
		})
	})
	return found, err
}

// Outputs gives what came of an evaluation, from an index on, limit of them at most (0 is
// no limit), and how many there are. What could not be kept has a line in its place that
// says so.
func (j *Journal) Outputs(ctx context.Context, evaluation string, from, limit int) (entries []record.Entry, total int, err error) {
	err = j.read(ctx, func(tx *sql.Tx, s *store) error {
		entries = nil
		var id int64
		if err := tx.StmtContext(ctx, s.total).QueryRowContext(ctx, evaluation).Scan(&id, &total); err != nil || total == 0 {
			return err
		}
		page := []any{id, atMost(limit), max(0, from)}
		data := map[int64]jupyter.MIMEBundle{}
		rows, err := tx.StmtContext(ctx, s.bundles).QueryContext(ctx, page...)
		err = each(rows, err, func(rows *sql.Rows) error {
			var output int64
			var mime string
			var value []byte
			if err := rows.Scan(&output, &mime, &value); err != nil {
				return err
			}
			if data[output] == nil {
				data[output] = jupyter.MIMEBundle{}
			}
			data[output][mime] = json.RawMessage(value)
			return nil
		})
		if err != nil {
			return err
		}
		rows, err = tx.StmtContext(ctx, s.rows).QueryContext(ctx, page...)
		return each(rows, err, func(rows *sql.Rows) error {
			var id int64
			var r row
			if err := rows.Scan(&id, &r.kind, &r.name, &r.display, &r.body, &r.sum, &r.lost.outputs, &r.lost.bytes); err != nil {
				return err
			}
			entries = append(entries, r.entry(data[id]))
			return nil
		})
	})
	return entries, total, err
}

// reading are the statements of Outputs.
type reading struct{ total, bundles, rows *sql.Stmt }

func (s *store) prepareReading(ctx context.Context) error {
	const page = `FROM outputs WHERE evaluation = ? ORDER BY id LIMIT ? OFFSET ?`
	for query, at := range map[string]**sql.Stmt{
		`SELECT coalesce(max(evaluation), 0), count(*) FROM outputs WHERE evaluation = (SELECT id FROM evaluations WHERE evaluation = ?)`:                                 &s.total,
		`SELECT data.output, data.mime, coalesce(data.value, blobs.data) FROM data LEFT JOIN blobs ON blobs.id = data.blob WHERE data.output IN (SELECT id ` + page + `)`: &s.bundles,
		`SELECT id, kind, name, display, body, sum, lost, lost_bytes ` + page:                                                                                             &s.rows,
	} {
		statement, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		*at, s.prepared = statement, append(s.prepared, statement)
	}
	return nil
}

// Stats are of the whole journal.
type Stats struct {
	Path                                    string
	Bytes                                   int64 // of its files
	Sessions, Evaluations, Outputs          int
	LostEvaluations, LostOutputs, LostBytes int // what could not be kept
}

// Stats gives the journal's size.
func (j *Journal) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Path: j.path}
	for _, end := range beside {
		if st, err := os.Stat(j.path + end); err == nil {
			s.Bytes += st.Size()
		}
	}
	err := j.read(ctx, func(tx *sql.Tx, _ *store) error {
		return tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM evaluations), (SELECT count(*) FROM outputs WHERE kind <> 'lost'),
			(SELECT coalesce(sum(evaluations), 0) FROM losses),
			(SELECT coalesce(sum(outputs), 0) FROM losses) + (SELECT coalesce(sum(lost), 0) FROM outputs WHERE kind = 'lost'),
			(SELECT coalesce(sum(bytes), 0) FROM losses) + (SELECT coalesce(sum(lost_bytes), 0) FROM outputs WHERE kind = 'lost')`).
			Scan(&s.Sessions, &s.Evaluations, &s.Outputs, &s.LostEvaluations, &s.LostOutputs, &s.LostBytes)
	})
	return s, err
}

// read reads in one view of the file. f may be called twice: the writer may open another
// file meanwhile.
func (j *Journal) read(ctx context.Context, f func(tx *sql.Tx, s *store) error) error {
	select {
	case <-j.opened:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var err error
	for range 2 {
		j.mu.Lock()
		s, why := j.store, j.why
		if s == nil && j.off != nil {
			why = j.off
		}
		j.mu.Unlock()
		if s == nil {
			if why == nil {
				why = errClosed
			}
			return fmt.Errorf("read the history: %w", why)
		}
		if err = s.read(ctx, f); err == nil {
			return nil
		}
		j.mu.Lock()
		if isBroken(err) && j.store == s {
			j.damaged = true
			j.look()
		}
		changed := j.store != s
		j.mu.Unlock()
		if !changed {
			break
		}
	}
	return fmt.Errorf("read the history: %w", err)
}

func (s *store) read(ctx context.Context, f func(tx *sql.Tx, s *store) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(tx, s), tx.Rollback())
}

// each calls f for each row of what a query gave.
func each(rows *sql.Rows, err error, f func(rows *sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// inFolder is the condition that a session's folder is one, or lies in it.
func inFolder(folder string) (condition string, args []any) {
	below := strings.TrimSuffix(filepath.Clean(folder), string(filepath.Separator)) + string(filepath.Separator)
	return "(folder = :folder OR substr(folder, 1, length(:below)) = :below)", []any{sql.Named("folder", filepath.Clean(folder)), sql.Named("below", below)}
}

// atMost is a limit as SQLite has it.
func atMost(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

// at is a time that the file has.
func at(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return time.Unix(0, t.Int64)
}
