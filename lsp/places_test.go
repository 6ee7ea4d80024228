package lsp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/lsp"
)

// An error stands on the line that failed, whatever the kernel says of it.
func TestFailingLine(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), env: everyKernel(t)})
	file := filepath.Join(t.TempDir(), "ran.py")
	if err := os.WriteFile(file, []byte("a = 1\nb = a / 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kernel := range []struct {
		language, kernel string
		cases            []struct{ code, line string }
	}{
		{"python", "python3", append(pythonFailures, struct{ code, line string }{"1\n\n%run " + file, "%run " + file},
			struct{ code, line string }{"%%capture\n\nx = 1\nx/0", "x/0"}, struct{ code, line string }{"%%capture x\nx = = 1", "x = = 1"})},
		{"python", "ipykernel6", pythonFailures},
		{"python", "xeus-python", pythonFailures[:len(pythonFailures)-3]}, // of a group it says that all went well
		{"r", "", []struct{ code, line string }{
			{"x <- 1\n\nlog(-1)\nstop(\"top\")", `stop("top")`},
			{"f <- function() {\n  stop('in f')\n}\n\n\nf()", "stop('in f')"},
			{"# stop(\"two\")\ny <- f ( )", "y <- f ( )"},
			{"x <- 1\nundefined.name + 1", "undefined.name + 1"},
			{"x <- 1\nnofunction(1)", "nofunction(1)"},
			{"z <- 1\nz <- 'a' + 1", "z <- 'a' + 1"},
			{"z <- 1\nlapply(1:3, function(i) {\n  if (i == 2)\n    stop('at 2')\n})", "stop('at 2')"},
		}},
	} {
		folder := t.TempDir() // whose documents have one kernel
		for i, test := range kernel.cases {
			b := c.open(filepath.Join(folder, fmt.Sprintf("failing%d.%s", i, kernel.language)), kernel.language, "\n"+test.code+"\n")
			if kernel.kernel != "" {
				command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: kernel.kernel})
			}
			tr := b.evaluate(lsp.EvaluateParams{Range: &protocol.Range{Start: protocol.Position{Line: 1}, End: b.position(len(b.text))}}).wait()
			if tr.end.Error == nil || tr.end.Error.Range != b.span(test.line) {
				t.Errorf("%s: %q is %s at %+v, want %v: %s%s", kernel.kernel, test.code, tr.end.State, tr.end.Error, b.span(test.line), tr.end.Message, tr.one(lsp.OutputError).Text)
			}
			b.close()
		}
		if kernel.kernel == "xeus-python" {
			c.showMessage("talks over tcp")
		}
	}
}

var pythonFailures = []struct{ code, line string }{
	{"try:\n    1/0\nexcept ZeroDivisionError as e:\n    x = 1\n    raise KeyError('k') from e", "raise KeyError('k') from e"},
	{"e = ValueError('v')\ne.add_note('Cell In[1], line 1')\nfor i in range(9): e.add_note(f'Cell In[{i}], line 1')\n\nraise e", "raise e"},
	{"class E(Exception): pass\n\nraise E('multi\\nCell In[1], line 1\\nend')", "raise E('multi\\nCell In[1], line 1\\nend')"},
	{"# why\n%%time\nx = 1\n\n1/0", "1/0"},
	{"%%time\nx = 1\nx = = 2", "x = = 2"},
	{"%%time\n\ndef g():\n    return 1/0\n\ng()", "return 1/0"},
	{"%%timeit -n1 -r1\nx = 1\n\n1/0", "1/0"},
	{"%%prun -q\nx = 1\n\n1/0", "1/0"},
	{"%%time\n\n\n1/0", "1/0"},
	{"x = 1\n%time 1/0", "%time 1/0"},
	{"x = 1\nexec('y = 1\\n1/0')", "exec('y = 1\\n1/0')"},
	{"x = 1\neval('1 +')", "eval('1 +')"},
	{"if True:\n    x = 1\n  y = 2", "y = 2"},
	{"def r(n): return r(n+1)\n\nr(0)", "def r(n): return r(n+1)"},
	// ipykernel answers nothing where one of these is the first error in code that awaits.
	{"x=1\ny=2\nraise ExceptionGroup(\"G\", [ValueError(\"a\")])", `raise ExceptionGroup("G", [ValueError("a")])`},
	{"def f():\n    raise ValueError('inner')\ntry:\n    f()\nexcept ValueError as e:\n    err = e\n\nraise ExceptionGroup('G', [err, ExceptionGroup('H', [TypeError(1)])]) from err", "raise ExceptionGroup('G', [err, ExceptionGroup('H', [TypeError(1)])]) from err"},
	{"import asyncio\nasync def a(): raise ValueError('t')\nasync def m():\n    async with asyncio.TaskGroup() as tg:\n        tg.create_task(a())\nawait m()", "async with asyncio.TaskGroup() as tg:"},
}

// What a kernel calls its cells is named as the buffer in all that is shown.
func TestTemporaryNamesAreTheBuffers(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), env: everyKernel(t)})
	for _, kernel := range []string{"python3", "ipykernel6", "xeus-python"} {
		b := c.open("names.py", "python", `# first

import warnings, traceback, sys, logging, io, bdb

warnings.warn("careful")
try:
    1/0
except Exception:
    traceback.print_exc(file=sys.stdout)
logging.basicConfig(format="%(pathname)s:%(lineno)d %(message)s", force=True)
logging.warning("logged")

def shown(): return 1

shown.__code__

sys._getframe().f_code.co_filename

import pdb
p = pdb.Pdb(stdout=io.StringIO())
p.set_trace(); p.message(0)
`)
		command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: kernel})
		b.replace("# first\n", "# first\n# and second\n")
		tr := b.run(b.text[strings.Index(b.text, "import warn") : strings.Index(b.text, "shown.__code__")-2])
		for stream, want := range map[string][]string{
			"stderr": {"names.py:6: UserWarning: careful\n", "names.py:12 logged\n"}, "stdout": {`File "names.py", line 8, in <module>`},
		} {
			for _, want := range want {
				if got := tr.stream(stream); !strings.Contains(got, want) || strings.Contains(got, "/tmp") || strings.Contains(got, "ipython") {
					t.Errorf("%s: %s has no %q: %s", kernel, stream, want, got)
				}
			}
		}
		if got := b.run("shown.__code__").value(); !strings.Contains(got, `file "names.py", line 14`) {
			t.Errorf("%s: the code is %q", kernel, got)
		}
		// A value is what it is.
		if got := b.run("sys._getframe().f_code.co_filename").value(); !strings.Contains(got, "ipykernel_") && !strings.Contains(got, "xpython_") {
			t.Errorf("%s: the file's name is %q", kernel, got)
		}
		inspected := command[lsp.InspectResult](c, lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("shown.__code__")})
		if !strings.Contains(inspected.Text, "names.py:4") || strings.Contains(inspected.Text, "/tmp") {
			t.Errorf("%s: inspected: %s", kernel, inspected.Text)
		}
		if kernel == "xeus-python" {
			c.showMessage("talks over tcp")
		}
		b.close()
	}
}
