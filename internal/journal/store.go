package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/reval-editor/reval/internal/trust"
)

// store is the opened file.
type store struct {
	path string
	file fs.FileInfo // by which it is known
	db   *sql.DB
	conn *sql.Conn // the writer's own
	statements
	reading
	prepared []*sql.Stmt // all of these, to be closed before the connections
}

// What every connection has. A transaction that was committed outlives the process; it
// may be undone with the machine's power, and the file stays whole.
const pragmas = "?_synchronous=NORMAL&_pragma=cache_size(-2000)&_pragma=secure_delete(FAST)&_pragma=journal_size_limit(8388608)"

// readers is how many may read at the same time.
const readers = 4

// checked is up to which size, in bytes, the whole file is looked over when it is opened.
const checked = 32 << 20

// openStore opens the journal at path, an absolute path, and makes it if there is none.
// Where others are at it, it waits for busy. One that is broken is moved aside, and so is
// the one that is known as broken; aside is where it is then.
func openStore(ctx context.Context, path string, busy time.Duration, broken fs.FileInfo) (s *store, aside string, err error) {
	if err := trust.Private(filepath.Dir(path)); err != nil {
		return nil, "", err
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), lockName), busy)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	if broken != nil {
		if st, err := os.Lstat(path); err == nil && os.SameFile(st, broken) {
			if aside, err = moveAside(path); err != nil {
				return nil, "", err
			}
		}
	}
	if s, err = openFile(ctx, path, busy); isBroken(err) {
		if aside, err = moveAside(path); err == nil {
			s, err = openFile(ctx, path, busy)
		}
	}
	return s, aside, err
}

// lockName is an SQLite file of nothing whose lock is held while a journal is opened,
// migrated, or moved aside.
const lockName = "journal.lock"

func lock(ctx context.Context, path string, busy time.Duration) (unlock func(), err error) {
	if err := private(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, busy))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() {
		_ = conn.Close() // it wrote nothing
		_ = db.Close()
	}, nil
}

func dsn(path string, busy time.Duration) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive
	}
	return (&url.URL{Scheme: "file", Path: path}).String() + pragmas + fmt.Sprintf("&_busy_timeout=%d", busy.Milliseconds())
}

// private makes an empty file that is the user's alone, or sees to it that what is there
// is one. SQLite gives the files that it makes beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		return f.Close()
	}
	st, statErr := os.Lstat(path)
	switch {
	case statErr != nil:
		return err // that it could not be made
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s: it is no regular file", path)
	}
	if err := trust.Owned(path); err != nil {
		return err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, 0o600)
	}
	return nil
}

func openFile(ctx context.Context, path string, busy time.Duration) (*store, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	for _, beside := range []string{path + "-wal", path + "-shm"} {
		if st, err := os.Lstat(beside); err == nil && !st.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: it is no regular file", beside)
		}
	}
	s := &store{path: path}
	var err error
	if s.file, err = os.Lstat(path); err != nil {
		return nil, err
	}
	if s.db, err = sql.Open("sqlite", dsn(path, busy)); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1 + readers)
	s.db.SetConnMaxIdleTime(time.Minute)
	if err = s.prepare(ctx); err != nil {
		s.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// prepare makes of the file what this version writes.
func (s *store) prepare(ctx context.Context) error {
	var err error
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if s.file.Size() <= checked {
		var found string
		if err := s.conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
			return err
		}
		if found != "ok" {
			return fmt.Errorf("%w: %s", errBroken, found)
		}
	}
	if _, err := current(ctx, s.conn); err != nil { // before anything is changed
		return err
	}
	for _, pragma := range []string{"auto_vacuum = INCREMENTAL", "journal_mode = WAL"} {
		if _, err := s.conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return err
		}
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	if err := s.prepareWriting(ctx); err != nil {
		return err
	}
	return s.prepareReading(ctx)
}

// close closes the file; all was committed.
func (s *store) close() {
	for _, statement := range s.prepared {
		_ = statement.Close()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	_ = s.db.Close()
}

// there tells whether the file is still the one that the path names.
func (s *store) there() bool {
	st, err := os.Lstat(s.path)
	return err == nil && os.SameFile(st, s.file)
}

// beside are the endings of a journal's files, the last is the journal itself: with what
// SQLite has written beside another file it would change that.
var beside = []string{"-wal", "-shm", ""}

const brokenName = ".broken-"

// moveAside gives a journal's files another name, by the present time, and says which.
func moveAside(path string) (string, error) {
	aside := path + brokenName + time.Now().Format("20060102-150405")
	for n, base := 2, aside; exists(aside); n++ {
		aside = fmt.Sprintf("%s-%d", base, n)
	}
	for _, end := range beside {
		if err := os.Rename(path+end, aside+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeBroken removes journals that were moved aside, but for the newest ones.
func removeBroken(path string, but int) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	var broken []string // in order of their names, which is that of their times
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, filepath.Base(path)+brokenName) && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			broken = append(broken, filepath.Join(filepath.Dir(path), name))
		}
	}
	slices.Sort(broken)
	var errs []error
	for _, old := range broken[:max(0, len(broken)-but)] {
		for _, end := range beside {
			if err := os.Remove(old + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

var errBroken = errors.New("it is broken")

// isBroken tells whether an error says that the file is no journal any more.
func isBroken(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return errors.Is(err, errBroken)
}

// code is SQLite's result code of an error, the primary one; 0 if it is not SQLite's.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// passes tells whether an error is the surroundings', so that the same may be written
// later.
func passes(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOLFS:
		return true
	}
	return false
}
