package kernelclient

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// attachBetween joins a kernel that the test plays, over lines that it can break.
func attachBetween(t testing.TB, script kernelpeer.Script, o Options) (*Kernel, *kernelpeer.Lines) {
	t.Helper()
	lines := kernelpeer.Between(t, kernelpeer.Start(t, script).File)
	k, err := Attach(within(t), lines.File, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k, lines
}

// holding is a kernel whose executions run until they are interrupted, and which
// completes at once.
func holding() kernelpeer.Script {
	var held atomic.Pointer[kernelpeer.Request]
	begun := make(chan struct{}, 10)
	return kernelpeer.Script{
		jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			if r.Code() != "hold" {
				r.Print(r.Code())
				r.End()
				return
			}
			held.Store(r)
			begun <- struct{}{}
		},
		jupyter.InterruptRequest: func(r *kernelpeer.Request) {
			r.Wait(begun)
			running := held.Load()
			if running == nil {
				return // it was stopped
			}
			running.Print("interrupted")
			running.End()
			r.Answer()
		},
		jupyter.CompleteRequest: func(r *kernelpeer.Request) {
			r.Reply(jupyter.CompleteReply, jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{"foo"}})
		},
	}
}

// clientChannels are those that a client always has.
var clientChannels = []jupyter.Channel{jupyter.Shell, jupyter.IOPub, jupyter.Stdin, jupyter.Control}

// TestBytesThatEndAConnection: whichever channel they come on, the kernel is told to
// be gone, to whoever waits and to whoever asks afterwards.
func TestBytesThatEndAConnection(t *testing.T) {
	t.Parallel()
	long := func(size uint64) []byte { return binary.BigEndian.AppendUint64([]byte{2}, size) }
	for _, c := range []struct {
		name  string
		bytes []byte
		cut   bool
		want  string
	}{
		{"closed between messages", nil, true, "EOF"},
		{"closed within a header", []byte{2, 0, 0}, true, "ended within a message"},
		{"closed within a frame", []byte("\x01\x05<ID"), true, "ended within a message"},
		{"closed between frames", []byte("\x01\x01x"), true, "ended within a message"},
		{"a frame of 1 GiB", long(1 << 30), false, "size cap"},
		{"a frame of 2^64-1 bytes", long(1<<64 - 1), false, "frame of 18446744073709551615 bytes"},
		{"endless empty frames", []byte(strings.Repeat("\x01\x00", 1<<20)), false, "more than 65536 frames"},
		{"no ZMTP", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, "flags 0x48"},
		{"an error command", []byte("\x04\x0a\x05ERROR\x03no!"), false, "no!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kernels, ended := map[jupyter.Channel]*Kernel{}, map[jupyter.Channel]<-chan outcome{}
			for _, channel := range clientChannels {
				k, lines := attachBetween(t, holding(), Options{})
				l := newEvents()
				kernels[channel], ended[channel] = k, start(within(t), k, ExecuteRequest{Code: "hold"}, l.add)
				l.wait(t, "input 1")
				line := lines.Of(channel)
				line.Inject(c.bytes)
				if c.cut {
					line.Cut()
				}
			}
			for channel, k := range kernels {
				o := next(t, ended[channel])
				oneLine(t, o.err, "execute", "its connection was lost", string(channel)+" channel", c.want)
				next(t, k.Done())
				_, again := k.Complete(within(t), "f", 1)
				for _, err := range []error{o.err, k.Err(), again, k.Interrupt(within(t))} {
					if !errors.Is(err, ErrDead) {
						t.Errorf("%v is no ErrDead", err)
					}
				}
			}
		})
	}
}

// TestHalfAFrameThenSilence costs its channel and no other. The calls that need the
// channel end by their context, and the memory is that of what came.
func TestHalfAFrameThenSilence(t *testing.T) {
	t.Parallel()
	for _, channel := range clientChannels {
		t.Run(string(channel), func(t *testing.T) {
			t.Parallel()
			k, lines := attachBetween(t, holding(), Options{})
			line := lines.Of(channel)
			line.Stall()
			line.Inject([]byte("\x02\x00\x00\x00\x00\x0f\xff\xff\xff" + strings.Repeat("x", 1000))) // of 256 MiB
			stalled(t, k, channel)
		})
	}
}

// TestStalledChannel: nothing comes, or goes, on one channel. When it flows again,
// nothing was lost.
func TestStalledChannel(t *testing.T) {
	t.Parallel()
	for _, channel := range clientChannels {
		t.Run(string(channel), func(t *testing.T) {
			t.Parallel()
			late := newEvents()
			k, lines := attachBetween(t, holding(), Options{Late: func(_ string, e Event) { late.add(e) }})
			lines.Of(channel).Stall()
			stalled(t, k, channel)
			lines.Of(channel).Resume()
			if channel == jupyter.Shell || channel == jupyter.IOPub {
				late.wait(t, `stdout "interrupted"`)
			}
			equal(t, run(t, k, "and on"), "input 1\nstdout \"and on\"")
			if channel == jupyter.Shell {
				if c, err := k.Complete(within(t), "f", 1); err != nil || !slices.Equal(c.Matches, []string{"foo"}) {
					t.Errorf("complete: %+v, %v", c, err)
				}
			}
		})
	}
}

// stalled uses a kernel one channel of which is stalled: each call ends in its time,
// with its context's error if it needs the channel, and else as always.
func stalled(t *testing.T, k *Kernel, channel jupyter.Channel) {
	t.Helper()
	// What waits for the channel does so in vain, all else takes the time that it needs.
	patient := func(needs ...jupyter.Channel) context.Context {
		if !slices.Contains(needs, channel) {
			return within(t)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	check := func(call string, err error, needs ...jupyter.Channel) {
		t.Helper()
		if !slices.Contains(needs, channel) {
			if err != nil {
				t.Errorf("%s: %v", call, err)
			}
			return
		}
		oneLine(t, err, call)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want its context's end", call, err)
		}
	}
	_, err := k.Complete(patient(jupyter.Shell), "f", 1)
	check("complete_request", err, jupyter.Shell)

	ended := start(patient(jupyter.Shell, jupyter.IOPub, jupyter.Control), k, ExecuteRequest{Code: "hold"}, func(Event) {})
	if channel == jupyter.Stdin { // else it may have ended already
		k.registered(t)
	}
	err = k.Interrupt(patient(jupyter.Shell, jupyter.Control)) // is what ends it
	if channel == jupyter.Shell {
		if err == nil {
			t.Error("the played kernel was interrupted in what it has not got")
		}
	} else {
		check("interrupt", err, jupyter.Control)
	}
	check("execute", next(t, ended).err, jupyter.Shell, jupyter.IOPub, jupyter.Control)
}

// TestStalledKernel: with every channel stalled, leaving a kernel and asking it to
// end take their time and no more.
func TestStalledKernel(t *testing.T) {
	t.Parallel()
	k, lines := attachBetween(t, holding(), Options{})
	for _, channel := range clientChannels {
		lines.Of(channel).Stall()
	}
	ctx, cancel := context.WithTimeout(within(t), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	oneLine(t, k.Shutdown(ctx), "shut down", "still there")
	if took := time.Since(begun); took > limit/4 {
		t.Errorf("it took %v", took)
	}

	_, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(Event) {})
	if !errors.Is(err, ErrDead) {
		t.Errorf("execute after it was left: %v", err)
	}
}

// TestAttachOverAStalledChannel: a kernel one channel of which does not even shake
// hands is not attached to, and the error says which.
func TestAttachOverAStalledChannel(t *testing.T) {
	t.Parallel()
	for _, channel := range clientChannels {
		t.Run(string(channel), func(t *testing.T) {
			t.Parallel()
			lines := kernelpeer.Between(t, kernelpeer.Start(t, holding()).File)
			lines.Of(channel).Stall()
			begun := time.Now()
			_, err := Attach(within(t), lines.File, Options{})
			oneLine(t, err, lines.File, "connect "+string(channel), "deadline exceeded")
			if took := time.Since(begun); took > attachPatience+limit/4 {
				t.Errorf("it took %v", took)
			}
			lines.Of(channel).Resume()
			k, err := Attach(within(t), lines.File, Options{})
			if err != nil {
				t.Fatalf("when it flows again: %v", err)
			}
			k.Close()
		})
	}
}
