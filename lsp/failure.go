package lsp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/record"
)

// maxErrorValue bounds an error's message, in bytes.
const maxErrorValue = 4 << 10

// abridged is an error of readable length, with the files that it names and that are
// there: what takes a while, and does so before Server.mu is held.
type abridged struct {
	record.Entry
	files  map[string]bool
	untold bool // the kernel gave no traceback
}

func abridge(e record.Entry) abridged {
	e.Name = oneLine(e.Name)
	e.Text = output.Cut(e.Text, maxErrorValue)
	text := language.Abridge(e.Traceback)
	untold := strings.TrimSpace(text) == ""
	if untold {
		text = e.Name + ": " + e.Text
	}
	e.Traceback = []string{text}
	return abridged{e, existing(output.Clean(text)), untold}
}

// fail takes the error that ended the evaluation.
func (r *result) fail(e abridged) {
	lang := r.session.Language
	le := language.Error{Name: e.Name, Value: e.Text, Traceback: e.Traceback, Code: r.eval.Code}
	text := e.Traceback[0]
	if e.untold {
		le.Traceback = []string{r.said} // IPython prints that of a group of exceptions
	}
	resolve := func(name language.Ref) (string, int, bool) { return r.cell(name).place() }
	o := record.Output{Kind: record.Error}
	o.Text, o.Spans = output.Plain(lang.Rewrite(text, resolve))
	if !strings.HasSuffix(o.Text, "\n") {
		o.Text += "\n"
	}
	value := output.Clean(lang.Rewrite(e.Text, resolve))
	frames := r.found(lang.Frames(le))
	r.place = r.codeLine(r, lang.FirstCode(r.eval.Code))
	for _, f := range slices.Backward(frames) {
		if f.in.doc == r.doc && !f.part {
			r.place = r.codeLine(f.in, f.line)
			break
		}
	}
	if r.failure == nil && !r.cleared {
		r.doc.failed = append(r.doc.failed, r)
	}
	r.failure = &EvaluationError{Name: e.Name, Value: value}
	named, places := map[Link]*codeLine{}, map[documentLine]bool{}
	for _, f := range frames {
		line := f.in.anchor.Line() + f.line
		if place := (documentLine{f.in.doc, line}); !places[place] {
			places[place] = true
			named[Link{URI: f.in.doc.uri, Line: line}] = r.codeLine(f.in, f.line)
		}
	}
	links := makeLinks(o.Text, filePlaces(o.Text, e.files), bufferPlaces(o.Text, places))
	leads := make([]lead, len(links))
	for i, l := range links {
		leads[i] = lead{Link: l, to: named[Link{URI: l.URI, Line: l.Line}]}
		if to := leads[i].to; to != nil {
			leads[i].Place = fmt.Sprintf("%s/%d", r.id, slices.Index(r.lines, to))
		}
	}
	r.leads[r.outputs.Add(o, "")] = leads
	r.touch()
}

// lead is where a link of an error leads.
type lead struct {
	Link
	to *codeLine // nil for a place in a file
}

// documentLine is a line of a document, from 0.
type documentLine struct {
	doc  *openDocument
	line int
}

// codeLine is a line of code that was evaluated, which moves with it.
type codeLine struct {
	in   *result
	line int              // from the first of the code
	mark *document.Anchor // where it stands if the code was changed since
}

// codeLine finds a line of the code of a result, and remembers it for r.
func (r *result) codeLine(in *result, line int) *codeLine {
	l := &codeLine{in: in, line: line}
	l.mark = in.doc.Mark(in.doc.lineRange(in.anchor.LineOf(line)))
	r.lines = append(r.lines, l)
	return l
}

// now is where the line stands now.
func (l *codeLine) now() int {
	if !l.in.anchor.Stale() {
		return l.in.anchor.Line() + l.line
	}
	return l.mark.Line()
}

// where is the text of the line.
func (l *codeLine) where() document.Range { return l.in.doc.lineRange(l.now()) }

// gone says that the line was deleted.
func (l *codeLine) gone() bool { return l.in.anchor.Stale() && l.mark.Gone() }

// error is what failed, and where that stands now.
func (r *result) error() *EvaluationError {
	if r.failure == nil {
		return nil
	}
	e := *r.failure
	e.Range = toRange(r.place.where())
	return &e
}

// line is the error in one line.
func (e *EvaluationError) line() string {
	first := output.Summarize(e.Value).First
	switch "" {
	case first:
		return e.Name
	case e.Name:
		return first
	}
	return e.Name + ": " + first
}

// placed is an output as the client is told it, with the places that it names as they
// stand now.
func (r *result) placed(o record.Output) Output {
	out := Output{
		Index: o.Index, Kind: string(o.Kind), Name: o.Name, Back: o.Back, Text: o.Text, Cut: o.Cut,
		Spans: o.Spans, MIME: o.MIME, Data: o.Data, Withheld: o.Withheld,
	}
	if o.Kind != record.Error {
		return out
	}
	out.Error = r.error()
	for _, l := range r.leads[o.Index] {
		if l.to != nil {
			l.URI, l.Line = l.to.in.doc.uri, l.to.now()
		}
		out.Links = append(out.Links, l.Link)
	}
	return out
}

// placeNow answers reval.place.
func (s *Server) placeNow(p PlaceParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	evaluation, number, _ := strings.Cut(p.Place, "/")
	r := s.results[evaluation]
	n, err := strconv.Atoi(number)
	if r == nil || err != nil || n < 0 || n >= len(r.lines) {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "where the link leads is not known any more: go to its own line")
	}
	l := r.lines[n]
	return PlaceResult{URI: l.in.doc.uri, Line: l.now()}, nil
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
func (d *openDocument) lineRange(line int) document.Range {
	line = min(max(line, 0), d.LineCount()-1)
	text := d.Line(line)
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	return document.Range{
		Start: document.Position{Line: line, Character: indent},
		End:   document.Position{Line: line, Character: d.LineLength(line)},
	}
}
