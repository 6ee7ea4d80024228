package lsp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/lsp"
)

// rename tells that the buffer's file has another name, and takes that.
func (b *buffer) renamed(u string) {
	b.notify("workspace/didRenameFiles", map[string]any{"files": []any{map[string]any{"oldUri": b.uri, "newUri": u}}})
}

// reopen opens the buffer under a name, as one that the client has just read.
func (b *buffer) reopen(u string) {
	b.uri, b.version = u, 1
	b.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": u, "languageId": "python", "version": 1, "text": b.text,
	}})
}

// A renamed file keeps its results, its session and what runs, in whatever order the
// client tells it.
func TestRenaming(t *testing.T) {
	ways := map[string]func(b *buffer, to string){
		"rename, close, open": func(b *buffer, to string) { b.renamed(to); b.close(); b.reopen(to) },
		"close, rename, open": func(b *buffer, to string) { was := *b; b.close(); was.renamed(to); b.reopen(to) },
		"open, rename, close": func(b *buffer, to string) { was := *b; b.reopen(to); was.renamed(to); was.close() },
		"open, close, rename": func(b *buffer, to string) { was := *b; b.reopen(to); was.close(); was.renamed(to) },
		"close, open":         func(b *buffer, to string) { b.close(); b.reopen(to) },
		"the folder": func(b *buffer, to string) {
			was := *b
			was.uri = b.uri[:strings.LastIndexByte(b.uri, '/')]
			was.renamed(to[:strings.LastIndexByte(to, '/')])
			b.close()
			b.reopen(strings.TrimSuffix(to, filepath.Base(to)) + filepath.Base(b.uri))
		},
	}
	for way, rename := range ways {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			c := start(t, setup{capabilities: plugin(), folders: []string{dir}})
			b := c.open(filepath.Join(dir, "a", "cells.py"), "python", "6 * 7\n1/0\ninput()\n")
			b.run("6 * 7")
			b.run("1/0")
			session := command[lsp.StateParams](c, lsp.CommandState, b.only()).Session
			published := func(u string, n int) {
				t.Helper()
				expect(c, protocol.MethodTextDocumentPublishDiagnostics, func(p diagnostics) bool { return p.URI == u && len(p.Diagnostics) == n })
			}
			old := b.uri
			published(old, 1)
			waits := b.start("input()")
			question := expect[lsp.InputRequestParams](c, lsp.MethodInputRequest, nil)
			rename(b, fileURI(filepath.Join(dir, "b", "other.py")))
			published(old, 0)
			published(b.uri, 1)
			c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: question.Request, Value: "x"})
			end := expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == waits.id && ends(p.State) })
			if end.URI != b.uri || end.State != lsp.EvaluationDone || end.Cleared {
				t.Errorf("what ran ended as %+v", end)
			}
			var told []string
			for _, e := range b.evaluations() {
				told = append(told, fmt.Sprintf("%d %s %v", e.Range.Start.Line, e.State, e.Stale))
			}
			if got := strings.Join(told, ", "); got != "0 done false, 1 error false, 2 done false" {
				t.Errorf("results %s", got)
			}
			if now := command[lsp.StateParams](c, lsp.CommandState, b.only()); now.Session != session || now.URIs[0] != b.uri {
				t.Errorf("session %+v, was %s", now, session)
			}
			b.edit(0, 0, "x\n")
			if e := b.evaluations()[1]; e.Error.Range.Start.Line != 2 {
				t.Errorf("the error stands at %+v", e.Error.Range)
			}
		})
	}
}

// A document that is read again keeps what is true of it.
func TestOpenedAgain(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("1\n2\n3\n")
	for i := range 3 {
		b.unit("line", protocol.Position{Line: uint32(i)}).wait()
	}
	id := b.evaluations()[0].Evaluation
	b.close()
	expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == id && p.Cleared })
	if got := c.commandFails(lsp.CommandEvaluations, b.only()); !strings.Contains(got, "not open") {
		t.Errorf("of a closed document: %s", got)
	}
	b.reopen(b.uri)
	expect(c, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == id && !p.Cleared })
	b.wantStanding("0 1, 1 2, 2 3")
	// Another program has changed it meanwhile.
	b.text = "0\n3\n1\n"
	b.reopen(b.uri)
	b.wantStanding("1 3, 2 1")
	// With another language it is another's.
	b.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": b.uri, "languageId": "r", "version": 1, "text": b.text}})
	b.wantStanding("")
}

// Results are not handed over to a document that merely has the same text.
func TestNotOpenedAgain(t *testing.T) {
	for name, open := range map[string]func(b *buffer, other string){
		"another message between": func(b *buffer, other string) {
			b.close()
			b.notify("textDocument/didSave", b.place(protocol.Position{}))
			b.reopen(other)
		},
		"the first is still open": func(b *buffer, other string) { b.reopen(other) },
		"another text":            func(b *buffer, other string) { b.close(); b.text += " "; b.reopen(other) },
		"another folder":          func(b *buffer, other string) { b.close(); b.reopen(fileURI(filepath.Join(b.t.TempDir(), "a.py"))) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{capabilities: plugin()})
			b := c.python("1\n")
			b.run("1")
			open(b, strings.TrimSuffix(b.uri, ".py")+"-copy.py")
			b.wantStanding("")
		})
	}
}

// What fails in a document that is closed is told all the same.
func TestErrorInClosedDocument(t *testing.T) {
	for name, capabilities := range map[string]map[string]any{"plugin": plugin(), "plain": plain()} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{capabilities: capabilities})
			marker := filepath.Join(t.TempDir(), "go")
			b := c.python(fmt.Sprintf("import os, time\nwhile not os.path.exists(%q): time.sleep(.01)\nraise ValueError('bad\\nthing')\n", marker))
			command[lsp.EvaluateResult](c, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"})
			b.close()
			other := c.open(strings.TrimSuffix(b.uri, ".py")+"-other.py", "python", "1")
			command[lsp.StateParams](c, lsp.CommandState, other.only())
			if err := os.WriteFile(marker, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := c.showMessage("ValueError"); got != "cells.py, which was closed: ValueError: bad" {
				t.Errorf("told: %q", got)
			}
		})
	}
}

// A buffer without a file is called by its name.
func TestNameOfBufferWithoutFile(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	for u, name := range map[string]string{
		"untitled:%2Ascratch%2A": "*scratch*", "untitled:Untitled-1": "Untitled-1", "untitled:7/%5BNo%20Name%5D": "[No Name]",
	} {
		b := c.open(u, "python", "\n1/0\n")
		tr := b.run("1/0")
		o := tr.one(lsp.OutputError)
		if !strings.Contains(o.Text, name+", line 2") || len(o.Links) != 1 || o.Links[0].URI != u || o.Links[0].Line != 1 {
			t.Errorf("%s: %+v\n%s", u, o.Links, o.Text)
		}
		if strings.Contains(o.Text, "untitled") {
			t.Errorf("%s: %s", u, o.Text)
		}
	}
}
