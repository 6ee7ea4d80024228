package lsp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

func TestInput(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("print('before', end=''); name = input('Name: '); name\nimport getpass; len(getpass.getpass('Secret: '))\ninput('never')\n")
	question := func(e *evaluation) lsp.InputRequestParams {
		t.Helper()
		q := expect(c, lsp.MethodInputRequest, func(q lsp.InputRequestParams) bool { return q.Evaluation == e.id && !q.Cancelled })
		if q.URI != b.uri || q.Request == "" {
			t.Errorf("question %+v", q)
		}
		return q
	}
	e := b.unit("line", b.at("print"))
	q := question(e)
	if q.Prompt != "Name: " || q.Password {
		t.Errorf("question %+v", q)
	}
	// It comes on another channel than the question, before or after it.
	e.printed("before")
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: q.Request, Value: "Zoë 🙂"})
	e.wait().want(t, "queued running done", "'Zoë 🙂'")

	e = b.unit("line", b.at("getpass"))
	if q = question(e); q.Prompt != "Secret: " || !q.Password {
		t.Errorf("question %+v", q)
	}
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: q.Request, Value: "1234567"})
	e.wait().want(t, "queued running done", "7")

	e = b.unit("line", b.at("input('never')"))
	q = question(e)
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: q.Request, Cancel: true})
	if tr := e.wait(); tr.end.Error == nil || tr.end.Error.Name != "KeyboardInterrupt" {
		t.Errorf("cancelled: %+v", tr.end)
	}

	e = b.unit("line", b.at("input('never')"))
	q = question(e)
	command[any](c, lsp.CommandInterrupt, b.only())
	expect(c, lsp.MethodInputRequest, func(p lsp.InputRequestParams) bool { return p.Request == q.Request && p.Cancelled })
	e.wait().want(t, "queued running error", "")
	// An answer that comes too late harms nothing.
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: q.Request, Value: "late"})
	b.rewrite("'lives'\n")
	b.run("'lives'").want(t, "queued running done", "'lives'")
}

// Without a plugin nobody could answer, so the code is told at once.
func TestInputWithoutPlugin(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("input()\n")
	b.start("input()")
	b.settled()
	if h := b.hints(); len(h) != 1 || !strings.HasPrefix(h[0].Label, "✗ StdinNotImplementedError") {
		t.Errorf("hints %+v", h)
	}
	b.told(b.span("input()"))
}

const endless = "print('on', flush=True)\nwhile True: pass\n"

func TestInterrupt(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python(endless + "2\n")
	run := func() *evaluation {
		e := b.start(strings.TrimSuffix(endless, "\n"))
		e.printed("on")
		return e
	}
	interrupted := func(e *evaluation) {
		t.Helper()
		if tr := e.wait(); tr.end.State != lsp.EvaluationFailed || tr.end.Error.Name != "KeyboardInterrupt" {
			t.Errorf("end %+v", tr.end)
		}
	}
	e := run()
	waiting := b.start("2")
	command[any](c, lsp.CommandInterrupt, b.only())
	interrupted(e)
	waiting.wait().want(t, "queued cancelled", "")

	// While the kernel is busy, it is asked, but not for long.
	e = run()
	if l := call[completions](c, "textDocument/completion", b.place(b.after("print"))); len(l.Items) != 0 || !l.IsIncomplete {
		t.Errorf("completions of a busy kernel: %+v", l)
	}
	command[any](c, lsp.CommandCancel, lsp.EvaluationRef{URI: b.uri, Evaluation: e.id})
	interrupted(e)

	// By the client's own progress token, which it may use again.
	for range 6 {
		r := b.span(strings.TrimSuffix(endless, "\n"))
		params := execution(lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Range: &r})
		params["workDoneToken"] = "mine"
		e = &evaluation{buffer: b, id: call[lsp.EvaluateResult](c, "workspace/executeCommand", params).Evaluation}
		e.printed("on")
		c.progress(`"mine"`, "begin")
		c.notify("window/workDoneProgress/cancel", map[string]any{"token": "mine"})
		interrupted(e)
		c.progress(`"mine"`, "end")
	}
	b.run("2").want(t, "queued running done", "2")
}

type progress struct {
	Token json.RawMessage `json:"token"`
	Value struct {
		Kind        string `json:"kind"`
		Title       string `json:"title"`
		Message     string `json:"message"`
		Cancellable bool   `json:"cancellable"`
	} `json:"value"`
}

func (c *client) progress(token, kind string) progress {
	c.t.Helper()
	return expect(c, "$/progress", func(p progress) bool { return string(p.Token) == token && p.Value.Kind == kind })
}

// A client without a plugin interrupts by cancelling the progress that it is shown.
func TestProgress(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python(endless)
	b.start(strings.TrimSuffix(endless, "\n"))
	token := string(expect[progress](c, "window/workDoneProgress/create", nil).Token)
	if p := c.progress(token, "begin"); !p.Value.Cancellable || p.Value.Title != "Evaluate cells.py:1" {
		t.Errorf("begin %+v", p)
	}
	c.progress(token, "report")
	c.notify("window/workDoneProgress/cancel", map[string]any{"token": json.RawMessage(token)})
	c.progress(token, "end")
	b.settled()
	if h := b.hints(); len(h) != 1 || !strings.HasPrefix(h[0].Label, "✗ KeyboardInterrupt") {
		t.Errorf("hints %+v", h)
	}
}

func TestKernelsAndSessions(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	c := start(t, setup{capabilities: plugin(), folders: []string{one, two}})
	a := c.open(filepath.Join(one, "a.py"), "python", "shared = 'from a'\n")
	b := c.open(filepath.Join(one, "b.py"), "python", "shared\n")
	other := c.open(filepath.Join(two, "c.py"), "python", "shared\n")
	a.run("shared = 'from a'")
	b.run("shared").want(t, "queued running done", "'from a'")
	if tr := other.run("shared"); tr.end.Error == nil || tr.end.Error.Name != "NameError" {
		t.Errorf("another folder shares the session: %+v", tr.end)
	}
	s := command[lsp.StateParams](c, lsp.CommandState, b.only())
	if len(s.URIs) != 2 || s.State != lsp.SessionIdle || s.Language != "python" {
		t.Errorf("state %+v", s)
	}

	kernels := command[[]lsp.Kernel](c, lsp.CommandKernels, a.only())
	if len(kernels) == 0 || !kernels[0].Selected || !kernels[0].Suitable || kernels[0].Name != s.Kernel {
		t.Fatalf("kernels %+v", kernels)
	}
	same := command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: a.uri, Kernel: kernels[0].Name})
	if same.Session != s.Session {
		t.Errorf("the kernel that it has is another session: %+v", same)
	}
	for kernel, want := range map[string]string{
		"nonesuch":             "nonesuch",
		"":                     "reval.kernels",
		"/no/such/kernel.json": "/no/such/kernel.json",
	} {
		if got := c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: a.uri, Kernel: kernel}); !strings.Contains(got, want) {
			t.Errorf("%q: %s", kernel, got)
		}
	}
	wrong := filepath.Join(one, "kernel-1.json")
	if err := os.WriteFile(wrong, []byte(`{"transport": "tcp"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: a.uri, Kernel: wrong}); !strings.Contains(got, "kernel-1.json") {
		t.Error(got)
	}

	// Restart: another process, an empty namespace; what ran is lost.
	pid := a.pid()
	running := b.evaluate(lsp.EvaluateParams{Unit: "file"})
	running.wait()
	b.rewrite(endless)
	running = b.evaluate(lsp.EvaluateParams{Unit: "file"})
	running.printed("on")
	command[any](c, lsp.CommandRestart, a.only())
	if tr := running.wait(); tr.end.State != lsp.EvaluationLost || tr.end.Message == "" {
		t.Errorf("end %+v", tr.end)
	}
	if alive(pid) {
		t.Error("the old kernel runs on")
	}
	b.rewrite("'shared' in globals()\n")
	b.run("'shared' in globals()").want(t, "queued running done", "False")

	// Shutdown: gone until the next evaluation.
	pid = a.pid()
	command[any](c, lsp.CommandShutdown, a.only())
	if s := command[lsp.StateParams](c, lsp.CommandState, a.only()); s.State != lsp.SessionNone || alive(pid) {
		t.Errorf("state %+v, process there: %v", s, alive(pid))
	}
	b.run("'shared' in globals()").want(t, "queued running done", "False")
}

// A kernel that someone else started is joined, and left running.
func TestAttach(t *testing.T) {
	env := testenv.Env(t)
	testenv.Python(t)
	specs, err := kernelclient.Finder{Env: env}.Find(t.Context())
	if len(specs) == 0 {
		t.Fatal(err)
	}
	kernel, err := kernelclient.Launch(t.Context(), specs[0], kernelclient.LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	if _, err := kernel.Execute(t.Context(), kernelclient.ExecuteRequest{Code: "theirs = 1"}, func(kernelclient.Event) {}); err != nil {
		t.Fatal(err)
	}
	c := start(t, setup{capabilities: plugin(), env: env})
	b := c.python("theirs\n")
	kernels := command[[]lsp.Kernel](c, lsp.CommandKernels, b.only())
	last := kernels[len(kernels)-1]
	if !last.Running || !last.Suitable || last.Name != kernel.ConnectionFile() || !strings.Contains(last.DisplayName, ", started 20") {
		t.Fatalf("the running kernel is listed as %+v", last)
	}
	command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: last.Name})
	b.run("theirs").want(t, "queued running done", "1")

	// Another document has a kernel of its own, which is newer, and then joins as well.
	command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: "python3"})
	b.run("theirs").want(t, "queued running error", "")
	state := command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: kernelclient.NewestKernel})
	if state.Kernel != last.Name {
		t.Errorf("the newest is %+v", state)
	}
	b.run("theirs").want(t, "queued running done", "1")
	r := c.open("a.r", "r", "1\n")
	if got := c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: r.uri, Kernel: kernelclient.NewestKernel}); !strings.Contains(got, "no kernel runs that suits") {
		t.Error(got)
	}

	if got := c.commandFails(lsp.CommandRestart, b.only()); !strings.Contains(got, "started elsewhere") {
		t.Error(got)
	}
	c.close()
	if reply, err := kernel.Execute(t.Context(), kernelclient.ExecuteRequest{Code: "theirs"}, func(kernelclient.Event) {}); err != nil || reply.Status != "ok" {
		t.Errorf("the kernel after the server: %v %v", reply.Status, err)
	}
}

func TestKernelDies(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n2\n'again'\n")
	b.run("import os, signal")
	e, queued := b.start("os.kill(os.getpid(), signal.SIGKILL)"), b.start("2")
	tr := e.wait()
	tr.want(t, "queued running lost", "")
	if !strings.Contains(tr.end.Message, "kernel died") || strings.Contains(tr.end.Message, "\n") {
		t.Errorf("message %q", tr.end.Message)
	}
	queued.wait().want(t, "queued lost", "")
	s := c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionDead })
	if s.Message == "" {
		t.Errorf("state %+v", s)
	}
	// That the next evaluation runs in another kernel is told with it, and once.
	again := b.run("'again'")
	again.want(t, "queued running done", "'again'")
	if got := again.stream("stderr"); !strings.HasPrefix(got, "[a new kernel was started, without what was defined before: kernel died: signal: killed (") || strings.Count(got, "\n") != 1 {
		t.Errorf("it is told %q", got)
	}
	if got := b.run("'again'").stream("stderr"); got != "" {
		t.Errorf("it is told again: %q", got)
	}
	// Who starts a kernel anew knows.
	b.start("os.kill(os.getpid(), signal.SIGKILL)").wait()
	b.run("import os, signal")
	b.start("os.kill(os.getpid(), signal.SIGKILL)").wait()
	command[any](c, lsp.CommandRestart, b.only())
	if got := b.run("'again'").stream("stderr"); got != "" {
		t.Errorf("it is told after a restart: %q", got)
	}
}

func TestKernelDiesWithoutPlugin(t *testing.T) {
	c := start(t, setup{capabilities: plain()})
	b := c.python("import os; os._exit(3)\n'again'\n")
	b.start("import os; os._exit(3)")
	c.showMessage("kernel died") // once: another would fail the test at its end
	b.start("'again'")
	c.showMessage("a new kernel is started, without what was defined before")
	b.settled()
	if h := b.hints(); len(h) != 2 || !strings.HasPrefix(h[0].Label, "✗ ") || h[1].Label != "'again'" {
		t.Errorf("hints %+v", h)
	}
}

func TestNoKernel(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	c := start(t, setup{capabilities: plugin(), env: []string{"HOME=" + t.TempDir()}, builtin: []kernelclient.Spec{{
		Name: broken, DisplayName: "Broken", Language: "julia", Argv: []string{testenv.Reval(t), "nonesuch", "{connection_file}"},
		InterruptMode: kernelclient.InterruptBySignal, Source: "test",
	}}})
	p := lsp.EvaluateParams{Unit: "file"}
	r := c.open("a.rb", "ruby", "1 + 1\n")
	p.URI = r.uri
	if got := c.commandFails(lsp.CommandEvaluate, p); !strings.Contains(got, "gem install iruby") {
		t.Error(got)
	}
	c.state(func(s lsp.StateParams) bool {
		return s.State == lsp.SessionDead && strings.Contains(s.Message, "gem install iruby")
	})
	unknown := c.open("a.xyz", "klingon", "1\n")
	p.URI = unknown.uri
	if got := c.commandFails(lsp.CommandEvaluate, p); !strings.Contains(got, "klingon") {
		t.Error(got)
	}
	// One that ends as soon as it starts.
	julia := c.open("a.jl", "julia", "1 + 1\n")
	tr := julia.run("1 + 1")
	tr.want(t, "queued lost", "")
	if !strings.Contains(tr.end.Message, "nonesuch") || strings.Contains(tr.end.Message, "\n") {
		t.Errorf("the message lacks what the kernel said: %q", tr.end.Message)
	}
	s := c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionDead && s.Language == "julia" })
	if s.Message != tr.end.Message {
		t.Errorf("state %+v", s)
	}
	p.URI = julia.uri
	for name, argument := range map[string]any{
		lsp.CommandInterrupt: julia.only(), lsp.CommandCancel: lsp.EvaluationRef{URI: julia.uri, Evaluation: "x"},
		lsp.CommandOutput: lsp.EvaluationRef{URI: julia.uri},
	} {
		if got := c.commandFails(name, argument); got == "" {
			t.Errorf("%s: no message", name)
		}
	}
}

// A start that takes long is told, to a plugin and to a client without one, with what the
// process said; a restart or an interrupt ends it.
func TestStartThatTakesLong(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a shell is needed")
	}
	for name, capabilities := range map[string]map[string]any{"plugin": plugin(), "plain": plain()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, setup{capabilities: capabilities, env: []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, builtin: []kernelclient.Spec{{
				Name: "slow", DisplayName: "Slow", Language: "python",
				Argv: []string{"/bin/sh", "-c", "echo still loading; exec sleep 1000", "{connection_file}"},
			}}})
			b := c.open("a.py", "python", "1\n")
			b.evaluate(lsp.EvaluateParams{Unit: "file"})
			const want = " ago and does not answer yet; it said: still loading"
			c.showMessage(want)
			if name == "plugin" {
				c.state(func(p lsp.StateParams) bool { return p.State == "starting" && strings.Contains(p.Message, want) })
			}
		})
	}
}
