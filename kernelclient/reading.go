package kernelclient

import (
	"os"
	"time"
)

// longAgo is an access time that no reading leaves behind. Linux's relatime keeps
// the time of a reading if the one before it is older than the file's last change.
var longAgo = time.Unix(1_000_000_000, 0)

// reading tells whether a file has been read. A kernel that ends without having
// read its connection file does so for another reason than what is in it.
type reading struct {
	path string
	kept bool // the file system keeps the times of access
}

// watchReading begins to look, at a file that was just written.
func watchReading(path string) reading {
	r := reading{path: path, kept: true}
	r.forget()
	if _, err := os.ReadFile(path); err != nil {
		r.kept = false
		return r
	}
	r.kept, _ = r.done()
	r.forget()
	return r
}

func (r reading) forget() { os.Chtimes(r.path, longAgo, time.Now()) }

// done tells whether the file was read since, and whether that is known.
func (r reading) done() (read, known bool) {
	st, err := os.Stat(r.path)
	if err != nil || !r.kept {
		return false, false
	}
	at, ok := accessTime(st)
	return at.After(longAgo.Add(time.Second)), ok
}
