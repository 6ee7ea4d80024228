package lsp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/lsp"
)

// bare is a server that no kernel is needed of.
func bare(t testing.TB, s setup) *client {
	t.Helper()
	s.env = []string{"HOME=" + t.TempDir()}
	return start(t, s)
}

// Nothing that a client sends ends the connection.
func TestWrongMessages(t *testing.T) {
	c := bare(t, setup{raw: true})
	refused := func(what string) *rpcError {
		t.Helper()
		var m *message
		c.await("a refusal of "+what, func() bool { m = c.replies["null"]; delete(c.replies, "null"); return m != nil })
		if m.Error == nil {
			t.Fatalf("%s: no error", what)
		}
		return m.Error
	}
	if got := c.fails("textDocument/hover", map[string]any{}); !strings.Contains(got, "before initialize") {
		t.Error(got)
	}
	c.notify("textDocument/didOpen", map[string]any{})
	for _, body := range []string{`{"jsonrpc": "2.0", "id": 1, "met`, `nonsense`, `"text"`, `{}`, `[]`, `[1, 2]`, "\x00\xff"} {
		c.write(body)
		if e := refused(body); e.Code != -32700 && e.Code != -32600 {
			t.Errorf("%q: %v", body, e)
		}
	}
	c.write(`{"jsonrpc":"2.0","id":1000000777,"result":null}`) // an answer to nothing
	c.write(`{"jsonrpc":"2.0","id":"x","result":null}`)
	c.initialize(setup{capabilities: plugin()})
	if got := c.fails("initialize", map[string]any{"capabilities": map[string]any{}}); !strings.Contains(got, "before") {
		t.Error(got)
	}
	for _, params := range []any{nil, map[string]any{}, []any{}, 7} {
		if got := c.fails("textDocument/nonesuch", params); !strings.Contains(got, "not supported") {
			t.Errorf("%v: %s", params, got)
		}
	}
	for _, method := range []string{"textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest", lsp.MethodInputReply, "$/nonesuch", "window/workDoneProgress/cancel"} {
		for _, params := range []any{nil, 7, []any{1}, map[string]any{"textDocument": 3, "request": 4, "id": []any{}}} {
			c.notify(method, params)
		}
	}
	c.notify(lsp.MethodInputReply, lsp.InputReplyParams{Request: "nonesuch"})
	for _, params := range []any{7, map[string]any{"textDocument": 3}} {
		c.fails("textDocument/hover", params)
	}
	for _, test := range []struct {
		command   string
		arguments []any
		want      string
	}{
		{"reval.nonesuch", []any{1}, "no command"},
		{lsp.CommandEvaluate, nil, "takes one object"},
		{lsp.CommandEvaluate, []any{1, 2}, "takes one object"},
		{lsp.CommandEvaluate, []any{"text"}, "does not fit"},
		{lsp.CommandEvaluate, []any{map[string]any{}}, "no uri"},
		{lsp.CommandEvaluate, []any{lsp.DocumentParams{URI: "file:///never/opened.py"}}, "is not open"},
		{lsp.CommandInspect, []any{map[string]any{"uri": "file:///never/opened.py", "position": map[string]any{"line": -1}}}, ""},
	} {
		got := c.fails("workspace/executeCommand", map[string]any{"command": test.command, "arguments": test.arguments})
		if !strings.Contains(got, test.want) {
			t.Errorf("%s %v: %s", test.command, test.arguments, got)
		}
	}
	b := c.open("a.txt", "text", "x\n")
	b.change(map[string]any{"range": map[string]any{"start": map[string]any{"line": 7, "character": 0}, "end": map[string]any{"line": 9, "character": 0}}, "text": "y"})
	if cells := command[[]lsp.Cell](c, lsp.CommandCells, b.only()); len(cells) != 1 {
		t.Errorf("cells %+v", cells)
	}
}

func TestShutdownAndExit(t *testing.T) {
	c := bare(t, setup{})
	c.call("shutdown", nil)
	if got := c.fails("textDocument/hover", map[string]any{}); !strings.Contains(got, "after shutdown") {
		t.Error(got)
	}
	c.notify("exit", nil)
	c.waitEnd()
}

// However the connection ends, the kernel ends with it, also while it is busy and a
// request waits.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*client){
		"exit":    func(c *client) { c.notify("exit", nil) },
		"EOF":     func(c *client) { c.conn.Close() },
		"context": func(c *client) { c.stop() },
		"unread":  func(c *client) { c.reading.Lock(); c.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{capabilities: plugin()})
			b := c.python("import time\nwhile True: print('x' * 1000); time.sleep(.001)\n")
			b.pid()
			e := b.start(strings.TrimSuffix(b.text, "\n"))
			e.printed("x")
			c.request("workspace/executeCommand", execution(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("time")}))
			end(c)
			if name == "unread" {
				defer c.reading.Unlock()
			}
			c.waitEnd()
		})
	}
}

func TestCancelRequest(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	b := c.python("import threading, signal\n" + endless)
	e := b.evaluate(lsp.EvaluateParams{Unit: "file"})
	e.printed("on")
	for method, params := range map[string]any{
		"textDocument/completion":  b.place(b.after("import")),
		"workspace/executeCommand": execution(lsp.CommandInspect, lsp.InspectParams{URI: b.uri, Position: b.at("signal")}),
	} {
		id := c.request(method, params)
		c.notify("$/cancelRequest", map[string]any{"id": json.RawMessage(id)})
		_, err := c.reply(id, method)
		var answer *rpcError
		if !errors.As(err, &answer) || answer.Code != -32800 {
			t.Errorf("%s: %v", method, err)
		}
	}
	command[any](c, lsp.CommandInterrupt, b.only())
	e.wait()
}

// A client that does not read for a while can interrupt a flood of output, gets the
// end of it, and the server has not kept it all.
func TestClientThatDoesNotRead(t *testing.T) {
	c := start(t, setup{capabilities: plugin()})
	interrupted, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer interrupted.Close()
	b := c.python("import socket\nprint('on', flush=True)\ntry:\n    while True: print('x' * 200)\n" +
		fmt.Sprintf("finally:\n    socket.create_connection(('127.0.0.1', %d))\n", interrupted.Addr().(*net.TCPAddr).Port))
	e := b.evaluate(lsp.EvaluateParams{Unit: "file"})
	e.printed("on")
	c.reading.Lock()
	before := heap()
	// Each would block the server's reader, if it waited for its answer to be read.
	for range 50 {
		c.request("workspace/executeCommand", execution(lsp.CommandState, b.only()))
	}
	id := c.request("workspace/executeCommand", execution(lsp.CommandInterrupt, b.only()))
	for end := time.Now().Add(limit); ; {
		if err := interrupted.(*net.TCPListener).SetDeadline(time.Now().Add(limit / 6)); err != nil {
			t.Fatal(err)
		}
		called, err := interrupted.Accept()
		if err == nil {
			called.Close()
			break
		}
		if time.Now().After(end) {
			c.reading.Unlock()
			t.Fatalf("not interrupted: %v", err)
		}
		// Python drops a KeyboardInterrupt that it gets in a callback: once more, as a
		// person would.
		c.request("workspace/executeCommand", execution(lsp.CommandInterrupt, b.only()))
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("%d MiB kept", grown>>20)
	}
	c.reading.Unlock()
	if _, err := c.reply(id, "interrupt"); err != nil {
		t.Error(err)
	}
	if tr := e.wait(); tr.end.Error == nil || tr.end.Error.Name != "KeyboardInterrupt" {
		t.Errorf("end %+v", tr.end)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzMessage feeds bodies to the server's stream: it ends with the connection, and
// hands on nothing but requests and notifications.
func FuzzMessage(f *testing.F) {
	for _, body := range []string{`{"jsonrpc":"2.0","id":1,"method":"x"}`, `{"jsonrpc":"2.0","id":null,"result":1}`, `[]`, `{`, `{"jsonrpc":"2.0","method":"x","params":[]}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			t.Skip("a body of no bytes is a broken header")
		}
		var in bytes.Buffer
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(body), body)
		last := `{"jsonrpc":"2.0","method":"last"}`
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(last), last)
		stream := lsp.NewStream(struct {
			io.Reader
			io.WriteCloser
		}{&in, discard{io.Discard}}, slog.New(slog.DiscardHandler))
		for range 2 {
			m, _, err := stream.Read(t.Context())
			if err != nil {
				t.Fatalf("%q ends the connection: %v", body, err)
			}
			switch m := m.(type) {
			case *jsonrpc2.Response:
				t.Fatalf("%q is handed on as a response", body)
			case *jsonrpc2.Notification:
				if m.Method() == "last" {
					return
				}
			}
		}
		t.Fatalf("%q is two messages", body)
	})
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }
