package lsp_test

import (
	"strings"
	"testing"
)

// TestHoverPlaces hovers over the names behind "|" of real kernels: what is shown begins with
// what is wanted; nothing is shown where nothing is.
func TestHoverPlaces(t *testing.T) {
	for _, test := range []struct {
		kernel, id, setup string
		cases             map[string]string
	}{
		{"python3", "python", pythonNamespace + `import functools
import numpy as np
ml = 'a\nb\n'
lines = 'Type: evil\nDocstring: x'
class Two:
    def __repr__(self): return 'first\nsecond'
two = Two()
arr = np.arange(12).reshape(3, 4)
`, map[string]string{
			"|price":              "price: int = 42\n",
			"x = |price + 1":      "price: int = 42\n",
			"print(f'{|price}')":  "price: int = 42\n",
			"|ml":                 "ml: str (4)\na\nb\n",
			"|lines":              "lines: str (23)\nType: evil\nDocstring: x\n",
			"|two":                "two: Two\nfirst\nsecond\n",
			"|arr":                "arr: ndarray (3 × 4)\n[[ 0  1  2  3]\n",
			"|train":              "Signature: train(pts, learning_rate=0.1, epochs=3)",
			"c.|meth":             "Signature: c.meth(a, b=2)",
			"df['|price']":        "",
			"# |price":            "",
			"'''a |price'''":      "",
			"train(|price=3)":     "",
			"train(1, |price = 3": "",
			"train(|price == 3)":  "price: int = 42\n",
			"|price = 3":          "price: int = 42\n",
			"df['a'].|groupby":    "",
			"f(1).|meth":          "",
			"|nothing_here":       "",
			"1 + |2":              "",
		}},
		{"ir", "r", "x.dot <- c(1, 2)\ndf <- data.frame(price = 1:2)\nl <- list(alpha = 1)\nmy.fun <- function(first.arg, second = 2, ...) 1\n", map[string]string{
			"|x.dot":          "x.dot: numeric = [1] 1 2",
			"mean(|x.dot)":    "x.dot: numeric = [1] 1 2",
			"|df":             "df: data.frame\n  price\n1 1",
			"|l":              "l: list\n$alpha\n[1] 1",
			"|my.fun":         "my.fun(first.arg, second, ...)",
			"x <- |my.fun(1)": "my.fun(first.arg, second, ...)",
			"|nothing.here":   "",
			"|read.csv":       "read.table ",
			"# |x.dot":        "",
			"mean(|x.dot=1)":  "",
		}},
	} {
		t.Run(test.kernel, func(t *testing.T) {
			t.Parallel()
			b := namespaceOf(t, namespaceKernel{test.kernel, test.id, test.setup, nil})
			for text, want := range test.cases {
				before, after, _ := strings.Cut(text, "|")
				b.rewrite(before + after + "\n")
				var got string
				b.again(func() bool { got = b.hover(b.position(len(before))); return got != "" || want == "" })
				if got = strings.TrimPrefix(got, "plaintext: "); !strings.HasPrefix(got, want) || want == "" && got != "" {
					t.Errorf("%q: %.300q, want %q", text, got, want)
				}
				if want != "" && strings.Contains(got, "distribution with") {
					t.Errorf("%q: what else has the name: %q", text, got)
				}
			}
		})
	}
}

// Documentation is of what an item means, or there is none.
func TestDocumentationOfCompletions(t *testing.T) {
	t.Parallel()
	b := namespaceOf(t, namespaceKernel{"python3", "python", pythonNamespace + "def meth(x): 'another'\njoin = 'mine'\n", nil})
	for _, test := range []struct{ text, label, want string }{
		{"c.me|", "meth", "doc"},
		{"tra|", "train", "train(pts"},
		{`df["pr|`, "price", ""},
		{"df[0].me|", "meth", ""},
		{"C().me|", "meth", ""},
		{"from os.path import joi|", "join", ""},
		{"def f():\n    pricey = 1\n    pricey|", "pricey", ""},
		{"train(lea|", "learning_rate=", ""},
	} {
		item := b.completeAt(completionCase{text: test.text}).item(t, test.label)
		var got string
		b.again(func() bool {
			got = call[completionItem](b.client, "completionItem/resolve", item).Documentation.Value
			return got != "" || test.want == ""
		})
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%q, %s: %.200q, want %q", test.text, test.label, got, test.want)
		}
	}
}
