// Package terminal is reval without an editor: a file run in a kernel, the kernels
// listed, and the machine looked over. It reads and writes only what it is given.
package terminal

import (
	"context"
	"io"

	"github.com/reval-editor/reval/internal/output"
)

// Streams are where a command reads and writes. A nil In is at its end.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutColor and ErrColor let colours through that a kernel put into values and
	// tracebacks. What the code itself printed is passed on as it is.
	OutColor, ErrColor bool
	// ReadPassword reads a line of the terminal that In is, without its being shown;
	// nil if In is none.
	ReadPassword func(context.Context) (string, error)
}

// plainUnless takes the colours from a text that may not have any.
func plainUnless(color bool, text string) string {
	if color {
		return text
	}
	plain, _ := output.Plain(text)
	return plain
}
