package language

import (
	"strings"
	"testing"
)

// Errors that real kernels sent without a place, or with one in Deno's print of the code. The
// line that failed begins with "▶"; there is none where that cannot be known.
func TestTold(t *testing.T) {
	const null = "Cannot read properties of null (reading 'foo')"
	for _, test := range []struct{ id, code, name, value, traceback string }{
		{"python", "x=1\n\n▶raise SystemExit(3)\ny=2", "SystemExit", "3", "An exception has occurred, use %tb to see the full traceback.\n\nSystemExit: 3\n"},
		{"python", "import sys\ndef f():\n▶    sys.exit(\"bye\")\nf()", "SystemExit", "bye", "SystemExit: bye"},
		{"python", "import sys\n▶sys.exit(code)  # exit()\nx = 'sys.exit(1)'", "SystemExit", "1", "SystemExit: 1"},
		{"python", "if x:\n    sys.exit(1)\nsys.exit(code)", "SystemExit", "2", "SystemExit: 2"},
		{"python", "if x:\n    sys.exit(1)\n▶sys.exit(2)", "SystemExit", "2", "SystemExit: 2"},
		{"python", "def f(n):\n    sys.exit(n)\ng()", "SystemExit", "2", "SystemExit: 2"},
		{"python", "# c\nmain()", "SystemExit", "2", "SystemExit: 2"},
		{"python", "x=1\n▶%nosuchmagic\ny=2", "UsageError", "Line magic function `%nosuchmagic` not found.", ""},
		{"python", "x=1\n%time y\n▶z = %nosuch 1", "UsageError", "Line magic function `%nosuch` not found.", ""},
		{"python", "▶%%nosuch\ny", "UsageError", "Cell magic `%%nosuch` not found.", ""},
		{"r", "x <- 1\noptions(warn=2)\n▶log(-1)\ny<-2", "ERROR", "Error in log(-1): (converted from warning) NaNs produced\n",
			"Error in log(-1): (converted from warning) NaNs produced\nTraceback:\n\n1. .signalSimpleWarning(\"NaNs produced\", base::quote(log(-1)))\n2. withRestarts({"},
		{"r", "log(-1)\nlog(-1)", "ERROR", "Error in log(-1): (converted from warning) NaNs produced\n",
			"Error in log(-1): (converted from warning) NaNs produced\nTraceback:\n\n1. .signalSimpleWarning(\"NaNs produced\", base::quote(log(-1)))"},
		{"javascript", "let a = 1;\n\n▶throw \"s\"\nlet b=2", "Error", "s", ""},
		{"javascript", "if (true) {\n▶  throw 3\n}", "Error", "3", ""},
		{"javascript", "function f() {\n  throw x\n}\ng()", "Error", "3", ""},
		{"javascript", "throw x\nthrow y", "Error", "3", ""},
		{"javascript", "let a = 1\n▶await Promise.reject('r')", "Error", "r", ""},
		{"javascript", "let k = 1; // x\n\n/* a\n b */\n▶undefinedVar", "ReferenceError", "undefinedVar is not defined", "ReferenceError: undefinedVar is not defined\n    at <anonymous>:3:7"},
		{"typescript", "interface A {\n a: number\n}\n\ntype B = {x:1}\n▶throw new Error(\"ts\")", "Error", "ts", "Error: ts\n    at <anonymous>:1:28"},
		{"javascript", "let m = {\n  a: 1,\n\n  b: 2\n}\n▶m.c.d", "TypeError", "Cannot read properties of undefined (reading 'd')", "TypeError: Cannot\n    at <anonymous>:5:5"},
		{"javascript", "let m1 = {a: 1, b: 2}\n\n▶null.foo", "TypeError", null, "TypeError: " + null + "\n    at <anonymous>:5:6"},
		{"javascript", "let m1 = {a: 1, b: 2}\n\nnull.foo\nx.foo", "TypeError", null, "TypeError: " + null + "\n    at <anonymous>:5:6"},
		{"javascript", "let s1 = `a\nb\n\nc`\n▶null.foo // x.foo", "TypeError", null, "TypeError: " + null + "\n    at <anonymous>:5:6"},
		{"javascript", "let s1 = `a\nb\n\nc`\n▶null.foo\ny.foo", "TypeError", null, "TypeError: " + null + "\n    at <anonymous>:5:6"},
		{"javascript", "x =\n  1;\nfoo();\ny.z.foo()", "TypeError", "x is odd", "TypeError: x is odd\n    at <anonymous>:2:1"},
		{"javascript", "a9.b\n  .c\n▶  .d()", "TypeError", "Cannot read properties of undefined (reading 'd')", "TypeError\n    at <anonymous>:1:22"},
		{"javascript", "let q = 1; let r = 2\nf(r)", "RangeError", "odd", "RangeError: odd\n    at <anonymous>:3:6"},
		{"javascript", "let q = 1\n\n▶f(r)", "RangeError", "odd", "RangeError: odd\n    at <anonymous>:2:6"},
		{"javascript", "async function w1() {\n  await 1\n▶  null.foo\n}\nawait w1()", "TypeError", null, "TypeError\n    at w1 (<anonymous>:3:8)\n    at async <anonymous>:5:1"},
		{"javascript", "▶g(1)\nx.foo", "TypeError", null, "TypeError\n    at g (<anonymous>:3:8)\n    at <anonymous>:1:1"},
	} {
		l, _ := For(test.id)
		before, _, marked := strings.Cut(test.code, "▶")
		want := 0
		if marked {
			want = strings.Count(before, "\n") + 1
		}
		f, _ := l.Locate(Error{Name: test.name, Value: test.value, Traceback: []string{test.traceback}, Code: strings.Replace(test.code, "▶", "", 1)})
		if f.Line != want {
			t.Errorf("%s: %q: line %d, want %d", test.id, test.code, f.Line, want)
		}
	}
}

func TestFirstCode(t *testing.T) {
	for code, want := range map[string]int{"x": 0, "# c\n\nx": 2, "": 0, "# c": 0, "'''\nx'''": 0} {
		l, _ := For("python")
		if got := l.FirstCode(code); got != want {
			t.Errorf("%q: %d, want %d", code, got, want)
		}
	}
}
