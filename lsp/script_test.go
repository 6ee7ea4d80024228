package lsp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reval-editor/reval/lsp"
)

// A file is evaluated as a program that was started from it, and nothing else is: what is
// evaluated afterwards finds what was there before, also after an error and an interrupt.
func TestFileIsAScript(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sibling.py"), []byte("word = 'sibling'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	look := c.open(filepath.Join(dir, "look.py"), "python", `import sys; (len(sys.argv), sys.argv[0].endswith(".py") and "kernel", "__file__" in globals(), "" in sys.path, hasattr(sys, "_reval_script"), len(__import__("warnings").filters))
("was_" + "argv" in str(In), sorted(n for n in globals() if not n.startswith("_")))
`)
	state, names, _ := strings.Cut(strings.TrimSpace(look.text), "\n")
	look.run(state)
	look.complete("import sys") // what completes is loaded by then, and has its warnings filtered
	before := look.run(state).value()
	path := filepath.Join(dir, "it's \"a\" scrïpt.py")
	script := c.open(path, "python", `"""Does nothing."""
import sys, sibling, time
print(__name__, __file__, __doc__, sys.argv, sys.path[0], sibling.word)
if "wait" in sys.argv: print("waits", flush=True); time.sleep(1000)
sys.argv.pop(0)
if "fail" in sys.argv: raise ValueError("no")
`)
	for _, arguments := range [][]string{nil, {"-n", "a b"}, {"fail"}, {"wait"}} {
		e := script.evaluate(lsp.EvaluateParams{Unit: "file", Arguments: arguments})
		if len(arguments) == 1 && arguments[0] == "wait" {
			e.printed("waits")
			command[any](c, lsp.CommandInterrupt, script.only())
		}
		tr := e.wait()
		list := "['" + strings.Join(append([]string{strings.ReplaceAll(path, "'", `\'`)}, arguments...), "', '") + "']"
		want := "__main__ " + path + " Does nothing. " + list + " " + dir + " sibling\n"
		if got := strings.TrimSuffix(tr.stream("stdout"), "waits\n"); got != want {
			t.Errorf("%q prints\n%s, want\n%s", arguments, got, want)
		}
		if got := look.run(state).value(); got != before {
			t.Errorf("after %q it is %s, was %s", arguments, got, before)
		}
	}
	const want = "(False, ['In', 'Out', 'exit', 'get_ipython', 'open', 'quit', 'sibling', 'sys', 'time'])"
	tr := look.run(names)
	if got := strings.Join(strings.Fields(tr.value()), " "); got != want || tr.end.Count != 11 {
		t.Errorf("the session has %s after %d cells, want %s after 11", got, tr.end.Count, want)
	}
	// A part of the file is no program, nor is a text without a file.
	if tr := script.run("print(__name__, __file__, __doc__, sys.argv, sys.path[0], sibling.word)"); tr.end.State != lsp.EvaluationFailed {
		t.Errorf("a part has __file__: %+v", tr)
	}
	untitled := c.open("untitled:a.py", "python", "__file__\n")
	if tr := untitled.evaluate(lsp.EvaluateParams{Unit: "file"}).wait(); tr.end.State != lsp.EvaluationFailed {
		t.Errorf("a text without a file has __file__: %+v", tr)
	}
}

// A program that exits is at its end, and its session is not.
func TestScriptExits(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	script := c.open("script.py", "python", "x = 1\nif x:\n    exit(3)\nprint('below')\n")
	tr := script.evaluate(lsp.EvaluateParams{Unit: "file"}).wait()
	if got := tr.stream("stdout"); got != "" || tr.end.State != lsp.EvaluationFailed {
		t.Errorf("after exit(3): %s, printed %q", tr.end.State, got)
	}
	if got := script.run("x = 1").end.State; got != lsp.EvaluationDone {
		t.Errorf("the session is %s", got)
	}
}

// A file of several cells is one program: what one of them does to its arguments, the
// next ones see, and an error or an interrupt ends it for all.
func TestScriptOfSeveralCells(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	look := c.python("('__file__' in globals(), hasattr(__import__('sys'), '_reval_script'))\n")
	before := look.run(strings.TrimSpace(look.text)).value()
	script := c.open("script.py", "python", "\"\"\"Says.\"\"\"\nimport sys; sys.argv.pop(1)\n# %%\nprint(sys.argv[1:], __doc__)\n# %%\nimport time; print('now', flush=True); time.sleep(1000 * ('wait' in sys.argv)); 1 / ('fail' not in sys.argv)\n# %%\nprint('last')\n")
	for _, argument := range []string{"go", "fail", "wait"} {
		all := script.each(lsp.EvaluateParams{Unit: "file", Arguments: []string{"-x", argument}})
		if argument == "wait" {
			all[2].printed("now")
			command[any](c, lsp.CommandInterrupt, script.only())
		}
		if tr, want := all[1].wait(), "['"+argument+"'] Says.\n"; tr.stream("stdout") != want {
			t.Errorf("the second cell prints %q, want %q", tr.stream("stdout"), want)
		}
		all[3].wait()
		if got := look.run(strings.TrimSpace(look.text)).value(); got != before {
			t.Errorf("after %s it is %s, was %s", argument, got, before)
		}
	}
}
