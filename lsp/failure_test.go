package lsp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/lsp"
)

type diagnostics struct {
	URI         string `json:"uri"`
	Diagnostics []struct {
		Range    protocol.Range `json:"range"`
		Severity int            `json:"severity"`
		Source   string         `json:"source"`
		Message  string         `json:"message"`
	} `json:"diagnostics"`
}

// told waits until the buffer's diagnostics stand on the given ranges.
func (b *buffer) told(ranges ...protocol.Range) diagnostics {
	b.t.Helper()
	return expect(b.client, protocol.MethodTextDocumentPublishDiagnostics, func(d diagnostics) bool {
		var got []protocol.Range
		for _, one := range d.Diagnostics {
			got = append(got, one.Range)
		}
		return d.URI == b.uri && slices.Equal(got, ranges)
	})
}

const deep = `import os

def divide(a):
    # the comment keeps its line
    return a / 0


class C:
    def m(self):
        if True:
            x = 1

            y = x + '1'
            z = 2

divide(3)
`

func TestErrorOnItsLine(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.open("deep.py", "python", deep)

	// In a region of an indented block.
	tr := b.run("x = 1\n\n            y = x + '1'\n            z = 2")
	tr.want(t, "queued running error", "")
	line := b.span("y = x + '1'")
	if e := tr.end.Error; e == nil || e.Name != "TypeError" || e.Range != line {
		t.Errorf("error %+v, want it at %v", e, line)
	}
	d := b.told(line).Diagnostics[0]
	if d.Source != "reval" || d.Severity != 1 || !strings.HasPrefix(d.Message, "TypeError: unsupported operand") {
		t.Errorf("diagnostic %+v", d)
	}
	out := tr.one(lsp.OutputError)
	if want := "deep.py:13"; !strings.Contains(out.Text, want) && !strings.Contains(out.Text, "deep.py, line 13") {
		t.Errorf("the traceback does not name %s:\n%s", want, out.Text)
	}
	if strings.Contains(out.Text, "\x1b") || strings.Contains(out.Text, "Cell In") || len(out.Spans) == 0 {
		t.Errorf("the traceback as it came:\n%q", out.Text)
	}
	b.linked(t, out, 12)

	// Evaluated again, it is void.
	b.replace("x + '1'", "x + 1")
	b.run("x = 1\n\n            y = x + 1\n            z = 2").want(t, "queued running done", "")
	b.told()

	// In a function of an earlier cell.
	b.unit("definition", b.at("divide")).wait().want(t, "queued running done", "")
	tr = b.run("divide(3)")
	line = b.span("return a / 0")
	if e := tr.end.Error; e == nil || e.Range != line {
		t.Errorf("error %+v, want it at %v", e, line)
	}
	b.told(line)
	out = tr.one(lsp.OutputError)
	b.linked(t, out, 4)
	b.linked(t, out, 15)

	// It moves with the code, and is void when its line is evaluated again.
	b.replace("import os\n", "import os\nimport sys\n")
	b.run("import sys")
	b.told(b.span("return a / 0"))
	if e := b.evaluation(tr.end.Evaluation); e.Error == nil || e.Error.Range != b.span("return a / 0") {
		t.Errorf("the error did not move: %+v", e.Error)
	}
	b.replace("a / 0", "a / 1")
	b.unit("definition", b.at("divide")).wait()
	b.told()
	b.run("divide(3)").want(t, "queued running done", "3.0")
}

// linked looks for one link from a text to a line of the buffer, counted from 0.
func (b *buffer) linked(t testing.TB, o lsp.Output, line int) {
	t.Helper()
	var found []string
	for _, l := range o.Links {
		if l.URI == b.uri && l.Line == line {
			found = append(found, string([]rune(o.Text)[l.Start:l.End]))
		}
	}
	if len(found) != 1 || !strings.HasSuffix(found[0], fmt.Sprint(line+1)) {
		t.Errorf("links to line %d: %q, of %+v in\n%s", line+1, found, o.Links, o.Text)
	}
}

// A syntax error has no frame in running code; a module's file is linked.
func TestOtherErrors(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("x = 1\nif x:\n    y = = 2\n")
	tr := b.run(strings.TrimSuffix(b.text, "\n"))
	if e := tr.end.Error; e == nil || e.Name != "SyntaxError" || e.Range != b.span("y = = 2") {
		t.Errorf("error %+v", e)
	}
	b.rewrite("import json\njson.loads('{')\n")
	tr = b.run("import json\njson.loads('{')")
	if e := tr.end.Error; e == nil || e.Name != "JSONDecodeError" || e.Range != b.span("json.loads('{')") {
		t.Errorf("error %+v", e)
	}
	var files []string
	for _, l := range tr.one(lsp.OutputError).Links {
		files = append(files, fmt.Sprintf("%s:%d", l.URI[strings.LastIndex(l.URI, "/")+1:], min(l.Line, 1)))
	}
	if !slices.Contains(files, "decoder.py:1") {
		t.Errorf("links to files: %v", files)
	}
	// Recursion names a line many times, and links each mention once.
	b.rewrite("def f(): f()\nf()\n")
	tr = b.run("def f(): f()\nf()")
	seen := map[int]bool{}
	for _, l := range tr.one(lsp.OutputError).Links {
		if seen[l.Start] {
			t.Fatalf("two links at %d", l.Start)
		}
		seen[l.Start] = true
	}
}

// A plain client sees the error beside the code and as a diagnostic; closing the
// document withdraws it.
func TestErrorWithoutPlugin(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("x = 1\n1/0\n'next'\n")
	b.start("x = 1")
	b.start("1/0")
	b.settled()
	b.told(b.span("1/0"))
	if h := b.hints(); len(h) != 2 || h[1].Label != "✗ ZeroDivisionError: division by zero" || !strings.Contains(h[1].Tooltip, "Traceback") {
		t.Errorf("hints %+v", h)
	}
	b.close()
	b.told()
	if got := c.commandFails(lsp.CommandEvaluations, b.only()); !strings.Contains(got, "not open") {
		t.Errorf("a closed document: %s", got)
	}
	// The session lives on.
	again := c.open(b.uri, "python", "x")
	again.start("x")
	again.settled()
	if h := again.hints(); len(h) != 1 || h[0].Label != "1" {
		t.Errorf("hints %+v", h)
	}
}

// An error that comes without a place, or with one in a print of the code, stands on the line that
// it tells of, else on the first that has code.
func TestErrorsWithoutAPlace(t *testing.T) {
	for _, test := range []struct {
		kernel, id string
		cases      map[string]string // code → the line
	}{
		{"python3", "python", map[string]string{
			"x = 1\n\nraise SystemExit(3)\ny = 2": "raise SystemExit(3)", "x = 1\n%nosuchmagic\ny = 2": "%nosuchmagic",
			"# so it ends\nraise SystemExit": "raise SystemExit", "import sys\ndef f():\n    sys.exit('bye')\nf()": "sys.exit('bye')",
		}},
		{"ipykernel6", "python", map[string]string{"x = 1\nraise SystemExit(3)": "raise SystemExit(3)", "x = 1\n%nosuchmagic": "%nosuchmagic"}},
		{"xeus-python", "python", map[string]string{"x = 1\nraise SystemExit(3)": "raise SystemExit(3)"}},
		{"ir", "r", map[string]string{"x <- 1\noptions(warn = 2)\nlog(-1)\ny <- 2": "log(-1)"}},
		{"deno", "javascript", map[string]string{
			"let a1 = 1;\n\nthrow \"s\"": "throw \"s\"", "let m1 = {a: 1, b: 2}\n\nnull.foo": "null.foo", "let k1 = 1\n\n/* a\n b */\nundefinedVar": "undefinedVar",
		}},
	} {
		t.Run(test.kernel, func(t *testing.T) {
			t.Parallel()
			b := namespaceOf(t, namespaceKernel{test.kernel, test.id, "1\n", nil})
			for code, line := range test.cases {
				b.rewrite(code + "\n")
				if e := b.run(code).end.Error; e == nil || e.Range != b.span(line) {
					t.Errorf("%q: %+v, want it at %v", code, e, b.span(line))
				}
			}
		})
	}
}
