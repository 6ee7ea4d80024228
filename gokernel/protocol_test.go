package gokernel

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
	"go.uber.org/goleak"
)

func TestKernelInfo(t *testing.T) {
	c := startKernel(t)
	info := content[jupyter.KernelInfoReplyContent](t, c.ask(jupyter.KernelInfoRequest, struct{}{}))
	l := info.LanguageInfo
	if info.Status != "ok" || info.Implementation != "reval-go" || l.Name != "go" || l.FileExtension != ".go" || l.MIMEType != "text/x-go" || !strings.HasPrefix(l.Version, "1.") {
		t.Errorf("kernel_info_reply: %+v", info)
	}
}

func TestExecuteTranscript(t *testing.T) {
	c := startKernel(t)
	r := c.execute("import \"fmt\"\nimport \"os\"\nfmt.Println(\"größe\")\nfmt.Fprintln(os.Stderr, \"oh\")\nfmt.Println(2)\n6*7")
	c.expectRunning(r)
	c.expectStream("stdout", "größe\n", r)
	c.expectStream("stderr", "oh\n", r)
	c.expectStream("stdout", "2\n", r)
	result := content[jupyter.DisplayDataContent](t, c.expect(c.iopub, jupyter.ExecuteResultMsg, r))
	if got := text(t, result.Data); got != "42" || result.ExecutionCount != 1 {
		t.Errorf("value %q of count %d", got, result.ExecutionCount)
	}
	c.expectStatus(jupyter.StateIdle, r)
	c.expect(c.shell, jupyter.ExecuteReply, r)
}

func TestSilentLeavesNoTrace(t *testing.T) {
	c := startKernel(t)
	r := c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: "x := 5\nx", Silent: true, UserExpressions: map[string]string{"twice": "x*2", "bad": "nope"}})
	c.expectStatus(jupyter.StateBusy, r)
	c.expectStatus(jupyter.StateIdle, r)
	reply := content[jupyter.ExecuteReplyContent](t, c.expect(c.shell, jupyter.ExecuteReply, r))
	if reply.ExecutionCount != 0 {
		t.Errorf("execution_count %d, want 0", reply.ExecutionCount)
	}
	if got := string(reply.UserExpressions["twice"]); !strings.Contains(got, `"text/plain":"10"`) {
		t.Errorf("user expression: %s", got)
	}
	if got := string(reply.UserExpressions["bad"]); !strings.Contains(got, "undefined: nope") {
		t.Errorf("bad user expression: %s", got)
	}
}

func TestErrorAbortsWhatIsQueued(t *testing.T) {
	c := startKernel(t)
	// The first cell waits for input, so that the others are queued for certain.
	first := c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: "import \"fmt\"\nvar s string\nfmt.Scanln(&s)\npanic(s)", StopOnError: true, AllowStdin: true, StoreHistory: true})
	second := c.execute("1")
	c.expectRunning(first)
	asked := c.expect(c.stdin, jupyter.InputRequest, first)
	reply, err := asked.Reply("client", jupyter.InputReply, jupyter.InputReplyContent{Value: "boom"})
	if err != nil {
		t.Fatal(err)
	}
	c.sendMessage(c.stdin, reply)
	e := content[jupyter.ErrorContent](t, c.expect(c.iopub, jupyter.ErrorMsg, first))
	if e.Name != "panic" || e.Value != "boom" || len(e.Traceback) < 2 || !strings.HasPrefix(e.Traceback[1], "cell[1]:4:1") {
		t.Errorf("error: %+v", e)
	}
	c.expectStatus(jupyter.StateIdle, first)
	c.expect(c.shell, jupyter.ExecuteReply, first)
	c.expectStatus(jupyter.StateBusy, second)
	c.expectStatus(jupyter.StateIdle, second)
	if got := content[jupyter.ExecuteReplyContent](t, c.expect(c.shell, jupyter.ExecuteReply, second)); got.Status != jupyter.StatusAborted {
		t.Errorf("second reply: %s", got.Status)
	}
}

// interrupted sends an interrupt and reads the end of the cell.
func (c *client) interrupted(r *jupyter.Message) {
	c.t.Helper()
	i := c.send(c.control, jupyter.InterruptRequest, struct{}{})
	c.expect(c.control, jupyter.InterruptReply, i)
	e := content[jupyter.ErrorContent](c.t, c.until(jupyter.ErrorMsg, r))
	if e.Name != "Interrupted" {
		c.t.Errorf("ename %q", e.Name)
	}
	c.until(jupyter.StatusMsg, r)
	c.expect(c.shell, jupyter.ExecuteReply, r)
	c.flush()
}

// until reads IOPub up to a message, passing over those of other requests, which
// are answered at the same time.
func (c *client) until(t jupyter.MsgType, parent *jupyter.Message) *jupyter.Message {
	c.t.Helper()
	for {
		if m := c.recv(c.iopub); m.Header.MsgType == t && m.Parent.MsgID == parent.Header.MsgID {
			return m
		}
	}
}

// flush reads IOPub up to the end of a request of its own.
func (c *client) flush() {
	c.t.Helper()
	r := c.send(c.control, jupyter.KernelInfoRequest, struct{}{})
	c.expect(c.control, jupyter.KernelInfoReply, r)
	c.until(jupyter.StatusMsg, r)
	c.until(jupyter.StatusMsg, r)
}

func TestInterrupt(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"\nimport \"time\"\nx := 3\nfunc spin() { for { nothing() } }\nfunc nothing() {}")
	for _, code := range []string{"for {}", "spin()", "time.Sleep(time.Hour)", "<-make(chan int)", "make(chan int) <- 1", "select {}"} {
		r := c.execute("fmt.Println(\"on\")\n" + code)
		c.expectRunning(r)
		c.expectStream("stdout", "on\n", r)
		c.interrupted(r)
		if got := c.run("x"); got != "value: 3\n" {
			t.Errorf("after %s: %s", code, got)
		}
	}
}

// Deferred code takes its time after an interrupt; the second one stops also what recovers
// from each.
func TestInterruptAgain(t *testing.T) {
	c := startKernel(t)
	c.run("import (\"fmt\"; \"time\")\ncleaned := false")
	r := c.execute("func() {\n\tdefer func() { time.Sleep(2500 * time.Millisecond); cleaned = true }()\n\tfmt.Println(\"on\")\n\tfor {}\n}()")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	c.interrupted(r)
	if got := c.run("cleaned"); got != "value: true\n" {
		t.Errorf("deferred code was not left to end: %s", got)
	}
	r = c.execute("fmt.Println(\"on\")\nfor { func() { defer func() { recover(); fmt.Println(\"swallowed\") }(); for {} }() }")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	i := c.send(c.control, jupyter.InterruptRequest, struct{}{})
	c.expect(c.control, jupyter.InterruptReply, i)
	if s := content[jupyter.StreamContent](t, c.until(jupyter.StreamMsg, r)); s.Text != "swallowed\n" {
		t.Errorf("after the first interrupt: %q", s.Text)
	}
	c.interrupted(r)
	if got := c.run("cleaned"); got != "value: true\n" {
		t.Errorf("after the second interrupt: %s", got)
	}
}

func TestInterruptBySignal(t *testing.T) {
	c := startKernel(t)
	r := c.execute("import \"fmt\"\nfmt.Println(\"on\")\nfor {}")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	if err := c.process.Process.Signal(os.Interrupt); err != nil {
		t.Skip("SKIP: no interrupt signal on this system: ", err)
	}
	c.expect(c.iopub, jupyter.ErrorMsg, r)
	c.expectStatus(jupyter.StateIdle, r)
	c.expect(c.shell, jupyter.ExecuteReply, r)
}

func TestAnswersWhileACellRuns(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"\ntype P struct{ Größe int }\np := P{4}")
	r := c.execute("fmt.Println(\"on\")\nfor {}")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	complete := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "größe := p.Gr", CursorPos: 13}))
	if len(complete.Matches) != 1 || complete.Matches[0] != "Größe" || complete.CursorStart != 11 || complete.CursorEnd != 13 {
		t.Errorf("complete: %+v", complete)
	}
	if ty := complete.Metadata.Types; len(ty) != 1 || ty[0].Type != "field" || ty[0].Signature != "int" {
		t.Errorf("types: %+v", ty)
	}
	inspect := content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: "p", CursorPos: 1}))
	if got, want := text(t, inspect.Data), "var p P = {Größe:4}\n\nDefined in cell[1]:3:1"; got != want {
		t.Errorf("inspect: %q, want %q", got, want)
	}
	c.interrupted(r)
}

// A goroutine that panics is told on stderr and ends neither the cell nor the kernel.
func TestGoroutinePanic(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"\nfunc boom(i int) {\n\tpanic(fmt.Sprint(\"boom \", i))\n}")
	for code, want := range map[string]string{
		"go boom(3)": "panic in a goroutine: panic: boom 3\ncell[1]:3:2 in boom\n",
		"go func() {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}()": "panic in a goroutine: runtime error: assignment to entry in nil map\n",
	} {
		r := c.execute(code)
		// The panic may come before or after the cell's end, so both are waited for.
		stream, idle := "", false
		for stream == "" || !idle {
			m := c.recv(c.iopub)
			switch m.Header.MsgType {
			case jupyter.StreamMsg:
				stream += content[jupyter.StreamContent](t, m).Text
			case jupyter.StatusMsg:
				idle = content[jupyter.StatusContent](t, m).ExecutionState == jupyter.StateIdle
			}
		}
		c.expect(c.shell, jupyter.ExecuteReply, r)
		if !strings.HasPrefix(stream, want) {
			t.Errorf("%s: stderr %q, want %q", code, stream, want)
		}
	}
	if got := c.run("1"); got != "value: 1\n" {
		t.Errorf("afterwards: %s", got)
	}
}

// A stack overflow ends the cell and tells the innermost and the outermost calls.
func TestStackOverflow(t *testing.T) {
	c := startKernel(t)
	c.run("n := 1\nfunc f(i int) int {\n\treturn f(i+1) + 1\n}")
	want := regexp.MustCompile(`^runtime error:
runtime error: stack overflow: calls within calls take more than \d+ MiB of stack
cell\[1\]:3:2 in f
(    \d \| .*\n|      \| .*\n)+… 7 times more
… \d{6,} calls more
cell\[1\]:3:2 in f
(    \d \| .*\n|      \| .*\n)+… 5 times more
cell\[2\]:2:1
    1 \| // deep
    2 \| f\(n\)
      \| \^
$`)
	if got := c.run("// deep\nf(n)"); !want.MatchString(got) {
		t.Errorf("the cell answers\n%s", got)
	}
	if got := c.run("n"); got != "value: 1\n" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestComplete(t *testing.T) {
	c := startKernel(t)
	c.run("import \"strings\"\nimport \"io\"\nvar r io.Reader = strings.NewReader(\"abc\")\ncount := 1")
	for _, tc := range []struct{ code, want string }{
		{"strings.Rep", "Repeat Replace ReplaceAll Replacer"},
		{"coun", "count"},
		{"r.Un", "UnreadByte UnreadRune"}, // of what the interface holds
		{"import \"container/", "container/heap container/list container/ring"},
		{"b := strings.Builder{}\nb.WriteS", "WriteString"}, // a variable that the cell itself declares
		{"// coun", ""},
		{"\"coun", ""},
		{"retu", "return"},
	} {
		got := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: tc.code, CursorPos: len([]rune(tc.code))}))
		if s := strings.Join(got.Matches, " "); s != tc.want {
			t.Errorf("complete %q: %q, want %q", tc.code, s, tc.want)
		}
	}
}

func TestInspect(t *testing.T) {
	c := startKernel(t)
	c.run("import \"strings\"")
	c.run("// double gives twice x.\nfunc double(x int) int { return 2*x }\nconst k = 7")
	for _, tc := range []struct{ code, want string }{
		{"double(", "func double(x int) int\n\ndouble gives twice x.\n\nDefined in cell[2]:2:6"},
		{"k", "const k untyped int = 7\n\nDefined in cell[2]:3:7"},
		{"strings.Repeat", "func strings.Repeat(s string, count int) string\n\nRepeat returns"},
	} {
		got := content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: tc.code, CursorPos: len(tc.code)}))
		if !got.Found || !strings.HasPrefix(text(t, got.Data), tc.want) || got.Data["text/markdown"] == nil {
			t.Errorf("inspect %q: %s", tc.code, got.Data["text/plain"])
		}
	}
	if got := content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: "nope", CursorPos: 2})); got.Found || got.Status != "ok" {
		t.Errorf("inspect of an unknown name: %+v", got)
	}
}

func TestIsComplete(t *testing.T) {
	c := startKernel(t)
	for code, want := range map[string]string{
		"x := 1": "complete", "for {": "incomplete", "x := 1 +": "incomplete", "f(1,": "incomplete", "x := )": "invalid",
		"s := `a": "incomplete", "/* a": "incomplete", "x y z": "invalid", "": "complete",
	} {
		got := content[jupyter.IsCompleteReplyContent](t, c.ask(jupyter.IsCompleteRequest, jupyter.IsCompleteRequestContent{Code: code}))
		if got.Status != want {
			t.Errorf("is_complete %q: %s, want %s", code, got.Status, want)
		}
	}
	got := content[jupyter.IsCompleteReplyContent](t, c.ask(jupyter.IsCompleteRequest, jupyter.IsCompleteRequestContent{Code: "for {\n\tif x {"}))
	if got.Indent != "        " {
		t.Errorf("is_complete's indent is %q", got.Indent)
	}
}

func TestHistoryAndComms(t *testing.T) {
	c := startKernel(t)
	c.run("1")
	c.run("2")
	h := content[jupyter.HistoryReplyContent](t, c.ask(jupyter.HistoryRequest, jupyter.HistoryRequestContent{HistAccessType: "tail", N: 1, Output: true}))
	if len(h.History) != 1 || string(h.History[0]) != `[1,2,["2","2"]]` {
		t.Errorf("history: %s", h.History)
	}
	if got := string(c.ask(jupyter.CommInfoRequest, struct{}{}).Content); got != `{"status":"ok","comms":{}}` {
		t.Errorf("comm_info: %s", got)
	}
}

func TestInputWithoutAllowance(t *testing.T) {
	c := startKernel(t)
	got := c.run("import \"fmt\"\nvar s string\n_, err := fmt.Scanln(&s)\nerr")
	if !strings.Contains(got, "allow_stdin is false") {
		t.Errorf("Scanln: %s", got)
	}
}

func TestForgedAndReplayedMessagesAreDropped(t *testing.T) {
	c := startKernel(t)
	forger, err := jupyter.NewWire(jupyter.SignatureScheme, jupyter.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	m, err := jupyter.NewMessage("client", jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: "1"})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := forger.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.shell.Send(c.ctx, frames); err != nil {
		t.Fatal(err)
	}
	first := c.ask(jupyter.KernelInfoRequest, struct{}{}) // answered: the forged one did no harm
	again := &jupyter.Message{Header: first.Parent, Content: json.RawMessage("{}")}
	c.sendMessage(c.shell, again)
	c.ask(jupyter.KernelInfoRequest, struct{}{}) // ask fails on any message of the replayed request
}

func TestHeartbeat(t *testing.T) {
	c := startKernel(t)
	// A REQ socket's envelope, by a DEALER.
	d, err := zsock.DialDealer(c.ctx, c.info.Endpoint(jupyter.Heartbeat), zsock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Send(c.ctx, [][]byte{{}, []byte("ping")}); err != nil {
		t.Fatal(err)
	}
	frames, err := d.Recv(c.ctx)
	if err != nil || string(frames[len(frames)-1]) != "ping" {
		t.Errorf("heartbeat: %q %v", frames, err)
	}
}

func TestFloodIsWhole(t *testing.T) {
	c := startKernel(t)
	const lines = 100_000
	r := c.execute("import \"fmt\"\nfor i := 0; i < 100000; i++ { fmt.Println(\"line\", i) }")
	c.expectRunning(r)
	var all strings.Builder
	messages := 0
	for {
		m := c.recv(c.iopub)
		if m.Header.MsgType != jupyter.StreamMsg {
			break
		}
		messages++
		all.WriteString(content[jupyter.StreamContent](t, m).Text)
	}
	got := strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
	if len(got) != lines || got[lines-1] != "line 99999" {
		t.Errorf("%d lines, last %q", len(got), got[len(got)-1])
	}
	if messages > lines/20 {
		t.Errorf("%d messages for %d lines", messages, lines)
	}
}

func TestShutdown(t *testing.T) {
	for _, restart := range []bool{false, true} {
		c := startKernel(t)
		r := c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{Restart: restart})
		if got := content[jupyter.ShutdownContent](t, c.expect(c.control, jupyter.ShutdownReply, r)); got.Restart != restart || got.Status != "ok" {
			t.Errorf("shutdown_reply: %+v", got)
		}
		c.waitExit()
	}
}

func TestShutdownWhileACellRuns(t *testing.T) {
	c := startKernel(t)
	r := c.execute("import \"fmt\"\nfmt.Println(\"on\")\nfor {}")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	s := c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
	c.expect(c.control, jupyter.ShutdownReply, s)
	c.waitExit()
}

// A kernel that served in this process leaves no goroutine and gives the
// standard streams back.
func TestServeFileLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	info, path := connection(t)
	stdout := os.Stdout
	served := make(chan error, 1)
	go func() { served <- ServeFile(context.Background(), path, Options{}) }()
	t.Run("client", func(t *testing.T) {
		c := connect(t, info)
		if got := c.run("1+1"); got != "value: 2\n" {
			t.Errorf("1+1: %s", got)
		}
		r := c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
		c.expect(c.control, jupyter.ShutdownReply, r)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if os.Stdout != stdout {
		t.Error("os.Stdout was not restored")
	}
	goleak.VerifyNone(t, before)
}

func TestConnectionFileErrors(t *testing.T) {
	for name, file := range map[string]string{
		"no JSON": "{", "no port": `{"ip":"127.0.0.1","key":"k"}`, "scheme": `{"ip":"127.0.0.1","signature_scheme":"hmac-md5"}`,
	} {
		path := filepath.Join(t.TempDir(), "kernel.json")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		err := ServeFile(context.Background(), path, Options{})
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJupyterClient drives the kernel by the client that Jupyter itself has.
func TestJupyterClient(t *testing.T) {
	python, err := filepath.Abs("../.testenv/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(python, "-c", "import jupyter_client").Run(); err != nil {
		t.Skip("SKIP: jupyter_client is missing (.testenv/venv): run make test, which installs it")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/client.py", self, filepath.Join(t.TempDir(), "kernel.json"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const want = "value 2\nstdout hi\ninput 12\nerror CompileError\nmatches ['Println']\nexit 0\n"
	if string(out) != want {
		t.Errorf("jupyter_client saw:\n%s\nwant:\n%s", out, want)
	}
}
