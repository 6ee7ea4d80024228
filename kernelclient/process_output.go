package kernelclient

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// maxOutputFile is how large the file of a process's own output may be, in bytes, when
	// it is looked at; then it is emptied. It is in memory where the runtime folder is.
	maxOutputFile = 1 << 20
	// Pauses between two looks: while a start is told of, and later.
	startOutputPause = 100 * time.Millisecond
	outputPause      = 2 * time.Second
)

// outputFile is the file into which a process that outlives its starter writes its own stdout
// and stderr. A pipe would break with its reader's end, or fill without one and stop the
// process.
//
// One goroutine, started by openOutput, looks from time to time at what is new, and empties
// a file that has grown too large; end stops it.
type outputFile struct {
	path string
	tail *tail // of what was written
	stop chan struct{}
	// stopped is closed when the goroutine has ended.
	stopped chan struct{}
	ending  sync.Once

	mu      sync.Mutex
	file    *os.File
	at      int64 // up to here it was read
	started chan struct{}
}

// openOutput locks a file, which it makes if it is new, and begins to read it. What it says of
// a process that has started long ago explains that process's death.
func openOutput(path string, isNew bool, logger *slog.Logger) (*outputFile, error) {
	flags := os.O_RDWR
	if isNew {
		flags |= os.O_CREATE | os.O_EXCL
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the file of the kernel's own output: %w", err)
	}
	if err := lockFile(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%w (lock %s: %w)", ErrHeld, path, err)
	}
	o := &outputFile{
		path: path, file: file, tail: &tail{logger: logger, flooded: make(chan struct{}), started: !isNew},
		stop: make(chan struct{}), stopped: make(chan struct{}), started: make(chan struct{}),
	}
	if !isNew {
		close(o.started)
		o.look()
	}
	go o.watch()
	return o, nil
}

// writer opens the file for the process. Everything is appended, so that the file can be
// emptied under it.
func (o *outputFile) writer() (*os.File, error) {
	file, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("open the file of the kernel's own output: %w", err)
	}
	return file, nil
}

func (o *outputFile) watch() {
	defer close(o.stopped)
	look := time.NewTicker(startOutputPause)
	defer look.Stop()
	started := o.started
	for {
		select {
		case <-look.C:
			o.look()
		case <-started:
			look.Reset(outputPause)
			started = nil
		case <-o.stop:
			return
		}
	}
}

// look reads what is new. Of what is too much the last is read.
func (o *outputFile) look() {
	o.mu.Lock()
	defer o.mu.Unlock()
	st, err := o.file.Stat()
	if err != nil {
		o.tail.logger.Debug("look at the kernel's own output", "error", err)
		return
	}
	size := st.Size()
	if size < o.at {
		o.at = 0
	}
	if size == o.at {
		return
	}
	skip := max(0, size-o.at-maxOutputFile)
	if skip > 0 {
		o.tail.cut()
		o.at += skip
	}
	n, err := io.Copy(o.tail, io.NewSectionReader(o.file, o.at, size-o.at))
	o.at += n
	if err != nil {
		o.tail.logger.Debug("read the kernel's own output", "error", err)
	}
	o.tail.skipped(int(skip))
	if size > maxOutputFile {
		o.empty()
	}
}

// empty removes what was read; mu is held.
func (o *outputFile) empty() {
	if err := o.file.Truncate(0); err != nil {
		o.tail.logger.Debug("empty the file of the kernel's own output", "error", err)
		return
	}
	o.at = 0
}

// forget drops what a kernel says at every start, which explains no later death.
func (o *outputFile) forget() {
	o.look()
	o.tail.forget()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.empty()
	close(o.started)
}

// end reads what is left, and ends the reading. The file stays open, and locked; a nil
// outputFile has nothing to end.
func (o *outputFile) end() {
	if o == nil {
		return
	}
	o.ending.Do(func() {
		close(o.stop)
		<-o.stopped
		o.look()
	})
}

// close ends the reading and lets go of the file.
func (o *outputFile) close() {
	o.end()
	o.file.Close()
}
