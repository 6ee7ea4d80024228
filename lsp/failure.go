package lsp

import (
	"regexp"
	"slices"
	"strconv"
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
	resolve := func(count int) (string, int, bool) { return cellName(r.origin(count)) }
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

// cellName gives the name of the document that a cell is in, and the line, from 1, on
// which it begins; ok is false if it is nil.
func cellName(r *result) (name string, firstLine int, ok bool) {
	if r == nil {
		return "", 0, false
	}
	return r.doc.name(), r.anchor.Range().Start.Line + 1, true
}

// inBuffers puts the documents' names and lines in the place of cells in what a kernel
// tells. Server.mu is not held.
func (ks *kernelSession) inBuffers(text string) string {
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return ks.language.Rewrite(text, func(count int) (string, int, bool) { return cellName(ks.counts[count]) })
}

// linksToBuffers links what names a line of a document of the session, as inBuffers does.
func (ks *kernelSession) linksToBuffers(text string) (links []Link) {
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	for _, d := range ks.documents {
		lines := map[int]bool{}
		for _, m := range regexp.MustCompile(regexp.QuoteMeta(d.name())+`:(\d+)\b`).FindAllStringSubmatch(text, -1) {
			if n, err := strconv.Atoi(m[1]); err == nil && n > 0 && !lines[n] {
				lines[n] = true
				links = append(links, linkTo(text, d.name(), d.uri, n-1)...)
			}
		}
	}
	return links
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
