package lsp_test

import (
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/lsp"
)

// Of many large outputs the oldest are not remembered, but what their values were is.
func TestManyLargeOutputs(t *testing.T) {
	c := start(t, setup{capabilities: plugin(), keep: 1 << 20})
	b := c.python(strings.Repeat("print('x' * 400_000); 'y' * 10_000\n", 5))
	var all []*evaluation
	for i := range 5 {
		e := b.unit("line", protocol.Position{Line: uint32(i)})
		if got := len(e.wait().stream("stdout")); got != 400_001 {
			t.Errorf("%d characters were told", got)
		}
		all = append(all, e)
	}
	for i, e := range all {
		o := command[lsp.OutputParams](c, lsp.CommandOutput, lsp.EvaluationRef{URI: b.uri, Evaluation: e.id}).Outputs
		if len(o) != 2 {
			t.Fatalf("outputs %+v", o)
		}
		if i >= 3 {
			if len(o[0].Text) != 400_001 || len(o[1].Text) != 10_002 {
				t.Errorf("of a new one: %d and %d bytes", len(o[0].Text), len(o[1].Text))
			}
		} else if !strings.Contains(o[0].Text, "left out here") || !strings.Contains(o[1].Text, "left out here") || o[0].Index != 0 || o[1].Index != 1 {
			t.Errorf("of an old one: %+v", o)
		}
		if sum := b.evaluation(e.id).Summary; sum == nil || !strings.HasPrefix(sum.Text, "'yyy") {
			t.Errorf("summary %+v", sum)
		}
	}
}
