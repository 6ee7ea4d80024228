package lsp_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/lsp"
)

type completionItem struct {
	Label               string              `json:"label"`
	Kind                int                 `json:"kind,omitempty"`
	FilterText          string              `json:"filterText,omitempty"`
	SortText            string              `json:"sortText,omitempty"`
	TextEdit            protocol.TextEdit   `json:"textEdit"`
	AdditionalTextEdits []protocol.TextEdit `json:"additionalTextEdits,omitempty"`
	Documentation       struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
	} `json:"documentation"`
	Data any `json:"data"`
}

type completions struct {
	IsIncomplete bool             `json:"isIncomplete"`
	Items        []completionItem `json:"items"`
}

// complete asks for completions behind a text, again while the kernel has not answered in
// time: the first question may load much.
func (b *buffer) complete(after string) completions {
	b.t.Helper()
	for begun := time.Now(); ; {
		l := call[completions](b.client, "textDocument/completion", b.place(b.after(after)))
		if !l.IsIncomplete || time.Since(begun) > limit {
			return l
		}
	}
}

// warm lets the kernel load what it completes and inspects with.
func (b *buffer) warm() {
	b.t.Helper()
	text := b.text
	b.rewrite("warm\n")
	b.complete("warm")
	b.rewrite(text)
}

func (l completions) item(t testing.TB, label string) completionItem {
	t.Helper()
	for _, item := range l.Items {
		if item.Label == label {
			return item
		}
	}
	t.Fatalf("no %q among %d completions (incomplete: %v)", label, len(l.Items), l.IsIncomplete)
	panic("unreachable")
}

func (b *buffer) hover(p protocol.Position) string {
	b.t.Helper()
	h := call[*struct {
		Contents struct {
			Kind  string `json:"kind"`
			Value string `json:"value"`
		} `json:"contents"`
	}](b.client, "textDocument/hover", b.place(p))
	if h == nil {
		return ""
	}
	return h.Contents.Kind + ": " + h.Contents.Value
}

func TestNamespace(t *testing.T) {
	caps := plugin()
	caps["textDocument"] = map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown", "plaintext"}}}
	c := start(t, setup{capabilities: caps})
	b := c.open("names.py", "python", `from types import SimpleNamespace
def double(n):
    """Twice as much."""
    return 2 * n
x = SimpleNamespace(foo=1, twice=double)
answer = 6 * 7
x.fo
x.twi
`)
	if l := call[completions](c, "textDocument/completion", b.place(b.after("x.fo"))); len(l.Items) != 0 || !l.IsIncomplete {
		t.Errorf("before there is a kernel: %+v", l)
	}
	if h := b.hover(b.at("answer")); h != "" {
		t.Errorf("hover before there is a kernel: %s", h)
	}
	if got := c.commandFails(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("answer")}); !strings.Contains(got, "evaluate something first") {
		t.Errorf("inspect before there is a kernel: %s", got)
	}
	b.run(b.text[:b.offset("x.fo")-1])

	item := b.complete("x.fo").item(t, "foo")
	if want := (protocol.TextEdit{NewText: "foo", Range: protocol.Range{Start: b.after("x."), End: b.after("x.fo")}}); item.TextEdit != want {
		t.Errorf("edit %+v, want %+v", item.TextEdit, want)
	}
	item = b.complete("x.twi").item(t, "twice")
	resolved := call[completionItem](c, "completionItem/resolve", item)
	if !strings.Contains(resolved.Documentation.Value, "Twice as much.") || strings.Contains(resolved.Documentation.Value, "\x1b") {
		t.Errorf("documentation %+v", resolved.Documentation)
	}
	if h := b.hover(b.at("answer")); !strings.HasPrefix(h, "markdown: ") || !strings.Contains(h, "answer: int = 42\n") || strings.Contains(h, "String form") {
		t.Errorf("hover %q", h)
	}
	if h := b.hover(b.at("= 6")); strings.Contains(h, "42") {
		t.Errorf("hover on no name: %q", h)
	}

	inspect := func(detail int) lsp.InspectResult {
		return command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("Simple"), Detail: detail})
	}
	if r := inspect(0); !r.Found || !strings.Contains(r.Text, "attribute-based namespace") {
		t.Errorf("inspect: %+v", r)
	}
	b.rewrite("import textwrap\ntextwrap.dedent\nnothing_here\n")
	b.run("import textwrap")
	for detail, part := range []string{"Remove any common leading whitespace", "def dedent(text):"} {
		r := command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.after("textwrap.de"), Detail: detail})
		if !strings.Contains(r.Text, part) || strings.Contains(r.Text, "\x1b") {
			t.Errorf("detail %d: %s", detail, r.Text)
		}
		if len(r.Links) != 1 || !strings.HasSuffix(r.Links[0].URI, "/textwrap.py") {
			t.Fatalf("detail %d: links %+v", detail, r.Links)
		}
		if text := string([]rune(r.Text)[r.Links[0].Start:r.Links[0].End]); !strings.HasSuffix(text, "textwrap.py") {
			t.Errorf("the link is on %q", text)
		}
	}
	if r := command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("nothing")}); r.Found {
		t.Errorf("found %+v", r)
	}
	if got := c.commandFails(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Detail: 2}); !strings.Contains(got, "detail is 2") {
		t.Error(got)
	}
	if got := c.fails("textDocument/hover", b.place(protocol.Position{Line: 99})); !strings.Contains(got, "beyond the last line") {
		t.Error(got)
	}
}

// What a plain client printed is in its hover.
func TestHoverWithoutPlugin(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("n = 3; print('printed', n)\n")
	b.start("n = 3; print('printed', n)")
	b.settled()
	if h := b.hover(b.at("n =")); !strings.HasPrefix(h, "plaintext: ") || !strings.Contains(h, "printed 3") || !strings.Contains(h, "int") {
		t.Errorf("hover %q", h)
	}
}

// Wide characters before the cursor count in the client's units, on the line and in
// what the kernel is sent.
func TestEncodings(t *testing.T) {
	for _, encoding := range []string{"utf-8", "utf-16", "utf-32"} {
		t.Run(encoding, func(t *testing.T) {
			caps := plugin()
			caps["general"] = map[string]any{"positionEncodings": []string{"utf-7", encoding, "utf-16"}}
			c := start(t, setup{capabilities: caps})
			if string(c.encoding) != encoding {
				t.Fatalf("encoding %s", c.encoding)
			}
			b := c.open("größe.py", "python", `größe = "🙂é漢字"
f'🙂{größe}', größe
'🙂é漢字'; größe.upp
'🙂é漢字'; größe.nothing
`)
			b.run(`größe = "🙂é漢字"`).want(t, "queued running done", "")
			// A selection that starts behind wide characters.
			from := b.offset("', größe") + 3
			e := b.evaluate(lsp.EvaluateParams{Range: &protocol.Range{Start: b.position(from), End: b.position(from + len("größe"))}})
			e.wait().want(t, "queued running done", "'🙂é漢字'")
			if want := (protocol.Range{Start: b.position(from), End: b.position(from + len("größe"))}); e.where != want {
				t.Errorf("evaluated %v, want %v", e.where, want)
			}
			item := b.complete("größe.upp").item(t, "upper")
			if want := (protocol.Range{Start: b.position(b.offset(".upp") + 1), End: b.after(".upp")}); item.TextEdit.Range != want {
				t.Errorf("edit at %v, want %v", item.TextEdit.Range, want)
			}
			if h := b.hover(b.position(b.offset("größe.nothing") + 3)); !strings.Contains(h, "🙂é漢字") {
				t.Errorf("hover %q", h)
			}
			tr := b.unit("line", b.at("größe.nothing")).wait()
			if want := b.span("'🙂é漢字'; größe.nothing"); tr.end.Error == nil || tr.end.Error.Range != want {
				t.Errorf("failed at %+v, want %v", tr.end.Error, want)
			}
			b.told(b.span("'🙂é漢字'; größe.nothing"))
			b.linked(t, tr.one(lsp.OutputError), 3)
			b.replace("🙂é漢字'; größe.nothing", "🙂é'; 'x' + größe")
			b.unit("line", b.at("'x' + größe")).wait().want(t, "queued running done", "'x🙂é漢字'")
		})
	}
}

// A picture comes in the form that the client shows.
func TestPicture(t *testing.T) {
	code := `import matplotlib
matplotlib.use('module://matplotlib_inline.backend_inline')
import matplotlib.pyplot as plt
plt.plot([1, 3, 2]); plt.show()
`
	for _, test := range []struct {
		mime []string
		want string
	}{{[]string{"image/svg+xml", "image/png", "text/html"}, "image/png"}, {nil, ""}} {
		c := start(t, setup{capabilities: plugin(test.mime...)})
		b := c.python(code)
		tr := b.run(strings.TrimSuffix(code, "\n"))
		o := tr.one(lsp.OutputDisplay)
		if o.MIME != test.want || !strings.HasPrefix(o.Text, "<Figure size") {
			t.Errorf("%v: %q, text %q; error %s", test.mime, o.MIME, o.Text, tr.one(lsp.OutputError).Text)
		}
		data, err := base64.StdEncoding.DecodeString(o.Data)
		if err != nil || test.want != "" && !strings.HasPrefix(string(data), "\x89PNG\r\n") {
			t.Errorf("%v: data %.20q, %v", test.mime, data, err)
		}
		if s := tr.end.Summary; s == nil || s.MIME != test.want {
			t.Errorf("summary %+v", s)
		}
	}
}

// A value whose text tells nothing shows the text of its best form.
func TestRichValues(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("from IPython.display import HTML, JSON, Latex, Markdown, SVG\n")
	b.run("from IPython.display import HTML, JSON, Latex, Markdown, SVG")
	for code, want := range map[string]string{
		"HTML('<b>bold</b>')": "bold", "JSON({'a': 1})": `{"a":1}`, "Latex('$x$')": "$x$", "Markdown('**x**')": "**x**",
		"SVG('<svg><text>one</text></svg>')": "one", "object": "object",
	} {
		b.rewrite(code + "\n")
		if tr := b.run(code); tr.value() != want || tr.end.Summary.Text != want {
			t.Errorf("%s: %q, summary %+v, want %q", code, tr.value(), tr.end.Summary, want)
		}
	}
}

// A display is replaced wherever it stands, and clear_output clears.
func TestDisplays(t *testing.T) {
	c := start(t, setup{capabilities: plugin("text/html")})
	b := c.python("from IPython.display import display, HTML, clear_output\nh = display(HTML('<i>a</i>'), display_id=True)\n" +
		"h.update(HTML('<b>b</b>'))\nprint('gone'); clear_output(); print('stays')\n")
	first := b.start(b.text[:b.offset("h.update")-1])
	if o := first.wait().one(lsp.OutputDisplay); o.MIME != "text/html" || o.Data != "<i>a</i>" {
		t.Errorf("display %+v", o)
	}
	b.run("h.update(HTML('<b>b</b>'))")
	first.until("update", func(tr transcript) bool { return tr.one(lsp.OutputDisplay).Data == "<b>b</b>" })
	if tr := b.unit("line", b.at("print")).wait(); tr.stream("stdout") != "stays\n" || len(tr.outputs) != 1 {
		t.Errorf("outputs %+v", tr.outputs)
	}
}

// Outputs without end are bounded: the last ones stay, with a note.
func TestManyOutputs(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("for i in range(3000): display(i)\n")
	e := b.start("for i in range(3000): display(i)")
	e.wait()
	all := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: e.id}).Outputs
	if n := len(all); n < 1000 || n > 1100 || all[n-1].Text != "2999" || all[n-1].Index != 2999 {
		t.Fatalf("%d outputs, the last is %+v", n, all[n-1])
	}
	if want := fmt.Sprintf("[%d outputs left out here]\n", 3000-len(all)+1); all[0].Text != want {
		t.Errorf("note %q, want %q", all[0].Text, want)
	}
}

func TestRealBinary(t *testing.T) {
	c := startBinary(t)
	b := c.open("cells.go", "go", "1 + 1\n")
	b.run("1 + 1").want(t, "queued running done", "2")
	if c.count(lsp.MethodOutput) != 1 {
		t.Errorf("%d outputs", c.count(lsp.MethodOutput))
	}
}
