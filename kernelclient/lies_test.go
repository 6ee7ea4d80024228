package kernelclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// completions is the content of a complete_reply with one match.
func completions(match string) jupyter.CompleteReplyContent {
	return jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{match}}
}

// TestLyingAnswers: what comes beside the right answer does not take its place.
func TestLyingAnswers(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(r *kernelpeer.Request, before []*kernelpeer.Request){
		"an answer of another type first": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			r.Reply(jupyter.InspectReply, jupyter.InspectReplyContent{Status: jupyter.StatusOK})
			r.Reply(jupyter.CompleteReply, completions(r.Header.MsgID))
		},
		"a message that is no answer first": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			r.Reply(jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: "on shell"})
			r.Reply(jupyter.CompleteReply, completions(r.Header.MsgID))
		},
		"twice": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			r.Reply(jupyter.CompleteReply, completions(r.Header.MsgID))
			r.Reply(jupyter.CompleteReply, completions("again"))
		},
		"late, and to the one before": func(r *kernelpeer.Request, before []*kernelpeer.Request) {
			for _, b := range before {
				b.Reply(jupyter.CompleteReply, completions("late"))
			}
			r.Reply(jupyter.CompleteReply, completions(r.Header.MsgID))
		},
		"on the other channel": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			// Which is legal enough: the parent says whose it is.
			r.Kernel.Send(jupyter.Control, r.Make(jupyter.Control, jupyter.CompleteReply, completions(r.Header.MsgID)))
		},
		"with a header of other JSON types": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			m := r.Make(jupyter.Shell, jupyter.CompleteReply, completions(r.Header.MsgID))
			m.Header = jupyter.Header{}
			if err := json.Unmarshal([]byte(`{"msg_id": "1", "msg_type": "complete_reply", "date": 5, "username": null, "version": 5.3, "session": {}, "new": []}`), &m.Header); err != nil {
				t.Error(err)
			}
			r.Kernel.Send(jupyter.Shell, m)
		},
		"with all but the id missing in the parent": func(r *kernelpeer.Request, _ []*kernelpeer.Request) {
			m := r.Make(jupyter.Shell, jupyter.CompleteReply, completions(r.Header.MsgID))
			m.Parent = jupyter.Header{MsgID: r.Header.MsgID}
			r.Kernel.Send(jupyter.Shell, m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before []*kernelpeer.Request
			k := attach(t, kernelpeer.Script{jupyter.CompleteRequest: func(r *kernelpeer.Request) {
				play(r, before)
				before = append(before, r)
			}}, Options{})
			// A kernel can send on a channel once it has heard of the client there.
			if _, err := k.Request(within(t), jupyter.Control, jupyter.KernelInfoRequest, struct{}{}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				m, err := jupyter.NewMessage(k.session, jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "x", CursorPos: 1})
				if err != nil {
					t.Fatal(err)
				}
				reply, err := k.roundTrip(within(t), jupyter.Shell, m)
				if err != nil {
					t.Fatal(err)
				}
				c, err := decode[jupyter.CompleteReplyContent](reply)
				if err != nil || !slices.Equal(c.Matches, []string{m.Header.MsgID}) {
					t.Errorf("%s of %+v, %v", reply.Header.MsgType, c, err)
				}
			}
			equal(t, run(t, k, "x"), "input 1")
		})
	}
}

// TestLateAnswer: an answer that comes after its context's end is nobody's.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	first := make(chan *kernelpeer.Request, 1)
	held := false
	k := attach(t, kernelpeer.Script{jupyter.CompleteRequest: func(r *kernelpeer.Request) {
		if !held {
			held = true
			first <- r
			return
		}
		(<-first).Reply(jupyter.CompleteReply, completions("late"))
		r.Reply(jupyter.CompleteReply, completions("in time"))
	}}, Options{})
	ctx, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
	defer cancel()
	_, err := k.Complete(ctx, "x", 1)
	oneLine(t, err, "complete_request", "deadline exceeded")
	if c, err := k.Complete(within(t), "x", 1); err != nil || !slices.Equal(c.Matches, []string{"in time"}) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestLyingStatus: idle is what a kernel says of itself, and may be wrong.
func TestLyingStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		play   func(*kernelpeer.Request)
		events string
		err    error
	}{
		{"idle never comes", func(r *kernelpeer.Request) {
			r.Print("a")
			r.Kernel.Send(jupyter.Shell, ok(r))
		}, `stdout "a"`, errNoIdle},
		{"the reply never comes", func(r *kernelpeer.Request) {
			r.Print("a")
			r.Status(jupyter.StateIdle)
		}, `stdout "a"`, errNoReply},
		{"neither comes, but output does", func(r *kernelpeer.Request) {
			r.Kernel.Send(jupyter.Shell, ok(r))
			for range 10 { // longer than the client's patience
				r.Print("a")
				r.Pause(testPatience / 5)
			}
			r.Status(jupyter.StateIdle)
		}, `stdout "aaaaaaaaaa"`, nil},
		{"idle comes at first", func(r *kernelpeer.Request) {
			r.Status(jupyter.StateIdle)
			for range 10 {
				r.Print("a")
				r.Pause(testPatience / 5)
			}
			r.Kernel.Send(jupyter.Shell, ok(r))
		}, `stdout "aaaaaaaaaa"`, nil},
		{"idle is busy's", func(r *kernelpeer.Request) {
			for _, state := range []string{jupyter.StateIdle, jupyter.StateBusy, jupyter.StateIdle, jupyter.StateBusy, "", "dead"} {
				r.Status(state)
			}
			r.Kernel.Send(jupyter.Shell, ok(r))
		}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lie := true
			k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				if lie {
					lie = false
					c.play(r)
					return
				}
				r.Answer()
			}}, Options{})
			k.patience = testPatience
			l := newEvents()
			_, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, l.add)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				oneLine(t, err, "execute: ")
			}
			equal(t, l.all(), c.events)
			equal(t, run(t, k, "x"), "input 1")
		})
	}
}

// testPatience is for replies and states that a test's kernel withholds.
const testPatience = time.Second

// TestSlowLineIsNotSilence: a large message that is under way when the reply comes is
// waited for.
func TestSlowLineIsNotSilence(t *testing.T) {
	t.Parallel()
	k, lines := attachBetween(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.End()
	}}, Options{})
	k.patience = testPatience
	lines.Of(jupyter.IOPub).Stall()
	ended := start(within(t), k, ExecuteRequest{Code: "x"}, func(Event) {})
	// A message of another's, byte by byte.
	line := lines.Of(jupyter.IOPub)
	line.Inject([]byte("\x00\xff"))
	for range 255 {
		line.Inject([]byte("x"))
		timer := time.NewTimer(3 * testPatience / 255)
		<-timer.C
	}
	line.Resume()
	if o := next(t, ended); o.err != nil {
		t.Fatal(o.err)
	}
}

// TestSlowHandlerIsNotSilence: output that the caller has not taken yet is no sign
// of a kernel that forgot its idle.
func TestSlowHandlerIsNotSilence(t *testing.T) {
	t.Parallel()
	replied := make(chan struct{})
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Print("a")
		r.End()
		close(replied)
	}}, Options{})
	k.patience = testPatience
	_, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(Event) {
		<-replied
		timer := time.NewTimer(3 * testPatience) // the slowness itself
		<-timer.C
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCompletionIsNoInterrupt: asking a kernel with subshells while code runs must
// not make the client take a reply that tarries for one that was interrupted away.
func TestCompletionIsNoInterrupt(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	k := attach(t, kernelpeer.Script{
		jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: []string{subshellFeature}})
			r.Status(jupyter.StateIdle)
		},
		jupyter.CreateSubshellRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "error", "ename": "No", "evalue": "not today"})
			close(asked)
		},
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			r.Wait(asked)
			r.Status(jupyter.StateIdle)
			r.Pause(2 * interruptedReplyPatience)
			r.Kernel.Send(jupyter.Shell, ok(r))
		},
	}, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "x"}, l.add)
	l.wait(t, "input 1")
	ctx, cancel := context.WithTimeout(within(t), testPatience)
	defer cancel()
	_, err := k.Complete(ctx, "x", 1)
	oneLine(t, err, "complete_request")
	if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusOK {
		t.Errorf("%+v", o)
	}
}

// TestLyingSubshells: whatever becomes of the subshell, the question ends by its
// context or with an answer, and the execution does not notice.
func TestLyingSubshells(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(*kernelpeer.Request){
		"never": func(*kernelpeer.Request) {},
		"an error": func(r *kernelpeer.Request) {
			r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "error"})
		},
		"no id":        func(r *kernelpeer.Request) { r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok"}) },
		"a wrong type": func(r *kernelpeer.Request) { r.Reply(jupyter.CreateSubshellReply, map[string]int{"subshell_id": 5}) },
		"one that hangs": func(r *kernelpeer.Request) {
			r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok", "subshell_id": "s"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goOn := make(chan struct{})
			k := attach(t, kernelpeer.Script{
				jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
					if r.Header.SubshellID != nil {
						return
					}
					r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: []string{subshellFeature}})
					r.Status(jupyter.StateIdle)
				},
				jupyter.CreateSubshellRequest: create,
				jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
					r.Begin()
					r.Wait(goOn)
					r.End()
				},
				jupyter.CompleteRequest: func(r *kernelpeer.Request) { r.Reply(jupyter.CompleteReply, completions("foo")) },
			}, Options{})
			l := newEvents()
			ended := start(within(t), k, ExecuteRequest{Code: "x"}, l.add)
			l.wait(t, "input 1")
			ctx, cancel := context.WithTimeout(within(t), testPatience)
			defer cancel()
			_, err := k.Complete(ctx, "x", 1)
			oneLine(t, err, "complete_request", "deadline exceeded")
			close(goOn)
			if o := next(t, ended); o.err != nil || o.reply.Status != jupyter.StatusOK {
				t.Errorf("%+v", o)
			}
			if c, err := k.Complete(within(t), "x", 1); err != nil || !slices.Equal(c.Matches, []string{"foo"}) {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

// TestInheritedFeatures: a kernel that lists subshells beside a debugger that it has
// not is never asked in one, since two questions at once can be its end.
func TestInheritedFeatures(t *testing.T) {
	t.Parallel()
	debugReply := func(content string) func(*kernelpeer.Request) {
		return func(r *kernelpeer.Request) {
			m := r.Make(r.Channel, jupyter.DebugReply, struct{}{})
			m.Content = json.RawMessage(content)
			r.Kernel.Send(r.Channel, m)
		}
	}
	var late *kernelpeer.Request
	for name, c := range map[string]struct {
		debug     func(*kernelpeer.Request)
		inherited bool
	}{
		"no debugger":                  {func(*kernelpeer.Request) {}, true},
		"an error":                     {debugReply(`{"status": "error", "ename": "NotImplementedError"}`), true},
		"no answer of a debugger":      {debugReply(`null`), true},
		"a debugger":                   {debugReply(`{"type": "response", "success": true, "command": "debugInfo", "body": {}}`), false},
		"a debugger that answers last": {func(r *kernelpeer.Request) { late = r }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var made atomic.Bool
			k := attach(t, kernelpeer.Script{
				jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
					r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: []string{subshellFeature, debuggerFeature}})
					r.Status(jupyter.StateIdle)
					if r.Channel == jupyter.Control && strings.HasSuffix(name, "last") {
						debugReply(`{"success": true}`)(late)
					}
				},
				jupyter.DebugRequest: c.debug,
				jupyter.CreateSubshellRequest: func(r *kernelpeer.Request) {
					made.Store(true)
					r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok", "subshell_id": "s"})
				},
				jupyter.ExecuteRequest: func(r *kernelpeer.Request) { r.Begin() }, // its end is not needed
				jupyter.CompleteRequest: func(r *kernelpeer.Request) {
					if (r.Header.SubshellID == nil) != c.inherited {
						t.Errorf("asked in the subshell %v", r.Header.SubshellID)
					}
					r.Reply(jupyter.CompleteReply, completions("foo"))
				},
			}, Options{})
			l := newEvents()
			ctx, cancel := context.WithCancel(within(t))
			ended := start(ctx, k, ExecuteRequest{Code: "x"}, l.add)
			l.wait(t, "input 1")
			if c, err := k.Complete(within(t), "x", 1); err != nil || !slices.Equal(c.Matches, []string{"foo"}) {
				t.Errorf("%+v, %v", c, err)
			}
			if made.Load() == c.inherited {
				t.Errorf("a subshell was made: %t", made.Load())
			}
			cancel()
			next(t, ended)
		})
	}
}

// TestLateSubshell: a kernel that cannot say in time whether it has subshells, for its
// code lets no other thread run, is asked again.
func TestLateSubshell(t *testing.T) {
	t.Parallel()
	asked := 0
	gaveUp := make(chan struct{}, 10)
	k := attach(t, kernelpeer.Script{
		jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, SupportedFeatures: []string{subshellFeature}})
			r.Status(jupyter.StateIdle)
		},
		jupyter.CreateSubshellRequest: func(r *kernelpeer.Request) {
			if asked++; asked > 1 {
				r.Reply(jupyter.CreateSubshellReply, map[string]string{"status": "ok", "subshell_id": "s"})
			}
		},
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) { r.Begin() },
		jupyter.CompleteRequest: func(r *kernelpeer.Request) {
			if r.Header.SubshellID != nil {
				r.Reply(jupyter.CompleteReply, completions("foo"))
			}
		},
	}, Options{Logger: seeLog(noSubshell, gaveUp)})
	l := newEvents()
	executing, stop := context.WithCancel(within(t))
	ended := start(executing, k, ExecuteRequest{Code: "x"}, l.add)
	l.wait(t, "input 1")
	ctx, cancel := context.WithTimeout(within(t), testPatience)
	defer cancel()
	_, err := k.Complete(ctx, "x", 1)
	oneLine(t, err, "complete_request", "deadline exceeded")
	next(t, gaveUp)
	if c, err := k.Complete(within(t), "x", 1); err != nil || !slices.Equal(c.Matches, []string{"foo"}) {
		t.Errorf("%+v, %v", c, err)
	}
	stop()
	next(t, ended)
}

// TestLyingKernelInfo: what a kernel says of itself need not be well formed for it
// to be of use.
func TestLyingKernelInfo(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]jupyter.KernelInfoReplyContent{
		`{}`:                                {},
		`null`:                              {},
		`{"status": "error", "ename": "E"}`: {Status: "error"},
		`{"implementation": "i", "help_links": "none", "language_info": null, "supported_features": {}}`:               {Implementation: "i"},
		`{"protocol_version": 5.3, "language_info": {"version": 3, "name": "n"}, "banner": ["a"], "debugger": "true"}`: {LanguageInfo: jupyter.LanguageInfo{Name: "n"}},
	} {
		t.Run(content, func(t *testing.T) {
			t.Parallel()
			k := attach(t, kernelpeer.Script{jupyter.KernelInfoRequest: func(r *kernelpeer.Request) {
				m := r.Make(jupyter.Shell, jupyter.KernelInfoReply, struct{}{})
				m.Content = json.RawMessage(content)
				r.Kernel.Send(jupyter.Shell, m)
				r.Status(jupyter.StateIdle)
			}}, Options{})
			got := k.Info()
			if got.Status != want.Status || got.Implementation != want.Implementation || got.LanguageInfo.Name != want.LanguageInfo.Name {
				t.Errorf("%+v, want %+v", got, want)
			}
			equal(t, run(t, k, "x"), "input 1")
		})
	}
	t.Run("a deadline ends the wait for one that never comes", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(within(t), testPatience)
		defer cancel()
		_, err := Attach(ctx, kernelpeer.Start(t, kernelpeer.Script{jupyter.KernelInfoRequest: func(*kernelpeer.Request) {}}).File, Options{})
		oneLine(t, err, "wait for kernel_info_reply", "deadline exceeded")
	})
}

// TestLyingInputRequests: what asks for input wrongly is dropped or answered, and
// the code that asked rightly gets its line.
func TestLyingInputRequests(t *testing.T) {
	t.Parallel()
	answers := make(chan string, 10)
	k := attach(t, kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			for _, content := range []string{`{"prompt": 5}`, `{"prompt": "a", "password": "yes"}`, `{`, `[]`} {
				m := r.Make(jupyter.Stdin, jupyter.InputRequest, struct{}{})
				m.Content = json.RawMessage(content)
				r.Kernel.Send(jupyter.Stdin, m)
			}
			ask := r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: "good"})
			r.Kernel.Send(jupyter.Stdin, ask)
			equal(t, <-answers, "line")
			frames, err := r.Kernel.Wire.Encode(ask)
			if err != nil {
				t.Error(err)
			}
			r.Kernel.SendFrames(jupyter.Stdin, frames) // again
			ask.Header.MsgID = "another"
			ask.Parent = jupyter.Header{}
			r.Kernel.Send(jupyter.Stdin, ask)
			equal(t, <-answers, "")
			r.End()
		},
		jupyter.InputReply: func(r *kernelpeer.Request) {
			var c jupyter.InputReplyContent
			if err := r.Decode(&c); err != nil {
				t.Error(err)
			}
			answers <- c.Value
		},
	}, Options{})
	l := newEvents()
	_, err := k.Execute(within(t), ExecuteRequest{Code: "x", AllowInput: true}, func(e Event) {
		l.add(e)
		if r, ok := e.(InputRequest); ok {
			if err := r.Reply("line"); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.all(), `asked "good" false`) || strings.Count(l.all(), "asked") != 1 {
		t.Errorf("events %s", l.all())
	}
}

// TestStrayInputRequests: a kernel that asks nobody for input, again and again, and
// does not read the answers, stops its stdin channel and nothing else.
func TestStrayInputRequests(t *testing.T) {
	t.Parallel()
	k := attach(t, kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			m := r.Make(jupyter.Stdin, jupyter.InputRequest, jupyter.InputRequestContent{Prompt: strings.Repeat("?", 1000)})
			m.Parent = jupyter.Header{MsgID: "nobody's", Username: strings.Repeat("!", 1000)} // which comes back
			ctx, cancel := context.WithTimeout(within(t), testPatience)
			defer cancel()
			for i := 0; ctx.Err() == nil && i < 20_000; i++ {
				m.Header.MsgID = strconv.Itoa(i)
				frames, err := r.Kernel.Wire.Encode(m)
				if err != nil {
					t.Error(err)
				}
				r.Kernel.TrySend(ctx, jupyter.Stdin, frames)
			}
			r.Answer()
		},
		jupyter.InputReply: func(r *kernelpeer.Request) { r.Wait(nil) },
	}, Options{})
	for range 2 {
		equal(t, run(t, k, "x"), "input 1")
	}
	begun := time.Now()
	k.Close()
	if took := time.Since(begun); took > limit/4 {
		t.Errorf("leaving took %v", took)
	}
}

// TestSameID: two executions of one id would get each other's output.
func TestSameID(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Wait(goOn)
		r.End()
	}}, Options{})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{ID: "a", Code: "x"}, l.add)
	l.wait(t, "input 1")
	_, err := k.Execute(within(t), ExecuteRequest{ID: "a", Code: "y"}, func(Event) { t.Error("an event of the other") })
	oneLine(t, err, "execute", "the id a has not ended")
	close(goOn)
	if o := next(t, ended); o.err != nil {
		t.Fatal(o.err)
	}
	if _, err := k.Execute(within(t), ExecuteRequest{ID: "a", Code: "x"}, l.add); err != nil {
		t.Errorf("the id of one that has ended: %v", err)
	}
}

// TestFlood: a million messages, of which nothing is lost and nothing is kept.
func TestFlood(t *testing.T) {
	for name, falsify := range map[string]func(*jupyter.Message){
		"streams":           func(*jupyter.Message) {},
		"without a parent":  func(m *jupyter.Message) { m.Parent = jupyter.Header{} },
		"malformed content": func(m *jupyter.Message) { m.Content = json.RawMessage(`[1]`) },
	} {
		t.Run(name, func(t *testing.T) {
			n := 200_000
			switch {
			case testing.Short() || raceDetector:
				n = 50_000
			case name == "streams":
				n = 1_000_000
			}
			var late, logged counter
			k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				if r.Code() != "flood" {
					r.Answer()
					return
				}
				m := r.Make(jupyter.IOPub, jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: "x"})
				for i := range n {
					m.Header.MsgID = strconv.Itoa(i)
					falsify(m)
					r.Kernel.Send(jupyter.IOPub, m)
				}
				r.End()
			}}, Options{
				Late:   func(string, Event) { late.add() },
				Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			})
			before := heap()
			var peak uint64
			events := 0
			var sample sync.Mutex
			if _, err := k.Execute(context.Background(), ExecuteRequest{Code: "flood"}, func(Event) {
				if events++; events%(n/5) == 0 {
					sample.Lock()
					peak = max(peak, heap())
					sample.Unlock()
				}
			}); err != nil {
				t.Fatal(err)
			}
			peak = max(peak, heap())
			want := map[string]int{"streams": n, "without a parent": late.n, "malformed content": 0}[name]
			if name == "without a parent" {
				want, events = n, late.n
			}
			if events != want {
				t.Errorf("%d events, want %d", events, want)
			}
			if grown := int64(peak) - int64(before); grown > 32<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
			if name == "malformed content" && (logged.n == 0 || logged.n > 1000) {
				t.Errorf("%d lines were logged of %d messages", logged.n, n)
			}
			equal(t, run(t, k, "x"), "input 1")
		})
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() { c.mu.Lock(); defer c.mu.Unlock(); c.n++ }

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// heap gives the bytes of the heap that are in use, without garbage.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestLargeDisplay: 100 MiB arrive as they were sent, for a small multiple of their
// size in memory.
func TestLargeDisplay(t *testing.T) {
	size := 100 << 20
	if raceDetector {
		size = 10 << 20
	}
	text, err := json.Marshal(strings.Repeat("größe\n", size/8))
	if err != nil {
		t.Fatal(err)
	}
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		if r.Code() == "large" {
			m := r.Make(jupyter.IOPub, jupyter.DisplayDataMsg, struct{}{})
			m.Content = slices.Concat([]byte(`{"data": {"text/plain": `), text, []byte(`}}`))
			r.Kernel.Send(jupyter.IOPub, m)
		}
		r.End()
	}}, Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	came := 0
	if _, err := k.Execute(within(t), ExecuteRequest{Code: "large"}, func(e Event) {
		if d, ok := e.(Display); ok && bytes.Equal(d.Data["text/plain"], text) {
			came++
		}
	}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if came != 1 {
		t.Errorf("it came %d times", came)
	}
	// The kernel's copy; the reader's, which grows as bytes come; that of the event.
	if total := after.TotalAlloc - before.TotalAlloc; total > 6*uint64(size)+16<<20 {
		t.Errorf("%d MiB were allocated", total>>20)
	}
	equal(t, run(t, k, "small"), "input 1")
}

// TestLargeDisplaysWait: what the caller has not taken is not read from the kernel
// beyond some messages.
func TestLargeDisplaysWait(t *testing.T) {
	const n, size = 30, 8 << 20
	text := slices.Concat([]byte(`{"data": {"text/plain": "`), bytes.Repeat([]byte("x"), size), []byte(`"}}`))
	first, sent := make(chan struct{}), make(chan struct{})
	k := attach(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		m := r.Make(jupyter.IOPub, jupyter.DisplayDataMsg, struct{}{})
		m.Content = text // the kernel holds them all once
		for i := range n {
			m.Header.MsgID = strconv.Itoa(i)
			r.Kernel.Send(jupyter.IOPub, m)
		}
		close(sent)
		r.End()
	}}, Options{})
	before := heap()
	came := 0
	ended := start(within(t), k, ExecuteRequest{Code: "x"}, func(Event) {
		if came++; came == 1 {
			close(first)
			<-sent                     // by the kernel to its own queue
			for last := uint64(0); ; { // until no more is read
				now := heap()
				if now == last || now-before > n*size/2 {
					break
				}
				last = now
				timer := time.NewTimer(100 * time.Millisecond)
				<-timer.C
			}
			if grown := int64(heap()) - int64(before); grown > 128<<20 {
				t.Errorf("%d MiB wait for the caller", grown>>20)
			}
		}
	})
	next(t, first)
	if o := next(t, ended); o.err != nil || came != n {
		t.Errorf("%d of %d, %v", came, n, o.err)
	}
}
