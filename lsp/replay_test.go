package lsp_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// household is a project whose sessions outlive the editors that join them.
type household struct {
	t    *testing.T
	hub  *hub.Hub
	env  []string
	root string
	// state is the folder of the journal.
	state string
}

func newHousehold(t *testing.T) household {
	testenv.Python(t)
	h := household{t, nil, testenv.Env(t), t.TempDir(), t.TempDir() + "/state"}
	return h.again()
}

// again is the household after its daemon was started again: without the sessions of before.
func (h household) again() household {
	j := journal.Open(journal.Options{Dir: h.state})
	sessions := hub.New(hub.Options{Idle: -1, Journal: j, Logger: logger(h.t)})
	h.t.Cleanup(func() {
		sessions.Close(context.Background())
		j.Close()
	})
	h.hub = sessions
	return h
}

// join starts an editor with a file.
func (h household) join(name, text string) *buffer {
	h.t.Helper()
	c := start(h.t, setup{capabilities: plugin(), hub: h.hub, env: h.env, folders: []string{h.root}, name: name})
	return c.open(filepath.Join(h.root, "a.py"), "python", text)
}

// of is an evaluation of another buffer in this one.
func (b *buffer) of(e *evaluation) *evaluation { return &evaluation{buffer: b, id: e.id} }

// hears waits until the client knows of an evaluation's end.
func (b *buffer) hears(e *evaluation) transcript {
	b.t.Helper()
	return b.of(e).wait()
}

// An editor that comes back finds what it left: results that ended, what runs, and its
// output from the first line to the last, without gap or repeat.
func TestEditorComesBack(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []bool{false, true} {
		t.Run(fmt.Sprintf("ended meanwhile %t", meanwhile), func(t *testing.T) {
			t.Parallel()
			const lines = 100
			h := newHousehold(t)
			loop := fmt.Sprintf("import time\nfor i in range(%d):\n    print('line', i, flush=True); time.sleep(0.01)", lines)
			ended, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ended.Close()
			loop += fmt.Sprintf("\nimport socket\nsocket.create_connection(('127.0.0.1', %d)).close()", ended.Addr().(*net.TCPAddr).Port)
			text := "x = 20\nx + 1\n\n" + loop + "\n\nx * 2\n1/0\n"
			b := h.join("Emacs", text)
			sum, fails := b.start("x = 20\nx + 1"), b.start("1/0")
			sum.wait()
			fails.wait()
			runs := b.start(loop)
			runs.printed("line 3\n")
			b.crash()
			if meanwhile {
				called, err := ended.Accept()
				if err != nil {
					t.Fatal(err)
				}
				called.Close()
			}

			b = h.join("Emacs", text)
			tr := b.hears(sum)
			if tr.value() != "21" || tr.end.Summary == nil || tr.end.Summary.Text != "21" || tr.end.Range != sum.where || tr.end.Past || tr.end.Stale || tr.end.Cleared || tr.end.By != "Emacs" {
				t.Errorf("what ended is told as %+v with %q", tr.end, tr.value())
			}
			if tr := b.hears(fails); tr.end.Error == nil || tr.end.Error.Name != "ZeroDivisionError" || tr.end.Error.Range.Start.Line != fails.where.Start.Line {
				t.Errorf("the error is told as %+v", tr.end)
			}
			expect(b.client, "textDocument/publishDiagnostics", func(p diagnostics) bool { return p.URI == b.uri && len(p.Diagnostics) == 1 })
			tr = b.hears(runs)
			var want strings.Builder
			for i := range lines {
				fmt.Fprintf(&want, "line %d\n", i)
			}
			if got := tr.stream("stdout"); got != want.String() || tr.end.Range != runs.where {
				t.Errorf("what ran meanwhile printed %q, at %v", got, tr.end.Range)
			}
			if tr := b.run("x * 2"); tr.value() != "40" || tr.end.By != "" {
				t.Errorf("the namespace gives %q, by %q", tr.value(), tr.end.By)
			}
			if n := len(b.evaluations()); n != 4 {
				t.Errorf("%d results stand in the buffer", n)
			}
		})
	}
}

// What comes back stands beside the code that was evaluated, or nowhere.
func TestComesBackToItsCode(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	b := h.join("Vim", "a = 1; a\nb = 2; b\nc = 3; c\nd = 4; d\nd = 4; d\n")
	var all []*evaluation
	for _, code := range []string{"a = 1; a", "b = 2; b", "c = 3; c"} {
		all = append(all, b.start(code))
	}
	for line := range 2 {
		all = append(all, b.unit("line", b.position(len("a = 1; a\nb = 2; b\nc = 3; c\n")+9*line)))
	}
	for _, e := range all {
		e.wait()
	}
	again := b.run("a = 1; a") // in the place of the first
	command[any](b.client, lsp.CommandClear, lsp.ClearParams{URI: b.uri, Range: &all[2].where})
	b.crash()

	// One is gone, one is longer, and the twins have moved.
	b = h.join("Vim", "# new\n# new\na = 1; a\nb = 2; b + 1\nc = 3; c\n# new\nd = 4; d\nd = 4; d\n")
	b.hears(all[4])
	where := map[string]int{}
	for _, e := range b.evaluations() {
		where[e.Evaluation] = int(e.Range.Start.Line)
	}
	want := map[string]int{again.end.Evaluation: 2, all[3].id: 6, all[4].id: 7}
	if fmt.Sprint(where) != fmt.Sprint(want) {
		t.Errorf("results stand at %v, want %v", where, want)
	}
	if tr := b.of(all[1]).transcript(); !tr.end.Cleared || tr.value() != "2" {
		t.Errorf("what has no place is told as %+v", tr.end)
	}
	command[any](b.client, lsp.CommandRestart, b.only())
	b.crash()
	b = h.join("Vim", "a = 1; a\n")
	if tr := b.hears(&evaluation{id: again.end.Evaluation}); !tr.end.Past || tr.end.Range.Start.Line != 0 {
		t.Errorf("the result of a kernel that ended is told as %+v", tr.end)
	}
}

// Two editors with one file see what the other evaluates where they have the same code; a
// question goes to who asked, and to the other one if that has gone.
func TestTwoEditors(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	const text = "x = 6\nx * 7\ny = input('who? ')\ny\n"
	emacs, vim := h.join("Emacs", text), h.join("Vim", "# mine\n"+text)
	first := emacs.start("x = 6\nx * 7")
	tr := vim.hears(first)
	if tr.value() != "42" || tr.end.Range.Start.Line != 1 || tr.end.By != "Emacs" || tr.end.Session != first.wait().end.Session {
		t.Errorf("the other editor is told %+v with %q", tr.end, tr.value())
	}
	second := vim.start("x * 7")
	if tr := emacs.hears(second); tr.value() != "42" || tr.end.By != "Vim" {
		t.Errorf("the first editor is told %+v", tr.end)
	}
	emacs.of(first).until("the first result goes", func(tr transcript) bool { return tr.end.Cleared })

	asks := emacs.start("y = input('who? ')")
	question := expect[lsp.InputRequestParams](emacs.client, lsp.MethodInputRequest, nil)
	if question.Evaluation != asks.id {
		t.Errorf("%+v asks", question)
	}
	vim.of(asks).until("the state of what asks", func(tr transcript) bool { return tr.end.State == lsp.EvaluationRunning })
	if n := vim.count(lsp.MethodInputRequest); n > 0 {
		t.Errorf("who did not ask is asked, too")
	}
	emacs.crash()
	question = expect[lsp.InputRequestParams](vim.client, lsp.MethodInputRequest, nil)
	if question.Evaluation != asks.id || question.Prompt != "who? " {
		t.Errorf("%+v is asked", question)
	}
	vim.crash()
	emacs = h.join("Emacs", text)
	question = expect[lsp.InputRequestParams](emacs.client, lsp.MethodInputRequest, nil)
	emacs.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: question.Request, Value: "me"})
	emacs.hears(asks)
	if tr := emacs.unit("line", emacs.position(len(text)-2)).wait(); tr.value() != "'me'" {
		t.Errorf("the answer was %q", tr.value())
	}
}

// Results are found again under the name that a file got while it was open.
func TestComesBackUnderItsNewName(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	b := h.join("Vim", "6 * 7\n")
	e := b.start("6 * 7")
	e.wait()
	to := fileURI(filepath.Join(h.root, "b.py"))
	b.renamed(to)
	b.close()
	b.reopen(to)
	expect(b.client, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.Evaluation == e.id && p.URI == to })
	b.crash()
	again := h.join("Vim", "6 * 7\n")
	again.run("6 * 7")
	named := again.open(filepath.Join(h.root, "b.py"), "python", "6 * 7\n")
	if tr := named.hears(e); tr.value() != "42" || tr.end.Cleared {
		t.Errorf("it is told as %+v", tr.end)
	}
	if n := len(again.evaluations()); n != 1 {
		t.Errorf("%d results under the old name", n)
	}
}

// A traceback of a kernel that is gone names cells by counts which the kernel of now has given
// to others: it leads to none of those.
func TestRestoredCountsAreOfTheirKernel(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	const text = "def f(): 1/0\n\n'now'\n\nf( )\n"
	b := h.join("Vim", text)
	b.run("def f(): 1/0")
	if tr := b.run("f( )"); len(tr.one(lsp.OutputError).Links) != 2 {
		t.Fatalf("the error of then has the links %+v", tr.one(lsp.OutputError).Links)
	}
	command[any](b.client, lsp.CommandShutdown, b.only())
	b.crash()
	h.hub.Close(t.Context())
	b = h.again().join("Vim", text)
	b.run("'now'") // has the count that f had
	command[lsp.RestoreResult](b.client, lsp.CommandRestore, b.only())
	for _, e := range b.evaluations() {
		for _, o := range command[lsp.OutputParams](b.client, lsp.CommandOutput, lsp.OutputRef{URI: b.uri, Evaluation: e.Evaluation}).Outputs {
			if o.Kind != lsp.OutputError {
				continue
			}
			for _, l := range o.Links {
				if l.Line == 2 {
					t.Errorf("a link leads to line 3: %+v in\n%s", l, o.Text)
				}
			}
			if strings.Contains(o.Text, "a.py, line 3") || !strings.Contains(o.Text, "a.py, line 5") {
				t.Errorf("the traceback names other lines than 5:\n%s", o.Text)
			}
		}
	}
}

// An editor that comes back finds the kernel that was chosen, also if that is not the language's
// default: what it evaluates runs where it ran before.
func TestChosenKernelIsFoundAgain(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	specs, err := kernelclient.Finder{Env: h.env}.Find(t.Context())
	if len(specs) == 0 {
		t.Fatal(err)
	}
	kernel, err := kernelclient.Launch(t.Context(), specs[0], kernelclient.LaunchOptions{Env: h.env})
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	b := h.join("Vim", "x = 1\n'x' in globals()\n")
	b.run("'x' in globals()").want(t, "queued running done", "False")
	command[lsp.StateParams](b.client, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: kernel.ConnectionFile()})
	b.run("x = 1")
	there := h.join("Emacs", "'x' in globals()\n")
	there.run("'x' in globals()").want(t, "queued running done", "True")
	b.crash()
	there.crash()
	b = h.join("Vim", "x = 1\n'x' in globals()\n")
	b.run("'x' in globals()").want(t, "queued running done", "True")
	c := b.client.open(filepath.Join(h.root, "b.py"), "python", "'x' in globals()\n")
	c.run("'x' in globals()").want(t, "queued running done", "True")
}

// What was evaluated before the daemon ended is shown on demand, with its date, where its code
// stands and has no result of now.
func TestRestore(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	b := h.join("Vim", "6 * 7\nprint('a')\n1/0\n'older'\n'gone'\n'cleared'\n")
	b.run("'older'")
	cleared := b.run("'cleared'").end.Range
	command[any](b.client, lsp.CommandClear, lsp.ClearParams{URI: b.uri, Range: &cleared})
	var all []*evaluation
	for _, code := range []string{"6 * 7", "print('a')", "1/0", "'older'", "'gone'"} {
		e := b.start(code)
		e.wait()
		all = append(all, e)
	}
	command[any](b.client, lsp.CommandShutdown, b.only())
	b.crash()
	h.hub.Close(t.Context())

	b = h.again().join("Vim", "# new\n6 * 7\nprint('a')\n1/0\n'older'\n'cleared'\n")
	if n := len(b.evaluations()); n != 0 {
		t.Errorf("%d results stand there by themselves", n)
	}
	now := b.run("print('a')")
	// An editor whose server died asks for those that it showed.
	if r := command[lsp.RestoreResult](b.client, lsp.CommandRestore, lsp.EvaluationsParams{URI: b.uri, Evaluations: []string{all[2].id, "none"}}); r.Shown != 1 {
		t.Errorf("%d results are shown, one was asked for", r.Shown)
	}
	if r := command[lsp.RestoreResult](b.client, lsp.CommandRestore, b.only()); r.Shown != 3 {
		t.Errorf("%d results are shown", r.Shown)
	}
	tr := b.hears(all[0])
	if _, err := time.Parse(time.RFC3339, tr.end.Restored); err != nil || !tr.end.Past || tr.value() != "42" || tr.end.Range.Start.Line != 1 || tr.end.Cleared || tr.end.By != "Vim" {
		t.Errorf("it is told as %+v with %q", tr.end, tr.value())
	}
	if tr := b.hears(all[2]); tr.end.Error == nil || tr.end.Error.Range.Start.Line != 3 {
		t.Errorf("the error is told as %+v", tr.end)
	}
	where := map[string]uint32{}
	for _, e := range b.evaluations() {
		where[e.Evaluation] = e.Range.Start.Line
	}
	want := map[string]uint32{all[0].id: 1, now.end.Evaluation: 2, all[2].id: 3, all[3].id: 4}
	if !reflect.DeepEqual(where, want) {
		t.Errorf("results stand at %v, want %v", where, want)
	}
	if r := command[lsp.RestoreResult](b.client, lsp.CommandRestore, b.only()); r.Shown != 3 {
		t.Errorf("the second time %d results are shown", r.Shown)
	}
	if tr := b.run("6 * 7"); tr.end.Past || tr.end.Restored != "" {
		t.Errorf("evaluated again it is told as %+v", tr.end)
	}
	b.of(all[0]).until("the old result goes", func(tr transcript) bool { return tr.end.Cleared })
	alone := start(t, setup{capabilities: plugin()}).python("1")
	if got := alone.commandFails(lsp.CommandRestore, alone.only()); !strings.Contains(got, "no history without the daemon") {
		t.Errorf("without a journal: %s", got)
	}
}

// What a session that goes on has of a document is no past, also for an editor that asks
// before it was told all of it.
func TestRestoreOfASessionThatLives(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	text := "6 * 7\n" + strings.Repeat("print('x' * 100_000)\n", 20)
	b := h.join("Vim", text)
	result := b.start("6 * 7")
	result.wait()
	for line := range 20 {
		b.unit("line", b.position(len("6 * 7\n")+line*len("print('x' * 100_000)\n"))).wait()
	}
	b.crash()
	b = h.join("Vim", text)
	if r := command[lsp.RestoreResult](b.client, lsp.CommandRestore, b.only()); r.Shown != 0 {
		t.Errorf("%d results of the session are told as of an earlier one", r.Shown)
	}
	if tr := b.hears(result); tr.end.Restored != "" || tr.end.Past || tr.value() != "42" {
		t.Errorf("it is told as %+v", tr.end)
	}
}

// What is evaluated before all is told of what was there stays: it is newer.
func TestEvaluatedBeforeTheReplay(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	text := strings.Repeat("print('x' * 100_000)\n", 20) + "6 * 7\n"
	b := h.join("Vim", text)
	for line := range 20 {
		b.unit("line", b.position(line*len("print('x' * 100_000)\n"))).wait()
	}
	b.run("6 * 7")
	b.crash()
	b = h.join("Vim", text)
	e := b.start("6 * 7")
	e.wait()
	command[lsp.RestoreResult](b.client, lsp.CommandRestore, b.only()) // all is told then
	stands := 0
	for _, other := range b.evaluations() {
		if other.Range == e.where {
			stands++
			if other.Evaluation != e.id {
				t.Errorf("the older result stands there: %+v", other)
			}
		}
	}
	if stands != 1 {
		t.Errorf("%d results stand there", stands)
	}
}
