package lsp_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/reval-editor/reval/lsp"
)

// The page's codes of errors are those that a client gets.
func TestProtocolErrors(t *testing.T) {
	page, err := os.ReadFile(pagePath())
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, setup{capabilities: plugin(), raw: true})
	is := func(c *client, code int, method string, params any) {
		t.Helper()
		_, err := c.reply(c.request(method, params), method)
		var e *rpcError
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s %v: %v, want %d", method, params, err, code)
		}
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d", code)) {
			t.Errorf("the page does not have %d", code)
		}
	}
	run := func(code int, name string, argument any) {
		t.Helper()
		is(c, code, "workspace/executeCommand", execution(name, argument))
	}
	is(c, -32002, "textDocument/hover", map[string]any{})
	c.initialize(setup{capabilities: plugin()})
	b := c.python("1 + 1\n")
	other := c.open("a.txt", "plaintext", "1 + 1\n")
	far := b.at("1 + 1")
	far.Line = 9
	run(-32602, "reval.nothing", b.only())
	run(-32602, lsp.CommandState, map[string]any{})
	run(-32602, lsp.CommandState, lsp.DocumentParams{URI: "file:///nowhere.py"})
	run(-32602, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "page"})
	run(-32602, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "line"})
	run(-32602, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "line", Position: &far})
	run(-32803, lsp.CommandEvaluate, lsp.EvaluateParams{URI: other.uri, Unit: "file"})
	run(-32803, lsp.CommandInterrupt, b.only())
	run(-32803, lsp.CommandOutput, lsp.OutputRef{URI: b.uri, Position: &far})
	is(c, -32601, "textDocument/rename", map[string]any{})

	e := b.start("1 + 1")
	e.wait()
	sleeps := c.open(strings.TrimSuffix(b.uri, ".py")+"-sleeps.py", "python", "print('sleeps', flush=True)\n__import__('time').sleep(1000)\n")
	running := sleeps.evaluate(lsp.EvaluateParams{Unit: "file"})
	running.printed("sleeps")
	id := c.request("workspace/executeCommand", execution(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("1")}))
	c.notify("$/cancelRequest", map[string]any{"id": number(t, id)})
	_, err = c.reply(id, "a cancelled request")
	var e2 *rpcError
	if errors.As(err, &e2) && e2.Code != -32800 {
		t.Errorf("cancelled: %v", err)
	}
	command[any](c, lsp.CommandInterrupt, sleeps.only())
	running.wait()

	down := bare(t, setup{})
	down.call("shutdown", nil)
	is(down, -32600, "textDocument/hover", map[string]any{})
	down.notify("exit", nil)
	down.waitEnd()
}

func number(t *testing.T, id string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(id, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What of LSP a client with the capability still gets, as the page says.
func TestProtocolBesidesNotifications(t *testing.T) {
	capabilities := plugin()
	capabilities["window"] = map[string]any{"workDoneProgress": true}
	capabilities["workspace"] = map[string]any{"inlayHint": map[string]any{"refreshSupport": true}}
	c := start(t, setup{capabilities: capabilities})
	b := c.python("print('printed', flush=True)\nimport time; time.sleep(.5)\n1/0\n")
	b.evaluate(lsp.EvaluateParams{Unit: "file"}).wait()
	type progress struct {
		Value struct{ Kind, Message string }
	}
	expect(c, "window/workDoneProgress/create", func(any) bool { return true })
	expect(c, "$/progress", func(p progress) bool { return p.Value.Kind == "begin" })
	expect(c, "$/progress", func(p progress) bool { return p.Value.Kind == "end" })
	expect(c, "textDocument/publishDiagnostics", func(p struct{ Diagnostics []any }) bool { return len(p.Diagnostics) == 1 })
	if hints := b.hints(); len(hints) > 0 {
		t.Errorf("it gets the hints %+v", hints)
	}
	if n := c.count("$/progress"); n != 2 {
		t.Errorf("%d times $/progress, want begin and end", n)
	}
	for _, method := range []string{"window/logMessage", "workspace/inlayHint/refresh", "window/showMessage"} {
		if n := c.count(method); n > 0 {
			t.Errorf("it gets %d times %s", n, method)
		}
	}
}
