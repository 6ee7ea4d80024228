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
	// tracebacks, or that the code printed. Nothing else that a terminal would obey
	// gets there from a kernel, a server or a file.
	OutColor, ErrColor bool
	// ReadPassword reads a line of the terminal that In is, without its being shown;
	// nil if In is none.
	ReadPassword func(context.Context) (string, error)
}

// maxWords bounds an error's words, in bytes: it may name what somebody else chose.
const maxWords = 4 << 10

// Words are an error's, for a line of a terminal.
func Words(err error) string { return output.Cut(output.Line(err.Error()), maxWords) }

// plainUnless takes from a text what a terminal would obey, and the colours if it may
// not have any.
func plainUnless(color bool, text string) string {
	if color {
		return output.Colored(text)
	}
	plain, _ := output.Plain(text)
	return plain
}
