package lsp_test

import (
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/lsp"
)

// present gives the values of a buffer, apart by whether their namespace is gone.
func (b *buffer) present() (present, past string) {
	for _, e := range command[[]lsp.EvaluationParams](b.client, lsp.CommandEvaluations, lsp.EvaluationsParams{URI: b.uri}) {
		if e.Past {
			past += e.Summary.Text + " "
		} else {
			present += e.Summary.Text + " "
		}
	}
	return strings.TrimSpace(present), strings.TrimSpace(past)
}

func (b *buffer) wantPresent(present, past string) {
	b.t.Helper()
	if gotPresent, gotPast := b.present(); gotPresent != present || gotPast != past {
		b.t.Errorf("present %q, past %q; want %q and %q", gotPresent, gotPast, present, past)
	}
}

// A value whose kernel was restarted, shut down or exchanged is told to be one of the past.
func TestValuesOfAKernelThatIsGone(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	dir := t.TempDir()
	a := c.open(filepath.Join(dir, "a.py"), "python", "1\n2\n3\n")
	b := c.open(filepath.Join(dir, "b.py"), "python", "4\n")
	for _, code := range []string{"1", "2"} {
		a.run(code)
	}
	first := b.start("4")
	first.wait()
	a.wantPresent("1 2", "")

	before := command[lsp.StateParams](c, lsp.CommandState, a.only())
	command[any](c, lsp.CommandRestart, a.only())
	first.until("past", func(tr transcript) bool { return tr.end.Past })
	a.wantPresent("", "1 2")
	b.wantPresent("", "4")
	if after := command[lsp.StateParams](c, lsp.CommandState, a.only()); after.Namespace != before.Namespace+1 {
		t.Errorf("namespace %d, then %d", before.Namespace, after.Namespace)
	}
	a.run("2")
	a.run("3")
	a.wantPresent("2 3", "1")

	command[any](c, lsp.CommandShutdown, a.only())
	a.wantPresent("", "1 2 3")
}

// A document that gets another kernel has no part in the namespace of the one before.
func TestValuesOfAnotherKernel(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	dir := t.TempDir()
	a := c.open(filepath.Join(dir, "a.py"), "python", "1\n")
	b := c.open(filepath.Join(dir, "b.py"), "python", "4\n")
	a.run("1")
	b.run("4")
	own := command[lsp.StateParams](c, lsp.CommandState, a.only()).Kernel
	other := kernelpeer.Start(t, kernelpeer.Script{})
	command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: a.uri, Kernel: other.File})
	a.wantPresent("", "1")
	b.wantPresent("4", "")
	// And it has its values again with the kernel.
	command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: a.uri, Kernel: own})
	a.wantPresent("1", "")
}

// The result of a cell is found from each of its lines; where there are no cells, only
// from the lines of its code.
func TestResultOfTheCell(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.open("cells.py", "python", "1\n\n# %% two\n# of it\n\n2\n\n# %% three\n3\n\n4\n")
	output := func(line uint32) string {
		out := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Position: &protocol.Position{Line: line}})
		return out.Outputs[0].Text
	}
	for _, code := range []string{"1", "2", "3", "4"} {
		b.run(code)
	}
	for line, want := range map[uint32]string{0: "1", 2: "2", 3: "2", 4: "2", 5: "2", 6: "2", 7: "4", 8: "3", 9: "4", 10: "4", 11: "4"} {
		if got := strings.TrimSpace(output(line)); got != want {
			t.Errorf("line %d: %q, not %q", line, got, want)
		}
	}
	if got := c.commandFails(lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Position: &protocol.Position{Line: 1}}); !strings.Contains(got, "no result at line 2 of cells.py") {
		t.Error(got)
	}
	if got := c.commandFails(lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: "0e8f4d3a"}); strings.Contains(got, "0e8f") {
		t.Errorf("an id is of no use to anybody: %s", got)
	}
	if got := command[[]lsp.EvaluationParams](c, lsp.CommandEvaluations, lsp.EvaluationsParams{URI: b.uri, Evaluations: []string{"none"}}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
