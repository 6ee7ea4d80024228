package lsp_test

import (
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// each makes an evaluation of each that the answer to reval.evaluate names.
func (b *buffer) each(p lsp.EvaluateParams) (all []*evaluation) {
	b.t.Helper()
	p.URI = b.uri
	r := command[lsp.EvaluateResult](b.client, lsp.CommandEvaluate, p)
	if r.Evaluations == nil {
		b.t.Fatalf("one evaluation: %+v", r)
	}
	for _, e := range r.Evaluations {
		all = append(all, &evaluation{buffer: b, id: e.Evaluation, where: e.Range})
	}
	if last := all[len(all)-1]; last.id != r.Evaluation || last.where != r.Range {
		b.t.Errorf("the last is %s at %v, and the answer names %s at %v", last.id, last.where, r.Evaluation, r.Range)
	}
	return all
}

const magicCells = `# %% a
# why

%%bash
echo hi
# %% [markdown]
# words
# %% b
s = """
# %% no mark
"""
print(2)
# %% c
# only a comment, then
%%time
x = 1

1/0
# %% d
5
`

// What has several cells is evaluated cell by cell, as each stands for its kernel.
func TestCellByCell(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python(magicCells)
	lines := func(from, to string) protocol.Range { return protocol.Range{Start: b.at(from), End: b.after(to)} }
	wholes := []protocol.Range{lines("%%bash", "echo hi"), lines("s = ", "print(2)"), lines("%%time", "1/0"), lines("5", "5")}
	here := b.at("1/0")
	selection := protocol.Range{Start: b.at("why"), End: b.after("# %% d\n5")}
	for name, p := range map[string]lsp.EvaluateParams{
		"file": {Unit: "file"}, "toHere": {Unit: "toHere", Position: &here}, "range": {Range: &selection},
	} {
		all := b.each(p)
		want := wholes
		if name == "toHere" {
			want = wholes[:3]
		}
		if len(all) != len(want) {
			t.Fatalf("%s: %d evaluations, want %d", name, len(all), len(want))
		}
		for i, e := range all {
			if e.where != want[i] {
				t.Errorf("%s: %d is at %v, want %v", name, i, e.where, want[i])
			}
		}
		if tr := all[0].wait(); tr.stream("stdout") != "hi\n" {
			t.Errorf("%s: bash said %q and %s", name, tr.stream("stdout"), tr.one(lsp.OutputError).Text)
		}
		if tr := all[1].wait(); tr.stream("stdout") != "2\n" {
			t.Errorf("%s: python said %q", name, tr.stream("stdout"))
		}
		all[2].wait().want(t, "queued running error", "")
		if len(all) == 4 {
			if tr := all[3].wait(); tr.end.State != lsp.EvaluationCancelled || !strings.Contains(tr.end.Message, "not run") {
				t.Errorf("%s: what stands behind an error: %+v", name, tr.end)
			}
		}
	}
	if got := b.evaluations(); len(got) != 4 {
		t.Errorf("%d results, want one for each cell", len(got))
	}
	// A cell that is evaluated by itself is the same.
	if e := b.unit("cell", b.at("# why")); e.where != wholes[0] {
		t.Errorf("the cell is at %v, want %v", e.where, wholes[0])
	}
}

// An error stops what waits behind it, however quickly it comes: all cells are queued
// at once.
func TestNoCellOvertakesAnError(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	b := c.open("a.go", "go", "// %%\nx := 1\n"+strings.Repeat("// %%\nx++\n", 40))
	all := b.each(lsp.EvaluateParams{Unit: "file"})
	all[40].wait().want(t, "queued running done", "")
	b.rewrite("// %%\npanic(1)\n" + strings.Repeat("// %%\nx++\n", 40))
	for _, e := range b.each(lsp.EvaluateParams{Unit: "file"})[1:] {
		if tr := e.wait(); tr.end.State != lsp.EvaluationCancelled {
			t.Fatalf("a cell behind an error is %s", tr.end.State)
		}
	}
	b.rewrite("// %%\nx\n")
	b.run("x").want(t, "queued running done", "41")
}

// One progress is shown for all cells, and cancelling it ends them all.
func TestProgressOfSeveralCells(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("# %%\nx = 1\n# %%\nprint('in', flush=True); import time; time.sleep(60)\n# %%\nx = 2\n# %%\nx = 3\n")
	params := execution(lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"})
	params["workDoneToken"] = "mine"
	r := call[lsp.EvaluateResult](c, "workspace/executeCommand", params)
	(&evaluation{buffer: b, id: r.Evaluations[1].Evaluation}).printed("in")
	c.notify("window/workDoneProgress/cancel", map[string]any{"token": "mine"})
	for i, want := range []string{lsp.EvaluationDone, lsp.EvaluationFailed, lsp.EvaluationCancelled, lsp.EvaluationCancelled} {
		if tr := (&evaluation{buffer: b, id: r.Evaluations[i].Evaluation}).wait(); tr.end.State != want {
			t.Errorf("cell %d is %s, want %s", i, tr.end.State, want)
		}
	}
	c.progress(`"mine"`, "begin")
	if p := c.progress(`"mine"`, "end"); p.Value.Message != "error" {
		t.Errorf("the end says %q", p.Value.Message)
	}
	b.rewrite("x")
	b.run("x").want(t, "queued running done", "1")
}

// A Go file with a package clause is one program, whatever its comments look like.
func TestProgramIsNotDivided(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	b := c.open("a.go", "go", "// %% a\npackage main\n\n// %% b\nfunc main() { println(1) }\n")
	b.evaluate(lsp.EvaluateParams{Unit: "file"}).wait().want(t, "queued running done", "")
}

// everyKernel is an environment with the kernels of all languages.
func everyKernel(t testing.TB) []string {
	testenv.Python(t)
	return append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath())
}

// Kernels are sent "\n" and no byte order mark, whatever the document has.
func TestLineEndsAndByteOrderMark(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), env: everyKernel(t)})
	for _, test := range []struct{ language, text, want string }{
		{"python", "\ufeff# %% a\r\nx = '''a\r\nb'''\r\nx\r\n", `'a\nb'`},
		{"python", "\ufeffx = 1\rx\r", "1"},
		{"r", "\ufeffx <- 1\r\ny <- \"a\r\nb\"\r\nnchar(y)\r\n", "[1] 3"},
		{"r", "f <- function(a) {\r\n  a\r\n}\r\nf(2)\r\n", "[1] 2"},
		{"shellscript", "x=1\r\necho $x | od -An -c\r\n", "   1  \\n\n"},
		{"typescript", "let s = `a\r\nb`;\r\ns.length\r\n", "3"},
	} {
		b := c.open("a."+test.language, test.language, test.text)
		last := protocol.Position{Line: uint32(strings.Count(language.Source(test.text), "\n") - 1)}
		end := last
		end.Line++
		for name, p := range map[string]lsp.EvaluateParams{
			"file": {Unit: "file"}, "toHere": {Unit: "toHere", Position: &last}, "cell": {Unit: "cell", Position: new(protocol.Position)},
			"range": {Range: &protocol.Range{End: end}},
		} {
			e := b.evaluate(p)
			tr := e.until("the output", func(tr transcript) bool { return ends(tr.end.State) && len(tr.outputs) > 0 }) // Deno's comes late
			got := tr.value() + tr.one(lsp.OutputDisplay).Text + tr.stream("stdout")
			if tr.end.State != lsp.EvaluationDone || got != test.want {
				t.Errorf("%q as %s: %s, %q, want %q; %s", test.text, name, tr.end.State, got, test.want, tr.one(lsp.OutputError).Text)
			}
		}
	}
	c.showMessage("Deno talks over tcp")
}

// Nor are they in what is asked about a name.
func TestByteOrderMarkInQuestions(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.open("a.py", "python", "\ufefflen([1]).re\r\n1\r\n")
	b.run("1").want(t, "queued running done", "1")
	inspected := command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("en(")})
	if !inspected.Found || !strings.Contains(inspected.Text, "Return the number of items") {
		t.Errorf("inspected %+v", inspected)
	}
	b.replace("len([1]).re", "len")
	list := b.complete("len")
	if len(list.Items) == 0 || list.Items[0].TextEdit.NewText != "len" || list.Items[0].TextEdit.Range != b.span("len") {
		t.Errorf("completed %+v, want at %v", list.Items, b.span("len"))
	}
}
