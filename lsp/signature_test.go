package lsp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// signature asks for help where the cursor is behind a text. It gives the label with
// the active parameter in ⟨⟩.
func (b *buffer) signature(after string) string {
	b.t.Helper()
	help := call[*struct {
		Signatures []struct {
			Label      string `json:"label"`
			Parameters []struct {
				Label string `json:"label"`
			} `json:"parameters"`
			Documentation json.RawMessage `json:"documentation"`
		} `json:"signatures"`
		ActiveParameter *int `json:"activeParameter"`
	}](b.client, "textDocument/signatureHelp", b.place(b.after(after)))
	if help == nil {
		return ""
	}
	sig := help.Signatures[0]
	if help.ActiveParameter == nil {
		return sig.Label
	}
	active := sig.Parameters[*help.ActiveParameter].Label
	return strings.Replace(sig.Label, active, "⟨"+active+"⟩", 1)
}

func TestSignatureInPython(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	def := "def scale(values, factor=2, *rest, unit='m', **more):\n    \"Scales.\"\n    return values\n"
	b := c.python(def)
	b.run(strings.TrimSuffix(def, "\n"))
	b.warm()
	for typed, want := range map[string]string{
		"scale(":                        "scale(⟨values⟩, factor=2, *rest, unit='m', **more)",
		"scale([1, 2], ":                "scale(values, ⟨factor=2⟩, *rest, unit='m', **more)",
		"scale((1, 2), f(3, 4), ":       "scale(values, factor=2, ⟨*rest⟩, unit='m', **more)",
		"scale(1, unit=":                "scale(values, factor=2, *rest, ⟨unit='m'⟩, **more)",
		"scale(\"a, (b\", ":             "scale(values, ⟨factor=2⟩, *rest, unit='m', **more)",
		"scale(1, 2, 3, 4, 5, 6, 7, 8":  "scale(values, factor=2, ⟨*rest⟩, unit='m', **more)",
		"print(scale(1), scale(2, (3 +": "scale(values, ⟨factor=2⟩, *rest, unit='m', **more)",
		"scale(1)":                      "",
		"(1, ":                          "",
		"nothing_here(":                 "",
	} {
		b.rewrite(typed + "\n")
		if got := b.signature(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	b.rewrite("print(\n")
	if got := b.signature("print("); !strings.HasPrefix(got, "print(⟨*args⟩, sep=' '") {
		t.Errorf("print: %q", got)
	}
}

// The signature is not told twice.
func TestSignatureDocumentation(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("def scale(values, factor=2):\n    \"Scales.\"\n    return values\nscale(\n")
	b.run("def scale(values, factor=2):\n    \"Scales.\"\n    return values")
	help := call[struct {
		Signatures []struct {
			Documentation struct {
				Value string `json:"value"`
			} `json:"documentation"`
		} `json:"signatures"`
	}](c, "textDocument/signatureHelp", b.place(b.after("values\nscale(")))
	if got := help.Signatures[0].Documentation.Value; !strings.Contains(got, "Scales.") || strings.Contains(got, "factor") {
		t.Errorf("documentation %q", got)
	}
}

// A name in a call is what is asked about, not the function that is called.
func TestHoverInACall(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("n = 41\nprint(max(n, 2), n)\n")
	b.run("n = 41").want(t, "queued running done", "")
	for _, at := range []string{"n, 2", "n)\n"} {
		if h := b.hover(b.at(at)); !strings.Contains(h, "n: int = 41") {
			t.Errorf("hover at %q: %q", at, h)
		}
	}
	if h := b.hover(b.at("max(n")); !strings.Contains(h, "max(") || strings.Contains(h, "print(") {
		t.Errorf("hover at max: %q", h)
	}
}

func TestSignatureInGo(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	cell := "import \"strings\"\n// area gives what a rectangle covers.\nfunc area(width, height float64, names ...string) (size float64, err error) { return width * height, nil }\ng := func(n int) int { return n }\nfunc first[T any](all []T, n int) T { return all[0] }\n"
	b := c.open("cells.go", "go", cell)
	b.run(strings.TrimSuffix(cell, "\n")).want(t, "queued running done", "")
	for typed, want := range map[string]string{
		"area(":                                  "area(⟨width float64⟩, height float64, names ...string) (size float64, err error)",
		"x, _ := area(1, ":                       "area(width float64, ⟨height float64⟩, names ...string) (size float64, err error)",
		"area(1, 2, \"a\", \"b\"":                "area(width float64, height float64, ⟨names ...string⟩) (size float64, err error)",
		"strings.Repeat(\"a, b\", ":              "Repeat(s string, ⟨count int⟩) string",
		"g(":                                     "func(⟨n int⟩) int = func(n int) int",
		"first[int]([]int{1, 2}, ":               "first[T any](all []T, ⟨n int⟩) T",
		"func f(b strings.Builder) {\n\tb.Grow(": "Grow(⟨n int⟩)",
		"x = append(x, ":                         "append(slice []T, ⟨elems ...T⟩) []T",
		"m := make(map[string]int, ":             "make(t Type, ⟨size ...IntegerType⟩) Type",
		"len(":                                   "len(⟨v T⟩) int",
		"new(":                                   "new(⟨Type⟩) *Type",
		"area(\n\t1,\n\t":                        "area(width float64, ⟨height float64⟩, names ...string) (size float64, err error)",
	} {
		b.rewrite(typed + "\n")
		if got := b.signature(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// What a piece of Go declares is known in it before it is evaluated.
func TestCompletionInUnevaluatedGo(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)}})
	b := c.open("cells.go", "go", "type P struct{ Größe int }\n\nfunc f(p P, names map[string]int) {\n\tfor _, n := range names {\n\t\tprint(\"ä\", n, p.Gr)\n\t}\n}\n\nx := 1\n")
	b.run("type P struct{ Größe int }").want(t, "queued running done", "")
	item := b.complete("p.Gr").item(t, "Größe")
	if want := b.span("Gr)"); item.TextEdit.Range.Start != want.Start || item.TextEdit.Range.End != b.after("p.Gr") {
		t.Errorf("edit at %v, want %v", item.TextEdit.Range, want)
	}
	if resolved := call[completionItem](c, "completionItem/resolve", item); !strings.Contains(resolved.Documentation.Value, "field Größe int") {
		t.Errorf("documentation %+v", resolved.Documentation)
	}
	if h := b.hover(b.at("P, names")); !strings.Contains(h, "Defined in cells.go:1:6") {
		t.Errorf("hover %q", h)
	}
	if h := b.hover(b.at("names {")); !strings.Contains(h, "var names map[string]int") {
		t.Errorf("hover %q", h)
	}
	r := command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("n, p.Gr")})
	if !strings.Contains(r.Text, "var n int") {
		t.Errorf("inspect %+v", r)
	}
	r = command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("P, names")})
	if len(r.Links) != 1 || r.Links[0].URI != b.uri || r.Links[0].Line != 0 || string([]rune(r.Text)[r.Links[0].Start:r.Links[0].End]) != "cells.go:1" {
		t.Errorf("inspect %+v", r)
	}
	b.rewrite(fmt.Sprintf("x := 1\n%s\n", "x.nothing"))
	if l := b.complete("x.nothing"); len(l.Items) != 0 {
		t.Errorf("completions %+v", l.Items)
	}
}

// TestSignaturePlaces asks for signatures at many places of real kernels.
func TestSignaturePlaces(t *testing.T) {
	for _, test := range []struct {
		kernel, id, setup string
		cases             map[string]string
	}{
		{"python3", "python", pythonNamespace + "class Call:\n    def __call__(self, zz, yy=1): pass\ncall = Call()\nx = 41\n", map[string]string{
			"range(":                                 "range(⟨stop⟩) -> range object",
			"range(1, ":                              "range(start, ⟨stop⟩[, step]) -> range object",
			"range(1, 2, ":                           "range(start, stop[, ⟨step⟩]) -> range object",
			"int(":                                   "int([⟨x⟩]) -> integer",
			"int('7', ":                              "int(x, ⟨base=10⟩) -> integer",
			"int('7', base=":                         "int(x, ⟨base=10⟩) -> integer",
			"dict(":                                  "dict(⟨mapping⟩)",
			"dict(a=":                                "dict(⟨**kwargs⟩)",
			"str(b'x', ":                             "str(bytes_or_buffer[, ⟨encoding⟩[, errors]]) -> str",
			"zip(a, b, ":                             "zip(⟨*iterables⟩, strict=False)",
			"slice(":                                 "slice(⟨stop⟩)",
			"max(":                                   "max(⟨iterable⟩, *[, default=obj, key=func]) -> value",
			"max(1, 2, 3, ":                          "max(arg1, arg2, ⟨*args⟩, *[, key=func]) -> value",
			"getattr(c, 'a', ":                       "getattr(object, name[, ⟨default⟩]) -> value",
			"d.update(":                              "update([⟨E⟩, ]**F) -> None",
			"open(":                                  "open(⟨file⟩, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
			"call(1, ":                               "call(zz, ⟨yy=1⟩)",
			"x(":                                     "",
			"f\"{train(":                             "train(⟨pts⟩, learning_rate=0.1, epochs=3)",
			"f\"{train(1, ":                          "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"print(f\"{c.meth(":                      "meth(⟨a⟩, b=2)",
			"train(\n  c,\n  ":                       "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"train(\n  c, # one, (two\n  ":           "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"train(c.meth(1, 2), ":                   "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"train(epochs=c.meth(1, 2), l":           "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"train(c, epochs=":                       "train(pts, learning_rate=0.1, ⟨epochs=3⟩)",
			"train(c, epochs=[1, ":                   "train(pts, learning_rate=0.1, ⟨epochs=3⟩)",
			"train('a, (b', \"it's, [\", ":           "train(pts, learning_rate=0.1, ⟨epochs=3⟩)",
			"train(lambda a, b: 1, ":                 "train(pts, ⟨learning_rate=0.1⟩, epochs=3)",
			"%time train(":                           "train(⟨pts⟩, learning_rate=0.1, epochs=3)",
			"def later(one, two=2): pass\nlater(1, ": "later(one, ⟨two=2⟩)",
			"import textwrap\ntextwrap.dedent(":      "dedent(⟨text: str⟩) -> str",
			"df['price'].meth(":                      "meth(⟨a⟩, b=2)",
			"def train(":                             "",
			"if (":                                   "",
			"# train(":                               "",
			"print('train(":                          "print(⟨*args⟩, sep=' ', end='\\n', file=None, flush=False)",
		}},
		{"ir", "r", "my.fun <- function(first.arg, second = 2, ...) first.arg\n", map[string]string{
			"paste(":              `paste(⟨...⟩, sep = " ", collapse = NULL, recycle0 = FALSE)`,
			"paste(1, sep = ":     `paste(..., ⟨sep = " "⟩, collapse = NULL, recycle0 = FALSE)`,
			"data.frame(":         "data.frame(⟨...⟩, row.names = NULL, check.rows = FALSE, check.names = TRUE, fix.empty.names = TRUE, stringsAsFactors = FALSE)",
			"mean(":               "mean(⟨x⟩, ...)",
			"mean(x, na.rm = ":    "mean(x, trim = 0, ⟨na.rm = FALSE⟩, ...)",
			"print.factor(x, ":    `print(x, ⟨quote = FALSE⟩, max.levels = NULL, width = getOption("width"), ...)`,
			"base::grepl(":        "grepl(⟨pattern⟩, x, ignore.case = FALSE, perl = FALSE, fixed = FALSE, useBytes = FALSE)",
			"my.fun(":             "my.fun(⟨first.arg⟩, second, ...)",
			"my.fun(1, second = ": "my.fun(first.arg, ⟨second⟩, ...)",
			"my.fun(\n  1,\n  ":   "my.fun(first.arg, ⟨second⟩, ...)",
			"nothing.here(":       "",
		}},
		{"tslab", "typescript", "function train(pts: number, epochs = 2) {}\n", map[string]string{"train(1, ": "train(pts: number, ⟨epochs?: number⟩): void"}},
	} {
		t.Run(test.kernel, func(t *testing.T) {
			t.Parallel()
			b := namespaceOf(t, namespaceKernel{test.kernel, test.id, test.setup, nil})
			for typed, want := range test.cases {
				b.rewrite(typed + "\n")
				var got string
				b.again(func() bool { got = b.signature(typed); return got == want }) // an inspection may come too late
				if got != want {
					t.Errorf("%q: %q, want %q", typed, got, want)
				}
			}
		})
	}
}
