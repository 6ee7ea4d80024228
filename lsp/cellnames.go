package lsp

import (
	"strings"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
)

// cellPart is what a kernel means by a cell's name: the code of an evaluation, without
// the first lines of it.
type cellPart struct {
	in   *result
	skip int
}

// sent remembers what kernels call code that is sent: by its hash, and by that of what
// stands below its cell magic, which is evaluated by itself; mu is held.
func (ks *kernelSession) sent(r *result, code string) {
	if !ks.Language.NamesByHash() {
		return
	}
	ks.hashes[language.Hash(code)] = cellPart{r, 0}
	if n := ks.Language.BodyStart(code); n > 0 {
		_, body, _ := strings.Cut(code, "\n")
		ks.hashes[language.Hash(body+"\n")] = cellPart{r, n}
	}
}

// forgetSent drops the names of an evaluation's code; mu is held.
func (ks *kernelSession) forgetSent(r *result) {
	_, body, _ := strings.Cut(r.eval.Code, "\n")
	for _, code := range []string{r.eval.Code, body + "\n"} {
		if hash := language.Hash(code); ks.hashes[hash].in == r {
			delete(ks.hashes, hash)
		}
	}
	if ks.counts[r.eval.Count] == r {
		delete(ks.counts, r.eval.Count)
	}
}

// cell is what a kernel means by a name that stands in no error; in is nil if that is not known.
func (ks *kernelSession) cell(name language.Ref) cellPart {
	if name.Hash != 0 {
		return ks.hashes[name.Hash]
	}
	return cellPart{in: ks.counts[name.Count]}
}

// counted is the evaluation in r's namespace with an execution count; nil if that is not known,
// as of a namespace that has ended: the next one counts from 1 again.
func (r *result) counted(count int) *result {
	if r.restored || r.eval.Namespace != r.session.status.Namespace {
		return nil
	}
	return r.session.counts[count]
}

// cell is what a kernel means by a name in the error of r.
func (r *result) cell(name language.Ref) cellPart {
	body := r.session.Language.BodyStart(r.eval.Code)
	switch {
	case name.Hash != 0:
		return r.session.hashes[name.Hash]
	case name.Body && body > 0:
		return cellPart{r, body}
	case name.Body:
		return cellPart{}
	case name.Count == 0 || name.Count == r.eval.Count:
		return cellPart{r, 0}
	case name.Count == r.eval.Count+1 && body > 0 && r.counted(name.Count) == nil:
		return cellPart{r, body} // %%capture has the kernel evaluate a cell in the cell
	}
	return cellPart{in: r.counted(name.Count)}
}

// place gives the name of the document that a cell is in, and the line, from 1, on
// which it begins.
func (c cellPart) place() (name string, firstLine int, ok bool) {
	if c.in == nil {
		return "", 0, false
	}
	return c.in.doc.name(), c.in.anchor.Line() + 1 + c.skip, true
}

// foundFrame is where a frame of an error stands: a line, from 0, of an evaluation's code.
type foundFrame struct {
	in   *result
	line int
	part bool // of an exception of a group
}

// found are the places of frames of r's error, without those where the code is not what
// the traceback shows.
func (r *result) found(frames []language.Frame) (found []foundFrame) {
	codes := map[*result][]string{}
	for _, f := range frames {
		c := r.cell(f.Cell)
		if c.in == nil {
			continue
		}
		line := f.Line - 1 + c.skip
		if f.Text != "" && !strings.Contains(f.Text, "get_ipython()") { // else it is what a magic became
			if codes[c.in] == nil {
				codes[c.in] = strings.Split(c.in.eval.Code, "\n")
			}
			if code := codes[c.in]; line >= len(code) || !sameCode(code[line], f.Text) {
				continue
			}
		}
		found = append(found, foundFrame{c.in, line, f.Part})
	}
	return found
}

// sameCode compares two lines by what is not blank, of long ones the beginning.
func sameCode(a, b string) bool {
	const enough = 200
	squeeze := func(s string) string {
		s = strings.Join(strings.Fields(s), "")
		return s[:min(len(s), enough)]
	}
	return squeeze(a) == squeeze(b)
}

// inPrinted puts the documents' names and lines in the place of what a kernel calls its
// cells in what code printed, or in the text of a value; mu is held.
func (ks *kernelSession) inPrinted(text string, value bool) string {
	return ks.Language.RewritePrinted(text, value, func(name language.Ref) (string, int, bool) { return ks.cell(name).place() })
}

// inValue is inPrinted for a value, without mu held.
func (ks *kernelSession) inValue(text string) string {
	if !ks.Language.NamesByHash() {
		return text
	}
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return ks.inPrinted(text, true)
}

// inPage is inPrinted for what a pager would show, without mu held.
func (ks *kernelSession) inPage(text string) string {
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	return ks.inPrinted(text, false)
}

// maxInspection bounds what is told of a name, in bytes: the source of a large module.
const maxInspection = 1 << 20

// inBuffers puts the documents' names and lines in the place of cells in what a kernel
// tells, which is cut where it is longer than anybody reads. Server.mu is not held.
func (ks *kernelSession) inBuffers(text string) string {
	text = output.Cut(text, maxInspection)
	ks.server.mu.Lock()
	defer ks.server.mu.Unlock()
	text = ks.Language.Rewrite(text, func(name language.Ref) (string, int, bool) { return ks.cell(name).place() })
	return ks.inPrinted(text, false)
}
