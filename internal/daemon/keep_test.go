//go:build !windows

package daemon

import (
	"os"
	"testing"
	"time"
)

// TestRemovedFilesAreMadeAgain: a daemon whose files somebody removed is found all the same.
func TestRemovedFilesAreMadeAgain(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p, look: time.Millisecond})
	before := join(t, joining(p))
	o := joining(p)
	o.Command = nil
	for _, path := range []string{p.Socket(), p.lock(), p.Dir} {
		away := p.Dir + ".away"
		if err := os.Rename(path, away); err != nil {
			t.Fatal(err)
		}
		for there := false; !there; { // it looks at all times
			_, err := os.Lstat(path)
			there = err == nil
		}
		os.RemoveAll(away)
		for reached := false; !reached; {
			c, err := Join(t.Context(), o)
			if reached = err == nil; reached {
				answers(t, c)
				c.Close()
			}
		}
	}
	if readPID(p.lock()) != os.Getpid() {
		t.Error("the lock does not name the daemon")
	}
	if lock, err := tryLock(p.lock()); err == nil {
		lock.Close()
		t.Error("the daemon does not have its lock")
	}
	answers(t, before)
}

// TestLostPlace: a daemon whose place another one has by now serves who is with it to the end.
func TestLostPlace(t *testing.T) {
	p := newPlace(t)
	ended := serve(t, ServeOptions{Place: p, look: time.Millisecond})
	c := join(t, joining(p))
	// The other one has the lock as soon as there is one.
	other := p.lock() + ".new"
	lock, err := tryLock(other)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := os.Rename(other, p.lock()); err != nil {
		t.Fatal(err)
	}
	for there := true; there; {
		_, err := os.Lstat(p.Socket())
		there = err == nil
	}
	answers(t, c)
	c.Close()
	within(t, "the daemon ends with its last client", ended)
}

// TestOldFilesAreTouched, so that nobody takes them for left behind.
func TestOldFilesAreTouched(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p, look: time.Millisecond})
	old := time.Now().Add(-2 * touchPause)
	for _, path := range []string{p.Socket(), p.lock()} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{p.Socket(), p.lock()} {
		for {
			if st, err := os.Lstat(path); err != nil {
				t.Fatal(err)
			} else if time.Since(st.ModTime()) < touchPause {
				break
			}
		}
	}
}
