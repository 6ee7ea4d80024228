package gokernel

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// endOfInput is what a user types to end the input, as in a terminal.
const endOfInput = "\x04"

var errNoInput = errors.New("input is not possible: the client that sent this cell does not answer input requests (allow_stdin is false)")

// input is the standard input of cells: each read that finds nothing asks the
// client for a line.
type input struct {
	k *kernel

	reading sync.Mutex // one read at a time

	mu      sync.Mutex
	ctx     context.Context  // of the running cell
	request *jupyter.Message // that runs
	allowed bool
	rest    []byte // of the last line
	replies chan string
}

// begin says who answers from now on.
func (in *input) begin(ctx context.Context, m *jupyter.Message, allowed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ctx, in.request, in.allowed, in.rest = ctx, m, allowed, nil
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	in.reading.Lock()
	defer in.reading.Unlock()
	in.mu.Lock()
	empty := len(in.rest) == 0
	in.mu.Unlock()
	if empty && len(b) > 0 {
		line, err := in.ask()
		if err != nil {
			return 0, err
		}
		in.mu.Lock()
		in.rest = append(in.rest, line...)
		in.mu.Unlock()
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// ask gets one line from the client.
func (in *input) ask() (string, error) {
	in.mu.Lock()
	ctx, m, allowed := in.ctx, in.request, in.allowed
	replies := make(chan string, 1)
	in.replies = replies
	in.mu.Unlock()
	if !allowed || m == nil {
		return "", errNoInput
	}
	in.k.streams.sync() // the question that the cell printed comes first
	in.k.reply(in.k.stdin, m, jupyter.InputRequest, jupyter.InputRequestContent{})
	select {
	case value := <-replies:
		if value == endOfInput {
			return "", io.EOF
		}
		return value + "\n", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// onReply takes a message of the stdin channel.
func (in *input) onReply(_ context.Context, m *jupyter.Message) {
	var c jupyter.InputReplyContent
	if m.Header.MsgType != jupyter.InputReply || m.Decode(&c) != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.replies == nil {
		return
	}
	in.replies <- c.Value
	in.replies = nil
}
