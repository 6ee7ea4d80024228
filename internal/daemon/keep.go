package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/reval-editor/reval/internal/trust"
)

const (
	// lookPause is how often a daemon looks whether it still has its place.
	lookPause = time.Minute
	// touchPause is how often it says so to programs that remove what is old.
	touchPause = time.Hour
)

// keep sees to it that this daemon can be found: somebody may have removed its files, as
// those programs do that clean up temporary folders.
func (s *server) keep() {
	look := time.NewTicker(s.options.look)
	defer look.Stop()
	for lost := false; ; {
		select {
		case <-s.ctx.Done():
			return
		case <-look.C:
		}
		err := s.takePlace()
		if err != nil && !lost {
			s.log.Warn("the daemon cannot be found", "error", err)
		}
		lost = err != nil
	}
}

// takePlace makes the daemon's files again that are gone. Where another daemon has its place
// by now, this one has handed over.
func (s *server) takePlace() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handover || s.ctx.Err() != nil {
		return nil
	}
	p := s.options.Place
	// The folder goes with the user's last login, and what it is in comes back with the next.
	if _, err := os.Lstat(filepath.Dir(p.Dir)); err != nil {
		return err
	}
	if err := trust.Private(p.Dir); err != nil {
		return err
	}
	if !isAt(s.lock, p.lock()) {
		lock, err := tryLock(p.lock())
		if errors.Is(err, errLocked) {
			s.handOver()
			return nil
		}
		if err == nil {
			err = writePID(lock)
		}
		if err != nil {
			return err
		}
		s.lock.Close()
		s.lock = lock
	}
	if _, err := os.Lstat(p.Socket()); err != nil {
		s.log.Info("the daemon's socket is gone and made again")
		listener, err := p.listen()
		if err != nil {
			return err
		}
		s.listener.SetUnlinkOnClose(false)
		s.listener.Close()
		s.listener = listener
		s.wait.Go(func() { s.accept(listener) })
	}
	if st, err := os.Lstat(p.lock()); err == nil && time.Since(st.ModTime()) > touchPause {
		now := time.Now()
		return errors.Join(os.Chtimes(p.lock(), now, now), os.Chtimes(p.Socket(), now, now))
	}
	return nil
}

// isAt tells whether an open file still stands at a path.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	there, thereErr := os.Lstat(path)
	return err == nil && thereErr == nil && os.SameFile(open, there)
}
