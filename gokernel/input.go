package gokernel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
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

	asking sync.Mutex // one question at a time

	mu      sync.Mutex
	replies chan string      // of the question that is asked
	asked   *jupyter.Message // the cell's request, whose client is asked
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	c := in.k.cells.current()
	if c == nil {
		return 0, errNoInput
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.rest) == 0 && len(b) > 0 {
		line, err := in.ask("", false)
		if err != nil {
			return 0, err
		}
		c.rest = []byte(line + "\n")
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// ask gets one line from the client of the cell that calls.
func (in *input) ask(prompt string, hidden bool) (string, error) {
	c := in.k.cells.current()
	if c == nil || !c.allowStdin || c.ctx.Err() != nil {
		return "", errNoInput
	}
	in.asking.Lock()
	defer in.asking.Unlock()
	replies := make(chan string, 1)
	in.mu.Lock()
	in.replies, in.asked = replies, c.request
	in.mu.Unlock()
	in.k.streams.syncCell(c) // the question that the cell printed comes first
	in.k.ask(c.request, jupyter.InputRequestContent{Prompt: prompt, Password: hidden})
	select {
	case value := <-replies:
		if value == endOfInput {
			return "", io.EOF
		}
		return value, nil
	case <-c.ctx.Done():
		return "", context.Cause(c.ctx)
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
	if in.replies == nil || !slices.EqualFunc(m.Identities, in.asked.Identities, bytes.Equal) {
		return // nobody was asked, or somebody else
	}
	in.replies <- c.Value
	in.replies = nil
}
