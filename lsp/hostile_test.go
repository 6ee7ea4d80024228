package lsp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/lsp"
)

// obeyed is what a terminal or an editor would do something at, in several lines.
const obeyed = "A\x1b]52;c;aGVsbG8=\x07\x1b[31m\u009b2J\x00\x7f\x1bPq\x1b\\\u202eB\r\nC\u2028D\u2066"

// harmless looks through a message: no string has controls, and none but outputs has what
// turns text around; only texts of several lines have line ends.
func harmless(t *testing.T, where string, raw []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(path+"."+name, member)
			}
		case []any:
			for _, element := range v {
				walk(path+"[]", element)
			}
		case string:
			output := strings.HasSuffix(path, ".outputs[].text") || strings.HasSuffix(path, ".outputs[].data") || strings.HasSuffix(path, ".text") || strings.HasSuffix(path, ".contents.value")
			several := output || slices.Contains([]string{"value", "prompt", "message", "tooltip"}, path[strings.LastIndex(path, ".")+1:])
			for _, r := range v {
				if unicode.IsControl(r) && !(several && (r == '\n' || r == '\t')) || unicode.Is(unicode.Bidi_Control, r) && !output {
					t.Errorf("%s%s has %q: %.200q", where, path, r, v)
					return
				}
			}
		}
	}
	walk("", v)
}

// harmless looks through all that the client got.
func (c *client) harmless(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.log {
		if len(m.Params) > 0 { // workspace/inlayHint/refresh has none
			harmless(t, m.Method, m.Params)
		}
	}
	for id, m := range c.replies {
		switch {
		case m.Error != nil:
			raw, _ := json.Marshal(map[string]string{"error": m.Error.Message})
			harmless(t, "answer "+id, raw)
		case m.Result != nil:
			harmless(t, "answer "+id, m.Result)
		}
	}
}

// Whatever a kernel says where, an editor gets labels of one line and texts without
// controls.
func TestHostileKernel(t *testing.T) {
	e := jupyter.ErrorContent{Name: obeyed, Value: obeyed, Traceback: []string{obeyed}}
	play := kernelpeer.Script{
		jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
			r.Status(jupyter.StateBusy)
			r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{
				Status: jupyter.StatusOK, Implementation: obeyed, Banner: obeyed, LanguageInfo: jupyter.LanguageInfo{Name: "python", Version: obeyed},
			})
			r.Status(jupyter.StateIdle)
		},
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			if r.Code() == "" {
				r.Answer()
				return
			}
			r.Begin()
			r.Print(obeyed)
			r.Publish(jupyter.StreamMsg, jupyter.StreamContent{Name: "stderr", Text: obeyed})
			r.Publish(jupyter.DisplayDataMsg, map[string]any{"data": map[string]string{"text/plain": obeyed, "image/svg+xml; x=" + obeyed: "<svg/>"}})
			r.Publish(jupyter.ExecuteResultMsg, map[string]any{"data": map[string]string{"text/latex": obeyed}})
			r.Kernel.Send(jupyter.Stdin, r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: obeyed}))
			if r.Code() == "code" {
				r.Publish(jupyter.ErrorMsg, e)
				r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusError, ErrorContent: &e})
			} else {
				r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusOK})
			}
			r.Status(jupyter.StateIdle)
		},
		jupyter.CompleteRequest: func(r *kernelpeer.Request) {
			text := "mo" + obeyed
			content := map[string]any{"status": "ok", "matches": []string{text, "more"}, "cursor_start": 0, "cursor_end": 2, "metadata": map[string]any{
				"_jupyter_types_experimental": []any{map[string]any{"text": text, "type": obeyed, "signature": obeyed, "start": 0, "end": 2}, map[string]any{"text": "more", "type": "function", "signature": "(" + obeyed, "start": 0, "end": 2}},
			}}
			r.Reply(jupyter.CompleteReply, content)
		},
		jupyter.InspectRequest: func(r *kernelpeer.Request) {
			data := map[string]string{"text/plain": obeyed + "\nSignature: more(" + obeyed + ")\nType: " + obeyed, "text/markdown": obeyed + "![](http://e.org) [x](command:x) <img src=x>"}
			r.Reply(jupyter.InspectReply, map[string]any{"status": "ok", "found": true, "data": data, "metadata": map[string]any{}})
		},
	}
	markdown := plain()
	markdown["textDocument"] = map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}}
	for name, capabilities := range map[string]map[string]any{"a plugin": plugin("image/svg+xml"), "a client without": markdown} {
		t.Run(name, func(t *testing.T) {
			b := played(t, capabilities, "python", play)
			for _, line := range []string{"code", "more"} {
				b.start(line)
				if name == "a plugin" {
					expect[lsp.EvaluationParams](b.client, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return ends(p.State) })
				} else {
					b.settled()
				}
			}
			b.call("textDocument/completion", b.place(b.position(len("code\nmo"))))
			at := b.place(b.position(len("code\nmore")))
			hover := string(b.call("textDocument/hover", at))
			if name != "a plugin" && (!strings.Contains(hover, "```text") || !strings.Contains(hover, "command:x")) {
				t.Errorf("hover: %s", hover)
			}
			b.rewrite("code\nmore(")
			b.call("textDocument/signatureHelp", b.place(b.position(len("code\nmore("))))
			b.call("workspace/executeCommand", execution(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: protocol.Position{Line: 1, Character: 2}}))
			b.hints()
			b.evaluations()
			b.client.harmless(t)
		})
	}
}

// What a kernel tells of a name is as long as somebody reads: a signature that is longer is
// left out, one of pandas is whole.
func TestLongInspections(t *testing.T) {
	parameters := 400
	b := played(t, plain(), "python", kernelpeer.Script{
		jupyter.InspectRequest: func(r *kernelpeer.Request) {
			text := "Signature: more(" + strings.Repeat("a, ", parameters) + "last)\nDocstring: " + strings.Repeat("ü", 1_000_000)
			r.Reply(jupyter.InspectReply, map[string]any{"status": "ok", "found": true, "data": map[string]string{"text/plain": text}, "metadata": map[string]any{}})
		},
	})
	b.start("more")
	b.settled()
	b.rewrite("more(")
	for _, c := range []struct {
		parameters int
		shown      bool
	}{{400, true}, {1000, true}, {300_000, false}} {
		parameters = c.parameters
		answer := string(b.call("textDocument/signatureHelp", b.place(b.position(len("more(")))))
		if len(answer) > 1<<18 || strings.Contains(answer, `a, last)"`) != c.shown {
			t.Errorf("%d parameters: %d bytes, beginning with %.200s", c.parameters, len(answer), answer)
		}
		if hover := b.call("textDocument/hover", b.place(b.position(len("mo")))); len(hover) < 1<<10 || len(hover) > 1<<18 {
			t.Errorf("%d parameters: a hover of %d bytes", c.parameters, len(hover))
		}
	}
}

// Likewise a server's names and words.
func TestHostileServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusTeapot)
			json.NewEncoder(w).Encode(map[string]string{"message": obeyed})
		case strings.HasSuffix(r.URL.Path, "/kernelspecs"):
			json.NewEncoder(w).Encode(map[string]any{"kernelspecs": map[string]any{obeyed: map[string]any{"spec": map[string]any{"display_name": obeyed, "language": "python"}}}})
		case strings.HasSuffix(r.URL.Path, "/kernels"):
			json.NewEncoder(w).Encode([]any{map[string]any{"id": obeyed, "name": obeyed, "execution_state": obeyed}})
		default:
			w.WriteHeader(http.StatusTeapot)
			json.NewEncoder(w).Encode(map[string]string{"message": obeyed})
		}
	}))
	defer server.Close()
	c := start(t, setup{capabilities: plugin(), env: []string{"HOME=" + t.TempDir()}})
	b := c.open("a.py", "python", "code\n")
	kernels := command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri, Server: server.URL})
	if len(kernels) != 2 {
		t.Errorf("kernels: %+v", kernels)
	}
	c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: server.URL + "/api/kernels/x"})
	c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: fmt.Sprintf("no%s?token=x", obeyed)})
	command[any](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: server.URL})
	c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionDead })
	c.harmless(t)
}
