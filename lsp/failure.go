package lsp

import (
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/kernelclient"
)

// fail takes the error that ended the evaluation.
func (r *result) fail(e kernelclient.Error) {
	lang := r.session.language
	le := language.Error{Name: e.Name, Value: e.Value, Traceback: e.Traceback, Code: r.eval.Code}
	text := strings.Join(e.Traceback, "\n")
	if strings.TrimSpace(text) == "" {
		text = e.Name + ": " + e.Value
	}
	resolve := func(count int) (string, int, bool) {
		o := r.origin(count)
		if o == nil {
			return "", 0, false
		}
		return o.doc.name(), o.anchor.Range().Start.Line + 1, true
	}
	o := Output{Kind: OutputError}
	o.Text, o.Spans = output.Plain(lang.Rewrite(text, resolve))
	if !strings.HasSuffix(o.Text, "\n") {
		o.Text += "\n"
	}
	o.Links = findLinks(o.Text)
	linked := map[documentLine]bool{}
	value, _ := output.Plain(lang.Rewrite(e.Value, resolve))
	failing := r.anchor.Range().Start.Line
	frames := lang.Frames(le)
	for _, f := range slices.Backward(frames) {
		if in := r.origin(f.ExecutionCount); in != nil && in.doc == r.doc {
			failing = in.anchor.Range().Start.Line + f.Line - 1
			break
		}
	}
	where := r.lineRange(failing)
	r.place = r.doc.Anchor(where)
	r.failure = &EvaluationError{Name: e.Name, Value: value, Range: toRange(where)}
	for _, f := range frames {
		in := r.origin(f.ExecutionCount)
		if in == nil {
			continue
		}
		place := documentLine{in.doc, in.anchor.Range().Start.Line + f.Line - 1}
		if !linked[place] {
			linked[place] = true
			o.Links = append(o.Links, linkTo(o.Text, in.doc.name(), in.doc.uri, place.line)...)
		}
	}
	o.Error = r.failure
	r.add(o, "")
	r.touch()
}

type documentLine struct {
	doc  *openDocument
	line int
}

// moveFailure tells where the failing line stands now.
func (r *result) moveFailure() {
	if r.failure == nil || toRange(r.place.Range()) == r.failure.Range {
		return
	}
	moved := *r.failure
	moved.Range = toRange(r.place.Range())
	r.failure = &moved
	for _, b := range r.blocks {
		if b.Kind == OutputError {
			b.Error = r.failure
		}
	}
}

// origin is the evaluation of the cell that a traceback names; 0 is the one that failed.
func (r *result) origin(count int) *result {
	if count == 0 || count == r.eval.Count {
		return r
	}
	return r.session.counts[count]
}

// lineRange covers the text of a line.
func (r *result) lineRange(line int) document.Range {
	line = min(max(line, 0), r.doc.LineCount()-1)
	text := r.doc.Line(line)
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	return document.Range{
		Start: document.Position{Line: line, Character: indent},
		End:   document.Position{Line: line, Character: r.doc.LineLength(line)},
	}
}
