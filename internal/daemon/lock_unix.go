//go:build !windows

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// errLocked is of a lock that another process holds.
var errLocked = errors.New("another process has locked it")

// lockFile locks the file at path, which is made if it is not there, and waits for who
// has it until ctx ends; with a context that has ended it does not wait. Closing the file
// gives the lock back, and so does the end of all processes that have the file open.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(ctx, f); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if isAt(f, path) { // who had it may have removed it
			return f, nil
		}
		f.Close()
	}
}

// flock locks f, which it closes if it cannot.
func flock(ctx context.Context, f *os.File) error {
	switch err := flockRetry(f, syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return nil
	case err != syscall.EWOULDBLOCK:
		f.Close()
		return err
	case ctx.Err() != nil:
		f.Close()
		return errLocked
	}
	// Nothing breaks off the wait for a lock: where ctx ends before, the lock is given back
	// as soon as it is had.
	locked := make(chan error, 1)
	go func() { locked <- flockRetry(f, syscall.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
		}
		return err
	case <-ctx.Done():
		go func() {
			<-locked
			f.Close()
		}()
		return errors.Join(errLocked, context.Cause(ctx))
	}
}

func flockRetry(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// tryLock locks the file at path, or gives errLocked.
func tryLock(path string) (*os.File, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return lockFile(ctx, path)
}

// writePID notes in a locked file who has it.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// readPID reads who has locked a file; 0 if it does not say.
func readPID(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// lockOpen waits for the lock of an open file.
func lockOpen(f *os.File) error { return flockRetry(f, syscall.LOCK_EX) }

// noFollow refuses to open a link.
const noFollow = syscall.O_NOFOLLOW
