package gokernel

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	streamDelay = 20 * time.Millisecond // output waits at most this long
	streamBatch = 64 << 10              // and at most this many bytes
)

// streams captures the process's stdout and stderr. Both are pipes whose other
// ends are read here, so that nothing that writes to the files, or to the
// descriptors below them, is lost; a full pipe makes the writer wait.
//
// A mark written into a pipe and seen by its reader tells that everything
// written before has been taken in: that is how sync waits.
type streams struct {
	publish        func(name, text string)
	stdout, stderr *pipe
	restore        func()

	mu      sync.Mutex
	name    string // stream of what is pending
	pending []byte
	timer   *time.Timer
}

// pipe is one captured stream.
type pipe struct {
	s    *streams
	name string
	r, w *os.File
	mark []byte // a mark's constant part; its last byte numbers the waiter
	done chan struct{}

	mu     sync.Mutex
	marks  int                   // written so far
	waiter map[int]chan struct{} // by mark
}

func captureStreams(publish func(name, text string)) (*streams, error) {
	s := &streams{publish: publish}
	var err error
	if s.stdout, err = newPipe(s, "stdout"); err != nil {
		return nil, err
	}
	if s.stderr, err = newPipe(s, "stderr"); err != nil {
		return nil, err
	}
	if s.restore, err = redirect(s.stdout.w, s.stderr.w); err != nil {
		return nil, err
	}
	s.timer = time.AfterFunc(time.Hour, s.flush)
	s.timer.Stop()
	log.SetOutput(s.orderedStderr())
	go s.stdout.read()
	go s.stderr.read()
	return s, nil
}

func newPipe(s *streams, name string) (*pipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", name, err)
	}
	var random [12]byte
	rand.Read(random[:])
	mark := append([]byte{0, 2}, hex.AppendEncode(nil, random[:])...)
	return &pipe{s: s, name: name, r: r, w: w, mark: mark, done: make(chan struct{}), waiter: map[int]chan struct{}{}}, nil
}

// close ends the capture: the process's streams are what they were before.
func (s *streams) close() {
	s.sync()
	s.restore()
	for _, p := range []*pipe{s.stdout, s.stderr} {
		p.w.Close()
		_ = p.r.SetReadDeadline(time.Now()) // a child process may hold the other end open
		<-p.done
		p.r.Close()
	}
	s.flush()
}

// sync waits until everything written so far has been published.
func (s *streams) sync() {
	s.stdout.sync()
	s.stderr.sync()
	s.flush()
}

// sync waits until everything written to the pipe so far was read.
func (p *pipe) sync() {
	seen := make(chan struct{})
	p.mu.Lock()
	p.marks++
	number := p.marks
	p.waiter[number] = seen
	p.mu.Unlock()
	// Shorter than PIPE_BUF: written in one piece.
	mark := fmt.Appendf(bytes.Clone(p.mark), "%08x", number)
	if _, err := p.w.Write(mark); err != nil {
		return
	}
	select {
	case <-seen:
	case <-p.done:
	}
}

const markDigits = 8

// read takes in what comes through the pipe until it is closed.
func (p *pipe) read() {
	defer close(p.done)
	buf := make([]byte, streamBatch)
	var held []byte
	for {
		n, err := p.r.Read(buf)
		held = append(held, buf[:n]...)
		held = p.take(held)
		if err != nil {
			p.s.write(p.name, held)
			return
		}
	}
}

// take hands on what is not a mark, and gives what may be the start of one.
func (p *pipe) take(data []byte) (rest []byte) {
	for {
		i := bytes.Index(data, p.mark)
		if i < 0 || len(data) < i+len(p.mark)+markDigits {
			break
		}
		p.s.write(p.name, data[:i])
		end := i + len(p.mark) + markDigits
		var number int
		if _, err := fmt.Sscanf(string(data[i+len(p.mark):end]), "%x", &number); err == nil {
			p.mu.Lock()
			if seen := p.waiter[number]; seen != nil {
				close(seen)
				delete(p.waiter, number)
			}
			p.mu.Unlock()
		}
		data = data[end:]
	}
	keep := partial(data, p.mark)
	p.s.write(p.name, data[:len(data)-keep])
	return bytes.Clone(data[len(data)-keep:])
}

// partial gives how many bytes at the end of data may begin a mark.
func partial(data, mark []byte) int {
	if i := bytes.Index(data, mark); i >= 0 {
		return len(data) - i
	}
	for n := min(len(mark)-1, len(data)); n > 0; n-- {
		if bytes.Equal(data[len(data)-n:], mark[:n]) {
			return n
		}
	}
	return 0
}

// write adds output, which is published when enough has come or some time passed.
func (s *streams) write(name string, text []byte) {
	if len(text) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name != name {
		s.send(true)
		s.name = name
	}
	if len(s.pending) == 0 {
		s.timer.Reset(streamDelay)
	}
	s.pending = append(s.pending, text...)
	if len(s.pending) >= streamBatch {
		s.send(false)
	}
}

func (s *streams) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(true)
}

// send publishes what is pending. Unless all is to go, the bytes of a character
// that is not there in whole wait for the rest. The caller holds mu: the lock
// keeps the order, and a slow subscriber holds up the writers.
func (s *streams) send(all bool) {
	n := len(s.pending)
	if !all {
		n -= incomplete(s.pending)
	}
	if n == 0 {
		return
	}
	s.publish(s.name, string(bytes.ToValidUTF8(s.pending[:n], []byte("\uFFFD"))))
	s.pending = append(s.pending[:0], s.pending[n:]...)
}

// incomplete counts the bytes at the end that begin a character.
func incomplete(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// orderedStderr writes to stderr so that its order with stdout is kept: the two
// are different pipes, and only a wait between them orders them.
func (s *streams) orderedStderr() io.Writer { return orderedWriter{s} }

type orderedWriter struct{ s *streams }

func (o orderedWriter) Write(b []byte) (int, error) {
	o.s.stdout.sync()
	n, err := o.s.stderr.w.Write(b)
	o.s.stderr.sync()
	return n, err
}
