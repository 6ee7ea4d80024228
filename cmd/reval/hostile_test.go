//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/creack/pty"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// obeyed is a text that would set a terminal's clipboard and title, clear its screen,
// ask it for an answer, and look like another text; and has a colour.
const obeyed = "A\x1b]52;c;aGVsbG8=\x07\x1b]0;title\x1b\\\x1b[2J\x1b[6n\u009b31m\x07\x7f\x1bPq\x1b\\\u202eB\x1b[31mred\x1b[0m"

var colour = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// harmless wants that a terminal obeys nothing of a text but line ends and, if they are
// wanted, colours.
func harmless(t *testing.T, what, text string, colours bool) {
	t.Helper()
	if colours != colour.MatchString(text) {
		t.Errorf("%s: colours are wanted: %v\n%q", what, colours, text)
	}
	for _, r := range colour.ReplaceAllString(text, "") {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			t.Errorf("%s: %q in\n%q", what, r, text)
			return
		}
	}
}

// reval runs the program and gives all that it prints.
func reval(t *testing.T, env []string, arguments ...string) string {
	t.Helper()
	cmd := exec.Command(testenv.Reval(t), arguments...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return string(out)
}

// Names of kernelspecs, of folders, and what a server says reach no terminal as they are.
func TestHostileNames(t *testing.T) {
	env := testenv.Env(t)
	data := filepath.Join(t.TempDir(), "x\x1b]52;c;x\ay")
	env = append(env, "JUPYTER_PATH="+data)
	for name, spec := range map[string]map[string]any{
		"evil":  {"display_name": obeyed, "language": obeyed, "argv": []string{"true\x1b[2J", "{connection_file}"}},
		"other": {"display_name": "other", "language": "python", "argv": []string{}},
	} {
		dir := filepath.Join(data, "kernels", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		content, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "kernel.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := reval(t, env, "kernels")
	harmless(t, "kernels", table, false)
	if !strings.Contains(table, "A<U+202E>Bred") {
		t.Errorf("the kernel is not listed:\n%s", table)
	}
	harmless(t, "kernels --json", reval(t, env, "kernels", "--json"), false)
	cmd := exec.Command(testenv.Reval(t), "kernels", "--json")
	cmd.Env = env
	out, err := cmd.Output()
	var kernels []struct {
		Name    string
		Display string `json:"display_name"`
	}
	if err := errors.Join(err, json.Unmarshal(out, &kernels)); err != nil {
		t.Fatal(err)
	}
	for _, k := range kernels {
		if k.Name == "evil" && k.Display != obeyed {
			t.Errorf("JSON has %q", k.Display)
		}
	}
	harmless(t, "doctor", reval(t, env, "doctor"), false)
	harmless(t, "an error", reval(t, env, "run", "--kernel", obeyed, "x.py"), false)
	harmless(t, "wrong use", reval(t, env, obeyed), false)

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/kernelspecs"):
			json.NewEncoder(w).Encode(map[string]any{"kernelspecs": map[string]any{obeyed: map[string]any{"spec": map[string]any{"display_name": obeyed, "language": obeyed}}}})
		case strings.HasSuffix(r.URL.Path, "/kernels"):
			json.NewEncoder(w).Encode([]any{map[string]any{"id": obeyed, "name": obeyed, "execution_state": obeyed}})
		default:
			w.WriteHeader(http.StatusTeapot)
			json.NewEncoder(w).Encode(map[string]string{"message": obeyed})
		}
	}))
	defer server.Close()
	listed := reval(t, env, "kernels", "--server", server.URL)
	harmless(t, "a server's kernels", listed, false)
	if !strings.Contains(listed, "<U+202E>") {
		t.Errorf("the server's kernels are not listed:\n%s", listed)
	}
	harmless(t, "a server's error", reval(t, env, "run", "--kernel", server.URL+"/api/kernels/x", script(t, "1")), false)
}

// A recursion without an end is told in few lines.
func TestDeepTraceback(t *testing.T) {
	k := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		if r.Code() == "" {
			r.Answer()
			return
		}
		r.Begin()
		e := jupyter.ErrorContent{Name: "RecursionError", Traceback: []string{"Traceback"}}
		for range 9991 {
			e.Traceback = append(e.Traceback, "File a.py:1, in f()\n----> 1 def f(): f()\n")
		}
		r.Publish(jupyter.ErrorMsg, e)
		r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusError, ErrorContent: &e})
		r.Status(jupyter.StateIdle)
	}})
	out := reval(t, testenv.Env(t), "run", "--kernel", k.File, script(t, "code"))
	if !strings.Contains(out, "… the same 9,990 times") || len(out) > 1000 {
		t.Errorf("%d bytes:\n%.1000s", len(out), out)
	}
}

// What a kernel prints, shows, asks and fails with reaches the terminal with its colours
// alone, and without them where they are not wanted.
func TestHostileKernel(t *testing.T) {
	env := testenv.Env(t)
	play := kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			if len(r.Code()) == 0 {
				r.Answer()
				return
			}
			r.Begin()
			for piece := range strings.SplitSeq(obeyed, "") { // in as many messages
				r.Print(piece)
			}
			r.Print("\n")
			r.Publish(jupyter.StreamMsg, jupyter.StreamContent{Name: "stderr", Text: obeyed + "\n"})
			r.Publish(jupyter.DisplayDataMsg, map[string]any{"data": map[string]string{"text/plain": obeyed}})
			r.Publish(jupyter.ExecuteResultMsg, map[string]any{"data": map[string]string{"text/html": "<b>" + obeyed}, "execution_count": 1})
			r.Kernel.Send(jupyter.Stdin, r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: obeyed}))
			e := jupyter.ErrorContent{Name: obeyed, Value: obeyed, Traceback: []string{obeyed, "end of it"}}
			r.Publish(jupyter.ErrorMsg, e)
			r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusError, ErrorContent: &e})
			r.Status(jupyter.StateIdle)
		},
	}
	file := script(t, "code")
	for name, c := range map[string]struct {
		terminal bool
		env      string
		colours  bool
	}{
		"a terminal":             {true, "TERM=xterm", true},
		"one without colours":    {true, "NO_COLOR=1", false},
		"one that has none":      {true, "TERM=dumb", false},
		"a file, colours or not": {false, "TERM=xterm", false},
	} {
		k := kernelpeer.Start(t, play)
		cmd := exec.Command(testenv.Reval(t), "run", "--kernel", k.File, file)
		cmd.Env = append(env, c.env)
		var out bytes.Buffer
		if c.terminal {
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(&out, tty) // its error is the end
			tty.Close()
			cmd.Wait()
		} else {
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.Run()
		}
		harmless(t, name, out.String(), c.colours)
		if strings.Count(out.String(), "B") < 5 || !strings.Contains(out.String(), "end of it") {
			t.Errorf("%s: not all is there:\n%q", name, out.String())
		}
	}
}

// TestFileThatIsNoScript: what has no end is not read to its end, and what does not come can
// be waited for no longer.
func TestFileThatIsNoScript(t *testing.T) {
	dir, env := t.TempDir(), testenv.Env(t)
	large := filepath.Join(dir, "large.go")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 2<<30); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/dev/zero", large} {
		want := "reval: " + file + " is longer than 64 MiB: it is no script\n"
		if got := reval(t, env, "run", "--kernel", "go", file); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	pipe := filepath.Join(dir, "pipe.go")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Reval(t), "run", pipe)
	cmd.Env = env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // when it reads
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("Ctrl-C gave %v", err)
	}
}
