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
	e := &evaluation{buffer: doc}
	for i := range n {
		e.id = doc.line(i * (manyLines / n))
	}
	e.wait()
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
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkResults(b, n) })
	}
}

func benchmarkResults(b *testing.B, n int) {
	doc := manyResults(b, n)
	state := func() { command[lsp.StateParams](doc.client, lsp.CommandState, doc.only()) }
	at := 0
	b.Run("key", func(b *testing.B) {
		for b.Loop() {
			at = (at + 7919) % manyLines
			p, q := protocol.Position{Line: uint32(at), Character: 5}, protocol.Position{Line: uint32(at), Character: 6}
			doc.change(map[string]any{"range": protocol.Range{Start: p, End: p}, "text": " "})
			doc.change(map[string]any{"range": protocol.Range{Start: p, End: q}, "text": ""})
			state()
		}
	})
	b.Run("line", func(b *testing.B) {
		for b.Loop() {
			doc.change(map[string]any{"range": protocol.Range{}, "text": "\n"})
			doc.change(map[string]any{"range": protocol.Range{End: protocol.Position{Line: 1}}, "text": ""})
			state()
		}
	})
	b.Run("place", func(b *testing.B) {
		for b.Loop() {
			command[lsp.OutputParams](doc.client, lsp.CommandOutput, lsp.EvaluationRef{URI: doc.uri, Position: &protocol.Position{}})
		}
	})
	evaluate := func(doc *buffer) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				e := &evaluation{buffer: doc, id: doc.line(0)}
				doc.mu.Lock()
				e.read = max(0, len(doc.log)-20)
				doc.mu.Unlock()
				e.wait()
			}
		}
	}
	b.Run("evaluation", evaluate(doc))
	// The kernel has its own work with many cells: a document without results has that, too.
	b.Run("evaluation elsewhere", evaluate(doc.open(strings.TrimSuffix(doc.uri, "many.go")+"few.go", "go", doc.text)))
}
