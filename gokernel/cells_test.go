package gokernel

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

// bundle reads a display_data or update_display_data of a request.
func (c *client) bundle(t jupyter.MsgType, request *jupyter.Message) jupyter.DisplayDataContent {
	c.t.Helper()
	return content[jupyter.DisplayDataContent](c.t, c.expect(c.iopub, t, request))
}

// ends reads the end of an execution.
func (c *client) ends(request *jupyter.Message) jupyter.ExecuteReplyContent {
	c.t.Helper()
	c.expectStatus(jupyter.StateIdle, request)
	return content[jupyter.ExecuteReplyContent](c.t, c.expect(c.shell, jupyter.ExecuteReply, request))
}

func TestDisplay(t *testing.T) {
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		r := c.execute("import \"fmt\"\nfmt.Println(\"before\")\nh := reval.Display(reval.HTML(\"<b>1</b>\"))\nreval.ClearOutput(true)\nh.Update(reval.Markdown(\"*2*\"))")
		c.expectRunning(r)
		c.expectStream("stdout", "before\n", r)
		first := c.bundle(jupyter.DisplayDataMsg, r)
		if first.Transient.DisplayID == "" || string(first.Data["text/html"]) != `"\u003cb\u003e1\u003c/b\u003e"` {
			t.Errorf("%s: display_data %+v", engine, first)
		}
		if clear := content[jupyter.ClearOutputContent](t, c.expect(c.iopub, jupyter.ClearOutputMsg, r)); !clear.Wait {
			t.Errorf("%s: clear_output does not wait", engine)
		}
		second := c.bundle(jupyter.UpdateDisplayDataMsg, r)
		if second.Transient != first.Transient || string(second.Data["text/markdown"]) != `"*2*"` {
			t.Errorf("%s: update_display_data %+v", engine, second)
		}
		c.ends(r)
	}
}

// A value's own methods give its forms; they are the cell's code.
func TestValuesBringTheirForms(t *testing.T) {
	c := startKernel(t)
	c.run("type P struct{ n int }\nfunc (p P) HTML() string { for p.n == 0 {}; if p.n == 1 { panic(\"no form\") }; return \"<p>\" }")
	r := c.execute("P{2}")
	c.expectRunning(r)
	if b := c.bundle(jupyter.ExecuteResultMsg, r); string(b.Data["text/html"]) != `"\u003cp\u003e"` || string(b.Data["text/plain"]) != `"{n:2}"` {
		t.Errorf("P{2} is %s", b.Data)
	}
	c.ends(r)
	if got := c.run("P{1}"); !strings.HasPrefix(got, "panic:\npanic: no form\n") {
		t.Errorf("P{1}: %s", got)
	}
	for code, want := range map[string]string{
		"reval.Markdown(\"# a\\nb\")": "# a\nb", "reval.PNG(\"12\")": "PNG of 2 bytes", "reval.JSON{[]int{1}}": "[1]",
		"import \"image\"\nimage.NewGray(image.Rect(0, 0, 3, 2))": "*image.Gray of 3 × 2 pixels",
	} {
		if got := c.run(code); got != "value: "+want+"\n" {
			t.Errorf("%s: %s", code, got)
		}
	}
	r = c.execute("P{0}")
	c.expectRunning(r)
	c.interrupted(r)
}

func TestProgress(t *testing.T) {
	c := startKernel(t)
	r := c.execute("bar := reval.Progress(\"load\", 2)\nbar.Add(2)\nbar")
	c.expectRunning(r)
	first := c.bundle(jupyter.DisplayDataMsg, r)
	second := c.bundle(jupyter.UpdateDisplayDataMsg, r)
	if first.Transient != second.Transient || !strings.Contains(text(t, second.Data), "2/2") {
		t.Errorf("the bar is %s", second.Data)
	}
	c.ends(r)
	if got := c.run("figure := reval.Plot()\n%whos"); !regexp.MustCompile(`(?m)^bar +\*reval\.Bar +0x.*\nfigure +\*reval\.Figure +0x`).MatchString(got) {
		t.Errorf("their types are %s", got)
	}
}

// Every function of package reval tells what it takes and does.
func TestRevalIsDocumented(t *testing.T) {
	c := startKernel(t)
	found := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "reval.", CursorPos: 6}))
	functions := 0
	for _, m := range found.Metadata.Types {
		if m.Type != "function" {
			continue
		}
		functions++
		code := "reval." + m.Text
		got := text(t, content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: code, CursorPos: len(code)})).Data)
		if !strings.Contains(got, "\n\n"+m.Text+"(") || strings.Contains(got, "(any") || strings.Contains(got, "(string") {
			t.Errorf("%s: %s", code, got)
		}
	}
	if functions < 10 {
		t.Errorf("package reval has %d functions: %v", functions, found.Matches)
	}
}

func TestPlot(t *testing.T) {
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		r := c.execute("reval.Plot().Line(\"squares\", nil, []int{0, 1, 4}).Title(\"t\")")
		c.expectRunning(r)
		b := c.bundle(jupyter.ExecuteResultMsg, r)
		if text(t, b.Data) != "plot of 3 points in 1 series" || b.Data["image/png"] == nil || !strings.Contains(string(b.Data["image/svg+xml"]), "squares") {
			t.Errorf("%s: the plot is %.300s", engine, b.Data)
		}
		c.ends(r)
		if got := c.run("reval.Plot().Line(\"\", []int{1}, []int{1, 2})"); !strings.Contains(got, "there are 1 x and 2 y") {
			t.Errorf("%s: %s", engine, got)
		}
	}
}

// answer answers a question.
func (c *client) answer(request *jupyter.Message, value string) jupyter.InputRequestContent {
	c.t.Helper()
	asked := c.expect(c.stdin, jupyter.InputRequest, request)
	reply, err := asked.Reply("client", jupyter.InputReply, jupyter.InputReplyContent{Value: value})
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendMessage(c.stdin, reply)
	return content[jupyter.InputRequestContent](c.t, asked)
}

func TestInputAndPassword(t *testing.T) {
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		r := c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{
			Code:       "import (\"bufio\"; \"os\"; \"fmt\")\na := reval.Input(\"Name: \")\nb := reval.Password(\"Word: \")\nline, _ := bufio.NewReader(os.Stdin).ReadString('\\n')\nvar n int\nfmt.Scan(&n)\nfmt.Sprint(a, b, line, n)",
			AllowStdin: true, StoreHistory: true,
		})
		c.expectRunning(r)
		if q := c.answer(r, "ann"); q.Prompt != "Name: " || q.Password {
			t.Errorf("%s: the first question is %+v", engine, q)
		}
		if q := c.answer(r, "secret"); q.Prompt != "Word: " || !q.Password {
			t.Errorf("%s: the second question is %+v", engine, q)
		}
		c.answer(r, "whole line")
		c.answer(r, "7")
		if got := text(t, c.bundle(jupyter.ExecuteResultMsg, r).Data); got != `"annsecretwhole line\n7"` {
			t.Errorf("%s: read %s", engine, got)
		}
		c.ends(r)
		if got := c.run("reval.Input(\"?\")"); !strings.Contains(got, "allow_stdin is false") {
			t.Errorf("%s: without leave: %s", engine, got)
		}
	}
}

func TestInterruptOfAQuestion(t *testing.T) {
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		c.run("import \"fmt\"\nx := 3\nvar s string")
		for _, code := range []string{"reval.Input(\"?\")\nx = 4", "fmt.Scan(&s)\nfor {}"} {
			r := c.send(c.shell, jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: code, AllowStdin: true, StoreHistory: true})
			c.expectRunning(r)
			c.expect(c.stdin, jupyter.InputRequest, r)
			c.interrupted(r)
			if got := c.run("x"); got != "value: 3\n" {
				t.Errorf("%s: after %s: %s", engine, code, got)
			}
		}
	}
}

// subshell makes a subshell and gives its id.
func (c *client) subshell() *string {
	c.t.Helper()
	r := c.send(c.control, jupyter.CreateSubshellRequest, struct{}{})
	reply := content[jupyter.CreateSubshellReplyContent](c.t, c.expect(c.control, jupyter.CreateSubshellReply, r))
	if reply.Status != jupyter.StatusOK {
		c.t.Fatalf("create_subshell_reply: %+v", reply)
	}
	c.until(jupyter.StatusMsg, r)
	c.until(jupyter.StatusMsg, r)
	return &reply.SubshellID
}

func (c *client) executeIn(subshell *string, code string) *jupyter.Message {
	c.t.Helper()
	m, err := jupyter.NewMessage("client", jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{Code: code, StoreHistory: true, StopOnError: true})
	if err != nil {
		c.t.Fatal(err)
	}
	m.Header.SubshellID = subshell
	c.sendMessage(c.shell, m)
	return m
}

// A second evaluation runs beside the first, sees what that changes, and what each
// prints is its own.
func TestSubshellRunsBeside(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"\nimport \"sync/atomic\"\nvar stop atomic.Bool\nvar turns atomic.Int64")
	id := c.subshell()
	long := c.execute("fmt.Println(\"long\")\nfor !stop.Load() { turns.Add(1) }\nfmt.Println(\"end\")\n1")
	c.expectRunning(long)
	c.expectStream("stdout", "long\n", long)
	beside := c.executeIn(id, "for turns.Load() < 5 {}\nfmt.Println(\"beside\")\nturns.Load() > 0")
	c.expectRunning(beside)
	c.expectStream("stdout", "beside\n", beside)
	if got := text(t, c.bundle(jupyter.ExecuteResultMsg, beside).Data); got != "true" {
		t.Errorf("beside: %s", got)
	}
	c.ends(beside)
	failing := c.executeIn(id, "panic(\"only here\")")
	c.until(jupyter.ErrorMsg, failing)
	c.ends(failing)
	second := c.executeIn(id, "stop.Store(true)")
	c.until(jupyter.StatusMsg, second)
	// From here the two end side by side: the order of their messages is open.
	var printed string
	idle := map[string]bool{}
	for len(idle) < 2 {
		m := c.recv(c.iopub)
		switch m.Header.MsgType {
		case jupyter.StreamMsg:
			if m.Parent.MsgID != long.Header.MsgID {
				t.Errorf("the output %s is %s's", m.Content, m.Parent.MsgID)
			}
			printed += content[jupyter.StreamContent](t, m).Text
		case jupyter.StatusMsg:
			if content[jupyter.StatusContent](t, m).ExecutionState == jupyter.StateIdle {
				idle[m.Parent.MsgID] = true
			}
		}
	}
	if printed != "end\n" {
		t.Errorf("the first printed %q at its end", printed)
	}
	c.recv(c.shell)
	c.recv(c.shell)

	r := c.send(c.control, jupyter.ListSubshellRequest, struct{}{})
	if list := content[jupyter.ListSubshellReplyContent](t, c.expect(c.control, jupyter.ListSubshellReply, r)); len(list.SubshellIDs) != 1 || list.SubshellIDs[0] != *id {
		t.Errorf("list_subshell_reply: %+v", list)
	}
	for _, want := range []string{jupyter.StatusOK, jupyter.StatusError} {
		r := c.send(c.control, jupyter.DeleteSubshellRequest, jupyter.DeleteSubshellRequestContent{SubshellID: *id})
		if got := content[jupyter.StatusReplyContent](t, c.expect(c.control, jupyter.DeleteSubshellReply, r)); got.Status != want {
			t.Errorf("delete_subshell_reply: %s, want %s", got.Status, want)
		}
	}
	gone := c.executeIn(id, "1")
	if got := content[jupyter.ExecuteReplyContent](t, c.expect(c.shell, jupyter.ExecuteReply, gone)); got.Status != jupyter.StatusError {
		t.Errorf("in a subshell that is gone: %+v", got)
	}
}

// What a goroutine prints after its cell's end, also by the library, is the cell's;
// while another cell prints as well.
func TestLateOutputIsItsCells(t *testing.T) {
	c := startKernel(t)
	first := c.execute("import (\"fmt\"; \"os\"; \"time\")\ngo1, said := make(chan bool), make(chan bool)\ngo func() {\n\tfor range go1 {\n\t\tfmt.Println(\"late\")\n\t\tfmt.Fprintln(os.Stderr, \"oh\")\n\t\ttime.AfterFunc(0, func() { os.Stdout.WriteString(\"timer\\n\"); said <- true })\n\t}\n}()")
	c.expectRunning(first)
	c.ends(first)
	second := c.execute("fmt.Println(\"a\")\ngo1 <- true\n<-said\nfmt.Println(\"b\")")
	c.expectRunning(second)
	c.expectStream("stdout", "a\n", second)
	c.expectStream("stdout", "late\n", first)
	c.expectStream("stderr", "oh\n", first)
	c.expectStream("stdout", "timer\n", first) // though the runtime starts that goroutine
	c.expectStream("stdout", "b\n", second)
	c.ends(second)
}

// What the library starts in goroutines is the cell's that asked for it, its panics too:
// they end no kernel.
func TestGoroutinesOfTheLibrary(t *testing.T) {
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		c.run(`import ("context"; "fmt"; "net/http"; "net/http/httptest"; "sync"; "time")
var wg sync.WaitGroup
ctx, cancel := context.WithCancel(context.Background())
var server *httptest.Server
closing := &http.Server{}`)
		for _, tc := range []struct{ first, second string }{
			{`time.AfterFunc(0, func() { <-ctx.Done(); fmt.Println("on"); panic("oh") })`, `cancel()`},
			{`again := time.AfterFunc(time.Hour, func() { fmt.Println("on"); panic("oh") })`, `again.Reset(0)`},
			{"ctx, cancel = context.WithCancel(context.Background())\n" +
				`context.AfterFunc(ctx, func() { fmt.Println("on"); panic("oh") })`, `cancel()`},
			{"start := make(chan bool)\n" +
				`wg.Go(func() { <-start; fmt.Println("on"); panic("oh") })`, "close(start)\nwg.Wait()"},
			{`closing.RegisterOnShutdown(func() { fmt.Println("on"); panic("oh") })`, `closing.Shutdown(context.Background())`},
		} {
			if engine == "yaegi" && !strings.Contains(tc.first, "AfterFunc") {
				continue // it has no WaitGroup.Go, and does not know the other
			}
			first := c.execute(tc.first)
			c.until(jupyter.StatusMsg, first)
			c.until(jupyter.StatusMsg, first)
			c.expect(c.shell, jupyter.ExecuteReply, first)
			second := c.execute(tc.second)
			if got := content[jupyter.StreamContent](t, c.until(jupyter.StreamMsg, first)); got.Name != "stdout" || got.Text != "on\n" {
				t.Errorf("%s: %s: %+v", engine, tc.first, got)
			}
			if got := content[jupyter.StreamContent](t, c.until(jupyter.StreamMsg, first)); got.Name != "stderr" || !strings.HasPrefix(got.Text, "panic in a goroutine: panic: oh\n") {
				t.Errorf("%s: %s: %+v", engine, tc.first, got)
			}
			c.expect(c.shell, jupyter.ExecuteReply, second)
		}
		first := c.execute(`server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println(r.URL.Path) }))`)
		c.expect(c.shell, jupyter.ExecuteReply, first)
		c.execute("_, err := http.Get(server.URL + \"/served\")")
		if got := content[jupyter.StreamContent](t, c.until(jupyter.StreamMsg, first)); got.Text != "/served\n" {
			t.Errorf("%s: the server's cell printed %+v", engine, got)
		}
	}
}

func TestOutputFromBelowGo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	c := startKernel(t)
	r := c.execute("import (\"fmt\"; \"os\"; \"os/exec\"; \"syscall\")\nfmt.Println(1)\ncmd := exec.Command(\"sh\", \"-c\", \"echo 2\")\ncmd.Stdout = os.Stdout\ncmd.Run()\nsyscall.Write(1, []byte(\"3\\n\"))\nfmt.Println(4)")
	c.expectRunning(r)
	c.expectStream("stdout", "1\n2\n3\n4\n", r)
	c.until(jupyter.StatusMsg, r)
	c.expect(c.shell, jupyter.ExecuteReply, r)
}

func TestComms(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"")
	serving := c.execute("reval.OnComm(\"echo\", func(c *reval.Comm, data string) {\n\tfmt.Println(\"open\", data)\n\tc.OnMessage(func(data string) { c.Send(map[string]string{\"got\": data}) })\n})")
	c.expectRunning(serving)
	c.ends(serving)
	open := c.send(c.shell, jupyter.CommOpen, jupyter.CommContent{CommID: "one", TargetName: "echo", Data: json.RawMessage(`{"a":1}`)})
	c.expectStatus(jupyter.StateBusy, open)
	c.expectStream("stdout", "open {\"a\":1}\n", serving)
	c.expectStatus(jupyter.StateIdle, open)
	message := c.send(c.shell, jupyter.CommMsg, jupyter.CommContent{CommID: "one", Data: json.RawMessage(`5`)})
	c.expectStatus(jupyter.StateBusy, message)
	if got := content[jupyter.CommContent](t, c.expect(c.iopub, jupyter.CommMsg, serving)); got.CommID != "one" || string(got.Data) != `{"got":"5"}` {
		t.Errorf("comm_msg: %+v", got)
	}
	c.expectStatus(jupyter.StateIdle, message)
	// They keep their order, the first of them too.
	c.send(c.shell, jupyter.CommOpen, jupyter.CommContent{CommID: "quick", TargetName: "echo", Data: json.RawMessage(`{}`)})
	for i := range 100 {
		message = c.send(c.shell, jupyter.CommMsg, jupyter.CommContent{CommID: "quick", Data: json.RawMessage(strconv.Itoa(i))})
	}
	for i := 0; i < 100; {
		if m := c.recv(c.iopub); m.Header.MsgType == jupyter.CommMsg {
			if got, want := string(content[jupyter.CommContent](t, m).Data), `{"got":"`+strconv.Itoa(i)+`"}`; got != want {
				t.Fatalf("%s, want %s", got, want)
			}
			i++
		}
	}
	c.expectStatus(jupyter.StateIdle, message)
	closing := c.send(c.shell, jupyter.CommClose, jupyter.CommContent{CommID: "quick"})
	c.expectStatus(jupyter.StateBusy, closing)
	c.expectStatus(jupyter.StateIdle, closing)
	own := c.execute("reval.OpenComm(\"mine\", 7).Close()")
	c.expectRunning(own)
	opened := content[jupyter.CommContent](t, c.expect(c.iopub, jupyter.CommOpen, own))
	if opened.TargetName != "mine" || string(opened.Data) != "7" {
		t.Errorf("comm_open: %+v", opened)
	}
	if closed := content[jupyter.CommContent](t, c.expect(c.iopub, jupyter.CommClose, own)); closed.CommID != opened.CommID {
		t.Errorf("comm_close: %+v", closed)
	}
	c.ends(own)
	if got := string(c.ask(jupyter.CommInfoRequest, struct{}{}).Content); got != `{"status":"ok","comms":{"one":{"target_name":"echo"}}}` {
		t.Errorf("comm_info: %s", got)
	}
	unknown := c.send(c.shell, jupyter.CommOpen, jupyter.CommContent{CommID: "two", TargetName: "nobody"})
	c.expectStatus(jupyter.StateBusy, unknown)
	c.expect(c.iopub, jupyter.CommClose, unknown)
	c.expectStatus(jupyter.StateIdle, unknown)
}

// What was executed is there in the next kernel, and nobody else's to read.
func TestHistoryOutlivesTheKernel(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	ask := func(c *client, r jupyter.HistoryRequestContent) string {
		t.Helper()
		var entries []string
		for _, e := range content[jupyter.HistoryReplyContent](t, c.ask(jupyter.HistoryRequest, r)).History {
			entries = append(entries, string(e))
		}
		return strings.Join(entries, " ")
	}
	first := startKernelOn(t, "", historyVariable+"="+dir)
	first.run("a := 1 / 1")
	first.run("a")
	beside := startKernelOn(t, "", historyVariable+"="+dir)
	beside.run("a := 5")
	first.run("a + 1")
	for _, c := range []*client{first, beside} {
		c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
		c.waitExit()
	}
	c := startKernelOn(t, "", historyVariable+"="+dir)
	for _, tc := range []struct {
		request jupyter.HistoryRequestContent
		want    string
	}{
		{jupyter.HistoryRequestContent{HistAccessType: "tail", N: 2, Output: true}, `[1,3,["a + 1","2"]] [2,1,["a := 5",null]]`},
		{jupyter.HistoryRequestContent{HistAccessType: "range", Session: 1, Start: 2, Stop: 4}, `[1,2,"a"] [1,3,"a + 1"]`},
		{jupyter.HistoryRequestContent{HistAccessType: "range", Session: -1}, `[2,1,"a := 5"]`},
		{jupyter.HistoryRequestContent{HistAccessType: "range"}, ``},
		{jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "*1 / 1"}, `[1,1,"a := 1 / 1"]`},
	} {
		if got := ask(c, tc.request); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.request, got, tc.want)
		}
	}
	c.run("a := 5")
	if got := ask(c, jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "a := ?", Unique: true}); got != `[3,1,"a := 5"]` {
		t.Errorf("unique: %s", got)
	}
	if got := ask(c, jupyter.HistoryRequestContent{HistAccessType: "range", Session: 0}); got != `[3,1,"a := 5"]` {
		t.Errorf("this session: %s", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
