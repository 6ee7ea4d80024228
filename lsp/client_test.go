package lsp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// limit bounds the wait for an event that does not come, in a test that fails.
const limit = testenv.Patience

// firstRequestID is where the ids of the server's own requests begin.
const firstRequestID = 1_000_000_000

// message is one JSON-RPC message as it came.
type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *rpcError       `json:"error,omitempty"`

	taken bool // by expect
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// setup says how an editor starts the server.
type setup struct {
	capabilities map[string]any
	folders      []string // workspace folders; none for none
	options      any      // initializationOptions
	env          []string // nil for that of testenv, with the real kernels
	builtin      []kernelclient.Spec
	raw          bool          // without initialize
	logger       *slog.Logger  // nil for the test's
	heartbeat    time.Duration // 0 for the default
	keep         int           // 0 for the default
	hub          *hub.Hub      // nil for sessions that end with the connection
	name         string        // of clientInfo; none if empty
}

// client is an editor: the peer of one server.
//
// Goroutines: read, until the connection ends; serve, until the server does.
type client struct {
	t        testing.TB
	conn     io.ReadWriteCloser
	encoding protocol.PositionEncodingKind
	served   chan struct{} // closed when the server has ended, with err
	err      error
	stop     context.CancelFunc // ends the server's context
	closed   bool               // by waitEnd
	reading  sync.Mutex         // held to keep read from reading
	sending  sync.Mutex

	mu       sync.Mutex
	next     int
	log      []*message          // everything but replies
	replies  map[string]*message // by id
	changed  chan struct{}       // closed by the next message
	answer   func(*message) any  // answers the server's requests; nil for null
	received map[string]int      // bytes, by method
	pids     map[int]*evaluation // kernels that must be gone in the end
	ends     bool                // the connection has ended
}

// plugin is what a plugin says it can do.
func plugin(mime ...string) map[string]any {
	return map[string]any{"experimental": map[string]any{"reval": map[string]any{"mime": mime}}}
}

// start serves an editor in this process.
func start(t testing.TB, s setup) *client {
	t.Helper()
	if s.env == nil {
		testenv.Python(t)
		s.env = testenv.Env(t)
	}
	ours, theirs := net.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	c := newClient(t, ours)
	c.stop = stop
	o := lsp.Options{Version: "test", Builtin: s.builtin, Env: s.env, Logger: s.logger, Heartbeat: s.heartbeat, Keep: s.keep, Hub: s.hub}
	if o.Logger == nil {
		o.Logger = logger(t)
	}
	go func() {
		c.err = lsp.Serve(ctx, theirs, o)
		close(c.served)
	}()
	t.Cleanup(c.close)
	if !s.raw {
		c.initialize(s)
	}
	return c
}

// startBinary starts `reval lsp` as an editor does.
func startBinary(t testing.TB) *client {
	t.Helper()
	cmd := exec.Command(testenv.Reval(t), "lsp", "--standalone")
	cmd.Env = testenv.Env(t)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, struct {
		io.Reader
		io.WriteCloser
	}{out, in})
	c.stop = func() {}
	go func() {
		c.err = cmd.Wait()
		close(c.served)
	}()
	t.Cleanup(c.close)
	c.initialize(setup{capabilities: plugin()})
	return c
}

// logger writes the server's log into that of the test, if it is asked for.
func logger(t testing.TB) *slog.Logger {
	if os.Getenv("REVAL_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func newClient(t testing.TB, conn io.ReadWriteCloser) *client {
	c := &client{
		t: t, conn: conn, served: make(chan struct{}), changed: make(chan struct{}),
		replies: map[string]*message{}, received: map[string]int{}, pids: map[int]*evaluation{},
	}
	go c.read()
	return c
}

func (c *client) initialize(s setup) {
	c.t.Helper()
	params := map[string]any{"processId": os.Getpid(), "rootUri": nil, "capabilities": s.capabilities}
	if s.capabilities == nil {
		params["capabilities"] = map[string]any{}
	}
	var folders []any
	for _, f := range s.folders {
		folders = append(folders, map[string]any{"uri": fileURI(f), "name": filepath.Base(f)})
	}
	if s.name != "" {
		params["clientInfo"] = map[string]any{"name": s.name}
	}
	if folders != nil {
		params["workspaceFolders"] = folders
	}
	if s.options != nil {
		params["initializationOptions"] = s.options
	}
	r := call[struct {
		Capabilities struct {
			PositionEncoding protocol.PositionEncodingKind `json:"positionEncoding"`
		} `json:"capabilities"`
	}](c, "initialize", params)
	c.encoding = r.Capabilities.PositionEncoding
	c.notify("initialized", map[string]any{})
}

// close is the end of every test: shutdown, exit, and then nothing may be left.
func (c *client) close() {
	if c.closed {
		return
	}
	if !c.ended() {
		c.call("shutdown", nil)
		c.notify("exit", nil)
	}
	c.waitEnd()
}

// crash ends the connection in the middle of whatever it is.
func (c *client) crash() {
	c.t.Helper()
	c.conn.Close()
	c.waitEnd()
}

// waitEnd waits for the server's end, and sees that it left no kernel.
func (c *client) waitEnd() {
	c.t.Helper()
	c.closed = true
	select {
	case <-c.served:
	case <-time.After(limit):
		c.t.Fatal("the server does not end")
	}
	c.stop()
	c.conn.Close()
	if c.err != nil {
		c.t.Errorf("the server ended with: %v", c.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid := range c.pids {
		if alive(pid) {
			c.t.Errorf("kernel %d outlived the server", pid)
		}
	}
	for _, m := range c.log {
		// That a kernel cannot talk over Unix sockets is told of some in each test, and of any
		// that its start takes long on a busy machine.
		said := string(m.Params)
		if !m.taken && m.Method == protocol.MethodWindowShowMessage && !strings.Contains(said, " talks over tcp: ") && !strings.Contains(said, " does not answer yet") {
			c.t.Errorf("the user was told: %s", m.Params)
		}
	}
}

func (c *client) ended() bool {
	select {
	case <-c.served:
		return true
	default:
		return false
	}
}

// alive tells whether a process is there. A child of this process that has ended
// is gone only once it was waited for.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func (c *client) read() {
	in := textproto.NewReader(bufio.NewReader(c.conn))
	for {
		c.pass()
		m, size, err := readMessage(in)
		if err != nil {
			c.mu.Lock()
			c.ends = true
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
			return
		}
		if m.Method != "" && m.ID != nil {
			if id, err := strconv.Atoi(string(m.ID)); err != nil || id < firstRequestID {
				c.t.Errorf("request %s of the server has the id %s", m.Method, m.ID)
			}
			var result any
			if c.answer != nil {
				result = c.answer(m)
			}
			// Not in this goroutine: a pipe takes no writes while its other end writes.
			go c.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
		}
		c.mu.Lock()
		c.received[m.Method] += size
		if m.Method == "" {
			c.replies[string(m.ID)] = m
		} else {
			c.log = append(c.log, m)
		}
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
	}
}

// bytesOf counts what came so far of methods.
func (c *client) bytesOf(methods ...string) (bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, method := range methods {
		bytes += c.received[method]
	}
	return bytes
}

// pass waits while someone holds reading.
func (c *client) pass() {
	c.reading.Lock()
	defer c.reading.Unlock()
}

func readMessage(in *textproto.Reader) (*message, int, error) {
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return nil, 0, err
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return nil, 0, err
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(in.R, body); err != nil {
		return nil, 0, err
	}
	m := new(message)
	return m, size, json.Unmarshal(body, m)
}

// send writes a message. It fails no test: the server may have ended.
func (c *client) send(m any) {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	c.write(string(data))
}

// write writes a body as it stands.
func (c *client) write(body string) {
	c.sending.Lock()
	defer c.sending.Unlock()
	fmt.Fprintf(c.conn, "Content-Length: %d\r\n\r\n%s", len(body), body)
}

// await waits until ready says so; it is called with mu held, after each message.
func (c *client) await(what string, ready func() bool) {
	c.t.Helper()
	timeout := time.After(limit)
	for {
		c.mu.Lock()
		ok, ends, changed := ready(), c.ends, c.changed
		c.mu.Unlock()
		switch {
		case ok:
			return
		case ends:
			c.t.Fatalf("the connection ended before %s", what)
		}
		select {
		case <-changed:
		case <-timeout:
			c.t.Fatalf("%s did not come; what came:\n%s", what, c.tail())
		}
	}
}

// tail is the end of what came, for a test that fails.
func (c *client) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, m := range c.log[max(0, len(c.log)-20):] {
		fmt.Fprintf(&b, "  %s %.300s\n", m.Method, m.Params)
	}
	return b.String()
}

// request sends a request and gives its id.
func (c *client) request(method string, params any) string {
	c.mu.Lock()
	c.next++
	id := c.next
	c.mu.Unlock()
	m := map[string]any{"jsonrpc": "2.0", "id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	c.send(m)
	return strconv.Itoa(id)
}

// reply waits for the answer to a request.
func (c *client) reply(id, method string) (json.RawMessage, error) {
	c.t.Helper()
	var m *message
	c.await("the answer to "+method, func() bool { m = c.replies[id]; return m != nil })
	if m.Error != nil {
		return nil, m.Error
	}
	return m.Result, nil
}

// call makes a request that must succeed.
func (c *client) call(method string, params any) json.RawMessage {
	c.t.Helper()
	result, err := c.reply(c.request(method, params), method)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return result
}

// call makes a request that must succeed, and decodes its answer.
func call[R any](c *client, method string, params any) R {
	c.t.Helper()
	return decode[R](c.t, c.call(method, params))
}

func decode[R any](t testing.TB, data []byte) (r R) {
	t.Helper()
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("decode %s: %v", data, err)
	}
	return r
}

// fails makes a request that must fail, and gives the error's text, which is one line.
func (c *client) fails(method string, params any) string {
	c.t.Helper()
	result, err := c.reply(c.request(method, params), method)
	if err == nil {
		c.t.Fatalf("%s did not fail, but answered %s", method, result)
	}
	var e *rpcError
	errors.As(err, &e)
	if strings.Contains(e.Message, "\n") {
		c.t.Errorf("an error of several lines: %q", e.Message)
	}
	return e.Message
}

func execution(name string, argument any) map[string]any {
	return map[string]any{"command": name, "arguments": []any{argument}}
}

// command runs one of the server's commands, which must succeed.
func command[R any](c *client, name string, argument any) R {
	c.t.Helper()
	return call[R](c, "workspace/executeCommand", execution(name, argument))
}

// commandFails runs a command that must fail, and gives the error's text.
func (c *client) commandFails(name string, argument any) string {
	c.t.Helper()
	return c.fails("workspace/executeCommand", execution(name, argument))
}

func (c *client) notify(method string, params any) {
	m := map[string]any{"jsonrpc": "2.0", "method": method}
	if params != nil {
		m["params"] = params
	}
	c.send(m)
}

// expect waits for a message of the server that was not expected before, and that
// match accepts; nil accepts any.
func expect[P any](c *client, method string, match func(P) bool) P {
	c.t.Helper()
	var found P
	c.await("the expected "+method, func() bool {
		for _, m := range c.log {
			if m.taken || m.Method != method {
				continue
			}
			if m.Params == nil {
				m.Params = json.RawMessage("null")
			}
			if p := decode[P](c.t, m.Params); match == nil || match(p) {
				m.taken, found = true, p
				return true
			}
		}
		return false
	})
	return found
}

// count is how many messages of a method came.
func (c *client) count(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, m := range c.log {
		if m.Method == method {
			n++
		}
	}
	return n
}

// showMessage waits for a line that a client without a plugin shows to its user.
func (c *client) showMessage(part string) string {
	c.t.Helper()
	return expect(c, protocol.MethodWindowShowMessage, func(p protocol.ShowMessageParams) bool {
		return strings.Contains(p.Message, part)
	}).Message
}

// state waits until a session's state is told.
func (c *client) state(match func(lsp.StateParams) bool) lsp.StateParams {
	c.t.Helper()
	return expect(c, lsp.MethodState, match)
}

// plain is a client without a plugin that does what LSP offers.
func plain() map[string]any {
	return map[string]any{
		"workspace": map[string]any{"inlayHint": map[string]any{"refreshSupport": true}},
		"window":    map[string]any{"workDoneProgress": true},
	}
}

// buffer is an open document.
type buffer struct {
	*client
	uri     string
	text    string
	version int
}

// open opens a document; its URI is a name for one in a new folder, or whole.
func (c *client) open(name, language, text string) *buffer {
	c.t.Helper()
	u := name
	if !strings.Contains(name, ":") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.t.TempDir(), name)
		}
		u = fileURI(name)
	}
	b := &buffer{client: c, uri: u, text: text, version: 1}
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": u, "languageId": language, "version": 1, "text": text,
	}})
	return b
}

func (c *client) python(text string) *buffer {
	c.t.Helper()
	return c.open("cells.py", "python", text)
}

func fileURI(path string) string { return string(uri.File(path)) }

// characters is the length of text in units of the connection's encoding.
func (c *client) characters(text string) int {
	switch c.encoding {
	case "utf-8":
		return len(text)
	case "utf-32":
		return len([]rune(text))
	}
	return len(utf16.Encode([]rune(text)))
}

// offset finds needle in the buffer's text.
func (b *buffer) offset(needle string) int {
	b.t.Helper()
	n := strings.Index(b.text, needle)
	if n < 0 {
		b.t.Fatalf("%q is not in the buffer", needle)
	}
	return n
}

// position of a byte offset.
func (b *buffer) position(offset int) protocol.Position {
	before := b.text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return protocol.Position{
		Line:      uint32(strings.Count(before, "\n")),
		Character: uint32(b.characters(before[start:])),
	}
}

// at is the start of needle, after its end.
func (b *buffer) at(needle string) protocol.Position {
	b.t.Helper()
	return b.position(b.offset(needle))
}

func (b *buffer) after(needle string) protocol.Position {
	b.t.Helper()
	return b.position(b.offset(needle) + len(needle))
}

// span is the range of needle.
func (b *buffer) span(needle string) protocol.Range {
	b.t.Helper()
	return protocol.Range{Start: b.at(needle), End: b.after(needle)}
}

// place names a position in the buffer, as most requests want it.
func (b *buffer) place(p protocol.Position) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": b.uri}, "position": p}
}

// replace edits the buffer as an editor does: the change alone.
func (b *buffer) replace(old, text string) {
	b.t.Helper()
	where := b.span(old)
	b.text = strings.Replace(b.text, old, text, 1)
	b.change(map[string]any{"range": where, "text": text})
}

// rewrite sends the whole text, as a small plugin does.
func (b *buffer) rewrite(text string) {
	b.text = text
	b.change(map[string]any{"text": text})
}

func (b *buffer) change(changes ...any) {
	b.version++
	b.notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": b.uri, "version": b.version}, "contentChanges": changes,
	})
}

func (b *buffer) close() {
	b.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": b.uri}})
}

// only is the argument that names the buffer alone.
func (b *buffer) only() lsp.DocumentParams { return lsp.DocumentParams{URI: b.uri} }

// run evaluates a piece of the buffer's text, and waits for its end.
func (b *buffer) run(code string) transcript {
	b.t.Helper()
	return b.start(code).wait()
}

// start evaluates a piece of the buffer's text.
func (b *buffer) start(code string) *evaluation {
	b.t.Helper()
	r := b.span(code)
	return b.evaluate(lsp.EvaluateParams{Range: &r})
}

// unit evaluates the unit around a position.
func (b *buffer) unit(unit string, p protocol.Position) *evaluation {
	b.t.Helper()
	return b.evaluate(lsp.EvaluateParams{Unit: unit, Position: &p})
}

func (b *buffer) evaluate(p lsp.EvaluateParams) *evaluation {
	b.t.Helper()
	p.URI = b.uri
	r := command[lsp.EvaluateResult](b.client, lsp.CommandEvaluate, p)
	return &evaluation{buffer: b, id: r.Evaluation, where: r.Range}
}

// pid asks a Python kernel for its process, which must be gone when the server is.
func (b *buffer) pid() int {
	b.t.Helper()
	other := b.open(strings.TrimSuffix(b.uri, ".py")+"-pid.py", "python", "__import__('os').getpid()")
	tr := other.run(other.text)
	pid, err := strconv.Atoi(tr.value())
	if err != nil {
		b.t.Fatalf("the kernel's process is %q", tr.value())
	}
	b.mu.Lock()
	b.pids[pid] = nil
	b.mu.Unlock()
	return pid
}

// evaluation is one evaluation of a client with a plugin.
type evaluation struct {
	*buffer
	id    string
	where protocol.Range

	told transcript // of the first read messages of the client's log
	read int
}

// transcript is what the client was told of an evaluation.
type transcript struct {
	states  []string     // each once
	parts   []lsp.Output // as they came
	outputs []lsp.Output // as they stand
	end     lsp.EvaluationParams
}

// transcript is what came so far; mu is held.
func (e *evaluation) transcript() transcript {
	tr := &e.told
	for _, m := range e.log[e.read:] {
		switch m.Method {
		case lsp.MethodOutput:
			p := decode[lsp.OutputParams](e.t, m.Params)
			if p.Evaluation != e.id {
				continue
			}
			if p.URI != e.uri {
				e.t.Errorf("output of %s, not of %s", p.URI, e.uri)
			}
			for _, o := range p.Outputs {
				tr.add(o)
			}
		case lsp.MethodEvaluation:
			p := decode[lsp.EvaluationParams](e.t, m.Params)
			if p.Evaluation != e.id {
				continue
			}
			if n := len(tr.states); n == 0 || tr.states[n-1] != p.State {
				tr.states = append(tr.states, p.State)
			}
			tr.end = p
		}
	}
	e.read = len(e.log)
	copied := *tr
	copied.outputs = slices.Clone(tr.outputs)
	return copied
}

// add takes an output as messages.go says a client has to.
func (tr *transcript) add(o lsp.Output) {
	tr.parts = append(tr.parts, o)
	if o.Kind == lsp.OutputClear {
		tr.outputs = nil
		return
	}
	for i, old := range tr.outputs {
		if old.Index != o.Index {
			continue
		}
		if o.Kind == lsp.OutputStream {
			text := []rune(old.Text)
			o.Text = string(text[:len(text)-o.Back]) + o.Text
		}
		tr.outputs[i] = o
		return
	}
	tr.outputs = append(tr.outputs, o)
}

func ends(state string) bool {
	return state != "" && state != lsp.EvaluationQueued && state != lsp.EvaluationRunning
}

// until waits until the transcript is as match wants it.
func (e *evaluation) until(what string, match func(transcript) bool) (tr transcript) {
	e.t.Helper()
	e.await(what, func() bool { tr = e.transcript(); return match(tr) })
	return tr
}

// wait waits for the evaluation's end.
func (e *evaluation) wait() transcript {
	e.t.Helper()
	return e.until("the end of an evaluation", func(tr transcript) bool { return ends(tr.end.State) })
}

// printed waits until the evaluation has printed something.
func (e *evaluation) printed(text string) {
	e.t.Helper()
	e.until(fmt.Sprintf("the output %q", text), func(tr transcript) bool {
		return strings.Contains(tr.stream("stdout"), text)
	})
}

func (tr transcript) stream(name string) string {
	var b strings.Builder
	for _, o := range tr.outputs {
		if o.Kind == lsp.OutputStream && o.Name == name {
			b.WriteString(o.Text)
		}
	}
	return b.String()
}

func (tr transcript) one(kind string) (found lsp.Output) {
	for _, o := range tr.outputs {
		if o.Kind == kind {
			found = o
		}
	}
	return found
}

// value is the text of the result.
func (tr transcript) value() string { return tr.one(lsp.OutputResult).Text }

// want compares what came of an evaluation with states, as "queued running done".
func (tr transcript) want(t testing.TB, states, value string) {
	t.Helper()
	got := strings.Join(tr.states, " ")
	// A state that lasts no time may be passed by.
	for _, brief := range []string{lsp.EvaluationQueued + " ", lsp.EvaluationRunning + " "} {
		if !strings.Contains(got, brief) {
			states = strings.Replace(states, brief, "", 1)
		}
	}
	if got != states {
		t.Errorf("states: %s, want %s (%s)", got, states, tr.end.Message)
	}
	if tr.value() != value {
		t.Errorf("value %q, want %q; error: %s", tr.value(), value, tr.one(lsp.OutputError).Text)
	}
}

// evaluations asks for the results that stand in the buffer.
func (b *buffer) evaluations() []lsp.EvaluationParams {
	b.t.Helper()
	return command[[]lsp.EvaluationParams](b.client, lsp.CommandEvaluations, b.only())
}

// hint is one inlay hint.
type hint struct {
	Position protocol.Position `json:"position"`
	Label    string            `json:"label"`
	Tooltip  string            `json:"tooltip"`
}

// hints asks for the inlay hints of the whole buffer.
func (b *buffer) hints() []hint {
	b.t.Helper()
	return call[[]hint](b.client, "textDocument/inlayHint", map[string]any{
		"textDocument": map[string]any{"uri": b.uri},
		"range":        protocol.Range{End: b.position(len(b.text))},
	})
}

// settled waits until everything evaluated in the buffer has ended, by the
// refreshes of inlay hints that a client without a plugin gets.
func (b *buffer) settled() {
	b.t.Helper()
	for {
		running := false
		for _, e := range b.evaluations() {
			running = running || !ends(e.State)
		}
		if !running {
			return
		}
		expect[any](b.client, protocol.MethodWorkspaceInlayHintRefresh, nil)
	}
}

func (b *buffer) evaluation(id string) lsp.EvaluationParams {
	b.t.Helper()
	for _, e := range b.evaluations() {
		if e.Evaluation == id {
			return e
		}
	}
	b.t.Fatalf("evaluation %s is not there", id)
	panic("unreachable")
}

// goKernel is the kernel in the binary.
func goKernel(t testing.TB) kernelclient.Spec {
	return kernelclient.Spec{
		Name: "go", DisplayName: "Go (reval)", Language: "go",
		Argv:          []string{testenv.Reval(t), "kernel", "go", "--connection-file", "{connection_file}"},
		InterruptMode: kernelclient.InterruptByMessage,
		Source:        "embedded",
	}
}
