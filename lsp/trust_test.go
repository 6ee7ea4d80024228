//go:build !windows

package lsp_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), mode))
}

// folder is a new one behind no link.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	return dir
}

// trap is a program that leaves a trace in the file ran.
func trap(ran string) string { return "#!/bin/sh\necho \"$0 $*\" >>'" + ran + "'\n" }

func nothingRan(t testing.TB, ran string) {
	t.Helper()
	if trace, err := os.ReadFile(ran); err == nil {
		t.Errorf("was run: %s", trace)
	}
}

// Whatever an editor asks of a document that was opened, and what the lists of kernels
// and states need: nothing that the workspace contains is run, and no kernel starts.
func TestReadingRunsNothing(t *testing.T) {
	dir := folder(t)
	ran := filepath.Join(dir, "ran")
	for _, name := range []string{".venv/bin/python", "sub/venv/bin/python", "bin/python3", "python3"} {
		write(t, filepath.Join(dir, name), trap(ran), 0o700)
	}
	write(t, filepath.Join(dir, ".venv/pyvenv.cfg"), "home = /usr/bin\nversion = 3.11.2\n", 0o600)
	write(t, filepath.Join(dir, ".venv/lib/python3.11/site-packages/ipykernel/__init__.py"), "", 0o600)
	for _, name := range []string{"json.py", "sitecustomize.py", "usercustomize.py", "sub/json.py"} {
		write(t, filepath.Join(dir, name), "open("+string(asJSON(t, ran))+", 'a').write(__file__)\n", 0o600)
	}
	env := append(testenv.Env(t), "PYTHONPATH="+dir, "VIRTUAL_ENV="+filepath.Join(dir, ".venv"))
	for i, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			env[i] = "PATH=:.:bin:" + path
		}
	}
	c := start(t, setup{capabilities: plugin(), folders: []string{dir}, env: env, builtin: []kernelclient.Spec{{
		Name: "trap", DisplayName: "Trap", Language: "go", Argv: []string{filepath.Join(dir, ".venv/bin/python"), "{connection_file}"},
		InterruptMode: kernelclient.InterruptBySignal, Source: "test",
	}}})
	for language, name := range map[string]string{"python": "sub/a.py", "r": "a.r", "go": "a.go", "markdown": "README.md", "shellscript": "a.sh", "": "x"} {
		b := c.open(filepath.Join(dir, name), language, "x = 1\nx.y(\n")
		at := b.place(b.after("x.y("))
		for _, method := range []string{"textDocument/completion", "textDocument/hover", "textDocument/signatureHelp"} {
			c.call(method, at)
		}
		where := map[string]any{"textDocument": map[string]any{"uri": b.uri}, "range": b.span("x.y")}
		c.call("textDocument/inlayHint", where)
		where["context"] = map[string]any{"diagnostics": []any{}}
		c.call("textDocument/codeAction", where)
		for _, name := range []string{lsp.CommandCells, lsp.CommandEvaluations, lsp.CommandClear} {
			command[any](c, name, b.only())
		}
		c.commandFails(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.after("x.y")})
		if s := command[lsp.StateParams](c, lsp.CommandState, b.only()); s.State != lsp.SessionNone || s.Kernel != "" {
			t.Errorf("%s: state %+v", name, s)
		}
		nothingRan(t, ran)
		command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri}) // a search that is asked for
		nothingRan(t, ran)
	}
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return data
}

// codeActions are the titles of a document's.
func (b *buffer) codeActions() (titles []string) {
	b.client.t.Helper()
	for _, a := range call[[]struct{ Title string }](b.client, "textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": b.uri}, "range": protocol.Range{}, "context": map[string]any{"diagnostics": []any{}},
	}) {
		titles = append(titles, a.Title)
	}
	return titles
}

// A document whose language no kernel has is run by none: not by bash's, not by the
// language's that its name ends like.
func TestLanguageWithoutKernel(t *testing.T) {
	dir := folder(t)
	ran, notes := filepath.Join(dir, "ran"), filepath.Join(dir, "notes.txt")
	write(t, notes, "kept", 0o600)
	write(t, filepath.Join(dir, "kernel"), trap(ran), 0o700)
	var builtin []kernelclient.Spec
	for _, language := range []string{"bash", "python", "octave", "R", "javascript", ""} {
		builtin = append(builtin, kernelclient.Spec{
			Name: "any-" + language, Language: language, Argv: []string{filepath.Join(dir, "kernel"), "{connection_file}"},
			InterruptMode: kernelclient.InterruptBySignal, Source: "test",
		})
	}
	c := start(t, setup{capabilities: plugin(), folders: []string{dir}, builtin: builtin})
	for _, d := range []struct{ language, name string }{
		{"markdown", "README.md"}, {"plaintext", "notes.txt"}, {"", "LICENSE"}, {"sql", "a.sql"}, {"rmd", "a.rmd"}, {"deno", "a"},
		{"text", "TODO"}, {"fundamental", "x"}, {"help", "doc.txt"}, {"netrw", "."}, {"quarto", "a.qmd"}, {"zsh", "a.zsh"}, {"fish", "a.fish"},
		// The editor knows better than the file's name.
		{"markdown", "a.py"}, {"objective-c", "a.m"}, {"rebol", "a.r"}, {"rmd", "a.R"}, {"vue", "a.js"}, {"BASH-SCRIPT", "a.sh"},
	} {
		b := c.open(filepath.Join(dir, d.name), d.language, "> "+notes+"\n")
		if got := b.codeActions(); len(got) > 0 {
			t.Errorf("%+v: offers %q", d, got)
		}
		for _, unit := range []string{"line", "cell", "file", "definition", "toHere"} {
			at := protocol.Position{}
			p := lsp.EvaluateParams{URI: b.uri, Unit: unit, Position: &at}
			if got := c.commandFails(lsp.CommandEvaluate, p); !strings.Contains(got, "no kernel for ") || strings.Contains(got, "\n") {
				t.Errorf("%+v, %s: %s", d, unit, got)
			}
		}
		b.close()
	}
	nothingRan(t, ran)
	if text, err := os.ReadFile(notes); err != nil || string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	// Where the editor knows nothing the file's name says it.
	for _, language := range []string{"", "plaintext", "fundamental"} {
		if got := c.open(filepath.Join(dir, "b.py"), language, "1\n").codeActions(); len(got) == 0 {
			t.Errorf("b.py as %q is not offered to be evaluated", language)
		}
	}
}

// A kernel of the same name runs a language that is in no table.
func TestLanguageByItsKernel(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), builtin: []kernelclient.Spec{{
		Name: "klingon", Language: "Klingon", Argv: []string{testenv.Python(t), "-m", "ipykernel_launcher", "-f", "{connection_file}"},
		InterruptMode: kernelclient.InterruptBySignal, Source: "test",
	}}})
	for _, language := range []string{"klingon", "klingon-mode", "Klingon-ts-mode"} {
		b := c.open("a.kl", language, "-- %% one\n6*7\n-- %% two\n7*7\n")
		cells := command[[]lsp.Cell](c, lsp.CommandCells, b.only())
		if len(cells) != 2 || cells[1].Title != "two" {
			t.Errorf("cells %+v", cells)
		}
		b.run("6*7").want(t, "queued running done", "42")
		if got := b.codeActions(); len(got) == 0 {
			t.Error("nothing is offered although there is a kernel")
		}
	}
}

// venv makes a real environment that has the test environment's packages, if it is to.
func venv(t testing.TB, dir string, packages bool) {
	t.Helper()
	python := testenv.Python(t)
	out, err := exec.Command(python, "-m", "venv", "--without-pip", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !packages {
		return
	}
	out, err = exec.Command(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").Output()
	must(t, err)
	sites, err := filepath.Glob(filepath.Join(dir, "lib", "python3.*", "site-packages"))
	if err != nil || len(sites) != 1 {
		t.Fatal(sites, err)
	}
	write(t, filepath.Join(sites[0], "base.pth"), string(out), 0o600)
}

// Packages of one workspace have kernels of their own environments.
func TestPackagesHaveTheirOwnKernels(t *testing.T) {
	mono := folder(t)
	venv(t, filepath.Join(mono, "pkg1/.venv"), true)
	venv(t, filepath.Join(mono, "pkg2/.venv"), true)
	venv(t, filepath.Join(mono, "lacking/.venv"), false)
	c := start(t, setup{capabilities: plugin(), folders: []string{mono}})
	const prefix = "import sys, os; [os.path.relpath(sys.prefix, os.getcwd()), os.environ['PATH'].split(':')[0] == sys.prefix + '/bin', os.environ['VIRTUAL_ENV'] == sys.prefix]"
	sessions := map[string]string{}
	for _, name := range []string{"pkg1/t.py", "pkg1/src/u.py", "pkg2/t.py"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(mono, name)), 0o700))
		b := c.open(filepath.Join(mono, name), "python", prefix+"\n")
		pkg := name[:4]
		b.run(prefix).want(t, "queued running done", "['"+pkg+"/.venv', True, True]")
		s := command[lsp.StateParams](c, lsp.CommandState, b.only())
		if s.Environment != filepath.Join(mono, pkg, ".venv") || s.Directory != mono || s.DisplayName != "Python 3 (.venv of "+pkg+")" {
			t.Errorf("%s: %+v", name, s)
		}
		if was := sessions[pkg]; was != "" && was != s.Session {
			t.Errorf("%s has a session of its own", name)
		}
		sessions[pkg] = s.Session
	}
	if sessions["pkg1"] == sessions["pkg2"] {
		t.Error("two packages share a session")
	}

	// One that lacks ipykernel is not passed over for another python.
	b := c.open(filepath.Join(mono, "lacking/t.py"), "python", "1\n")
	got := c.commandFails(lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"})
	python := filepath.Join(mono, "lacking/.venv/bin/python")
	if !strings.Contains(got, "has no ipykernel; install it: "+python) || strings.Contains(got, "\n") {
		t.Error(got)
	}
	for _, k := range command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri}) {
		if k.Selected {
			t.Errorf("selected %+v", k)
		}
	}

	// An environment that was made since the document was opened is found, too.
	later := c.open(filepath.Join(mono, "later/t.py"), "python", prefix+"\n")
	venv(t, filepath.Join(mono, "later/.venv"), true)
	later.run(prefix).want(t, "queued running done", "['later/.venv', True, True]")
}

func TestKernelDirectory(t *testing.T) {
	dir := folder(t)
	for _, d := range []string{"loose/deep", "repo/.git", "repo/src", "py/src", "work/src"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o700))
	}
	write(t, filepath.Join(dir, "py/pyproject.toml"), "", 0o600)
	at := func(name string) string { return filepath.Join(dir, name) }
	builtin := []kernelclient.Spec{{
		Name: "go", DisplayName: "Go", Language: "go", Argv: []string{testenv.Reval(t), "kernel", "go", "--connection-file", "{connection_file}"},
		InterruptMode: kernelclient.InterruptByMessage, Source: "embedded",
	}}
	const where = "import \"os\"\ndir, _ := os.Getwd()\ndir\n"
	c := start(t, setup{capabilities: plugin(), folders: []string{at("work")}, builtin: builtin})
	directory := func(file string) string {
		t.Helper()
		b := c.open(at(file), "go", where)
		defer b.close()
		return command[lsp.StateParams](c, lsp.CommandState, b.only()).Directory
	}
	expect := func(want map[string]string) {
		t.Helper()
		for file, folder := range want {
			if got := directory(file); got != at(folder) {
				t.Errorf("%s is evaluated in %s, want %s", file, got, at(folder))
			}
		}
	}
	expect(map[string]string{"loose/deep/a.go": "loose/deep", "repo/src/a.go": "repo", "py/src/a.go": "py", "work/src/a.go": "work"})
	b := c.open(at("loose/deep/b.go"), "go", where)
	tr := b.unit("file", protocol.Position{}).wait()
	if tr.end.Summary == nil || !strings.Contains(tr.end.Summary.Text, at("loose/deep")) {
		t.Errorf("%+v", tr.end)
	}

	for _, settings := range []any{
		map[string]any{"kernelDirectory": "file"}, map[string]any{"reval": map[string]any{"kernelDirectory": "file"}, "other": 1},
	} {
		c.notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{}})
		expect(map[string]string{"work/src/a.go": "work"})
		c.notify("workspace/didChangeConfiguration", map[string]any{"settings": settings})
		expect(map[string]string{"loose/deep/a.go": "loose/deep", "repo/src/a.go": "repo/src", "work/src/a.go": "work/src"})
	}
	for _, bad := range []any{nil, 7, map[string]any{"kernelDirectory": 7}, []any{}} { // change nothing
		c.notify("workspace/didChangeConfiguration", map[string]any{"settings": bad})
		expect(map[string]string{"work/src/a.go": "work/src"})
	}
	c.close()
	c = start(t, setup{capabilities: plugin(), folders: []string{at("work")}, builtin: builtin, options: lsp.Settings{KernelDirectory: "src"}})
	expect(map[string]string{"work/a.go": "work/src", "repo/src/a.go": "repo/src"})
	c.close()
	c = start(t, setup{capabilities: plugin(), builtin: builtin, options: lsp.Settings{KernelDirectory: at("py")}})
	expect(map[string]string{"work/a.go": "py", "repo/src/a.go": "py"})
}

// A kernel whose channels others can read is told of, once.
func TestOpenTransportIsTold(t *testing.T) {
	script := filepath.Join(t.TempDir(), "tcp.py")
	write(t, script, `import json, os, sys
if json.load(open(sys.argv[1]))["transport"] == "ipc":
    sys.exit("it has tcp only")
os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[1]])
`, 0o600)
	for name, capabilities := range map[string]map[string]any{"plugin": plugin(), "plain": plain()} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{capabilities: capabilities, builtin: []kernelclient.Spec{{
				Name: "tcp", DisplayName: "Over TCP", Language: "klingon", Argv: []string{testenv.Python(t), script, "{connection_file}"},
				InterruptMode: kernelclient.InterruptBySignal, Source: "test",
			}}})
			b := c.open("a.kl", "klingon", "1\n")
			evaluate := func() {
				call[any](c, "workspace/executeCommand", map[string]any{"command": lsp.CommandEvaluate, "arguments": []any{lsp.EvaluateParams{URI: b.uri, Unit: "file"}}})
			}
			evaluate()
			if got := c.showMessage("Over TCP"); !strings.Contains(got, "other users of this machine") {
				t.Error(got)
			}
			command[any](c, lsp.CommandRestart, b.only())
			evaluate()
			if name == "plain" {
				b.settled()
			} else {
				c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionIdle })
			}
			if n := c.count("window/showMessage"); n != 1 {
				t.Errorf("it was told %d times", n)
			}
		})
	}
}
