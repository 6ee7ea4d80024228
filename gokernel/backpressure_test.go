package gokernel

import (
	"encoding/json"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// look evaluates an expression in a subshell; the answer comes on the shell channel alone.
func (c *client) look(subshell *string, expression string) int {
	c.t.Helper()
	m := c.askToLook(subshell, expression)
	reply := content[jupyter.ExecuteReplyContent](c.t, c.expect(c.shell, jupyter.ExecuteReply, m))
	var value struct{ Data jupyter.MIMEBundle }
	if err := json.Unmarshal(reply.UserExpressions["look"], &value); err != nil {
		c.t.Fatal(err)
	}
	n, err := strconv.Atoi(text(c.t, value.Data))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func (c *client) askToLook(subshell *string, expression string) *jupyter.Message {
	c.t.Helper()
	m, err := jupyter.NewMessage("client", jupyter.ExecuteRequest, jupyter.ExecuteRequestContent{
		Silent: true, UserExpressions: map[string]string{"look": expression},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	m.Header.SubshellID = subshell
	c.sendMessage(c.shell, m)
	return m
}

// stopFlood tells the cell of a request to stop, and gives its reply.
func (c *client) stopFlood(subshell *string, request *jupyter.Message) (reply jupyter.ExecuteReplyContent) {
	c.t.Helper()
	c.askToLook(subshell, "stop.Add(1)")
	for range 2 { // in whatever order they end
		if m := c.recv(c.shell); m.Parent.MsgID == request.Header.MsgID {
			reply = content[jupyter.ExecuteReplyContent](c.t, m)
		}
	}
	return reply
}

// stalls looks at a counter until it stands still, and gives it.
func (c *client) stalls(subshell *string, counter string) int {
	c.t.Helper()
	for last, same := 0, 0; ; {
		n := c.look(subshell, counter)
		if n != last || n == 0 {
			same = 0
		}
		if last, same = n, same+1; same == 5 {
			return n
		}
		for range 100 { // which takes the kernel some time, however slow the machine is
			c.asks(c.control, jupyter.KernelInfoRequest, struct{}{})
		}
	}
}

// asks sends a request and reads its reply, and nothing of IOPub.
func (c *client) asks(on *zsock.Dealer, t jupyter.MsgType, request any) *jupyter.Message {
	c.t.Helper()
	m := c.send(on, t, request)
	reply := c.recv(on)
	if reply.Parent.MsgID != m.Header.MsgID {
		c.t.Fatalf("reply to %s, want one to %s", reply.Parent.MsgID, m.Header.MsgID)
	}
	return reply
}

// flood is a cell that prints numbered lines until it is told to stop.
const flood = `import ("fmt"; "strings"; "sync/atomic"; "runtime")
var printed, stop atomic.Int64
pad := strings.Repeat("x", 90)
heap := func() uint64 { var m runtime.MemStats; runtime.GC(); runtime.ReadMemStats(&m); return m.HeapAlloc >> 20 }`

const floods = `for stop.Load() == 0 { fmt.Println(printed.Load(), pad); printed.Add(1) }`

// lazily gives a client that reads of IOPub no more than it is asked to.
func lazily(t *testing.T) *client {
	t.Helper()
	info, path := connection(t)
	cmd := startProcess(t, path, "")
	c := connectWith(t, info, zsock.Options{Queue: 1, QueueBytes: 1})
	c.process = cmd
	return c
}

// What a client does not read makes the cell wait, whatever time that takes. Meanwhile
// everything else is answered and the memory is bounded, and an interrupt ends the cell.
// Then all is there, and in order.
func TestFloodWaitsForItsReader(t *testing.T) {
	c := lazily(t)
	c.run(flood)
	id := c.subshell()
	r := c.execute(floods)
	n := c.stalls(id, "printed.Load()")
	if mib := c.look(id, "heap()"); mib > 100 {
		t.Errorf("the heap has %d MiB after %d lines that nobody reads", mib, n)
	}
	complete := content[jupyter.CompleteReplyContent](t, c.asks(c.shell, jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "print", CursorPos: 5}))
	if len(complete.Matches) == 0 || complete.Matches[0] != "print" {
		t.Errorf("complete: %v", complete.Matches)
	}
	c.asks(c.control, jupyter.InterruptRequest, struct{}{})
	reply := content[jupyter.ExecuteReplyContent](t, c.expect(c.shell, jupyter.ExecuteReply, r))
	if reply.ErrorContent == nil || reply.Name != "Interrupted" {
		t.Errorf("the interrupted cell: %+v", reply)
	}
	total := c.look(id, "printed.Load()")

	var all strings.Builder
	for m := c.recv(c.iopub); ; m = c.recv(c.iopub) {
		if m.Parent.MsgID != r.Header.MsgID {
			continue
		}
		if m.Header.MsgType == jupyter.StreamMsg {
			all.WriteString(content[jupyter.StreamContent](t, m).Text)
		}
		if m.Header.MsgType == jupyter.ErrorMsg {
			break
		}
	}
	c.until(jupyter.StatusMsg, r)
	lines := strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
	if len(lines) != total && len(lines) != total+1 { // it may have been interrupted between the two
		t.Errorf("%d lines of %d", len(lines), total)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, strconv.Itoa(i)+" xxx") || len(line) != len(strconv.Itoa(i))+91 {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}

// A cell that has to wait for what another's goroutine prints can be interrupted.
func TestInterruptBehindAFlood(t *testing.T) {
	c := lazily(t)
	c.run(flood)
	id := c.subshell()
	first := c.execute("go func() { " + floods + " }()")
	c.expect(c.shell, jupyter.ExecuteReply, first)
	c.stalls(id, "printed.Load()")
	second := c.execute("1")
	ended := make(chan *jupyter.Message, 1)
	go func() {
		if frames, err := c.shell.Recv(c.ctx); err == nil {
			m, _ := c.wire.Decode(frames)
			ended <- m
		}
	}()
	for {
		select {
		case m := <-ended:
			if m == nil || m.Parent.MsgID != second.Header.MsgID {
				t.Errorf("the second cell's reply: %v", m)
			}
			return
		case <-c.ctx.Done():
			t.Fatal("the second cell does not end")
		default: // it may not have begun
			c.asks(c.control, jupyter.InterruptRequest, struct{}{})
		}
	}
}

// When the reader goes away, the cell goes on.
func TestFloodGoesOnWithoutItsReader(t *testing.T) {
	c := lazily(t)
	c.run(flood)
	id := c.subshell()
	r := c.execute(floods)
	n := c.stalls(id, "printed.Load()")
	c.iopub.Close()
	for c.look(id, "printed.Load()") < n+100_000 {
	}
	if reply := c.stopFlood(id, r); reply.Status != jupyter.StatusOK {
		t.Errorf("the cell: %+v", reply)
	}
}

// listen reads all that is published, so that it is another that a cell waits for, and gives
// what is no output.
func (c *client) listen() (heard <-chan *jupyter.Message, end func()) {
	others, reading := make(chan *jupyter.Message, 1000), make(chan struct{})
	go func() {
		defer close(reading)
		defer close(others)
		for {
			frames, err := c.iopub.Recv(c.ctx)
			if err != nil {
				return
			}
			if m, err := c.wire.Decode(frames); err == nil && m.Header.MsgType != jupyter.StreamMsg {
				others <- m
			}
		}
	}()
	return others, func() {
		c.iopub.Close()
		<-reading
	}
}

// A peer that subscribes and never reads holds up what is printed, and nothing else: other
// clients get their answers with their states. A kernel inside a program does the same.
func TestMuteSubscriberHoldsUpOutputAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows' clients know no ipc, and over tcp nobody waits for it")
	}
	c, end := serve(t, Options{}, Host{ConnectionFile: filepath.Join(testenv.RuntimeDir(t), "kernel-test.json")})
	c.run(flood)
	id := c.subshell()
	mute := subscribeMute(t, c.info.Endpoint(jupyter.IOPub))
	c.until(jupyter.IOPubWelcomeMsg, &jupyter.Message{})
	r := c.execute(floods)
	heard, deaf := c.listen()
	n := c.stalls(id, "printed.Load()")
	asked := c.send(c.shell, jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "print", CursorPos: 5})
	c.expect(c.shell, jupyter.CompleteReply, asked)
	for states := ""; states != "busy idle "; {
		select {
		case m := <-heard:
			if m.Parent.MsgID == asked.Header.MsgID {
				states += content[jupyter.StatusContent](t, m).ExecutionState + " "
			}
		case <-c.ctx.Done():
			t.Fatalf("the states of a completion: %q", states)
		}
	}
	mute.Close()
	for c.look(id, "printed.Load()") < n+1000 {
	}
	if reply := c.stopFlood(id, r); reply.Status != jupyter.StatusOK {
		t.Errorf("the cell: %+v", reply)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	deaf()
}

// Over tcp such a peer may be a stranger: while a client reads, output waits for it for some
// seconds at most.
func TestMuteStrangersHoldUpNobody(t *testing.T) {
	c, end := serve(t, Options{}, Host{ConnectionFile: filepath.Join(testenv.RuntimeDir(t), "kernel-test.json"), TCP: true})
	c.run(flood)
	id := c.subshell()
	for range 3 {
		subscribeMute(t, c.info.Endpoint(jupyter.IOPub))
		c.until(jupyter.IOPubWelcomeMsg, &jupyter.Message{})
	}
	r := c.execute(floods)
	heard, deaf := c.listen()
	go func() {
		for range heard { // the states of all that is asked
		}
	}()
	for c.look(id, "printed.Load()") < 300_000 { // 30 MB, of which the mute ones have room for a few
	}
	if reply := c.stopFlood(id, r); reply.Status != jupyter.StatusOK {
		t.Errorf("the cell: %+v", reply)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	deaf()
}

// subscribeMute is a peer that does what ZMTP 3.0 asks of a SUB, and never reads.
func subscribeMute(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	network, address, _ := strings.Cut(endpoint, "://")
	if network == "ipc" {
		network = "unix"
	}
	nc, err := net.DialTimeout(network, address, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	greeting := make([]byte, 64)
	greeting[0], greeting[9], greeting[10] = 0xff, 0x7f, 3
	copy(greeting[12:], "NULL")
	ready := "\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
	nc.SetDeadline(time.Now().Add(limit))
	for _, b := range []string{string(greeting), "\x04" + string(rune(len(ready))) + ready, "\x00\x01\x01"} {
		if _, err := nc.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	return nc
}

// A kernel that is shut down waits for no reader.
func TestShutdownDuringAFlood(t *testing.T) {
	c := lazily(t)
	c.run(flood)
	id := c.subshell()
	c.execute(floods)
	c.stalls(id, "printed.Load()")
	c.asks(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
	c.waitExit()
}
