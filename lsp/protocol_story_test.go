package lsp_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reval-editor/reval/lsp"
)

var update = flag.Bool("update", false, "write docs/protocol.md anew")

func transcriptBegin(name string) string {
	return "<!-- The story \"" + name + "\" of TestProtocolStories. -->\n\n```jsonc\n"
}

const transcriptEnd = "```\n"

// transcripts cuts the transcripts from the page.
func transcripts(t *testing.T, page string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, st := range stories {
		_, rest, begins := strings.Cut(page, transcriptBegin(st.name))
		text, _, ends := strings.Cut(rest, transcriptEnd)
		if !begins || !ends {
			t.Fatalf("%s has no story %q: go test ./lsp -run Protocol -update", pagePath(), st.name)
		}
		found[st.name] = text
	}
	return found
}

// A story is what client and server say to each other, as the page shows it.
type story struct {
	*buffer
	names []string // pairs for a Replacer: what differs from run to run, and a name for it
	told  []string
	read  int // of the client's log
	// whole is set where states before the end are told, too: how many of them a client
	// sees depends on the machine.
	whole bool
}

// stories are told in their order, in one session and documents of their own.
var stories = []struct {
	name, file, text string
	tell             func(s *story)
}{
	{"answer", "answer.py", "import time\ntime.sleep(0.25)\nprint(\"first\", flush=True)\ntime.sleep(0.25)\n6 * 7\n", func(s *story) {
		s.whole = true
		s.ends(s.evaluates(lsp.EvaluateParams{Unit: "file"}))
	}},
	{"input", "input.py", "from IPython.display import clear_output\nprint(\"a question comes\")\nname = input(\"Name? \")\nclear_output(wait=True)\nprint(\"hello\", name)\n", func(s *story) {
		e := s.evaluates(lsp.EvaluateParams{Unit: "file"})
		e.printed("a question comes") // which comes on another channel than the question
		p := expect[lsp.InputRequestParams](s.client, lsp.MethodInputRequest, nil)
		s.names = append(s.names, p.Request, "q1")
		s.sends(lsp.MethodInputReply, lsp.InputReplyParams{Request: p.Request, Value: "Zoë"})
		s.ends(e)
	}},
	{"error", "error.py", "# %% a cell\nx = 0\n1 / x\n", func(s *story) {
		line := s.at("1 / x")
		s.ends(s.evaluates(lsp.EvaluateParams{Unit: "cell", Position: &line}))
		expect(s.client, "textDocument/publishDiagnostics", func(p struct{ URI string }) bool { return p.URI == s.uri })
		s.server()
	}},
	{"update", "update.py", "shown = display(\"half\", display_id=True)\nshown.update(\"all\")\n", func(s *story) {
		first := s.at("shown =")
		e := s.evaluates(lsp.EvaluateParams{Unit: "line", Position: &first})
		s.ends(e)
		second := s.at("shown.update")
		last := s.evaluates(lsp.EvaluateParams{Unit: "line", Position: &second})
		expect(s.client, lsp.MethodOutput, func(p lsp.OutputParams) bool {
			return p.Evaluation == e.id && strings.Contains(p.Outputs[0].Text, "all")
		})
		s.ends(last)
	}},
	{"text", "text.py", "1 + 1\n", func(s *story) {
		s.ends(s.evaluates(lsp.EvaluateParams{Unit: "file"}))
		change := func(text string) {
			s.version++
			s.text = text
			s.sends("textDocument/didChange", map[string]any{
				"textDocument":   map[string]any{"uri": s.uri, "version": s.version},
				"contentChanges": []any{map[string]any{"text": text}},
			})
		}
		change("# a line above\n1 + 1\n")
		s.answers(lsp.CommandEvaluations, s.only())
		change("# a line above\n1 + 2\n")
		expect(s.client, lsp.MethodEvaluation, func(p lsp.EvaluationParams) bool { return p.URI == s.uri && p.Stale })
		s.server()
	}},
}

// The page's transcripts are what a client sees.
func TestProtocolStories(t *testing.T) {
	c := start(t, setup{capabilities: plugin("image/png")})
	dir := t.TempDir()
	got := map[string]string{}
	for _, st := range stories {
		s := &story{buffer: c.open(filepath.Join(dir, st.file), "python", st.text)}
		s.names = []string{s.uri, "file:///home/me/" + st.file, command[lsp.StateParams](c, lsp.CommandState, s.only()).Session, "s1"}
		c.mu.Lock()
		s.read = len(c.log)
		c.mu.Unlock()
		st.tell(s)
		got[st.name] = strings.Join(s.told, "")
	}
	if *update {
		if err := os.WriteFile(pagePath(), []byte(protocolPage(t, got)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(pagePath())
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(transcripts(t, string(page)), got); diff != "" {
		t.Errorf("docs/protocol.md tells another story (-page +run); go test ./lsp -run Protocol -update\n%s", diff)
	}
}

// evaluates asks for an evaluation.
func (s *story) evaluates(p lsp.EvaluateParams) *evaluation {
	s.t.Helper()
	p.URI = s.uri
	r := decode[lsp.EvaluateResult](s.t, s.answers(lsp.CommandEvaluate, p))
	return &evaluation{buffer: s.buffer, id: r.Evaluation, where: r.Range}
}

// answers runs a command and tells its answer, before what the server told meanwhile.
func (s *story) answers(name string, argument any) json.RawMessage {
	s.t.Helper()
	s.server()
	params := execution(name, argument)
	answer := s.call("workspace/executeCommand", params)
	s.tell("client", "workspace/executeCommand", params)
	if r := decode[any](s.t, answer); name == lsp.CommandEvaluate {
		id := r.(map[string]any)["evaluation"].(string)
		s.names = append(s.names, id, fmt.Sprintf("e%d", strings.Count(strings.Join(s.told, ""), `"reval.evaluate"`)))
	}
	s.tell("server", "the answer", answer)
	return answer
}

// sends sends a notification.
func (s *story) sends(method string, params any) {
	s.server()
	s.notify(method, params)
	s.tell("client", method, params)
}

// ends waits for the end of an evaluation.
func (s *story) ends(e *evaluation) {
	s.t.Helper()
	e.wait()
	s.server()
}

// server tells what the server sent.
func (s *story) server() {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := slices.Clone(s.log[s.read:])
	if !s.whole { // what comes of two evaluations at once comes in no order
		slices.SortStableFunc(news, func(a, b *message) int { return cmp.Compare(order(a), order(b)) })
	}
	for _, m := range news {
		params := any(m.Params)
		switch m.Method {
		case lsp.MethodEvaluation:
			p := decode[lsp.EvaluationParams](s.t, m.Params)
			if p.State == lsp.EvaluationRunning {
				p.Count = 0 // the kernel gives it sooner or later
				params = p
			}
			// A value is told before the end, or with it.
			if !ends(p.State) && (!s.whole || p.Summary != nil) {
				continue
			}
		case lsp.MethodOutput, lsp.MethodInputRequest:
		case "textDocument/publishDiagnostics":
			if len(decode[struct{ Diagnostics []any }](s.t, m.Params).Diagnostics) == 0 {
				continue
			}
		default:
			continue
		}
		s.tell("server", m.Method, params)
	}
	s.read = len(s.log)
}

func order(m *message) int {
	if m.Method == lsp.MethodOutput {
		return 0
	}
	return 1
}

func (s *story) tell(from, what string, params any) {
	text := strings.NewReplacer(s.names...).Replace(layout(decode[any](s.t, encode(params)), ""))
	text = regexp.MustCompile(`"elapsed": [\d.]+`).ReplaceAllString(text, `"elapsed": 504.2`)
	text = fmt.Sprintf("// %s: %s\n%s\n", from, what, text)
	if n := len(s.told); n == 0 || s.told[n-1] != text || what != lsp.MethodEvaluation { // its count alone is new
		s.told = append(s.told, text)
	}
}

// encode gives JSON for people, who read < as it is.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// layout writes JSON with what is short on one line.
func layout(v any, indent string) string {
	const width = 100
	var parts []string
	opens, closes := "{", "}"
	switch v := v.(type) {
	case map[string]any:
		// Sorted, but for start before end.
		place := strings.NewReplacer("start", "end", "end", "end~").Replace
		keys := slices.SortedFunc(maps.Keys(v), func(a, b string) int { return cmp.Compare(place(a), place(b)) })
		for _, k := range keys {
			parts = append(parts, fmt.Sprintf("%q: %s", k, layout(v[k], indent+"  ")))
		}
	case []any:
		opens, closes = "[", "]"
		for _, e := range v {
			parts = append(parts, layout(e, indent+"  "))
		}
	default:
		return string(encode(v))
	}
	line := opens + strings.Join(parts, ", ") + closes
	if len(indent)+len(line) <= width && !strings.Contains(line, "\n") {
		return line
	}
	return opens + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + closes
}
