package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations lead from each version of the schema to the next; the file's user_version
// counts those that were done. One that was released is not changed any more.
//
// Times are nanoseconds since 1970, and NULL where there is none. What is in order is in
// order of its id, never of a time.
var migrations = []string{
	// data has the MIME bundles, with large values in blobs, each once. The sum of a row
	// of outputs is the CRC-32C of all that it has, with its data.
	`CREATE TABLE sessions (
		id INTEGER PRIMARY KEY, session TEXT NOT NULL UNIQUE, kernel TEXT NOT NULL, display_name TEXT NOT NULL,
		language TEXT NOT NULL, folder TEXT NOT NULL, started INTEGER, ended INTEGER
	);
	CREATE TABLE evaluations (
		id INTEGER PRIMARY KEY AUTOINCREMENT, evaluation TEXT NOT NULL UNIQUE, session TEXT NOT NULL, code TEXT NOT NULL,
		client TEXT NOT NULL, uri TEXT NOT NULL, line INTEGER NOT NULL, "column" INTEGER NOT NULL, version INTEGER NOT NULL,
		state TEXT NOT NULL, count INTEGER NOT NULL, queued INTEGER, started INTEGER, ended INTEGER, message TEXT NOT NULL
	);
	CREATE INDEX evaluations_session ON evaluations (session);
	CREATE INDEX evaluations_uri ON evaluations (uri);
	CREATE TABLE outputs (
		id INTEGER PRIMARY KEY, evaluation INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, display TEXT NOT NULL,
		body TEXT NOT NULL, sum INTEGER NOT NULL
	);
	CREATE INDEX outputs_evaluation ON outputs (evaluation);
	CREATE INDEX outputs_update ON outputs (evaluation, display) WHERE kind = 'update';
	CREATE TABLE data (
		output INTEGER NOT NULL, mime TEXT NOT NULL, value TEXT, blob INTEGER, PRIMARY KEY (output, mime)
	) WITHOUT ROWID;
	CREATE INDEX data_blob ON data (blob) WHERE blob IS NOT NULL;
	CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, data BLOB NOT NULL);
	CREATE TRIGGER outputs_deleted AFTER DELETE ON outputs WHEN old.kind <> 'stream' BEGIN
		DELETE FROM data WHERE output = old.id;
	END;
	CREATE TRIGGER data_deleted AFTER DELETE ON data WHEN old.blob IS NOT NULL BEGIN
		DELETE FROM blobs WHERE id = old.blob AND NOT EXISTS (SELECT 1 FROM data WHERE blob = old.blob);
	END;`,

	// An output of the kind lost stands for others that are not there. removed has the ids
	// of evaluations whose outputs are still to be removed, losses what was noted nowhere
	// else.
	`ALTER TABLE outputs ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE outputs ADD COLUMN lost_bytes INTEGER NOT NULL DEFAULT 0;
	CREATE TABLE removed (evaluation INTEGER PRIMARY KEY);
	CREATE TABLE losses (
		id INTEGER PRIMARY KEY, noted INTEGER, evaluations INTEGER NOT NULL, outputs INTEGER NOT NULL, bytes INTEGER NOT NULL
	);
	CREATE INDEX evaluations_ended ON evaluations (ended);`,

	// The lines on which an evaluation's code stood, to find it again.
	`ALTER TABLE evaluations ADD COLUMN lines TEXT NOT NULL DEFAULT '';
	ALTER TABLE evaluations ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE evaluations ADD COLUMN last INTEGER NOT NULL DEFAULT 0;`,

	// Which of its session's namespaces an evaluation ran in.
	`ALTER TABLE evaluations ADD COLUMN namespace INTEGER NOT NULL DEFAULT 0;`,

	// Whether the result of an evaluation was cleared, or another stands in its place.
	`ALTER TABLE evaluations ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;`,
}

// errNewer is of a journal that a later version of reval has migrated.
var errNewer = errors.New("a newer version of reval has written it")

// current tells whether the schema is this version's.
func current(ctx context.Context, c *sql.Conn) (bool, error) {
	var version int
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return false, err
	}
	if version > len(migrations) {
		return false, errNewer
	}
	return version == len(migrations), nil
}

// migrate brings the schema to this version.
func migrate(ctx context.Context, c *sql.Conn) error {
	if ok, err := current(ctx, c); ok || err != nil {
		return err
	}
	return transact(ctx, c, func() error {
		var version int
		if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		for i := version; i < len(migrations); i++ {
			if _, err := c.ExecContext(ctx, migrations[i]); err != nil {
				return fmt.Errorf("migrate to schema %d: %w", i+1, err)
			}
		}
		_, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", max(version, len(migrations))))
		return err
	})
}

// transact does all that f does, or nothing. No other process writes meanwhile.
func transact(ctx context.Context, c *sql.Conn, f func() error) error {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// After some errors SQLite has done so itself.
		_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}
