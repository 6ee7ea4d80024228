package kernelclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// Both sides open a comm, send with buffers, and close it.
func TestComm(t *testing.T) {
	t.Parallel()
	late := newEvents()
	k := launch(t, Options{Late: func(_ string, e Event) { late.add(e) }})
	if got := run(t, k, `
from comm import create_comm, get_comm_manager
def opened(comm, m):
    comm.send({"opened with": m["content"]["data"]})
    @comm.on_msg
    def _(m):
        comm.send({"got": m["content"]["data"]}, buffers=[bytes(b)[::-1] for b in m["buffers"]])
    @comm.on_close
    def _(m):
        print("closed", flush=True)
get_comm_manager().register_target("echo", opened)
ours = create_comm(target_name="theirs", data={"a": 1}, buffers=[b"xyz"])
ours.send("more")
ours.close()`); !strings.Contains(got, `comm_open theirs {"a": 1} [xyz]`) || !strings.Contains(got, `comm_msg  "more" []`) || !strings.Contains(got, "comm_close") {
		t.Errorf("the kernel's comm:\n%s", got)
	}
	c := Comm{Type: jupyter.CommOpen, CommContent: jupyter.CommContent{CommID: jupyter.NewID(), TargetName: "echo", Data: json.RawMessage(`{"b":2}`)}}
	send := func(c Comm) {
		t.Helper()
		if err := k.SendComm(within(t), c); err != nil {
			t.Fatal(err)
		}
	}
	send(c)
	late.wait(t, `comm_msg  {"opened with": {"b": 2}} []`)
	open, err := k.CommInfo(within(t), "echo")
	if err != nil || len(open.Comms) != 1 || open.Comms[c.CommID].TargetName != "echo" {
		t.Errorf("comm_info %+v, %v", open, err)
	}
	send(Comm{Type: jupyter.CommMsg, CommContent: jupyter.CommContent{CommID: c.CommID, Data: json.RawMessage(`[1]`)}, Buffers: [][]byte{[]byte("abc"), {}}})
	late.wait(t, `comm_msg  {"got": [1]} [cba ]`)
	send(Comm{Type: jupyter.CommClose, CommContent: jupyter.CommContent{CommID: c.CommID}})
	late.wait(t, `stdout "closed\n"`)
	// A target that the kernel does not know.
	c.CommID, c.TargetName = jupyter.NewID(), "nonesuch"
	send(c)
	late.wait(t, "comm_close")
	oneLine(t, k.SendComm(within(t), Comm{Type: jupyter.StreamMsg}), "stream")
}

func TestDebug(t *testing.T) {
	t.Parallel()
	late := newEvents()
	k := launch(t, Options{Late: func(_ string, e Event) { late.add(e) }})
	if !slices.Contains(k.Info().SupportedFeatures, "debugger") {
		t.Fatalf("ipykernel says that it has no debugger: %q", k.Info().SupportedFeatures)
	}
	seq := 0
	ask := func(command, arguments string) string {
		t.Helper()
		seq++
		answer, err := k.Debug(within(t), json.RawMessage(fmt.Sprintf(`{"type": "request", "seq": %d, "command": %q, "arguments": %s}`, seq, command, arguments)))
		if err != nil {
			t.Fatal(err)
		}
		var a struct{ Success bool }
		if err := json.Unmarshal(answer, &a); err != nil || !a.Success {
			t.Fatalf("%s: %s, %v", command, answer, err)
		}
		return string(answer)
	}
	ask("initialize", `{"clientID": "reval", "adapterID": "reval", "linesStartAt1": true, "columnsStartAt1": true}`)
	ask("attach", "{}")
	late.wait(t, "initialized")
	if got := ask("debugInfo", "{}"); !strings.Contains(got, `"isStarted": true`) {
		t.Errorf("debugInfo: %s", got)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	k := launch(t, Options{})
	file := filepath.Join(t.TempDir(), "a.py")
	touch(t, file)
	for code, want := range map[string]Payload{
		"%edit -n 3 " + file:                                {Source: PayloadEdit, Filename: file, Line: 3},
		"exit(keep_kernel=True)":                            {Source: PayloadExit, KeepKernel: true},
		"get_ipython().set_next_input('1+1', replace=True)": {Source: PayloadSetNextInput, Text: "1+1", Replace: true},
		"print?": {Source: PayloadPage},
		"get_ipython().payload_manager.write_payload({'source': 'x', 'y': 1})": {Source: "x"},
	} {
		var got []Payload
		if _, err := k.Execute(within(t), ExecuteRequest{Code: code}, func(e Event) {
			if p, ok := e.(Payload); ok {
				got = append(got, p)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Source != want.Source || got[0].Text != want.Text || got[0].Replace != want.Replace ||
			got[0].Filename != want.Filename || got[0].Line != want.Line || got[0].KeepKernel != want.KeepKernel ||
			(want.Source == PayloadPage) != (got[0].Data["text/plain"] != nil) || !strings.Contains(string(got[0].JSON), `"source"`) {
			t.Errorf("%s: %+v", code, got)
		}
	}
}

// Buffers come as they are read from the socket, and go as they were given: of a message
// either way there is one copy, the receiver's. Not in parallel, for all that is allocated
// is counted.
func TestBuffersAreNotCopied(t *testing.T) {
	const size = 64 << 20
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	came := make(chan []byte, 1)
	comm := jupyter.CommContent{CommID: "c", Data: json.RawMessage(`{}`)}
	k := attach(t, kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			m := r.Make(jupyter.IOPub, jupyter.CommMsg, comm)
			m.Buffers = [][]byte{sent}
			r.Kernel.Send(jupyter.IOPub, m)
			r.End()
		},
		jupyter.CommMsg: func(r *kernelpeer.Request) { came <- r.Buffers[0] },
	}, Options{})
	var got []byte
	for name, pass := range map[string]func() []byte{
		"from the kernel": func() []byte {
			if _, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(e Event) {
				if c, ok := e.(Comm); ok {
					got = c.Buffers[0]
				}
			}); err != nil {
				t.Fatal(err)
			}
			return got
		},
		"to the kernel": func() []byte {
			if err := k.SendComm(within(t), Comm{Type: jupyter.CommMsg, CommContent: comm, Buffers: [][]byte{sent}}); err != nil {
				t.Fatal(err)
			}
			return next(t, came)
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if received := pass(); !bytes.Equal(received, sent) {
			t.Errorf("%s: another buffer came", name)
		}
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > size+size/8 {
			t.Errorf("%s: %d bytes were allocated for a buffer of %d", name, allocated, size)
		}
	}
}
