package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/reval-editor/reval/internal/trust"
)

// Bounds of a log.
const (
	maxLog  = 4 << 20 // bytes, from which on a new file is begun
	oldLogs = 2       // files that are kept besides: NAME.1 is the newer one
)

// Log is a file that begins anew when it is long. Daemons of several builds may write to
// one. What the runtime says when it ends the process goes there, too.
type Log struct {
	path string
	max  int64

	mu   sync.Mutex
	file *os.File
	size int64 // what was there and what was written since
}

// OpenLog opens the log at path, and makes its folder. max is in bytes; 0 for 4 MiB.
func OpenLog(path string, max int64) (*Log, error) {
	if max == 0 {
		max = maxLog
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the daemon's log: %w", err)
	}
	if err := trust.Owned(dir); err != nil {
		return nil, fmt.Errorf("open the daemon's log: %w", err)
	}
	l := &Log{path: path, max: max}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open the daemon's log: %w", err)
	}
	return l, nil
}

// Write writes an entry whole into one file.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, os.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(p)) > l.max {
		if err := l.rotate(); err != nil {
			fmt.Fprintf(l.file, "a new log is not begun: %v\n", err)
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	debug.SetCrashOutput(nil, debug.CrashOptions{})
	err := l.file.Close()
	l.file = nil
	return err
}

// open opens the file; mu is held, or nobody else has l yet.
func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|noFollow, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New(l.path + " is no file")
	}
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size = f, st.Size()
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// rotate begins a new file, unless another process has; mu is held.
func (l *Log) rotate() error {
	old := l.file
	if err := lockOpen(old); err != nil {
		return err
	}
	if isAt(old, l.path) {
		for n := oldLogs; n > 0; n-- {
			from := fmt.Sprintf("%s.%d", l.path, n-1)
			if n == 1 {
				from = l.path
			}
			os.Rename(from, fmt.Sprintf("%s.%d", l.path, n))
		}
	}
	if err := l.open(); err != nil {
		return err // the old one is gone on with
	}
	return old.Close()
}
