package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// event shows what a cell brought. A terminal keeps what was printed: that output
// is to be cleared is not heeded, and a display that is updated is printed again.
func (x *running) event(ctx context.Context, e kernelclient.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch e := e.(type) {
	case kernelclient.Input:
		x.cells[e.Count], x.count = x.first, e.Count
	case kernelclient.Stream:
		to := &x.out
		if e.Name == "stderr" {
			to = &x.err
		}
		text := x.exits(e.Text)
		x.say(to, to.clean.Take(x.language.RewritePrinted(text, false, x.place)))
	case kernelclient.Result:
		x.value(e.Data)
	case kernelclient.Display:
		text := output.PlainText(e.Data)
		if e.Update && x.shown[e.ID] == text {
			return
		}
		if e.ID != "" {
			x.shown[e.ID] = text
		}
		x.value(e.Data)
	case kernelclient.Error:
		if !x.exitsBy(e) {
			x.fail(e)
		}
	case kernelclient.InputRequest:
		x.questions.ask(ctx, e)
	case kernelclient.Payload:
		x.payload(e)
	}
}

// late shows what a background thread of the code prints when no cell waits for
// it. A kernel that was attached to also publishes what other clients evaluate.
func (x *running) late(parent string, e kernelclient.Event) {
	x.mu.Lock()
	own := x.own[parent] || parent == "" && x.kernel != nil && x.kernel.Launched()
	x.mu.Unlock()
	if _, isInput := e.(kernelclient.InputRequest); own && !isInput {
		x.event(context.Background(), e)
	}
}

// connection tells that the way to the kernel's server is lost, once however often
// it is tried, and that it is there again.
func (x *running) connection(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err != nil && !x.offline:
		x.block(&x.err, "reval: "+Words(err))
	case err == nil && x.offline:
		x.block(&x.err, "reval: the connection is there again")
	}
	x.offline = err != nil
}

// responsive tells that the kernel is silent, and that it answers again.
func (x *running) responsive(answers bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if answers {
		x.block(&x.err, "reval: the kernel answers again")
	} else {
		x.block(&x.err, "reval: the kernel does not answer: it is stopped, or computes where it hears nothing; Ctrl-C twice ends the run")
	}
}

// typed tells that the terminal showed the end of a line that was typed.
func (x *running) typed() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out.inLine = false
}

// warn tells of something that does not end the run.
func (x *running) warn(format string, args ...any) {
	x.printer.print(x.Err, "reval: "+output.Line(fmt.Sprintf(format, args...))+"\n")
}

// fail prints an error's traceback, which names the file's own lines; mu is held.
func (x *running) fail(e kernelclient.Error) {
	x.failed = true
	text := language.Abridge(e.Traceback)
	if strings.TrimSpace(text) == "" {
		text = strings.TrimPrefix(e.Name+": "+e.Value, ": ")
	}
	text = x.language.Rewrite(text, x.place)
	x.block(&x.err, plainUnless(x.ErrColor, text))
}

// place gives the file's name, and the line, from 1, on which a cell that the kernel names
// begins; mu is held.
func (x *running) place(name language.Ref) (file string, firstLine int, ok bool) {
	first, ok := x.cells[name.Count]
	switch {
	case name.Hash != 0:
		first, ok = x.hashes[name.Hash]
	case name.Body:
		first, ok = x.first+x.body, x.body > 0
	case name.Count == 0:
		first, ok = x.first, true
	case !ok && x.body > 0 && name.Count == x.count+1: // a cell in the cell
		first, ok = x.first+x.body, true
	}
	return x.File, first, ok
}

// payload heeds the two payloads that say something to a terminal: text for a
// pager, and that the code asks to end; mu is held.
func (x *running) payload(p kernelclient.Payload) {
	var content struct {
		Source string             `json:"source"`
		Data   jupyter.MIMEBundle `json:"data"`
	}
	if err := json.Unmarshal(p.JSON, &content); err != nil {
		x.warn("a payload of the kernel is malformed: %v", err)
		return
	}
	switch content.Source {
	case "page":
		x.value(content.Data)
	case "ask_exit":
		x.exit = new(int)
	}
}
