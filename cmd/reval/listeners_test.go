//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/testenv"
)

// shown is what an editor shows of an evaluation.
type shown struct {
	state, message string
	texts          map[int][]byte // by index
}

// ended tells whether the editor knows of the evaluation's end.
func (s *shown) ended() bool { return s.state != "" && s.state != "queued" && s.state != "running" }

// printed is what is shown of the first stream.
func (s *shown) printed() string { return string(s.texts[0]) }

// all is all that is shown, in order.
func (s *shown) all() (text string) {
	for _, i := range slices.Sorted(maps.Keys(s.texts)) {
		text += string(s.texts[i])
	}
	return text
}

// show takes what the server tells.
func (e *lspEditor) show(m lspMessage) {
	switch m.Method {
	case "reval/state":
		e.state = m.Params.State
		return
	case "reval/inputRequest":
		e.asked = m
	}
	if m.Params.Evaluation == "" {
		return
	}
	s := e.of(m.Params.Evaluation)
	if m.Method == "reval/evaluation" {
		s.state, s.message = m.Params.State, m.Params.Message
	}
	for _, o := range m.Params.Outputs {
		if o.Kind == "clear" {
			clear(s.texts)
			continue
		}
		text := s.texts[o.Index]
		for range o.Back {
			_, size := utf8.DecodeLastRune(text)
			text = text[:len(text)-size]
		}
		s.texts[o.Index] = append(text, o.Text...)
	}
}

// of is what is shown of an evaluation.
func (e *lspEditor) of(evaluation string) *shown {
	s := e.shown[evaluation]
	if s == nil {
		s = &shown{texts: map[int][]byte{}}
		e.shown[evaluation] = s
	}
	return s
}

// until reads until something is so.
func (e *lspEditor) until(so func() bool) {
	e.t.Helper()
	defer time.AfterFunc(testenv.Patience, func() { e.cmd.Process.Kill() }).Stop()
	for !so() {
		e.read()
	}
}

func (e *lspEditor) open(uri, language, text string) {
	e.t.Helper()
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": language, "version": 1, "text": text}})
}

// command sends a command and does not wait for its answer.
func (e *lspEditor) command(name string, arguments any) (id string) {
	e.t.Helper()
	e.next++
	e.send(map[string]any{"id": e.next, "method": "workspace/executeCommand", "params": map[string]any{"command": name, "arguments": []any{arguments}}})
	return fmt.Sprint(e.next)
}

// begin has a whole document evaluated as one piece.
func (e *lspEditor) begin(uri string) (evaluation string) {
	e.t.Helper()
	id := e.command("reval.evaluate", map[string]any{"uri": uri, "unit": "cell", "position": map[string]any{"line": 0, "character": 0}})
	for {
		m := e.read()
		if m.Method != "" || string(m.ID) != id {
			continue
		}
		var answer struct{ Evaluation string }
		if err := json.Unmarshal(m.Result, &answer); err != nil {
			e.t.Fatalf("evaluate: %v: %s", err, m.Error)
		}
		return answer.Evaluation
	}
}

// household is a folder, and the environment in which all have one daemon.
type household struct {
	t   *testing.T
	env []string
	dir string
}

func newHousehold(t *testing.T) household {
	testenv.Python(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return household{t, testenv.Env(t), dir}
}

// edit starts an editor with a Python file of the folder.
func (h household) edit(name, text string) (e *lspEditor, uri string) {
	h.t.Helper()
	e, uri = startEditor(h.t, h.env, h.dir, "--standalone=false"), "file://"+filepath.Join(h.dir, name)
	e.open(uri, "python", text)
	return e, uri
}

// tail starts `reval tail`, which has been told all that ran before it came when this returns.
func (h household) tail(arguments ...string) (*exec.Cmd, *json.Decoder) {
	h.t.Helper()
	cmd := exec.Command(testenv.Reval(h.t), append([]string{"tail", "--json"}, arguments...)...)
	cmd.Env = h.env
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, json.NewDecoder(out)
}

// history is what an evaluation printed, by `reval history`.
func (h household) history() map[string]string {
	h.t.Helper()
	cmd := exec.Command(testenv.Reval(h.t), "history", "--json", "--limit", "1000")
	cmd.Env = h.env
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatal(err)
	}
	printed := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var e struct {
			ID      string
			Outputs []struct{ Text string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			h.t.Fatal(err)
		}
		for _, o := range e.Outputs {
			printed[e.ID] += o.Text
		}
	}
	return printed
}

// lines are what the loops of these tests print.
func lines(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintln(&all, "line", i)
	}
	return all.String()
}

// same fails the test unless a text is what was to be printed.
func same(t *testing.T, who, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes of %d, another from the byte %d on: %.60q, want %.60q", who, len(got), len(want), at, got[at:], want[at:])
}

// An editor that is killed while its kernel prints, at whichever byte of a message, finds every
// line when it comes back; so does one that comes back when all was printed.
func TestKilledEditorComesBack(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	fifo := filepath.Join(h.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	const count = 3000
	code := fmt.Sprintf("for i in range(%d):\n    print('line', i, flush=True)\n    if i == %d: open(%q).read()\n", count, count*2/3, fifo)
	e, uri := h.edit("a.py", code)
	evaluation := e.begin(uri)
	e.until(func() bool { return strings.Contains(e.of(evaluation).printed(), "line 300\n") })
	fmt.Fprint(e.in, "Content-Length: 1000\r\n\r\n{\"jsonrpc\"") // it dies while it says something
	e.cmd.Process.Kill()
	e.cmd.Wait()

	e, _ = h.edit("a.py", code)
	e.until(func() bool { return strings.Contains(e.of(evaluation).printed(), fmt.Sprintf("line %d\n", count*2/3)) })
	e.in.Close() // this one is killed, and not its `reval lsp`
	if code := e.ends(); code != 0 {
		t.Errorf("reval lsp ends with %d: %s", code, &e.stderr)
	}

	last, _ := h.edit("a.py", code)
	last.until(func() bool { return last.of(evaluation).state == "running" })
	if err := os.WriteFile(fifo, nil, 0); err != nil {
		t.Fatal(err)
	}
	last.until(func() bool { return last.of(evaluation).ended() })
	same(t, "the editor that was there at the end", last.of(evaluation).printed(), lines(count))
	late, _ := h.edit("a.py", code)
	late.until(func() bool { return late.of(evaluation).ended() })
	same(t, "the one that came after it", late.of(evaluation).printed(), lines(count))
	same(t, "history", h.history()[evaluation], lines(count))
}

// Who is stopped holds up nobody else, and is told all when it goes on.
func TestStoppedListeners(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	const count = 100_000 // more than pipes and sockets hold
	code := fmt.Sprintf("for i in range(%d): print('line', i)\n", count)
	stopped, uri := h.edit("a.py", code)
	first := stopped.begin(uri)
	stopped.until(func() bool { return stopped.of(first).ended() })
	tail, told := h.tail("--all")
	for ended := false; !ended; {
		var e control.Event
		if err := told.Decode(&e); err != nil {
			t.Fatal(err)
		}
		ended = e.Evaluation != nil && e.Evaluation.ID == first && e.Evaluation.State == "done"
	}
	stopped.cmd.Process.Signal(syscall.SIGSTOP)
	tail.Process.Signal(syscall.SIGSTOP)

	works, _ := h.edit("a.py", code)
	second := works.begin(uri)
	works.until(func() bool { return works.of(second).ended() })
	same(t, "who works on", works.of(second).printed(), lines(count))
	other := "file://" + filepath.Join(h.dir, "b.py")
	works.open(other, "python", "print('line', 0)\n")
	third := works.begin(other)
	works.until(func() bool { return works.of(third).ended() })
	same(t, "and on", works.of(third).printed(), lines(1))

	stopped.cmd.Process.Signal(syscall.SIGCONT)
	tail.Process.Signal(syscall.SIGCONT)
	stopped.until(func() bool { return stopped.of(second).ended() })
	same(t, "the stopped editor", stopped.of(second).printed(), lines(count))
	printed := map[string]string{}
	for ended := false; !ended; {
		var e control.Event
		if err := told.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Output != nil {
			printed[e.Output.Evaluation] += e.Output.Output.Text
		}
		ended = e.Evaluation != nil && e.Evaluation.ID == third && e.Evaluation.State == "done"
	}
	same(t, "the stopped tail", printed[second], lines(count))
	same(t, "and what followed", printed[third], lines(1))
}

// An interrupt does not wait behind output, not even that of an editor that reads nothing; what it
// reads later is true.
func TestInterruptOvertakesOutput(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	const code = "import itertools\nfor i in itertools.count(): print('line', i)\n"
	e, uri := h.edit("a.py", code)
	evaluation := e.begin(uri)
	e.until(func() bool { return e.of(evaluation).printed() != "" })
	_, told := h.tail()
	interrupted, bytes := false, 0
	for state := ""; state != "error"; {
		var event control.Event
		if err := told.Decode(&event); err != nil {
			t.Fatal(err)
		}
		if event.Output != nil {
			bytes += len(event.Output.Output.Text)
		}
		if bytes > 1<<20 && !interrupted { // the editor's pipe and socket are full
			interrupted = true
			e.command("reval.interrupt", map[string]any{"uri": uri})
		}
		if event.Evaluation != nil {
			state = event.Evaluation.State
		}
	}
	e.until(func() bool { return e.of(evaluation).ended() })
	if state := e.of(evaluation).state; state != "error" {
		t.Errorf("it ended as %s", state)
	}
	lines := strings.SplitAfter(e.of(evaluation).printed(), "\n")
	next := -1
	for _, line := range lines[:len(lines)-1] {
		var n int
		switch _, err := fmt.Sscanf(line, "line %d\n", &n); {
		case line == "[lines left out here]\n":
			next = -1
			continue
		case err != nil || next >= 0 && n != next:
			t.Fatalf("%q is shown after line %d", line, next-1)
		}
		next = n + 1
	}
}

// Twenty sessions that print at once: each has its lines, in order, in the editor and in the history.
func TestManySessionsPrint(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	const sessions, count = 20, 5000
	e := startEditor(t, h.env, h.dir, "--standalone=false")
	evaluations := map[string]string{}
	for i := range sessions {
		dir := filepath.Join(h.dir, fmt.Sprint("project", i))
		if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o700); err != nil {
			t.Fatal(err)
		}
		uri := "file://" + filepath.Join(dir, "a.go")
		e.open(uri, "go", fmt.Sprintf("import \"fmt\"\nfor i := 0; i < %d; i++ { fmt.Println(\"line\", i, %d) }\n", count, i))
		evaluations[e.begin(uri)] = strings.ReplaceAll(lines(count), "\n", fmt.Sprintf(" %d\n", i))
	}
	for evaluation, want := range evaluations {
		e.until(func() bool { return e.of(evaluation).ended() })
		same(t, "the editor", e.of(evaluation).printed(), want)
	}
	kept := h.history()
	for evaluation, want := range evaluations {
		same(t, "history", kept[evaluation], want)
	}
	cmd := exec.Command(testenv.Reval(t), "sessions", "--json")
	cmd.Env = h.env
	var listed []control.Session
	if out, err := cmd.Output(); err != nil || json.Unmarshal(out, &listed) != nil || len(listed) != sessions {
		t.Errorf("there are %d sessions: %v: %s", len(listed), err, out)
	}
}
