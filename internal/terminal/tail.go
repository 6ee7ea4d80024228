package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/record"
)

// Tail is a command that shows what happens in a session: what its clients evaluate, what
// that prints and gives, and how it ends.
type Tail struct {
	Streams
	// Session is a name that control.Request takes.
	Session string
	// All begins with what the session knows, not with what runs.
	All bool
	// JSON prints each control.Event as a line.
	JSON bool
}

// Do shows what happens until the session ends, or the connection to who has it.
func (t Tail) Do(conn io.ReadWriter) error {
	var failed error
	printer := newPrinter(func(err error) { failed = err })
	x := &tailing{page: newPage(t.Streams, printer), titles: map[string]string{}}
	err := control.Ask(conn, control.Request{Do: control.Tail, Session: t.Session, All: t.All}, func(a control.Answer) error {
		if a.Event == nil {
			return nil
		}
		if t.JSON {
			line, err := json.Marshal(a.Event)
			if err != nil {
				return err
			}
			x.say(&x.out, escaped(string(line))+"\n")
			return nil
		}
		x.event(*a.Event)
		return nil
	})
	printer.close()
	if failed != nil {
		return fmt.Errorf("write the output: %w", failed)
	}
	return err
}

// tailing is a tail that a person reads.
type tailing struct {
	page
	titles map[string]string // of evaluations that have begun and not ended
	last   string            // the evaluation whose output was shown last
}

func (x *tailing) event(e control.Event) {
	switch {
	case e.State != nil:
		if e.State.Message != "" {
			x.note(e.State.State + ": " + e.State.Message)
		}
	case e.Evaluation != nil:
		x.evaluation(*e.Evaluation)
	case e.Output != nil:
		x.output(e.Output.Evaluation, e.Output.Output)
	case e.Input != nil:
		x.turn(e.Input.Evaluation)
		x.note("asks: " + e.Input.Prompt)
	case e.LeftOut > 0:
		x.note(fmt.Sprintf("%d KB of output are left out: they came faster than they were read", e.LeftOut>>10+1))
	}
}

// note says something that is no output.
func (x *tailing) note(text string) { x.block(&x.out, "["+output.Line(text)+"]") }

// evaluation shows an evaluation when it begins, with its code, and how it ended.
func (x *tailing) evaluation(e control.Evaluation) {
	if e.State == "queued" {
		return
	}
	if x.titles[e.ID] == "" {
		x.titles[e.ID] = title(e)
		x.begin(e.ID)
		code, _ := output.Plain(e.Code)
		x.block(&x.out, "> "+strings.ReplaceAll(strings.TrimRight(code, "\n"), "\n", "\n> "))
	}
	if e.State == "running" {
		return
	}
	delete(x.titles, e.ID)
	words := e.State
	if e.Message != "" {
		words += ": " + e.Message
	}
	if took := e.Ended.Sub(e.Started); !e.Started.IsZero() && took > 0 {
		words += fmt.Sprintf(", %.1f s", took.Seconds())
	}
	if e.State != "done" || e.Ended.Sub(e.Started).Seconds() >= 1 {
		x.note(words)
	}
}

// title names an evaluation: by who asked for it, and where it stands.
func title(e control.Evaluation) string {
	by := e.Client
	if by == "" {
		by = "somebody"
	}
	if e.URI != "" {
		by += fmt.Sprintf(", %s:%d", path.Base(e.URI), e.Line+1)
	}
	return output.Line(by)
}

// begin says whose output follows.
func (x *tailing) begin(id string) {
	title := x.titles[id]
	if title == "" {
		title = "an evaluation that has ended"
	}
	x.last = id
	x.block(&x.out, "── "+title)
}

// turn says whose output follows, if that is not what was shown last.
func (x *tailing) turn(id string) {
	if x.last != id {
		x.begin(id)
	}
}

// output shows what came of an evaluation.
func (x *tailing) output(id string, e record.Entry) {
	if e.Kind == record.Clear {
		return // a terminal keeps what was printed
	}
	x.turn(id)
	switch e.Kind {
	case record.Stream:
		to := &x.out
		if e.Name == "stderr" {
			to = &x.err
		}
		x.say(to, to.clean.Take(e.Text))
	case record.Error:
		text := language.Abridge(e.Traceback)
		if strings.TrimSpace(text) == "" {
			text = strings.TrimPrefix(e.Name+": "+e.Text, ": ")
		}
		x.block(&x.err, plainUnless(x.err.clean.Colors, text))
	default:
		x.value(e.Data)
	}
}
