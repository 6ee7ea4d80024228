package kernelclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// attach joins a kernel that the test plays.
func attach(t testing.TB, script kernelpeer.Script, o Options) *Kernel {
	t.Helper()
	k, err := Attach(within(t), kernelpeer.Start(t, script).File, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func ok(r *kernelpeer.Request) *jupyter.Message {
	return r.Make(jupyter.Shell, jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusOK, ExecutionCount: 1})
}

func stream(r *kernelpeer.Request, text string) *jupyter.Message {
	return r.Make(jupyter.IOPub, jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: text})
}

// TestLyingKernel: each lie has an outcome, and the kernel can be used afterwards.
func TestLyingKernel(t *testing.T) {
	forged, err := jupyter.NewWire(jupyter.SignatureScheme, "another key")
	if err != nil {
		t.Fatal(err)
	}
	// content sends an IOPub message of a type with content as it stands.
	content := func(r *kernelpeer.Request, typ jupyter.MsgType, text string) {
		m := r.Make(jupyter.IOPub, typ, struct{}{})
		m.Content = json.RawMessage(text)
		r.Kernel.Send(jupyter.IOPub, m)
	}
	reply := func(r *kernelpeer.Request, text string) {
		m := ok(r)
		m.Content = json.RawMessage(text)
		r.Kernel.Send(jupyter.Shell, m)
		r.Status(jupyter.StateIdle)
	}
	for _, c := range []struct {
		name   string
		play   func(*kernelpeer.Request)
		events string
		status string // of the reply
		err    string
		late   string
	}{
		{"wrong signature", func(r *kernelpeer.Request) {
			for channel, m := range map[jupyter.Channel]*jupyter.Message{jupyter.IOPub: stream(r, "forged"), jupyter.Shell: ok(r)} {
				frames, err := forged.Encode(m)
				if err != nil {
					t.Error(err)
				}
				r.Kernel.SendFrames(channel, frames)
			}
			r.Print("true")
			r.End()
		}, `stdout "true"`, "ok", "", ""},
		{"replayed", func(r *kernelpeer.Request) {
			frames, err := r.Kernel.Wire.Encode(stream(r, "once"))
			if err != nil {
				t.Error(err)
			}
			r.Kernel.SendFrames(jupyter.IOPub, frames)
			r.Kernel.SendFrames(jupyter.IOPub, frames)
			r.End()
		}, `stdout "once"`, "ok", "", ""},
		{"no delimiter, no frames", func(r *kernelpeer.Request) {
			r.Kernel.SendFrames(jupyter.IOPub, [][]byte{[]byte("stream")})
			r.Kernel.SendFrames(jupyter.Shell, [][]byte{r.Identities[0], []byte("<IDS|MSG>"), {}})
			r.End()
		}, "", "ok", "", ""},
		{"null parent", func(r *kernelpeer.Request) {
			m := stream(r, "whose?")
			m.Parent = jupyter.Header{}
			r.Kernel.Send(jupyter.IOPub, m)
			r.End()
		}, "", "ok", "", ` stdout "whose?"`},
		{"missing fields", func(r *kernelpeer.Request) {
			for _, typ := range []jupyter.MsgType{
				jupyter.StreamMsg, jupyter.DisplayDataMsg, jupyter.ExecuteResultMsg, jupyter.ErrorMsg, jupyter.ExecuteInputMsg, jupyter.ClearOutputMsg, jupyter.StatusMsg,
			} {
				content(r, typ, "{}")
			}
			reply(r, "{}")
		}, " \"\"\ndisplay\nresult \nerror : \ninput 0\nclear false", "", "", ""},
		{"null content", func(r *kernelpeer.Request) {
			content(r, jupyter.StreamMsg, "null")
			r.End()
		}, ` ""`, "ok", "", ""},
		{"null fields", func(r *kernelpeer.Request) {
			content(r, jupyter.DisplayDataMsg, `{"data": null, "metadata": null, "transient": null}`)
			content(r, jupyter.ErrorMsg, `{"ename": "E", "evalue": null, "traceback": null}`)
			reply(r, `{"status": "ok", "execution_count": null, "payload": null}`)
		}, "display\nerror E: ", "ok", "", ""},
		{"wrong JSON types", func(r *kernelpeer.Request) {
			content(r, jupyter.StreamMsg, `{"name": 1, "text": []}`)
			content(r, jupyter.DisplayDataMsg, `{"data": "x"}`)
			content(r, jupyter.StatusMsg, `{"execution_state": {}}`)
			content(r, jupyter.ErrorMsg, `{"traceback": "not a list"}`)
			content(r, jupyter.StreamMsg, `[]`)
			content(r, jupyter.StreamMsg, `{"name": "stdout"`)
			r.Print("good")
			r.End()
		}, `stdout "good"`, "ok", "", ""},
		{"wrong JSON types of the reply", func(r *kernelpeer.Request) { reply(r, `{"status": 5}`) }, "", "", "execute: decode content of execute_reply", ""},
		{"unknown types", func(r *kernelpeer.Request) {
			content(r, "new_thing", `{"a": [1]}`)
			m := r.Make(jupyter.Shell, "new_reply", struct{}{})
			m.Parent = jupyter.Header{MsgID: "nobody's"}
			r.Kernel.Send(jupyter.Shell, m)
			r.Kernel.Send(jupyter.Stdin, func() *jupyter.Message { m := r.Make(jupyter.Stdin, "new_request", struct{}{}); return m }())
			r.End()
		}, `unknown new_thing {"a": [1]}`, "ok", "", ""},
		{"unknown MIME type and status", func(r *kernelpeer.Request) {
			content(r, jupyter.DisplayDataMsg, `{"data": {"x/y": {"z": 1}, "text/plain": "1"}}`)
			r.Status("pondering")
			r.End()
		}, `display "1"`, "ok", "", ""},
		{"not UTF-8", func(r *kernelpeer.Request) {
			content(r, jupyter.StreamMsg, "{\"name\": \"stdout\", \"text\": \"a\xff\xfeb \xc3\"}")
			r.End()
		}, "stdout \"a\ufffd\ufffdb \ufffd\"", "ok", "", ""},
		{"reply twice", func(r *kernelpeer.Request) {
			r.Kernel.Send(jupyter.Shell, ok(r))
			r.End()
		}, "", "ok", "", ""},
		{"idle twice", func(r *kernelpeer.Request) {
			r.Status(jupyter.StateIdle)
			r.End()
		}, "", "ok", "", ""},
		{"aborted, no idle", func(r *kernelpeer.Request) {
			r.Reply(jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusAborted})
		}, `stdout "and on"`, "ok", "", ""}, // it is sent again
		{"error in the reply only", func(r *kernelpeer.Request) {
			reply(r, `{"status": "error", "ename": "E", "evalue": "v"}`)
		}, "error E: v", "error", "", ""},
		{"error without a name", func(r *kernelpeer.Request) { reply(r, `{"status": "error"}`) },
			"error Error: the kernel reported an error without saying which", "error", "", ""},
		{"input asked of nobody", func(r *kernelpeer.Request) {
			m := r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: "?"})
			m.Parent = jupyter.Header{MsgID: "nobody's"}
			r.Kernel.Send(jupyter.Stdin, m)
			r.End()
		}, "", "ok", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			late := newEvents()
			lie := true
			k := attach(t, kernelpeer.Script{
				jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
					if lie {
						lie = false
						c.play(r)
						return
					}
					r.Print("and on")
					r.End()
				},
				jupyter.InputReply: func(*kernelpeer.Request) {},
			}, Options{Late: func(parent string, e Event) {
				late.add(Unknown{Message: &jupyter.Message{Content: json.RawMessage(parent + " " + describeStream(e))}})
			}})
			l := newEvents()
			reply, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, l.add)
			if c.err != "" {
				oneLine(t, err, c.err)
			} else if err != nil || reply.Status != c.status {
				t.Fatalf("reply %+v, error %v", reply, err)
			}
			if c.status == jupyter.StatusError && reply.Failure().Name == "" {
				t.Error("an error without a name")
			}
			equal(t, l.all(), c.events)
			if c.late != "" {
				late.wait(t, c.late)
			}
			equal(t, run(t, k, "y"), `stdout "and on"`)
		})
	}
}

func describeStream(e Event) string {
	if s, ok := e.(Stream); ok {
		return s.Name + ` "` + s.Text + `"`
	}
	return describe(e)
}

// TestReplyOrder: done means reply and idle, in whichever order they come.
func TestReplyOrder(t *testing.T) {
	t.Parallel()
	for _, idleFirst := range []bool{true, false} {
		goOn := make(chan struct{})
		first := make(chan struct{})
		k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			if idleFirst {
				r.Print("a")
				r.Status(jupyter.StateIdle)
			} else {
				r.Kernel.Send(jupyter.Shell, ok(r))
			}
			close(first)
			r.Wait(goOn)
			if idleFirst {
				r.Kernel.Send(jupyter.Shell, ok(r))
			} else {
				r.Print("a")
				r.Status(jupyter.StateIdle)
			}
		}}, Options{})
		l := newEvents()
		ended := start(within(t), k, ExecuteRequest{}, l.add)
		next(t, first)
		close(goOn)
		if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusOK {
			t.Fatalf("idle first %t: %+v", idleFirst, o)
		}
		equal(t, l.all(), `stdout "a"`)
	}
}

func TestNoReply(t *testing.T) {
	t.Parallel()
	silent := kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) { r.Begin() }}
	t.Run("the context ends it", func(t *testing.T) {
		k := attach(t, silent, Options{})
		ctx, cancel := context.WithCancel(within(t))
		l := newEvents()
		ended := start(ctx, k, ExecuteRequest{}, l.add)
		l.wait(t, "input 1")
		cancel()
		if o := next(t, ended); !errors.Is(o.err, context.Canceled) {
			t.Fatalf("%+v", o)
		}
	})
	t.Run("its loss ends it", func(t *testing.T) {
		p := kernelpeer.Start(t, silent)
		k, err := Attach(within(t), p.File, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		l := newEvents()
		ended := start(within(t), k, ExecuteRequest{}, l.add)
		l.wait(t, "input 1")
		p.Stop()
		o := next(t, ended)
		oneLine(t, o.err, "kernel died", "connection was lost")
		if !errors.Is(o.err, ErrDead) {
			t.Errorf("%v is no ErrDead", o.err)
		}
	})
	t.Run("a request that is unknown", func(t *testing.T) {
		k := attach(t, silent, Options{})
		ctx, cancel := context.WithCancel(within(t))
		cancel()
		_, err := k.Complete(ctx, "x", 1)
		oneLine(t, err, "complete_request", "canceled")
	})
	t.Run("idle after an interrupt", func(t *testing.T) {
		var running *kernelpeer.Request
		begun := make(chan struct{})
		k := attach(t, kernelpeer.Script{
			jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				running = r
				r.Begin()
				close(begun)
			},
			jupyter.InterruptRequest: func(r *kernelpeer.Request) {
				r.Wait(begun)
				running.Status(jupyter.StateIdle)
				r.Answer()
			},
		}, Options{})
		l := newEvents()
		ended := start(within(t), k, ExecuteRequest{}, l.add)
		next(t, begun)
		if err := k.Interrupt(within(t)); err != nil {
			t.Fatal(err)
		}
		if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusAborted {
			t.Fatalf("%+v", o)
		}
	})
}

// TestMuteIOPub: a kernel that publishes nothing can be attached to all the same.
func TestMuteIOPub(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes the whole patience for IOPub")
	}
	k := attach(t, kernelpeer.Script{jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
		r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, Implementation: "mute"})
	}}, Options{})
	if k.Info().Implementation != "mute" {
		t.Errorf("info %+v", k.Info())
	}
	equal(t, run(t, k, "x"), "input 1")
}

// TestWelcome: a kernel that welcomes its subscribers (JEP 65) and publishes nothing else is
// heard; the welcome is nobody's event. Its parent is null, as xeus-python's is.
func TestWelcome(t *testing.T) {
	t.Parallel()
	mute := make(chan struct{}, 1)
	k := attach(t, kernelpeer.Script{jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
		welcome := r.Make(jupyter.IOPub, jupyter.IOPubWelcomeMsg, jupyter.IOPubWelcomeContent{})
		welcome.Parent = jupyter.Header{}
		r.Kernel.Send(jupyter.IOPub, welcome)
		r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK})
	}}, Options{
		Late:   func(_ string, e Event) { t.Errorf("it brought %s", describe(e)) },
		Logger: seeLog("publishes nothing", mute),
	})
	if len(mute) > 0 {
		t.Error("it was not heard")
	}
	equal(t, run(t, k, "x"), "input 1")
}

// TestHugeFrame: a peer that declares an endless frame loses its connection, and
// no memory is spent on it.
func TestHugeFrame(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				greeting := make([]byte, 64) // ZMTP 3.0 with NULL, then READY of an XPUB
				greeting[0], greeting[9], greeting[10] = 0xff, 0x7f, 3
				copy(greeting[12:], "NULL")
				c.Write(greeting)
				c.Write([]byte("\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04XPUB"))
				io.CopyN(io.Discard, c, 64)
				c.Write([]byte{2, 1, 0, 0, 0, 0, 0, 0, 0}) // a long frame of 2^56 bytes
				io.Copy(io.Discard, c)
			}()
		}
	}()
	p := kernelpeer.Start(t, kernelpeer.Script{jupyter.KernelInfoRequest: func(*kernelpeer.Request) {}})
	info, err := jupyter.ReadConnectionFile(p.File)
	if err != nil {
		t.Fatal(err)
	}
	info.IOPubPort = l.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "k.json")
	if err := info.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	ctx := within(t)
	_, err = Attach(ctx, file, Options{})
	oneLine(t, err, file, "iopub", "size cap")
	if ctx.Err() != nil {
		t.Error("it took until the context's end")
	}
	l.Close()
	<-ended
}

var iopubTypes = []jupyter.MsgType{
	jupyter.StatusMsg, jupyter.IOPubWelcomeMsg, jupyter.StreamMsg, jupyter.DisplayDataMsg, jupyter.UpdateDisplayDataMsg,
	jupyter.ExecuteResultMsg, jupyter.ErrorMsg, jupyter.ExecuteInputMsg, jupyter.ClearOutputMsg, jupyter.CommMsg, "new",
}

// FuzzDecodeEvent: whatever the content, an event or a one-line error, and only
// a status or a welcome is neither.
func FuzzDecodeEvent(f *testing.F) {
	for _, content := range []string{
		`{"name": "stdout", "text": "größe\ud800"}`, `{"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "x"}}`,
		`{"ename": "E", "traceback": ["a"]}`, `{"execution_state": "idle"}`, `null`, `[1]`, `{"execution_count": 1e99}`, "", "{\"text\": \"\xff\"}",
	} {
		for i := range iopubTypes {
			f.Add(uint8(i), []byte(content))
		}
	}
	f.Fuzz(func(t *testing.T, typ uint8, content []byte) {
		m := &jupyter.Message{Header: jupyter.Header{MsgType: iopubTypes[int(typ)%len(iopubTypes)], MsgID: "id"}, Content: content}
		e, err := decodeEvent(m)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of more lines: %q", err)
			}
			return
		}
		if silent := slices.Contains(iopubTypes[:2], m.Header.MsgType); silent != (e == nil) {
			t.Fatalf("%s gave %#v", m.Header.MsgType, e)
		}
	})
}
