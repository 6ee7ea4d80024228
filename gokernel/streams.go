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

// streams hands on what cells print, to the cell that prints it.
//
// A kernel that has the process to itself captures stdout and stderr: both are
// pipes whose other ends are read here, so that nothing that writes to the files, or
// to the descriptors below them, is lost; a full pipe makes the writer wait. Code of
// cells writes into the same pipes, which keeps the order. A mark in a pipe has its
// reader do something at its place in the text: wake who waits for it in sync, or
// turn to another cell. What has no mark is the foreground cell's.
//
// A kernel inside another program leaves that one's streams alone: then there are
// no pipes.
type streams struct {
	cells          *cells
	publish        func(c *cell, name, text string)
	stdout, stderr *pipe // nil inside another program
	restore        func()

	mu      sync.Mutex
	cell    *cell  // of what is pending
	name    string // and its stream
	pending []byte
	timer   *time.Timer
}

// pipe is one captured stream.
type pipe struct {
	s    *streams
	name string
	r, w *os.File
	mark []byte // a mark's constant part; digits that number it follow
	done chan struct{}
	cell *cell // whose text comes; nil = the foreground's. Of the reader alone

	writing sync.Mutex // keeps a cell's text and the marks around it together

	mu    sync.Mutex
	marks int            // written so far
	acts  map[int]func() // what the reader does, by mark
}

func newStreams(cs *cells, publish func(c *cell, name, text string)) *streams {
	s := &streams{cells: cs, publish: publish}
	s.timer = time.AfterFunc(time.Hour, s.flush)
	s.timer.Stop()
	return s
}

func captureStreams(cs *cells, publish func(c *cell, name, text string)) (*streams, error) {
	s := newStreams(cs, publish)
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
	log.SetOutput(s.writer("stderr"))
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
	return &pipe{s: s, name: name, r: r, w: w, mark: mark, done: make(chan struct{}), acts: map[int]func(){}}, nil
}

// close ends the capture: the process's streams are what they were before.
func (s *streams) close() {
	s.sync()
	if s.stdout == nil {
		return
	}
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
	if s.stdout != nil {
		s.stdout.sync()
		s.stderr.sync()
	}
	s.flush()
}

// syncCell waits until what a cell has written so far has been published. One beside the
// foreground's that has written nothing does not wait for the others' output.
func (s *streams) syncCell(c *cell) {
	if c == nil || c == s.cells.main() || c.printed.Load() {
		s.sync()
	}
}

// turn makes another cell the foreground's: what was written before is the old one's.
func (s *streams) turn(change func()) {
	if s.stdout != nil {
		s.stdout.writing.Lock()
		defer s.stdout.writing.Unlock()
		s.stderr.writing.Lock()
		defer s.stderr.writing.Unlock()
	}
	s.sync()
	change()
}

// sync waits until everything written to the pipe so far was read.
func (p *pipe) sync() {
	seen := make(chan struct{})
	if _, err := p.w.Write(p.newMark(func() { close(seen) })); err != nil {
		return
	}
	select {
	case <-seen:
	case <-p.done:
	}
}

// newMark gives a mark at which the reader calls act. It is shorter than PIPE_BUF,
// and so is written in one piece.
func (p *pipe) newMark(act func()) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks++
	p.acts[p.marks] = act
	return fmt.Appendf(bytes.Clone(p.mark), "%08x", p.marks)
}

// print writes a cell's text.
func (p *pipe) print(c *cell, text []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if c == p.s.cells.main() {
		return p.w.Write(text)
	}
	if _, err := p.w.Write(p.newMark(func() { p.cell = c })); err != nil {
		return 0, err
	}
	n, err := p.w.Write(text)
	if _, merr := p.w.Write(p.newMark(func() { p.cell = nil })); err == nil {
		err = merr
	}
	return n, err
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
			p.write(held)
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
		p.write(data[:i])
		end := i + len(p.mark) + markDigits
		var number int
		if _, err := fmt.Sscanf(string(data[i+len(p.mark):end]), "%x", &number); err == nil {
			p.mu.Lock()
			act := p.acts[number]
			delete(p.acts, number)
			p.mu.Unlock()
			if act != nil {
				act()
			}
		}
		data = data[end:]
	}
	keep := partial(data, p.mark)
	p.write(data[:len(data)-keep])
	return bytes.Clone(data[len(data)-keep:])
}

// write hands on text of the cell whose turn it is.
func (p *pipe) write(text []byte) {
	c := p.cell
	if c == nil {
		c = p.s.cells.main()
	}
	p.s.write(c, p.name, text)
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
func (s *streams) write(c *cell, name string, text []byte) {
	if len(text) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name != name || s.cell != c {
		s.send(true)
		s.cell, s.name = c, name
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
	s.publish(s.cell, s.name, string(bytes.ToValidUTF8(s.pending[:n], []byte("\uFFFD"))))
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

// writer gives what prints to a stream as the cell that the caller belongs to.
func (s *streams) writer(name string) io.Writer { return cellWriter{s, name} }

type cellWriter struct {
	s    *streams
	name string
}

// Write implements io.Writer. The two streams are different pipes, and only a wait
// between them orders them.
func (w cellWriter) Write(b []byte) (int, error) {
	c, s := w.s.cells.current(), w.s
	if c != nil {
		c.printed.Store(true)
	}
	if s.stdout == nil {
		s.write(c, w.name, b)
		return len(b), nil
	}
	if w.name == "stdout" {
		return s.stdout.print(c, b)
	}
	s.stdout.sync()
	n, err := s.stderr.print(c, b)
	s.stderr.sync()
	return n, err
}
