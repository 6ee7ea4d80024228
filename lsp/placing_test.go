package lsp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"pgregory.net/rapid"

	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// standing lists the results that the server has for a buffer: on which line, and
// whether they are stale.
func (b *buffer) standing() string {
	b.t.Helper()
	var found []string
	for _, e := range b.evaluations() {
		s := fmt.Sprintf("%d %s", e.Range.Start.Line, e.Summary.Text)
		if e.Stale {
			s += " stale"
		}
		found = append(found, s)
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

func (b *buffer) wantStanding(want string) {
	b.t.Helper()
	if got := b.standing(); got != want {
		b.t.Errorf("in %q stand %q, want %q", b.text, got, want)
	}
}

// edit changes the buffer between two byte offsets, and tells it in one message.
func (b *buffer) edit(edits ...any) {
	var changes []any
	for i := 0; i < len(edits); i += 3 {
		from, to, text := edits[i].(int), edits[i+1].(int), edits[i+2].(string)
		where := protocol.Range{Start: b.position(from), End: b.position(to)}
		b.text = b.text[:from] + text + b.text[to:]
		changes = append(changes, map[string]any{"range": where, "text": text})
	}
	b.change(changes...)
}

// What is typed behind blanks after a value's code makes another expression of it.
func TestStaleBehindBlanks(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("g = 5\ng\nprint(g)\n")
	b.run("g = 5")
	r := protocol.Range{Start: protocol.Position{Line: 1}, End: protocol.Position{Line: 1, Character: 1}}
	b.evaluate(lsp.EvaluateParams{Range: &r}).wait()
	b.wantStanding("0 , 1 5")
	at := len("g = 5\ng")
	b.edit(at, at, " ")
	b.wantStanding("0 , 1 5")
	b.edit(at+1, at+1, "+ 1")
	b.wantStanding("0 , 1 5 stale")
	b.edit(at, at+4, "")
	b.wantStanding("0 , 1 5")
	b.edit(at-1, at-1, "\t")
	b.wantStanding("0 , 1 5")
	b.edit(at-1, at-1, "-")
	b.wantStanding("0 , 1 5 stale")
}

// Code that is cut and put in elsewhere keeps its result.
func TestResultsMoveWithTheirCode(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	const text = "30\n10\n20\n20\n"
	b := c.python(text)
	for i := range 3 {
		b.unit("line", protocol.Position{Line: uint32(i)}).wait()
	}
	b.wantStanding("0 30, 1 10, 2 20")
	b.edit(0, 3, "")     // dd
	b.edit(3, 3, "30\n") // p
	b.wantStanding("0 10, 1 30, 2 20")
	b.rewrite("10\n20\n20\n30\n") // sort, of which a copy has no result
	b.wantStanding("0 10, 1 20, 3 30")
	moved := b.evaluations()[1].Evaluation
	b.edit(0, 3, "", 6, 6, "10\n") // :1m3 at once
	// Whatever mark the editor had on the text was deleted with it.
	expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == moved && p.Range.Start.Line == 2 })
	b.wantStanding("0 20, 2 10, 3 30")
	b.edit(2, 3, " ") // J
	b.wantStanding("0 20 stale, 1 10, 2 30")
	b.edit(2, 3, "\n") // u
	b.wantStanding("0 20, 2 10, 3 30")
	gone := b.evaluations()[1].Evaluation
	b.edit(6, 9, "")
	expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == gone && p.Cleared })
	b.wantStanding("0 20, 2 30")
	b.edit(0, 0, "10\n")
	e := expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool {
		return p.Evaluation == gone && p.Range.Start.Line == 0 && !p.Cleared
	})
	if e.State != lsp.EvaluationDone || e.Stale || e.Summary.Text != "10" {
		t.Errorf("it came back as %+v", e)
	}
	b.edit(0, 0, "10\n") // a copy takes nothing away
	b.wantStanding("1 10, 2 20, 4 30")
	// What was evaluated again since is not brought back.
	b.edit(3, 6, "")
	b.unit("line", protocol.Position{}).wait()
	b.edit(3, 3, "10\n")
	b.wantStanding("0 10, 2 20, 4 30")
	// A value of a kernel that is gone comes back as one.
	b.edit(0, 3, "")
	command[any](c, lsp.CommandRestart, b.only())
	c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionIdle && s.Queued == 0 })
	b.edit(0, 0, "10\n")
	b.wantPresent("", "30 20 10")
}

// Whatever is edited, what the server says is not stale is the text that was evaluated.
func TestResultIsTrueAfterAnyEdits(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2 + 2", "'größe'", "'\U0001F600'", "  3", ""}), 1, 6).Draw(t, "lines")
		b := c.open(fmt.Sprintf("untitled:%d.py", n), "python", strings.Join(lines, "\n"))
		defer b.close()
		texts := map[string]string{} // what was evaluated
		for i, line := range lines {
			if strings.TrimSpace(line) != "" && rapid.Bool().Draw(t, "evaluated") {
				where := protocol.Range{Start: protocol.Position{Line: uint32(i)}, End: protocol.Position{Line: uint32(i), Character: uint32(b.characters(line))}}
				r := command[lsp.EvaluateResult](c, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Range: &where})
				texts[r.Evaluation] = line
			}
		}
		earlier := []string{b.text}
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			runes := []rune(b.text)
			at := len(string(runes[:rapid.IntRange(0, len(runes)).Draw(t, "at")]))
			if strings.HasSuffix(b.text[:at], "\r") { // no position is inside of a line end
				at--
			}
			switch rapid.SampledFrom([]string{"type", "cut", "undo"}).Draw(t, "edit") {
			case "type":
				b.edit(at, at, rapid.SampledFrom([]string{" ", "+ 1", "\n", "\r\n", "1", "ö", "# ", "2 + 2\n"}).Draw(t, "typed"))
			case "cut":
				to := at + strings.IndexByte(b.text[at:]+"\n", '\n')
				if to > at && b.text[to-1] == '\r' {
					to--
				}
				b.edit(at, to, "", 0, 0, b.text[at:to]+"\n")
			case "undo":
				b.rewrite(rapid.SampledFrom(earlier).Draw(t, "earlier"))
			}
			earlier = append(earlier, b.text)
			for _, e := range b.evaluations() {
				// One that was closed just now with the same text was renamed, for all the server knows.
				if _, here := texts[e.Evaluation]; e.Stale || !here {
					continue
				}
				got := strings.ReplaceAll(b.text, "\r\n", "\n")
				lines := strings.Split(got, "\n")
				if line := lines[e.Range.Start.Line]; e.Range.Start.Line != e.Range.End.Line || strings.TrimSpace(line) != strings.TrimSpace(texts[e.Evaluation]) {
					t.Fatalf("in %q, %q is said to stand on line %d", b.text, texts[e.Evaluation], e.Range.Start.Line)
				}
			}
		}
	})
}

// The links of an old traceback lead to the lines where their code stands now.
func TestLinksMove(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("def f():\n    a = 1\n    return 1 / 0\n\nf()\n")
	b.run("def f():\n    a = 1\n    return 1 / 0")
	e := b.unit("line", b.after("/ 0\n\n"))
	link := func(text string) lsp.Link {
		t.Helper()
		o := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: e.id}).Outputs[0]
		for _, l := range o.Links {
			if strings.Contains(string([]rune(o.Text)[l.Start:l.End]), text) {
				return l
			}
		}
		t.Fatalf("no link %s among %+v in %s", text, o.Links, o.Text)
		panic("unreachable")
	}
	leads := func(l lsp.Link) lsp.PlaceResult {
		t.Helper()
		return command[lsp.PlaceResult](c, lsp.CommandPlace, lsp.PlaceParams{URI: l.URI, Place: l.Place})
	}
	want := func(what string, l lsp.Link, line int) {
		t.Helper()
		if got := leads(l); got.Line != line || got.URI != b.uri {
			t.Errorf("%s: the link leads to %+v, want line %d", what, got, line)
		}
	}
	e.wait()
	inner, outer := link("line 3"), link("line 5")
	want("at first", inner, 2)
	want("at first", outer, 4)
	b.edit(0, 0, "import os\n\n")
	want("two lines above", inner, 4)
	want("two lines above", outer, 6)
	if l := link("line 3"); l.Line != 4 {
		t.Errorf("reval.output has line %d, want 4", l.Line)
	}
	at := b.offset("    return")
	b.edit(at, at, "    b = 2\n")
	want("a line in it", inner, 5)
	at = b.offset("f()\n")
	b.edit(at, at+4, "", 0, 0, "f()\n") // the call to the top
	want("the call moved", outer, 0)
	b.replace("    b = 2\n", "")
	want("as it was", inner, 5)
	b.close()
	want("closed", outer, 0)
	if got := c.commandFails(lsp.CommandPlace, lsp.PlaceParams{URI: b.uri, Place: "x/7"}); !strings.Contains(got, "not known") {
		t.Errorf("no such place: %s", got)
	}
}

// Code that is edited while it runs fails on the line that failed, wherever that is by then.
func TestErrorOfCodeThatWasEditedMeanwhile(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("\nx = input()\ny = 1\n1/0\nz = 2\n")
	e := b.evaluate(lsp.EvaluateParams{Unit: "file"})
	question := expect[lsp.InputRequestParams](c, lsp.MethodInputRequest, nil)
	at := b.offset("y = 1")
	b.edit(at, at, "# new\n# lines\n")
	b.edit(0, 0, "# above\n")
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: question.Request, Value: ""})
	tr := e.wait()
	if want := b.span("1/0"); tr.end.Error == nil || tr.end.Error.Range != want || !tr.end.Stale {
		t.Errorf("end %+v, failed at %+v, want %v", tr.end, tr.end.Error, want)
	}
	expect(c, protocol.MethodTextDocumentPublishDiagnostics, func(p diagnostics) bool {
		return len(p.Diagnostics) == 1 && p.Diagnostics[0].Range == b.span("1/0")
	})
	for _, l := range tr.one(lsp.OutputError).Links {
		if l.Line != int(b.at("1/0").Line) {
			t.Errorf("a link leads to line %d", l.Line)
		}
	}
}

// A document with many errors is not told all of them with each new one.
func TestDiagnosticsOfManyErrors(t *testing.T) {
	const n = 300
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	b := c.open("errors.go", "go", strings.Repeat("undefined\n", n))
	for i := range n {
		b.unit("line", protocol.Position{Line: uint32(i)}).wait()
	}
	expect(c, protocol.MethodTextDocumentPublishDiagnostics, func(p diagnostics) bool { return len(p.Diagnostics) == n })
	// Each is some 200 bytes: n²/2 of them are 9 MB.
	if got := c.bytesOf(protocol.MethodTextDocumentPublishDiagnostics); got > 4<<20 {
		t.Errorf("%d bytes of diagnostics", got)
	}
}

// After an edit that did not fit, nobody knows what the editor shows: no value stands
// beside it as true, and nothing is evaluated, until the whole text comes.
func TestEditThatDoesNotFit(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("1\n2\n")
	b.run("1")
	nowhere := protocol.Position{Line: 9}
	b.change(map[string]any{"range": protocol.Range{Start: nowhere, End: nowhere}, "text": "x"})
	b.wantStanding("0 1 stale")
	if got := c.commandFails(lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"}); !strings.Contains(got, "cells.py again") {
		t.Errorf("refused with %q", got)
	}
	b.edit(0, 0, "\n")
	b.wantStanding("1 1 stale")
	b.rewrite("\n\n1\n")
	b.wantStanding("2 1")
	b.run("1")
}
