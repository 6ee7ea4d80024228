package lsp_test

import (
	"fmt"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/lsp"
)

// played is a buffer in the language whose kernel the test plays.
func played(t *testing.T, capabilities map[string]any, language string, script kernelpeer.Script) *buffer {
	t.Helper()
	k := kernelpeer.Start(t, script)
	c := start(t, setup{capabilities: capabilities, env: []string{"HOME=" + t.TempDir()}})
	b := c.open("played", language, "code\nmore\n")
	command[any](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: k.File})
	return b
}

// raises is a script of which each execution fails with an error.
func raises(e jupyter.ErrorContent) kernelpeer.Script {
	return kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Publish(jupyter.ErrorMsg, e)
		r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusError, ErrorContent: &e})
		r.Status(jupyter.StateIdle)
	}}
}

// A traceback that names very many places, in any kernel's words, is short when it is
// told, with few styles and links.
func TestFloodOfFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		language string
		frame    func(i int) string
	}{
		"files":          {"python", func(i int) string { return fmt.Sprintf("  File \"/x%d.py\", line %d, in f", i, i) }},
		"a file":         {"python", func(i int) string { return fmt.Sprintf("  File \"/etc/passwd\", line %d", i) }},
		"ipython":        {"python", func(i int) string { return fmt.Sprintf("\x1b[31mCell\x1b[0m \x1b[32mIn[1]\x1b[0m, line %d, in f", i) }},
		"the same cell":  {"python", func(i int) string { return "\x1b[31mCell\x1b[0m \x1b[32mIn[1]\x1b[0m, line 2, in f" }},
		"go":             {"go", func(i int) string { return fmt.Sprintf("cell[1]:%d:3 in f", i) }},
		"r":              {"r", func(i int) string { return fmt.Sprintf("%d. f(x)   # at line %d of file <text>", i, i) }},
		"julia":          {"julia", func(i int) string { return fmt.Sprintf(" [%d] f(x::Int64) @ Main ./In[1]:%d", i, i) }},
		"deno":           {"typescript", func(i int) string { return fmt.Sprintf("    at f (<anonymous>:%d:9)", i) }},
		"colours":        {"python", func(i int) string { return strings.Repeat("\x1b[31mx\x1b[32my", 5) }},
		"the buffer":     {"python", func(i int) string { return fmt.Sprintf("played:1 played, line 2 %d", i) }},
		"one line of it": {"python", func(i int) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			var traceback []string
			for i := range 60_000 {
				traceback = append(traceback, tt.frame(i+1))
			}
			if name == "one line of it" {
				traceback = []string{strings.Repeat(`File "/x.py", line 1 `, 100_000)}
			}
			b := played(t, plugin(), tt.language, raises(jupyter.ErrorContent{
				Name: "Deep\x1b]52;c;x\a\nError\u202e", Value: strings.Repeat("v\x1b[31m", 100_000), Traceback: traceback,
			}))
			tr := b.run("code")
			out := tr.one(lsp.OutputError)
			if len(out.Text) > 300<<10 || len(out.Spans) > 10_000 || len(out.Links) > 500 {
				t.Errorf("%d bytes, %d spans, %d links", len(out.Text), len(out.Spans), len(out.Links))
			}
			if e := out.Error; e.Name != "Deep Error<U+202E>" || len(e.Value) > 8<<10 || strings.Contains(e.Value, "\x1b") {
				t.Errorf("error %.100q: %.100q", e.Name, e.Value)
			}
			if got := b.client.bytesOf(protocol.MethodTextDocumentPublishDiagnostics, lsp.MethodOutput); got > 2<<20 {
				t.Errorf("the editor got %d bytes", got)
			}
		})
	}
}

// A picture that takes long to draw is told without its data, which comes when it is
// asked for.
func TestHeavyPictureIsAskedFor(t *testing.T) {
	bomb := `<svg xmlns="http://www.w3.org/2000/svg"><g id="a0"><rect/></g>`
	for i := range 40 {
		bomb += fmt.Sprintf(`<g id="a%d"><use href="#a%d"/><use href="#a%d"/></g>`, i+1, i, i)
	}
	bomb += "</svg>"
	const light = `<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>`
	b := played(t, plugin("image/svg+xml"), "python", kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		for _, data := range []string{light, bomb} {
			r.Publish(jupyter.DisplayDataMsg, map[string]any{"data": map[string]any{"image/svg+xml; x=desktop": data, "text/plain": "a picture"}})
		}
		r.End()
	}})
	e := b.start("code")
	outs := e.wait().outputs
	if len(outs) != 2 || outs[0].Data != light || outs[0].Withheld != "" ||
		outs[1].Data != "" || outs[1].Withheld == "" || outs[1].MIME != "image/svg+xml" || outs[1].Text != "a picture" {
		t.Fatalf("%+v", outs)
	}
	ref := lsp.OutputRef{URI: b.uri, Evaluation: e.id}
	if all := command[lsp.OutputParams](b.client, lsp.CommandOutput, ref).Outputs; len(all) != 2 || all[1].Data != "" {
		t.Errorf("%+v", all)
	}
	ref.Index = &outs[1].Index
	if one := command[lsp.OutputParams](b.client, lsp.CommandOutput, ref).Outputs; len(one) != 1 || one[0].Data != bomb || one[0].Withheld == "" {
		t.Errorf("%.100v", one)
	}
	*ref.Index = 7
	if got := b.client.commandFails(lsp.CommandOutput, ref); !strings.Contains(got, "not kept") {
		t.Errorf("%s", got)
	}
}

// A value, however it is asked to be drawn, and outputs that are updated at once are no
// more than an editor can take; a value of some MB is whole.
func TestFloodOfValues(t *testing.T) {
	const size = 3 << 20
	texts := map[string]string{
		"long": strings.Repeat("0123456789", size/10), "very long": strings.Repeat("0123456789", 2*size),
		"moves": strings.Repeat("\x1b[16384Cx\n", size/10), "colours": strings.Repeat("\x1b[31mx\x1b[32my", size/12),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			b := played(t, plugin(), "python", kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				r.Begin()
				r.Publish(jupyter.ExecuteResultMsg, map[string]any{"data": map[string]string{"text/plain": text}})
				r.End()
			}})
			out := b.run("code").one(lsp.OutputResult)
			if len(out.Text) > 10*maxValue || len(out.Spans) > 10_000 {
				t.Errorf("%d bytes, %d spans of %d bytes", len(out.Text), len(out.Spans), len(text))
			}
			if name == "long" && out.Text != text {
				t.Errorf("%d bytes are left of %d", len(out.Text), len(text))
			}
			if name == "very long" && (!strings.HasSuffix(out.Text, "MB more are left out here]") || len(out.Text) > maxValue+100) {
				t.Errorf("%d bytes: …%s", len(out.Text), out.Text[len(out.Text)-100:])
			}
			if s := b.evaluations()[0].Summary; s == nil || len(s.Text) > 4<<10 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// maxValue is how much of a value is kept, in bytes.
const maxValue = 8 << 20
