package terminal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/reval-editor/reval/kernelclient"
)

// endOfInput is the answer to an input request when there is no more to read:
// what Jupyter's own console sends, and what ipykernel and the Go kernel turn
// into the error that the code expects.
const endOfInput = "\x04"

// lineReader reads lines when they are asked for, and no sooner: what is not asked
// for is left to who reads the terminal next.
//
// One goroutine, started by the first next, reads. It ends when close is called and
// its last read has returned; a read of a terminal cannot be ended before.
type lineReader struct {
	in io.Reader
	// shared says that the kernel's process reads in, too: no more is read than a line.
	shared bool
	want   chan struct{}
	lines  chan line
	// pending says that a line was wanted that nobody waits for any more: who asks
	// next gets it.
	pending bool
}

type line struct {
	text string
	err  error
}

// next gives a line without its end. The error is io.EOF at the end of the input.
// It is called by one goroutine at a time.
func (r *lineReader) next(ctx context.Context) (string, error) {
	if r.in == nil {
		return "", io.EOF
	}
	if r.want == nil {
		r.want, r.lines = make(chan struct{}, 1), make(chan line, 1)
		next := bufio.NewReader(r.in).ReadString
		if r.shared {
			next = byteReader{r.in}.ReadString
		}
		go read(next, r.want, r.lines)
	}
	if !r.pending {
		r.want <- struct{}{}
		r.pending = true
	}
	select {
	case l := <-r.lines:
		r.pending = false
		return l.text, l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (r *lineReader) close() {
	if r.want != nil {
		close(r.want)
	}
}

// byteReader reads up to a byte and not beyond.
type byteReader struct{ in io.Reader }

func (r byteReader) ReadString(end byte) (string, error) {
	var text []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r.in, b); err != nil {
			return string(text), err
		}
		if text = append(text, b[0]); b[0] == end {
			return string(text), nil
		}
	}
}

func read(next func(end byte) (string, error), want <-chan struct{}, lines chan<- line) {
	for range want {
		text, err := next('\n')
		if text != "" {
			err = nil // a last line without an end
		}
		lines <- line{strings.TrimRight(text, "\r\n"), err}
	}
}

// questions answers a kernel's input requests, one at a time: a new one makes the
// one before void, which the code gave up when it was interrupted.
type questions struct {
	*running
	lines  *lineReader
	cancel context.CancelFunc // of the last question
	done   chan struct{}      // closed when it is answered or void
}

// ask shows a prompt and has the answer read. It does not wait for it.
func (q *questions) ask(ctx context.Context, e kernelclient.InputRequest) {
	q.say(&q.out, plainUnless(q.OutColor, e.Prompt))
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	void := q.void()
	q.cancel, q.done = cancel, done
	go func() {
		defer close(done)
		void()
		q.answer(ctx, e)
	}()
}

// void gives the function that ends the last question.
func (q *questions) void() func() {
	cancel, done := q.cancel, q.done
	return func() {
		if done != nil {
			cancel()
			<-done
		}
	}
}

// answer reads one line for a question.
func (q *questions) answer(ctx context.Context, e kernelclient.InputRequest) {
	read := q.lines.next
	if e.Password && q.ReadPassword != nil {
		read = q.ReadPassword
	}
	text, err := read(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, io.EOF):
		text = endOfInput
	case err != nil:
		q.warn("read the input: %v", err)
		text = endOfInput
	}
	if q.ReadPassword != nil {
		q.typed()
	}
	if err := e.Reply(text); err != nil && ctx.Err() == nil {
		q.warn("answer the question of the code: %v", err)
	}
}
