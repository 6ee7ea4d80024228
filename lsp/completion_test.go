package lsp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// completionCase is one place where completions are asked for: the cursor is at "|". want are
// the labels that come first, not those that do not come at all; a want of nothing is none.
type completionCase struct {
	text    string
	trigger string // the sign that the client asks after; "" if the user asks
	want    string // by blanks
	not     string
}

// namespaceKernel is a kernel that the tables run over.
type namespaceKernel struct {
	kernel, id, setup string
	cases             []completionCase
}

const pythonNamespace = `import os
class C:
    def meth(self, a, b=2): "doc"
    def _priv(self): pass
class Frame:
    price = 1
    def _ipython_key_completions_(self): return ["price", "prio", "size of it"]
    def __getitem__(self, k): return C()
    def groupby(self, by): return self
    def to_csv(self, path): pass
df = Frame()
c = C()
d = {'alpha': 1, 'beta two': 2}
def train(pts, learning_rate=.1, epochs=3): pass
def tra_x(): pass
größe = 'abc'
price = 42
`

var pythonCases = []completionCase{
	// What the line is a part of.
	{text: "(df\n  .gro|", want: "groupby"},
	{text: "(df # a frame\n  .gro|", want: "groupby"},
	{text: "df.groupby(\n  c.me|", want: "meth"},
	{text: "train(\n  lea|", want: "learning_rate="},
	{text: "train(c,\n\n  lea|", want: "learning_rate="},
	{text: "x = train(\n  c,\n  e|", want: "epochs="},
	{text: "from os.path import (\n  joi|", want: "join"},
	{text: "from os.path import (\n  exists, joi|", want: "join"},
	{text: "from os.path import exists, joi|", want: "join"},
	{text: "def f():\n    loccy = 1\n    return locc|", want: "loccy"},
	{text: "import textwrap as tw\ntw.ded|", want: "dedent"},
	// What is written there, though the kernel knows other names that begin alike.
	{text: "def f(loc_arg):\n    loc_name = 1\n    return loc|", want: "loc_name loc_arg locals"},
	{text: "def f():\n    pri_x = 1\n    print(pri|", want: "pri_x price print"},
	{text: "class K:\n    def one(self, loc_a):\n        pass\n    def two(self, loc_b):\n        if loc|", want: "loc_b locals", not: "loc_a"},
	{text: "def other():\n    loc_z = 1\n\nloc_y = 2  # loc_x\nf('loc_w', z.loc_v)\nloc|", want: "loc_y locals", not: "loc_z loc_x loc_w loc_v"},
	{text: "def f():\n    c = 'text'\n    c.|", trigger: ".", want: "capitalize", not: "meth"},
	{text: "def f():\n    for c in ['text']:\n        c.cap|", want: "capitalize"},
	{text: "def f():\n    a, c = make()\n    c.me|"},
	{text: "def f():\n    train(1, c=2)\n    # c = 'text'\n    c.me|", want: "meth"},
	{text: "def f():\n    c = 'text'\nc.me|", want: "meth"},
	{text: "# %% a\nloc_z = 1\n# %% b\nloc|", want: "locals", not: "loc_z"},
	{text: "price = 1\npri|", want: "price print"},
	{text: "def f():\n    _loc = 1\n    _lo|", want: "_loc"},
	{text: "def f(grün):\n    return gr|", want: "grün größe"},
	{text: "def f(lea):\n    c.lea|"},
	{text: "def f(lea):\n    'lea|"},
	{text: "# %% a\nimport textwrap as tq\n# %% b\ntq.ded|"},
	{text: "for row in [1]:\n    row.bit_l|", want: "bit_length"},
	// What it is.
	{text: "x = None\nc.me|", want: "meth"},
	{text: "c.|", trigger: ".", want: "meth"},
	{text: "c._pr|", want: "_priv"},
	{text: "größe.upp|", want: "upper"},
	{text: "'🙂'; größe.upp|", want: "upper"},
	{text: "print(f\"{c.me|", want: "meth"},
	{text: "print(f\"{df['pr|", want: "price prio"},
	{text: "train(epochs=1, lea|", want: "learning_rate="},
	// Keys and paths in strings, and nothing else.
	{text: `d["al|`, want: "alpha"},
	{text: `d["be|`, want: "beta~two"},
	{text: `d["|`, trigger: `"`, want: "alpha beta~two"},
	{text: `d['|`, trigger: `'`, want: "alpha beta~two"},
	{text: `d[|`, trigger: "[", want: "'alpha' 'beta~two'", not: "abs"},
	{text: `df["pr|`, want: "price prio", not: "%precision %prun"},
	{text: `df[["price", "|`, want: "price prio size~of~it", not: "%alias"},
	{text: `df[["price", "pr|`, want: "price prio", not: "%prun"},
	{text: `df[["price", "|`, trigger: `"`, want: "price"},
	{text: "df[[\n  \"price\",\n  \"pr|", want: "price prio"},
	{text: `df.groupby("|`, want: "price prio", not: "%alias"},
	{text: `df.groupby("|`, trigger: `"`, want: "price prio"},
	{text: `df.groupby("size o|`, want: "size~of~it"},
	{text: `df.groupby(["price", 'pr|`, want: "price prio"},
	{text: `df.agg({"pr|`, want: "price prio"},
	{text: `train(df, "pr|`, want: "price prio"},
	{text: `train(pts=1, data=df, x="pr|`, want: "price prio"},
	{text: `df.rename(columns={"pr|`, want: "price prio"},
	{text: `os.path.join("/et|`, want: "etc/"},
	{text: `df.to_csv("/et|`, want: "etc/", not: "price"},
	{text: `open("/et|`, want: "etc/"},
	{text: `open("/|`, trigger: "/", want: "bin/"},
	{text: `x = "a/|`, trigger: "/"},
	{text: `x = "|`, trigger: `"`},
	{text: `x = ""|`, trigger: `"`},
	{text: "train(c, pr|", want: "price print", not: "%prun %precision"},
	{text: "train(\n  pr|", not: "%prun %precision"},
	{text: "price + pr|", want: "price print", not: "%prun %precision"},
	{text: "pr|", want: "price print", not: "alpha"},
	{text: `print("pr|`, not: "%prun print"},
	{text: `"c.|`, trigger: "."},
	{text: `"""a c.|`, trigger: "."},
	// Magics.
	{text: "%time tra|", want: "tra_x train"},
	{text: "%timeit -n 10 c.me|", want: "meth"},
	{text: "%%timeit x = tra|", want: "tra_x train"},
	{text: "x = %time c.me|", want: "meth"},
	{text: "%%time\nc.me|", want: "meth"},
	{text: "%tim|", want: "%time %%time"},
	{text: "%|", trigger: "%", want: "%%!", not: "abs"},
	{text: "5 %|", trigger: "%"},
	{text: "%cd /et|", want: "etc/"},
	// Nothing.
	{text: "# c.|", trigger: "."},
	{text: "# tra|"},
	{text: "x = 1  # tra|"},
	{text: "# so it is:|", trigger: ":"},
	{text: "else:|", trigger: ":"},
	{text: `{"a":|`, trigger: ":"},
	{text: "x = 1.|", trigger: "."},
	{text: "x = 1.|"},
	{text: "x = 1_000.|", trigger: "."},
	{text: "a$|", trigger: "$"},
	{text: "[|", trigger: "["},
	{text: "x / |", trigger: "/"},
	{text: "x /|", trigger: "/"},
	{text: "c @|", trigger: "@"},
	{text: "@tra|", want: "tra_x train"},
}

var namespaceKernels = []namespaceKernel{
	{"python3", "python", pythonNamespace, pythonCases},
	{"ipykernel6", "python", pythonNamespace, pythonCases},
	{"ir", "r", `x.dot <- 1; grö <- 2; größe <- "a"
df <- data.frame(price = 1:3, "size of" = 2:4, prio = 4:6, check.names = FALSE)
l <- list(alpha = 1, beta = 2)
my.fun <- function(first.arg, second = 2, ...) first.arg
setClass("P", representation(name = "character", age = "numeric")); p <- new("P", name = "a", age = 1)
`, []completionCase{
		{text: "read.c|", want: "read.csv read.csv2"},
		{text: "x.d|", want: "x.dot"},
		{text: "mean(x.d|", want: "x.dot"},
		{text: "grö|", want: "grö größe", not: "gray"},
		{text: "df$|", trigger: "$", want: "price `size~of` prio"},
		{text: "df$pr|", want: "price prio"},
		{text: "l$al|", want: "alpha"},
		{text: "df$price[df$pri|", want: "price prio"},
		{text: "x <- df[df$price > 1, l$al|", want: "alpha"},
		{text: "größe; df[df$pri|]", want: "price prio"},
		{text: "df$price[1]$pri|"},
		{text: "p@|", trigger: "@", want: "name age"},
		{text: "base::pas|", want: "paste paste0"},
		{text: "base::|", trigger: ":", want: "`!`"},
		{text: "utils:::fin|", want: "find"},
		{text: "my.fun(fir|", want: "first.arg~="},
		{text: "my.fun(\n  fir|", want: "first.arg~="},
		{text: `df[["pr|`, want: "price prio"},
		{text: `df["|`, trigger: `"`, want: "price size~of prio"},
		{text: `l[['al|`, want: "alpha"},
		{text: `read.csv("/et|`, want: "etc/"},
		{text: `x <- "/et|`, want: "etc/", not: "etc//passwd"},
		{text: `x <- "/etc/pass|`, want: "passwd"},
		{text: "f <- function() {\n  x.d|", want: "x.dot"},
		{text: "f <- function(x.arg) {\n  x.name <- 1\n  x.|", want: "x.name x.arg x.dot"},
		{text: "f <- function(pa.arg) {\n  base::pa|", not: "pa.arg"},
		{text: "# rea|"}, {text: "a:|", trigger: ":"}, {text: "x[1:|", trigger: ":"}, {text: "x <- 1.|", trigger: "."},
		{text: `"a$|`, trigger: "$"}, {text: "df[|", trigger: "["}, {text: "5 %|", trigger: "%"},
	}},
	{"deno", "javascript", "var fault = new Error('x'), größe = 'abc', gröbe = 1, $dollar = 1, obj = {alpha: 1, größe: 3}\nfunction train(pts, epochs) {}\n", []completionCase{
		{text: "grö|", want: "gröbe größe", not: "Array"},
		{text: "x = größ|", want: "größe"},
		{text: "obj.grö|", want: "größe", not: "gröbe"},
		{text: "$do|", want: "$dollar"},
		{text: "obj.|", trigger: ".", want: "alpha größe"},
		{text: "(obj\n  .al|", want: "alpha"},
		{text: "`${obj.al|", want: "alpha"},
		{text: `obj["al|`, want: "alpha", not: "alert"},
		{text: `obj["|`, trigger: `"`, want: "alpha größe"},
		{text: "Math.ma|", want: "max"},
		{text: "nothing.|", trigger: "."}, {text: "function f(arg) {\n  return arg.mess|"}, {text: "fault.mess|", want: "message"}, {text: "fault.|", trigger: ".", want: "stack"},
		{text: "function f(locArg) {\n  const locName = 1\n  return loc|", want: "locName locArg localStorage"},
		{text: "// tra|"}, {text: "// obj.|", trigger: "."}, {text: "'tra|"}, {text: "x = {a:|", trigger: ":"}, {text: "x = 1.|", trigger: "."},
		{text: "x = a /|", trigger: "/"}, {text: "`$|", trigger: "$"},
	}},
	{"tslab", "typescript", "var größe = 'abc', obj = {alpha: 1}\nfunction train(pts: number, epochs = 2) {}\n", []completionCase{
		{text: "grö|", want: "größe"}, {text: "obj.|", trigger: ".", want: "alpha"}, {text: "(obj\n  .al|", want: "alpha"},
		{text: "function f() {\n  const locc = 1\n  return loc|", want: "locc"}, {text: "größe.charA|", want: "charAt"}, {text: "// obj.|", trigger: "."},
	}},
	{"bash", "shellscript", "myvar=1; my_fun() { echo hi; }; export MYEXP=2\n", []completionCase{
		{text: "echo $my|", want: "myvar"},
		{text: "echo ${my|", want: "myvar"},
		{text: "echo \"${my|", want: "myvar"},
		{text: "echo \"a $my|", want: "myvar"},
		{text: "echo $|", trigger: "$", want: "~"},
		{text: "apt-g|", want: "apt-get"},
		{text: "f() {\n  local my_name=1\n  echo \"${my|", want: "my_name myvar"},
		{text: "f() {\n  local lo_name=1\n  lo|", not: "lo_name"},
		{text: "cat /etc/passw|", want: "passwd"},
		{text: "cat /|", trigger: "/", not: "echo"},
		{text: "my_f|", want: "my_fun"},
		{text: "# ech|"}, {text: "a:|", trigger: ":"}, {text: "echo 'it is.|", trigger: "."}, {text: "echo \"ech|"}, {text: "x[|", trigger: "["},
	}},
	{"calysto-scheme", "scheme", "(define my-fun (lambda (x y) x)) (define my-var? 1) (define set-it! 2) (define *glob* 3) (define my->x 1)\n", []completionCase{
		{text: "(my-|", want: "my->x my-fun my-var?"},
		{text: "(my->|", want: "my->x", not: "my-fun"},
		{text: "(set-it|", want: "set-it!"},
		{text: "(list *gl|", want: "*glob*", not: "globals"},
		{text: "(call/|", want: "call/cc", not: "car"},
		{text: "(my-fun\n  my-v|", want: "my-var?"},
		{text: "(define (f lis-arg)\n  (let ((lis-name 1))\n    (+ lis|", want: "lis-name lis-arg list"},
		{text: "; my|"}, {text: "\"my|"}, {text: "%mag|", want: "%magic"}, {text: "; it.|", trigger: "."},
	}},
	{"xeus-python", "python", pythonNamespace, []completionCase{
		{text: "(c\n  .me|", want: "meth"}, {text: `d["al|`, want: "alpha"}, {text: `df[["price", "|`, want: "price prio", not: "%alias"},
		{text: "def f(loc_arg):\n    loc|", want: "loc_arg locals"},
		{text: `df.groupby("pr|`, want: "price prio", not: "%prun"}, {text: "# tra|"}, {text: "%time tra|", want: "tra_x train"},
		{text: "from os.path import (\n  exists, joi|", want: "join"}, {text: "import textwrap as tw\ntw.ded|", want: "dedent"},
	}},
	{"go", "go", "type P struct{ Größe int }\np := P{1}\nm := map[string]int{\"alpha\": 1}\n", []completionCase{
		{text: "p.Gr|", want: "Größe"}, {text: "p.|", trigger: ".", want: "Größe"}, {text: "// p.|", trigger: "."}, {text: "m[|", trigger: "[", want: "\"alpha\""},
		{text: "import \"os|", want: "os os/exec"}, {text: "import (\n\t\"fmt\"\n\tf \"net/ht|\n)", want: "http http/cgi"}, {text: "import _ \"image/|", trigger: "/", want: "color"},
		{text: "import \"|", trigger: `"`, want: "archive/tar"}, {text: "x := \"os|"}, {text: "x := \"|", trigger: `"`},
		{text: "x := 1.|", trigger: "."}, {text: "case 1:|", trigger: ":"}, {text: "\"p.|", trigger: "."},
	}},
}

// TestCompletionPlaces asks for completions at many places of real kernels.
func TestCompletionPlaces(t *testing.T) {
	for _, k := range namespaceKernels {
		t.Run(k.kernel, func(t *testing.T) {
			t.Parallel()
			b := namespaceOf(t, k)
			for _, test := range k.cases {
				var found []string
				seen := map[string]bool{}
				var answer completions
				b.again(func() bool { answer = b.completeAt(test); return len(answer.Items) > 0 || test.want == "" })
				for _, item := range answer.Items {
					found = append(found, item.Label)
					if seen[item.Label] {
						t.Errorf("%q: %q twice", test.text, item.Label)
					}
					seen[item.Label] = true
					b.fits(t, test, item)
				}
				want := labels(test.want)
				if first := found[:min(len(found), len(want))]; !slices.EqualFunc(first, want, matches) || test.want == "" && test.not == "" && len(found) > 0 {
					t.Errorf("%q after %q: %q of %d, want %q", test.text, test.trigger, found[:min(len(found), 8)], len(found), want)
				}
				for _, no := range labels(test.not) {
					if seen[no] {
						t.Errorf("%q: %q is no completion", test.text, no)
					}
				}
			}
		})
	}
}

// What a call gives is inferred from how its function is written, wherever in the buffer. Nothing
// is called.
func TestCompletionBehindCalls(t *testing.T) {
	t.Parallel()
	const setup = "calls = 0\nclass Table:\n    def groupby(self, by):\n        global calls\n        calls += 1\n        return self\n    def mean(self): return 1.5\n" +
		"def make():\n    global calls\n    calls += 1\n    return Table()\ntable = make()\ncalls = 0\n"
	b := namespaceOf(t, namespaceKernel{"python3", "python", setup + "import time\n", nil})
	b.rewrite("while True: time.sleep(0.01)\n")
	b.start("while True: time.sleep(0.01)")
	b.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionBusy })
	b.again(func() bool { return len(b.completeAt(completionCase{text: "tab|"}).Items) > 0 }) // in a subshell, from now on
	command[any](b.client, lsp.CommandInterrupt, b.only())
	b.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionIdle })
	for text, want := range map[string]string{
		"make().|": "groupby", "make().me|": "mean", "table.groupby('a').me|": "mean", "make().groupby('a').mean().is_i|": "is_integer",
		"x = [table.groupby('a').me|": "mean", "'x'.strip().upp|": "upper", "def f():\n    return make().me|": "mean",
	} {
		var got completions
		b.again(func() bool {
			got = b.completeAt(completionCase{text: setup + "# %% b\nimport os\n# %% c\n" + text})
			return len(got.Items) > 0
		})
		got.item(t, want)
	}
	b.rewrite("calls\n")
	b.run("calls").want(t, "queued running done", "0")
}

// matches compares a label with what is wanted; one that ends with a blank is a beginning.
func matches(label, want string) bool {
	return label == want || strings.HasSuffix(want, " ") && strings.HasPrefix(label, strings.TrimSpace(want))
}

func labels(text string) []string {
	all := strings.Fields(text)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "~", " ")
	}
	return all
}

// namespaceOf opens a document of a kernel with its namespace.
func namespaceOf(t *testing.T, k namespaceKernel) *buffer {
	t.Helper()
	testenv.Python(t)
	s := setup{
		capabilities: plugin(), builtin: []kernelclient.Spec{goKernel(t)},
		env: append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath(), "HISTFILE="),
	}
	c := start(t, s)
	b := c.open("cells"+map[string]string{"python": ".py", "r": ".R", "go": ".go"}[k.id], k.id, k.setup)
	if k.kernel != "go" {
		command[any](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: k.kernel})
	}
	if tr := b.run(strings.TrimSuffix(k.setup, "\n")); tr.end.State != lsp.EvaluationDone {
		t.Fatalf("the namespace: %+v", tr.one(lsp.OutputError))
	}
	b.warm()
	return b
}

func (b *buffer) completeAt(test completionCase) completions {
	b.t.Helper()
	before, after, _ := strings.Cut(test.text, "|")
	b.rewrite(before + after)
	params := b.place(b.position(len(before)))
	if test.trigger != "" {
		params["context"] = map[string]any{"triggerKind": 2, "triggerCharacter": test.trigger}
	}
	for begun := time.Now(); ; {
		l := call[completions](b.client, "textDocument/completion", params)
		if !l.IsIncomplete || time.Since(begun) > limit {
			return l
		}
	}
}

// again asks until there is an answer: a kernel on a busy machine may not give it in time.
func (b *buffer) again(asked func() bool) {
	for begun := time.Now(); !asked() && time.Since(begun) < limit; {
	}
}

// fits sees that an item's edit replaces what stands before the cursor, and that a client which
// filters by that keeps it.
func (b *buffer) fits(t *testing.T, test completionCase, item completionItem) {
	t.Helper()
	before, _, _ := strings.Cut(test.text, "|")
	last := before[strings.LastIndexByte(before, '\n')+1:]
	end := b.position(len(before))
	r := item.TextEdit.Range
	if r.End != end || r.Start.Line != end.Line || r.Start.Character > end.Character {
		t.Errorf("%q: %q replaces %v", test.text, item.Label, r)
		return
	}
	typed := string([]rune(last)[len([]rune(last))-int(end.Character-r.Start.Character):])
	if len(last) == len([]rune(last)) && !strings.HasPrefix(strings.ToLower(item.FilterText), strings.ToLower(typed)) {
		t.Errorf("%q: %q is not kept by the filter %q", test.text, item.FilterText, typed)
	}
	if item.Kind == 0 || item.SortText == "" {
		t.Errorf("%q: %q without kind or sort text", test.text, item.Label)
	}
}

// Packages of Go's library that are not imported are offered, told of, and imported by their
// completion, where the cell has its imports.
func TestCompletionImports(t *testing.T) {
	b := namespaceOf(t, namespaceKernel{"go", "go", "x := 1\n", nil})
	for _, test := range []struct{ text, label, line, want string }{
		{"x = 2\ny := strings.Rep|", "Repeat", "0:0", "import \"strings\"\n\n"},
		{"// %% a\nx = 2\n// %% b\nfunc f() string {\n\treturn strings.Rep|\n}", "Repeat", "3:0", "import \"strings\"\n\n"},
		{"import \"fmt\"\nimport \"os\"\n\nfmt.Println(strings.Rep|", "Repeat", "2:0", "import \"strings\"\n"},
		{"package main\n\nimport (\n\t\"fmt\"\n)\n\nfunc main() { fmt.Println(strings.Rep|) }", "Repeat", "3:0", "\t\"strings\"\n"},
		{"package main\n\nfunc main() { strings.Rep| }", "Repeat", "1:0", "\nimport \"strings\"\n"},
		{"x = 1\nfmt.Println(strin|", "strings", "0:0", "import \"strings\"\n\n"},
		{"import \"strings\"\nstrings.Rep|", "Repeat", "", ""},
		{"strings.Rep|", "Repeat", "0:0", "import \"strings\"\n\n"},
		{"strin|", "strings", "", ""}, // there is no place beside it
		{"x = 1\nrand.IntN|", "IntN", "0:0", "import \"math/rand/v2\"\n\n"},
	} {
		item := b.completeAt(completionCase{text: test.text}).item(t, test.label)
		line, text := "", ""
		for _, e := range item.AdditionalTextEdits {
			line, text = fmt.Sprintf("%d:%d", e.Range.Start.Line, e.Range.Start.Character), e.NewText
		}
		if line != test.line || text != test.want {
			t.Errorf("%q: %q at %s, want %q at %s", test.text, text, line, test.want, test.line)
		}
		documentation := call[completionItem](b.client, "completionItem/resolve", item).Documentation.Value
		if test.label == "Repeat" && !strings.Contains(documentation, "copies of the string") {
			t.Errorf("%q: documentation %q", test.text, documentation)
		}
	}
	b.rewrite("y := strings.Repeat(\"a\", 2)\n")
	if h := b.hover(b.at("Repeat")); !strings.Contains(h, "func strings.Repeat(s string, count int) string") {
		t.Errorf("hover: %q", h)
	}
	if got, want := b.signature("Repeat(\"a\", "), "Repeat(s string, ⟨count int⟩) string"; got != want {
		t.Errorf("signature: %q, want %q", got, want)
	}
	// What is imported by the completion runs.
	b.rewrite("import \"strings\"\n\nstrings.Repeat(\"ab\", 2)\n")
	b.run("import \"strings\"\n\nstrings.Repeat(\"ab\", 2)").want(t, "queued running done", `"abab"`)
}

// A kernel that runs code and has subshells is asked as one at rest.
func TestCompletionPlacesWhileBusy(t *testing.T) {
	t.Parallel()
	b := namespaceOf(t, namespaceKernel{"python3", "python", pythonNamespace + "import time\n", nil})
	b.rewrite("while True: time.sleep(0.01)\n")
	b.start("while True: time.sleep(0.01)")
	b.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionBusy })
	for text, want := range map[string]string{
		"(df\n  .gro|": "groupby", "train(\n  lea|": "learning_rate=", `df.groupby("pr|`: "price", "from os.path import (\n  joi|": "join", "c.me|": "meth",
	} {
		var got completions
		b.again(func() bool { got = b.completeAt(completionCase{text: text}); return len(got.Items) > 0 })
		got.item(t, want)
	}
	b.rewrite("train(\n  c, \nprice\n")
	b.again(func() bool { return b.signature("c, ") != "" })
	if got, want := b.signature("c, "), "train(pts, ⟨learning_rate=0.1⟩, epochs=3)"; got != want && got != "" {
		t.Errorf("signature: %q", got)
	}
	command[any](b.client, lsp.CommandInterrupt, b.only())
}
