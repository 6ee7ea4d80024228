package lsp_test

import (
	"fmt"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// manyLines is how long the document is in which there are many results.
const manyLines = 10_000

// manyResults opens a long document in which n lines were evaluated.
func manyResults(b *testing.B, n int) *buffer {
	b.Helper()
	c := start(b, setup{capabilities: plugin(), env: []string{}, builtin: []kernelclient.Spec{goKernel(b)}})
	doc := c.open(b.TempDir()+"/many.go", "go", strings.Repeat("6 * 7\n", manyLines))
	last := ""
	for i := range n {
		last = doc.line(i * (manyLines / n))
	}
	c.await("the last result", func() bool {
		return len(c.log) > 0 && func() bool {
			for _, m := range c.log[max(0, len(c.log)-3):] {
				if m.Method == lsp.MethodEvaluation && strings.Contains(string(m.Params), last) && strings.Contains(string(m.Params), `"done"`) {
					return true
				}
			}
			return false
		}()
	})
	return doc
}

// line evaluates a line, and gives the evaluation's id.
func (b *buffer) line(n int) string {
	p := protocol.Position{Line: uint32(n)}
	return command[lsp.EvaluateResult](b.client, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "line", Position: &p}).Evaluation
}

// BenchmarkManyResults shows that the work for a key, an evaluation and a question
// does not grow with the number of results. Each goes to the server and back.
func BenchmarkManyResults(b *testing.B) {
	for _, n := range []int{10, 1000, 5000} {
		b.Run(fmt.Sprintf("all %d", n), func(b *testing.B) {
			for b.Loop() {
				manyResults(b, n)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*b.N), "µs/evaluation")
		})
		doc := manyResults(b, n)
		state := func() { command[lsp.StateParams](doc.client, lsp.CommandState, doc.only()) }
		at := 0
		b.Run(fmt.Sprintf("key %d", n), func(b *testing.B) {
			for b.Loop() {
				at = (at + 7919) % manyLines
				p := protocol.Position{Line: uint32(at), Character: 5}
				q := protocol.Position{Line: uint32(at), Character: 6}
				doc.change(map[string]any{"range": protocol.Range{Start: p, End: p}, "text": " "})
				doc.change(map[string]any{"range": protocol.Range{Start: p, End: q}, "text": ""})
				state()
			}
		})
		b.Run(fmt.Sprintf("line %d", n), func(b *testing.B) {
			for b.Loop() {
				doc.change(map[string]any{"range": protocol.Range{}, "text": "\n"})
				doc.change(map[string]any{"range": protocol.Range{End: protocol.Position{Line: 1}}, "text": ""})
				state()
			}
		})
		// The kernel has its own work with many cells: a document without results has that, too.
		for where, doc := range map[string]*buffer{"": doc, " elsewhere": doc.open(strings.TrimSuffix(doc.uri, "many.go")+"few.go", "go", doc.text)} {
			b.Run(fmt.Sprintf("evaluation %d%s", n, where), func(b *testing.B) {
				for b.Loop() {
					e := &evaluation{buffer: doc, id: doc.line(0)}
					doc.mu.Lock()
					e.read = max(0, len(doc.log)-20)
					doc.mu.Unlock()
					e.wait()
				}
			})
		}
		b.Run(fmt.Sprintf("place %d", n), func(b *testing.B) {
			for b.Loop() {
				p := protocol.Position{Line: 0}
				command[lsp.OutputParams](doc.client, lsp.CommandOutput, lsp.EvaluationRef{URI: doc.uri, Position: &p})
			}
		})
		doc.client.close()
	}
}
