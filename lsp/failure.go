package lsp

import (
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/kernelclient"
)

// Bounds of an error's name and message, in bytes.
const (
	maxLabel      = 256
	maxErrorValue = 4 << 10
)

// abridged is an error of readable length, with the files that it names and that are
// there: what takes a while, and does so before Server.mu is held.
type abridged struct {
	kernelclient.Error
	files map[string]bool
}

func abridge(e kernelclient.Error) abridged {
	e.Name = output.Cut(output.Line(e.Name), maxLabel)
	e.Value = output.Cut(e.Value, maxErrorValue)
	text := language.Abridge(e.Traceback)
	if strings.TrimSpace(text) == "" {
		text = e.Name + ": " + e.Value
	}
	e.Traceback = []string{text}
	return abridged{e, existing(output.Clean(text))}
}

// fail takes the error that ended the evaluation.
func (r *result) fail(e abridged) {
	lang := r.session.language
	le := language.Error{Name: e.Name, Value: e.Value, Traceback: e.Traceback, Code: r.eval.Code}
	text := e.Traceback[0]
	resolve := func(count int) (string, int, bool) { return cellName(r.origin(count)) }
	o := Output{Kind: OutputError}
	o.Text, o.Spans = output.Plain(lang.Rewrite(text, resolve))
	if !strings.HasSuffix(o.Text, "\n") {
		o.Text += "\n"
	}
	value := output.Clean(lang.Rewrite(e.Value, resolve))
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
	places := map[documentLine]bool{}
	for _, f := range frames {
		if in := r.origin(f.ExecutionCount); in != nil {
			places[documentLine{in.doc, in.anchor.Range().Start.Line + f.Line - 1}] = true
		}
	}
	o.Links = makeLinks(o.Text, filePlaces(o.Text, e.files), bufferPlaces(o.Text, places))
	o.Error = r.failure
	r.add(o, "")
	r.touch()
}

// documentLine is a line of a document, from 0.
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

// cellName gives the name of the document that a cell is in, and the line, from 1, on
// which it begins; ok is false if it is nil.
func cellName(r *result) (name string, firstLine int, ok bool) {
	if r == nil {
		return "", 0, false
	}
	return r.doc.name(), r.anchor.Range().Start.Line + 1, true
}

// maxInspection bounds what is told of a name, in bytes: the source of a large module.
const maxInspection = 1 << 20

// inBuffers puts the documents' names and lines in the place of cells in what a kernel
// tells, which is cut where it is longer than anybody reads. Server.mu is not held.
func (ks *kernelSession) inBuffers(text string) string {
	text = output.Cut(text, maxInspection)
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return ks.language.Rewrite(text, func(count int) (string, int, bool) { return cellName(ks.counts[count]) })
}

// links links the files and the documents of the session that a text names, as
// inBuffers wrote it. Server.mu is not held.
func (ks *kernelSession) links(text string) []Link {
	files := filePlaces(text, existing(text))
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return makeLinks(text, files, placesIn(text, ks.documents, nil))
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
