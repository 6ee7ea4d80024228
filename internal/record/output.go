// Package record turns what an evaluation brought, as its kernel gave it, into what a
// listener shows: text without escape sequences, the one form of a bundle that it wants,
// within bounds. It knows neither editors nor kernels' sockets.
package record

import (
	"fmt"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
)

// Kind tells what an Output or an Entry is.
type Kind string

// Kinds of output.
const (
	Stream  Kind = "stream"
	Result  Kind = "result"  // the value of the evaluation
	Display Kind = "display" // display data
	Error   Kind = "error"
	Clear   Kind = "clear" // those before it are void
)

// Kinds that only an Entry has.
const (
	Update Kind = "update" // new data for the displays with its DisplayID
	Page   Kind = "page"   // what a pager would show
)

// Output is one output as it is shown, or what is new of it.
type Output struct {
	// Index numbers the outputs of one evaluation from 0.
	Index int
	Kind  Kind
	// Name is stdout or stderr, of a stream.
	Name string
	// Back is how many code points to erase at the end of the stream's text before Text is
	// appended.
	Back int
	// Text has no escape sequences; Spans are its styles.
	Text  string
	Spans []output.Span
	// MIME and Data are the richest form that is wanted, if that is not plain text: text as
	// it is, base64 for binary types.
	MIME, Data string
	// Withheld says in a few words why Data is given to those alone who ask for it.
	Withheld string
	// Cut is set where Text lacks what was between its ends.
	Cut bool
}

// maxValue bounds a value's or a display's text, in bytes.
const maxValue = 8 << 20

// Bundle makes an output of a MIME bundle for a listener that shows the types in mime.
// Its text may be changed by edit, to name places otherwise than the kernel does.
func Bundle(kind Kind, data jupyter.MIMEBundle, mime []string, edit func(string) string) Output {
	o := Output{Kind: kind}
	text := output.PlainText(data)
	if over := len(text) - maxValue; over > 0 {
		text = output.Cut(text, maxValue) + fmt.Sprintf("\n[%d MB more are left out here]", over>>20+1)
	}
	o.Text, o.Spans = output.Plain(edit(text))
	if mime, value, ok := output.Choose(data, mime); ok && mime != "text/plain" {
		o.MIME, o.Data, o.Withheld = mime, value, output.Heavy(mime, value)
	}
	return o
}

// Abridged is a value or a display of which about size bytes of text are kept, in equal
// parts at both ends; all if size is 0. A stream and an error stay whole.
func (o Output) Abridged(size int) Output {
	if size == 0 || len(o.Text) <= 2*size || o.Kind != Result && o.Kind != Display {
		return o
	}
	t := transcript{text: []byte(o.Text), spans: o.Spans, runes: utf8.RuneCountInString(o.Text)}
	t.cut(t.rune(size/2), t.rune(len(o.Text)-size/2), "\n[… left out here …]\n")
	o.Text, o.Spans, o.Cut = string(t.text), t.spans, true
	return o
}

// Light is the output without data that is to be asked for.
func (o Output) Light() Output {
	if o.Withheld != "" {
		o.Data = ""
	}
	return o
}
