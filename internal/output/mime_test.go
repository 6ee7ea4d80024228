package output

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func bundle(t *testing.T, source string) map[string]json.RawMessage {
	t.Helper()
	var b map[string]json.RawMessage
	if err := json.Unmarshal([]byte(source), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestChoose(t *testing.T) {
	const figure = `{"text/plain": "<Figure>", "image/png": "iVBORw0\nKGgo=\n", "image/svg+xml": ["<svg>", "</svg>"], "text/html": "<b>x</b>"}`
	for _, tt := range []struct {
		name, bundle string
		accepts      []string
		mime, value  string
	}{
		{"nothing but text", figure, nil, "text/plain", "<Figure>"},
		{"one", figure, []string{"image/png"}, "image/png", "iVBORw0KGgo="},
		{"the richest, whatever the order", figure, []string{"text/plain", "image/png", "image/svg+xml"}, "image/svg+xml", "<svg></svg>"},
		{"html before pictures", figure, []string{"image/png", "text/html"}, "text/html", "<b>x</b>"},
		{"what the client knows that we do not", `{"text/html": "x", "application/vnd.plotly.v1+json": {"data": [1, 2]}}`,
			[]string{"text/html", "application/vnd.plotly.v1+json"}, "application/vnd.plotly.v1+json", `{"data":[1,2]}`},
		{"none that is there", figure, []string{"image/jpeg"}, "text/plain", "<Figure>"},
		{"as it is asked for", `{"Text/HTML; charset=utf-8": "x"}`, []string{"text/html"}, "text/html", "x"},
		{"parameters are asked for", `{"text/html;a=1": "x", "text/plain": "p"}`, []string{"text/html;a=2"}, "text/plain", "p"},
		{"not base64", `{"image/png": "a", "text/plain": "p"}`, []string{"image/png"}, "text/plain", "p"},
		{"not text", `{"text/html": {"a": 1}, "image/svg+xml": null, "text/plain": "p"}`, []string{"text/html", "image/svg+xml"}, "text/plain", "p"},
		{"an empty value is one", `{"text/plain": ""}`, nil, "text/plain", ""},
		{"JSON that is a string", `{"application/json": "a"}`, []string{"application/json"}, "application/json", `"a"`},
		{"html as text", `{"text/html": "<p>a &lt; b</p>"}`, nil, "text/plain", "a < b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mime, value, ok := Choose(bundle(t, tt.bundle), tt.accepts)
			if !ok || mime != tt.mime || value != tt.value {
				t.Errorf("%q %q %v, want %q %q", mime, value, ok, tt.mime, tt.value)
			}
		})
	}
	for _, source := range []string{`{}`, `{"image/png": "aGVsbG8="}`, `{"text/plain": 1}`} {
		if mime, value, ok := Choose(bundle(t, source), []string{"text/html"}); ok {
			t.Errorf("%s: %q %q", source, mime, value)
		}
	}
}

func TestPlainTextOfHTML(t *testing.T) {
	for source, want := range map[string]string{
		"<table>\n <tr><th>a</th><th>größe</th></tr>\n <tr><td>1</td>\n  <td>2</td></tr></table>": "a  größe\n1  2",
		"<style>p { x }</style><script>alert('<b>')</script>one<br>two":                           "one\ntwo",
		"a  <b>bold</b>\n text": "a bold text",
		"<pre>  x\n  y</pre>":   "  x\n  y",
		"1 &lt; 2 &amp; 3":      "1 < 2 & 3",
		"<p title='>'>x":        "x",
		"<":                     "<",
	} {
		b := map[string]json.RawMessage{}
		b["text/html"], _ = json.Marshal(source)
		if got := PlainText(b); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// A text that says only that an object is one gives way to that of another form.
func TestPlainTextOfARepr(t *testing.T) {
	for repr, want := range map[string]string{
		"<IPython.core.display.HTML object>":                             "bold",
		"<pandas.io.formats.style.Styler at 0x7f41c8>":                   "bold",
		"<__main__.A object at 0x7f41c8>":                                "bold",
		"<__main__.f.<locals>.A object at 0x7f41c8>":                     "bold",
		"<Figure size 640x480 with 1 Axes>":                              "<Figure size 640x480 with 1 Axes>",
		"<function f at 0x7f41c8>":                                       "<function f at 0x7f41c8>",
		"<__main__.A object at 0x7f41c8> and <__main__.A object at 0x1>": "<__main__.A object at 0x7f41c8> and <__main__.A object at 0x1>",
	} {
		text, _ := json.Marshal(repr)
		b := map[string]json.RawMessage{"text/plain": text, "text/html": json.RawMessage(`"<b>bold</b>"`), "image/png": json.RawMessage(`"AAAA"`)}
		if got := PlainText(b); got != want {
			t.Errorf("%s: %q, want %q", repr, got, want)
		}
	}
	object := json.RawMessage(`"<IPython.core.display.JSON object>"`)
	for mime, value := range map[string][2]string{
		"application/json": {`{"a": [1, 2]}`, `{"a":[1,2]}`},
		"text/latex":       {`"$x^2$"`, "$x^2$"},
		"text/markdown":    {`"**x**"`, "**x**"},
		"image/svg+xml":    {`"<svg><text>one</text></svg>"`, "one"},
		"image/png":        {`"AAAA"`, "<IPython.core.display.JSON object>"},
		"text/html":        {`"<iframe src='x'></iframe>"`, "<IPython.core.display.JSON object>"},
	} {
		b := map[string]json.RawMessage{"text/plain": object, mime: json.RawMessage(value[0])}
		if got := PlainText(b); got != value[1] {
			t.Errorf("%s: %q, want %q", mime, got, value[1])
		}
	}
}

func TestSummarize(t *testing.T) {
	wide := strings.Repeat("日", 150)
	for _, tt := range []struct {
		text string
		want Summary
	}{
		{"", Summary{"none", "", 0}},
		{" \n\t\n", Summary{"none", "", 0}},
		{"2", Summary{"line", "2", 1}},
		{"\n  2  \r\n", Summary{"line", "  2", 1}},
		{"a\r\nb\n\n", Summary{"block", "a", 2}},
		{"\n\na\n\nb", Summary{"block", "a", 3}},
		{wide, Summary{"line", strings.Repeat("日", 99) + "…", 1}},
		{strings.Repeat("x", 200), Summary{"line", strings.Repeat("x", 200), 1}},
	} {
		if got := Summarize(tt.text); got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

// A bundle of very many types, and texts that are long, take no longer than they are.
func TestLargeBundles(t *testing.T) {
	b := map[string]json.RawMessage{"text/plain": json.RawMessage(`"text"`), "image/gif": json.RawMessage(`"R0lGODlh"`)}
	for i := range 300_000 {
		b[fmt.Sprintf("image/png; x=%d", i)] = json.RawMessage(`"aGVsbG8="`)
	}
	for range 10 {
		if mime, _, _ := Choose(b, []string{"image/png", "image/gif"}); mime != "image/gif" {
			t.Fatalf("%q", mime)
		}
	}
	for _, piece := range []string{"<", "<b", "<b ", "<!--", "</", "&", "&amp", "<script>", "<td>", "<pre>\n", "<br>", "x ", "<a x='", "<![CDATA[", "<?", "<title>", "\x00", "<p>\r", "<plaintext>"} {
		source, err := json.Marshal(strings.Repeat(piece, 1<<20/len(piece)))
		if err != nil {
			t.Fatal(err)
		}
		text := PlainText(map[string]json.RawMessage{"text/html": source})
		if s := Summarize(text); len(text) > 4<<20 || len(s.First) > 2*summaryBytes {
			t.Errorf("%q: %d bytes, the first line %d", piece, len(text), len(s.First))
		}
	}
	for _, piece := range []string{"\u0301", "\u200d", "\u202e", "👩\u200d", "\x00", "日", "\n", " "} {
		if s := Summarize("x" + strings.Repeat(piece, 1<<20)); len(s.First) > 2*summaryBytes {
			t.Errorf("%q: %d bytes of a first line", piece, len(s.First))
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add(`{"text/html": "<p>x", "text/plain": ["a", 1], "image/png": 3, "": {}}`, "text/html")
	f.Fuzz(func(t *testing.T, source, accepted string) {
		var b map[string]json.RawMessage
		if json.Unmarshal([]byte(source), &b) != nil {
			return
		}
		mime, value, ok := Choose(b, []string{accepted})
		if ok && mime != accepted && mime != textPlain {
			t.Errorf("%q is not accepted", mime)
		}
		if s := Summarize(value); (s.Kind == SummaryNone) != (s.Lines == 0) {
			t.Errorf("%q: %+v", value, s)
		}
	})
}
