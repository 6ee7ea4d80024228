package lsp_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

func TestValue(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("\n1+1\n")
	e := b.start("1+1")
	if e.where != b.span("1+1") {
		t.Errorf("evaluated %v, want %v", e.where, b.span("1+1"))
	}
	tr := e.wait()
	tr.want(t, "queued running done", "2")
	if s := tr.end.Summary; s == nil || *s != (lsp.Summary{Kind: "line", Text: "2", Lines: 1}) {
		t.Errorf("summary %+v", s)
	}
	if tr.end.Count != 1 || tr.end.Elapsed <= 0 || tr.end.Range != e.where || tr.end.URI != b.uri {
		t.Errorf("end %+v", tr.end)
	}
	b.rewrite("import math\n")
	if tr := b.run("import math"); tr.end.Summary.Kind != "none" {
		t.Errorf("summary of no value: %+v", tr.end.Summary)
	}
	b.pid()
}

// A client without a plugin sees a value's first line, and no reval/* at all.
func TestValueWithoutPlugin(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("x = 20\nx + \\\n  1\nprint('größe'); 'a\\nb'\nprint('only')\n__import__('numpy').eye(3)\n")
	b.start("x = 20")
	b.start("x + \\\n  1")
	b.start("print('größe'); 'a\\nb'")
	b.start("print('only')")
	b.start("__import__('numpy').eye(3)")
	b.settled()
	hints := b.hints()
	if len(hints) != 5 {
		t.Fatalf("hints %+v", hints)
	}
	if !strings.HasPrefix(hints[0].Label, "✓ ") || !strings.HasSuffix(hints[0].Label, " ms") {
		t.Errorf("no value: %+v", hints[0])
	}
	want := hint{Label: "21", Position: b.after("  1"), Tooltip: "21"}
	if hints[1] != want {
		t.Errorf("got %+v, want %+v", hints[1], want)
	}
	if h := hints[2]; h.Label != `'a\nb'` || h.Tooltip != "größe\n'a\\nb'" {
		t.Errorf("printed and a value: %+v", h)
	}
	if h := hints[4]; h.Label != "array([[1., 0., 0.]," {
		t.Errorf("the first of several lines: %+v", h)
	}
	log := expect(c, "window/logMessage", func(p protocol.LogMessageParams) bool { return strings.Contains(p.Message, "größe") })
	if log.Type != protocol.MessageTypeLog {
		t.Errorf("logged as %v", log.Type)
	}
	for _, method := range []string{lsp.MethodOutput, lsp.MethodEvaluation, lsp.MethodState} {
		if n := c.count(method); n != 0 {
			t.Errorf("%d %s to a client that did not ask for them", n, method)
		}
	}
}

func TestStreamInParts(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("import time\nfor part in 'one', 'two', 'three':\n    print(part, flush=True); time.sleep(.4)\n")
	tr := b.run(strings.TrimSuffix(b.text, "\n"))
	tr.want(t, "queued running done", "")
	var parts []string
	for _, o := range tr.parts {
		if o.Index != 0 || o.Kind != lsp.OutputStream || o.Name != "stdout" {
			t.Errorf("output %+v", o)
		}
		parts = append(parts, o.Text)
	}
	if got := fmt.Sprintf("%q", parts); got != `["one\n" "two\n" "three\n"]` {
		t.Errorf("parts %s", got)
	}
}

func TestCarriageReturnAndColour(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python(`import sys, time
for n in range(3):
    print(f'\r{n}0 %', end='', flush=True); time.sleep(.3)
print('\r\x1b[31mready\x1b[0m')
time.sleep(.3)
print('bad', file=sys.stderr)
sys.stderr.flush(); time.sleep(.3)
print('more')
`)
	tr := b.run(strings.TrimSuffix(b.text, "\n"))
	if got := tr.stream("stdout"); got != "ready\nmore\n" {
		t.Errorf("stdout %q", got)
	}
	if got := tr.stream("stderr"); got != "bad\n" {
		t.Errorf("stderr %q", got)
	}
	erased := 0
	for _, o := range tr.parts {
		erased += o.Back
	}
	if erased == 0 {
		t.Error("no part erased an earlier one")
	}
	if spans := tr.outputs[0].Spans; len(spans) != 1 || spans[0].End-spans[0].Start != len("ready") {
		t.Errorf("spans %+v", spans)
	}
	// reval.output has what was told, at once and whole.
	all := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: tr.end.Evaluation})
	var text []string
	for _, o := range all.Outputs {
		text = append(text, o.Name+" "+o.Text)
	}
	if got := strings.Join(text, ""); got != "stdout ready\nstderr bad\nstdout more\n" {
		t.Errorf("reval.output: %q", got)
	}
}

// Two evaluations that follow each other at once keep their order, and each its
// own output. An edit behind an evaluation does not change what is evaluated.
func TestOrder(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "n = %d; print('out %d'); n\n", i, i)
	}
	b := c.python(text.String())
	ids := map[string]int{}
	for i := range 40 {
		p := lsp.EvaluateParams{URI: b.uri, Unit: "line", Position: &protocol.Position{Line: uint32(i)}}
		ids[c.request("workspace/executeCommand", execution(lsp.CommandEvaluate, p))] = i
		b.change(map[string]any{"range": protocol.Range{Start: *p.Position, End: *p.Position}, "text": "# "})
	}
	for id, i := range ids {
		result, err := c.reply(id, "evaluate")
		if err != nil {
			t.Fatal(err)
		}
		e := &evaluation{buffer: b, id: decode[lsp.EvaluateResult](t, result).Evaluation}
		tr := e.wait()
		if tr.value() != fmt.Sprint(i) || tr.stream("stdout") != fmt.Sprintf("out %d\n", i) || tr.end.Count != i+1 {
			t.Errorf("evaluation %d: value %s, stdout %q, count %d", i, tr.value(), tr.stream("stdout"), tr.end.Count)
		}
		if len(tr.outputs) != 2 {
			t.Errorf("evaluation %d: outputs %+v", i, tr.outputs)
		}
	}
}

func TestQueue(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("input()\n1/0\n2\n3\n")
	other := c.open(filepath.Join(filepath.Dir(strings.TrimPrefix(b.uri, "file://")), "other.py"), "python", "4")
	first := b.start("input()")
	question := expect[lsp.InputRequestParams](c, lsp.MethodInputRequest, nil)
	failing, second, third, fourth := b.start("1/0"), b.start("2"), b.start("3"), other.start("4")
	for i, e := range []*evaluation{failing, second, third, fourth} {
		tr := e.until("queued", func(tr transcript) bool { return tr.end.State != "" })
		if tr.end.State != lsp.EvaluationQueued || tr.end.Ahead != i+1 {
			t.Errorf("%d: %s with %d ahead", i, tr.end.State, tr.end.Ahead)
		}
	}
	c.state(func(s lsp.StateParams) bool {
		return s.Queued == 4 && s.Running == first.id && s.State == lsp.SessionBusy
	})
	command[any](c, lsp.CommandCancel, lsp.EvaluationRef{URI: b.uri, Evaluation: second.id})
	second.wait().want(t, "queued cancelled", "")
	third.until("moved up", func(tr transcript) bool { return tr.end.Ahead == 2 })
	if got := c.commandFails(lsp.CommandCancel, lsp.EvaluationRef{URI: b.uri, Evaluation: second.id}); !strings.Contains(got, "ended") {
		t.Errorf("cancelled twice: %s", got)
	}
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: question.Request, Value: "go"})
	first.wait().want(t, "queued running done", "'go'")
	failing.wait().want(t, "queued running error", "")
	third.wait().want(t, "queued cancelled", "")
	fourth.wait().want(t, "queued running done", "4")
	if m := third.wait().end.Message; !strings.Contains(m, "failed") {
		t.Errorf("message %q", m)
	}
}

func TestResultsMove(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("a = 1\n\na + 1\n\na + 2\n")
	b.start("a = 1")
	b.start("a + 1")
	b.start("a + 2")
	b.settled()
	expectHint := func(what string, want ...hint) {
		t.Helper()
		var got []hint
		for _, h := range b.hints() {
			if !strings.HasPrefix(h.Label, "✓") {
				h.Tooltip = ""
				got = append(got, h)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: hints %v, want %v", what, got, want)
		}
	}
	expectHint("at first", hint{Position: b.after("a + 1"), Label: "2"}, hint{Position: b.after("a + 2"), Label: "3"})
	b.replace("a = 1\n", "a = 1\n# one\n# two\n")
	expectHint("an edit above", hint{Position: b.after("a + 1"), Label: "2"}, hint{Position: b.after("a + 2"), Label: "3"})
	if got, want := b.evaluations()[1].Range, b.span("a + 1"); got != want {
		t.Errorf("range %v, want %v", got, want)
	}
	b.replace("a + 1", "a + 10")
	expectHint("stale", hint{Position: b.after("a + 10"), Label: "2 (stale)"}, hint{Position: b.after("a + 2"), Label: "3"})
	b.replace("a + 10", "a + 1")
	expectHint("undone", hint{Position: b.after("a + 1"), Label: "2"}, hint{Position: b.after("a + 2"), Label: "3"})
	b.rewrite("'full'\n" + b.text)
	expectHint("full text", hint{Position: b.after("a + 1"), Label: "2"}, hint{Position: b.after("a + 2"), Label: "3"})
	b.replace("a + 1\n", "")
	expectHint("gone", hint{Position: b.after("a + 2"), Label: "3"})
	command[any](c, lsp.CommandClear, lsp.ClearParams{URI: b.uri, Range: new(b.span("a + 2"))})
	expectHint("cleared")
	if left := b.evaluations(); len(left) != 1 {
		t.Errorf("results left: %+v", left)
	}
	command[any](c, lsp.CommandClear, lsp.ClearParams{URI: b.uri})
	if left := b.evaluations(); len(left) != 0 {
		t.Errorf("results left: %+v", left)
	}
}

// A client with a plugin is told of each change.
func TestResultChanges(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("a = 5\na * 2\na * 3\n")
	b.run("a = 5")
	e := b.start("a * 2")
	e.wait().want(t, "queued running done", "10")
	b.replace("a * 2", "a * 22")
	e.until("stale", func(tr transcript) bool { return tr.end.Stale && tr.end.Range == b.span("a * 22") })
	b.replace("a * 22", "a * 2")
	e.until("fresh", func(tr transcript) bool { return !tr.end.Stale })
	both := b.start("a * 2\na * 3")
	e.until("replaced", func(tr transcript) bool { return tr.end.Cleared })
	both.wait().want(t, "queued running done", "15")
	if list := b.evaluations(); len(list) != 2 || list[1].Evaluation != both.id {
		t.Errorf("results %+v", list)
	}
	b.replace("a * 2\na * 3\n", "")
	both.until("gone", func(tr transcript) bool { return tr.end.Cleared })
	// What was replaced can still be read.
	all := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: e.id})
	if len(all.Outputs) != 1 || all.Outputs[0].Text != "10" {
		t.Errorf("reval.output of a replaced one: %+v", all)
	}
	at := lsp.EvaluationRef{URI: b.uri, Position: &protocol.Position{Line: 1}}
	if got := c.commandFails(lsp.CommandOutput, at); !strings.Contains(got, "line 2") {
		t.Errorf("no result here: %s", got)
	}
}

const units = `import math

# %% one
def f(x):
    y = x + 1
    return y

f(1)
# %% [markdown]
# words
# %% two
f(2)

`

func TestUnits(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.open("units.py", "python", units)
	lines := func(from, to string) protocol.Range { return protocol.Range{Start: b.at(from), End: b.after(to)} }
	for _, test := range []struct {
		unit, at string
		want     protocol.Range
		value    string
	}{
		{"line", "f(1)", b.span("f(1)"), ""},
		{"definition", "return y", lines("def f", "return y"), ""},
		{"cell", "y = x", lines("def f", "f(1)"), "2"},
		{"cell", "# %% two", lines("f(2)", "f(2)"), "3"},
		{"toHere", "f(1)", lines("def f", "f(1)"), "2"},
		{"file", "import", lines("f(2)", "f(2)"), "3"},
		{"line", "def f", lines("def f", "return y"), ""},
		{"line", "y = x", protocol.Range{Start: protocol.Position{Line: 4}, End: b.after("y = x + 1")}, ""},
	} {
		e := b.unit(test.unit, b.at(test.at))
		if e.where != test.want {
			t.Errorf("%s at %q: %v, want %v", test.unit, test.at, e.where, test.want)
		}
		if tr := e.wait(); test.value != "" {
			tr.want(t, "queued running done", test.value)
		}
	}
	cells := command[[]lsp.Cell](c, lsp.CommandCells, b.only())
	if len(cells) != 4 || cells[1].Title != "one" || !cells[2].Markdown || cells[3].Range.Start != b.at("# %% two") {
		t.Errorf("cells %+v", cells)
	}
	position := b.at("y = x")
	for want, p := range map[string]lsp.EvaluateParams{
		"is text, not code":                      {Unit: "cell", Position: new(b.at("# words"))},
		"is empty":                               {Range: &protocol.Range{Start: protocol.Position{Line: 1}, End: protocol.Position{Line: 2}}},
		"line 2 is empty":                        {Unit: "line", Position: &protocol.Position{Line: 1}},
		"neither range":                          {},
		"needs a position":                       {Unit: "cell"},
		"is none of":                             {Unit: "paragraph", Position: &position},
		"position 99:0 is beyond the last line":  {Range: &protocol.Range{Start: protocol.Position{Line: 99}, End: protocol.Position{Line: 100}}},
		"position 200:0 is beyond the last line": {Unit: "line", Position: &protocol.Position{Line: 200}},
		"ends before it starts":                  {Range: &protocol.Range{Start: protocol.Position{Line: 3}, End: protocol.Position{Line: 2}}},
	} {
		p.URI = b.uri
		if got := c.commandFails(lsp.CommandEvaluate, p); !strings.Contains(got, want) || !strings.Contains(got, "units.py") {
			t.Errorf("%+v: %q does not say %q", p, got, want)
		}
	}
}

// A region deep in a block is sent without the indentation of the block.
func TestIndentedRegion(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("if True:\n    if True:\n        x = '''\n  as it is'''\n        # a comment\n        len(x)\n")
	from := b.position(b.offset("x = '''") - 3) // some of the indentation is selected too
	e := b.evaluate(lsp.EvaluateParams{Range: &protocol.Range{Start: from, End: b.after("len(x)")}})
	e.wait().want(t, "queued running done", "11")
	if want := (protocol.Position{Line: 2}); e.where.Start != want {
		t.Errorf("starts at %v, want %v", e.where.Start, want)
	}
}

func TestCRLF(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("def f():\r\n    s = '''a\r\nb'''\r\n    return len(s)\r\n\r\nf()\r\n1/0\r\n")
	b.unit("definition", b.at("return")).wait().want(t, "queued running done", "")
	e := b.unit("line", b.at("f()\r"))
	e.wait().want(t, "queued running done", "3")
	if want := (protocol.Range{Start: protocol.Position{Line: 5}, End: protocol.Position{Line: 5, Character: 3}}); e.where != want {
		t.Errorf("evaluated %v, want %v", e.where, want)
	}
	tr := b.unit("file", protocol.Position{}).wait()
	if got := tr.end.Error.Range; got != b.span("1/0") {
		t.Errorf("failed at %v, want %v", got, b.span("1/0"))
	}
}

// The client gets back the URI as it writes it.
func TestURIs(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	dir := t.TempDir()
	for _, u := range []string{
		fileURI(dir) + "/gr%C3%B6%C3%9Fe%20%231.py", fileURI(dir) + "/größe#2.py", fileURI(dir) + "/a%3ab%2B.py",
		"untitled:Untitled-1", "vscode-notebook-cell:/x/nb.ipynb#W0sZmlsZQ%3D%3D",
	} {
		b := c.open(u, "python", "1/0")
		tr := b.run("1/0")
		if tr.end.URI != u {
			t.Errorf("%s comes back as %s", u, tr.end.URI)
		}
		d := expect(c, protocol.MethodTextDocumentPublishDiagnostics, func(p diagnostics) bool { return p.URI == u })
		if len(d.Diagnostics) != 1 {
			t.Errorf("%s: diagnostics %+v", u, d)
		}
	}
	// Another spelling names the same document.
	b := c.open(fileURI(dir)+"/%C3%A9.py", "python", "7")
	b.uri = fileURI(dir) + "/é.py"
	id := command[lsp.EvaluateResult](c, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"}).Evaluation
	b.uri = fileURI(dir) + "/%C3%A9.py"
	(&evaluation{buffer: b, id: id}).wait().want(t, "queued running done", "7")
}

func TestGoKernel(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	b := c.open("cells.go", "go", "x := 40\nx + 2\n")
	b.run("x := 40").want(t, "queued running done", "")
	b.run("x + 2").want(t, "queued running done", "42")
	s := command[lsp.StateParams](c, lsp.CommandState, b.only())
	if s.Kernel != "go" || s.State != lsp.SessionIdle || s.Language != "go" {
		t.Errorf("state %+v", s)
	}
}

func TestCodeActions(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("# %%\n1\n2\n")
	type action struct {
		Title   string `json:"title"`
		Kind    string `json:"kind"`
		Command struct {
			Command   string `json:"command"`
			Arguments []any  `json:"arguments"`
		} `json:"command"`
	}
	actions := func(r protocol.Range, only ...string) map[string]action {
		t.Helper()
		context := map[string]any{"diagnostics": []any{}}
		if only != nil {
			context["only"] = only
		}
		found := map[string]action{}
		for _, a := range call[[]action](c, "textDocument/codeAction", map[string]any{
			"textDocument": map[string]any{"uri": b.uri}, "range": r, "context": context,
		}) {
			found[a.Title] = a
		}
		return found
	}
	selected := actions(b.span("1\n2"))
	for title, value := range map[string]string{
		"Evaluate selection": "2", "Evaluate cell": "2", "Evaluate to here": "1", "Evaluate file": "2", "Evaluate definition": "1",
	} {
		a, ok := selected[title]
		if !ok {
			t.Errorf("no action %q among %v", title, selected)
			continue
		}
		r := call[lsp.EvaluateResult](c, "workspace/executeCommand", a.Command)
		(&evaluation{buffer: b, id: r.Evaluation}).wait().want(t, "queued running done", value)
	}
	here := protocol.Range{Start: b.at("2"), End: b.at("2")}
	for _, title := range []string{"Evaluate line", "Restart kernel", "Clear results"} {
		if _, ok := actions(here)[title]; !ok {
			t.Errorf("no action %q", title)
		}
	}
	if _, ok := actions(here)["Interrupt kernel"]; ok {
		t.Error("an idle kernel can be interrupted")
	}
	if got := actions(here, "quickfix"); len(got) != 0 {
		t.Errorf("not asked for: %v", got)
	}
	if got := actions(here, "quickfix", "source"); len(got) == 0 {
		t.Error("none, although some were asked for")
	}
}
