//go:build !windows

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

// lspEditor is an editor: `reval lsp` and what it says.
type lspEditor struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
	next   int
	shown  map[string]*shown // by evaluation
	state  string            // of the session that was told of last
	asked  lspMessage        // the last request for input
}

// startEditor starts `reval lsp` with arguments, in a folder.
func startEditor(t *testing.T, env []string, dir string, arguments ...string) *lspEditor {
	t.Helper()
	return startEditorOf(t, testenv.Reval(t), env, dir, arguments...)
}

// startEditorOf is startEditor with a reval of its own.
func startEditorOf(t *testing.T, reval string, env []string, dir string, arguments ...string) *lspEditor {
	t.Helper()
	e := &lspEditor{t: t, shown: map[string]*shown{}, cmd: exec.Command(reval, append([]string{"lsp"}, arguments...)...)}
	e.cmd.Env, e.cmd.Dir, e.cmd.Stderr = env, dir, &e.stderr
	var err error
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.out = bufio.NewReader(out)
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.cmd.Process.Kill()
		e.cmd.Wait()
	})
	e.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{"experimental": map[string]any{"reval": map[string]any{}}}})
	e.notify("initialized", map[string]any{})
	return e
}

func (e *lspEditor) send(message map[string]any) {
	e.t.Helper()
	message["jsonrpc"] = "2.0"
	data, err := json.Marshal(message)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(data), data); err != nil {
		e.t.Fatalf("%v: %s", err, &e.stderr)
	}
}

func (e *lspEditor) notify(method string, params any) {
	e.t.Helper()
	e.send(map[string]any{"method": method, "params": params})
}

// call makes a request, passes over what comes before its answer, and gives that.
func (e *lspEditor) call(method string, params any) json.RawMessage {
	e.t.Helper()
	e.next++
	e.send(map[string]any{"id": e.next, "method": method, "params": params})
	for {
		m := e.read()
		if m.Method != "" || string(m.ID) != strconv.Itoa(e.next) {
			continue
		}
		if m.Error != nil {
			e.t.Fatalf("%s: %s", method, m.Error)
		}
		return m.Result
	}
}

// lspMessage is a message as it came.
type lspMessage struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Evaluation, State, Message string
		Request, Prompt            string
		Cancelled                  bool
		Outputs                    []struct {
			Index, Back int
			Kind, Text  string
		}
	}
	Result, Error json.RawMessage
}

func (e *lspEditor) read() lspMessage {
	e.t.Helper()
	header, err := textproto.NewReader(e.out).ReadMIMEHeader()
	if err != nil {
		e.t.Fatalf("read: %v: %s", err, &e.stderr)
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		e.t.Fatal(err)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(e.out, data); err != nil {
		e.t.Fatal(err)
	}
	var m lspMessage
	json.Unmarshal(data, &m) // params of other methods have other types
	e.show(m)
	return m
}

// evaluate evaluates Go code in a new document and gives the texts of its outputs.
func (e *lspEditor) evaluate(code string) (texts string) {
	e.t.Helper()
	uri := fmt.Sprintf("untitled:%d.go", e.next)
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "go", "version": 1, "text": code + "\n"}})
	e.next++
	e.send(map[string]any{"id": e.next, "method": "workspace/executeCommand", "params": map[string]any{
		"command": "reval.evaluate", "arguments": []any{map[string]any{"uri": uri, "unit": "file"}},
	}})
	for {
		switch m := e.read(); {
		case m.Error != nil:
			e.t.Fatalf("evaluate: %s", m.Error)
		case m.Method == "reval/output":
			for _, o := range m.Params.Outputs {
				texts += o.Text
			}
		case m.Method == "reval/evaluation" && m.Params.State != "queued" && m.Params.State != "running":
			return texts
		}
	}
}

// ends waits for the end of `reval lsp` and gives its status.
func (e *lspEditor) ends() int {
	e.t.Helper()
	ended := make(chan error, 1)
	go func() {
		io.Copy(io.Discard, e.out)
		ended <- e.cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(testenv.Patience):
		e.t.Fatal("reval lsp does not end")
	}
	return e.cmd.ProcessState.ExitCode()
}

// daemonStatus asks for what `reval daemon status --json` tells.
func daemonStatus(t *testing.T, env []string) (status struct {
	PID      int
	Socket   string
	Log      string
	Sessions []string
	Clients  []struct {
		PID    int
		Folder string
	}
}) {
	t.Helper()
	cmd := exec.Command(testenv.Reval(t), "daemon", "status", "--json")
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("status: %v: %s", err, out)
	}
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatal(err)
	}
	return status
}

// TestEditorsShareTheDaemon: an evaluation through it has its editor's environment and
// folder, and not the daemon's or those of another editor; editors end in order.
func TestEditorsShareTheDaemon(t *testing.T) {
	env := testenv.Env(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	var editors []*lspEditor
	for i, dir := range dirs {
		var err error
		if dirs[i], err = filepath.EvalSymlinks(dir); err != nil {
			t.Fatal(err)
		}
		editors = append(editors, startEditor(t, append(env, fmt.Sprint("MARK=editor", i)), dir, "--standalone=false"))
	}
	if texts := editors[0].evaluate("1 + 1"); texts != "2" {
		t.Errorf("1 + 1 gave %q", texts)
	}
	for i, e := range editors {
		texts := e.evaluate("import (\"os\"; \"fmt\")\ndir, _ := os.Getwd()\nfmt.Print(os.Getenv(\"MARK\"), \" \", dir)")
		if want := fmt.Sprint("editor", i, " ", dirs[i]); !strings.HasPrefix(texts, want) {
			t.Errorf("the kernel of editor %d has %q, want %q", i, texts, want)
		}
	}
	status := daemonStatus(t, env)
	if len(status.Clients) != 2 || status.Clients[0].PID != editors[0].cmd.Process.Pid || status.Clients[1].Folder != dirs[1] {
		t.Errorf("the daemon tells %+v", status)
	}
	editors[0].call("shutdown", nil)
	editors[0].notify("exit", nil)
	editors[1].in.Close()
	for i, e := range editors {
		if code := e.ends(); code != 0 || e.stderr.Len() > 0 {
			t.Errorf("editor %d ends with %d: %s", i, code, &e.stderr)
		}
	}
	if after := daemonStatus(t, env); after.PID != status.PID {
		t.Errorf("the daemon ended with its editors: %+v", after)
	}
}

// TestDaemonDies: an editor learns of it by the exit status and a line, and its next start
// finds a new daemon. Where its user has stopped the daemon it is not to be started again.
func TestDaemonDies(t *testing.T) {
	env := testenv.Env(t)
	dir := t.TempDir()
	for _, end := range []func(pid int) error{
		func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) },
		func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) },
		func(int) error { return daemonCommand(t, env, "restart").Run() },
	} {
		e := startEditor(t, env, dir, "--standalone=false")
		pid := daemonStatus(t, env).PID
		if err := end(pid); err != nil {
			t.Fatal(err)
		}
		code := e.ends()
		if want := fmt.Sprintf("reval: the daemon (process %d) has ended", pid); code != 1 || !strings.HasPrefix(e.stderr.String(), want) || strings.Count(e.stderr.String(), "\n") != 1 {
			t.Errorf("it ends with %d: %s", code, &e.stderr)
		}
	}
	e := startEditor(t, env, dir, "--standalone=false")
	if texts := e.evaluate("1 + 1"); texts != "2" {
		t.Errorf("1 + 1 gave %q", texts)
	}
	if err := daemonCommand(t, env, "stop").Run(); err != nil {
		t.Fatal(err)
	}
	if code := e.ends(); code != 0 || e.stderr.Len() > 0 {
		t.Errorf("after a stop it ends with %d: %s", code, &e.stderr)
	}
}

func daemonCommand(t *testing.T, env []string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(testenv.Reval(t), append([]string{"daemon"}, arguments...)...)
	cmd.Env = env
	return cmd
}

// TestNoPlaceForADaemon: the editor is served all the same, and told why; doctor tells, too.
func TestNoPlaceForADaemon(t *testing.T) {
	env := testenv.Env(t)
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	env = append(env, "XDG_RUNTIME_DIR="+open, "JUPYTER_RUNTIME_DIR="+filepath.Join(open, "jupyter"), "TMPDIR="+open)
	e := startEditor(t, env, t.TempDir(), "--standalone=false")
	e.call("shutdown", nil)
	e.notify("exit", nil)
	if code := e.ends(); code != 0 || !strings.HasPrefix(e.stderr.String(), "reval: this editor is served without a daemon: ") || !strings.Contains(e.stderr.String(), "others may write") {
		t.Errorf("it ends with %d: %s", code, &e.stderr)
	}
	doctor := exec.Command(testenv.Reval(t), "doctor")
	doctor.Env = env
	out, _ := doctor.Output()
	if !regexp.MustCompile(`warning +daemon: .*others may write`).Match(out) {
		t.Errorf("doctor tells:\n%s", out)
	}
}

// TestDaemonTells: what status and log print.
func TestDaemonTells(t *testing.T) {
	env := testenv.Env(t)
	tell := func(status int, arguments ...string) string {
		t.Helper()
		cmd := daemonCommand(t, env, arguments...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
			t.Errorf("reval daemon %v: %v: %s", arguments, err, out)
		}
		return string(out)
	}
	if out := tell(1, "status"); out != "no daemon runs\n" {
		t.Errorf("%q", out)
	}
	if out := tell(1, "status", "--json"); out != "null\n" {
		t.Errorf("%q", out)
	}
	if out := tell(0, "stop"); out != "no daemon runs\n" {
		t.Errorf("%q", out)
	}
	e := startEditor(t, env, t.TempDir(), "--standalone=false")
	status := daemonStatus(t, env)
	for _, words := range []string{fmt.Sprint("process ", status.PID), status.Socket, status.Log, fmt.Sprint("process ", e.cmd.Process.Pid), e.cmd.Dir} {
		if out := tell(0, "status"); !strings.Contains(out, words) {
			t.Errorf("no %s in\n%s", words, out)
		}
	}
	if out := tell(0, "log"); !strings.Contains(out, "the daemon listens") {
		t.Errorf("the log is %q", out)
	}
	follow := daemonCommand(t, env, "log", "--follow")
	lines := both(t, follow)
	lines.wait("the daemon listens")
	if out := tell(0, "stop"); out != fmt.Sprintf("the daemon has ended, process %d\n", status.PID) {
		t.Errorf("%q", out)
	}
	lines.wait("the daemon ends")
	if err := follow.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := follow.Wait(); err != nil {
		t.Error(err)
	}
}

// TestIdleDaemonEnds by itself, with nothing left but its log.
func TestIdleDaemonEnds(t *testing.T) {
	env := testenv.Env(t)
	run := daemonCommand(t, env, "run", "--idle", "10ms")
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "neither client nor work for 10ms") {
		t.Errorf("%v: %s", err, out)
	}
	if out, _ := daemonCommand(t, env, "log").Output(); !strings.Contains(string(out), "neither client nor work for 10ms") {
		t.Errorf("the log is %q", out)
	}
	// A second one does not start beside another.
	lines := both(t, daemonCommand(t, env, "run"))
	lines.wait("the daemon listens")
	if out, err := daemonCommand(t, env, "run").CombinedOutput(); err == nil || !strings.Contains(string(out), "another daemon of this build runs, process ") {
		t.Errorf("%v: %s", err, out)
	}
}
