package terminal

import (
	"io"
	"strings"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
)

// page is what a terminal shows: two streams that are printed in their order.
type page struct {
	printer  *printer
	out, err stream
}

// stream is where texts go, and whether the last one ended its line.
type stream struct {
	to     io.Writer
	inLine bool
	clean  output.Stream // of what the code prints
}

// newPage makes a page of streams, which a printer prints.
func newPage(s Streams, p *printer) page {
	return page{
		printer: p,
		out:     stream{to: s.Out, clean: output.Stream{Colors: s.OutColor}},
		err:     stream{to: s.Err, clean: output.Stream{Colors: s.ErrColor}},
	}
}

// say prints text that is clean.
func (p *page) say(to *stream, text string) {
	if text == "" {
		return
	}
	to.inLine = !strings.HasSuffix(text, "\n")
	p.printer.print(to.to, text)
}

// block prints text that is clean on lines of its own.
func (p *page) block(to *stream, text string) {
	if to.inLine {
		p.say(to, "\n")
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	p.say(to, text)
}

// value prints the text of a value.
func (p *page) value(data jupyter.MIMEBundle) {
	if text := output.PlainText(data); text != "" {
		p.block(&p.out, plainUnless(p.out.clean.Colors, text))
	}
}
