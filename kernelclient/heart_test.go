package kernelclient

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/jupyter"
)

// testHeartbeat is short, so that a test need not wait long for a silence.
const testHeartbeat = 250 * time.Millisecond

// attachToHeart joins a played kernel whose heart was heard to beat. What Responsive
// is called with comes over told, and over heeded that its heart was heard while code ran.
func attachToHeart(t testing.TB, script kernelpeer.Script) (k *Kernel, lines *kernelpeer.Lines, told chan bool, heeded chan struct{}) {
	t.Helper()
	beats := make(chan struct{}, 10)
	told = make(chan bool, 100)
	k, lines = attachBetween(t, script, Options{
		Responsive: func(b bool) { told <- b }, Heartbeat: testHeartbeat,
		Logger: seeLog(heartBeats, beats), // which begins the other line, too
	})
	next(t, beats)
	return k, lines, told, beats
}

// seeLog gives a logger that tells when a text is logged.
func seeLog(text string, seen chan<- struct{}) *slog.Logger {
	return slog.New(slog.NewTextHandler(seeing{text, seen}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// seeing tells when a text is written.
type seeing struct {
	text string
	seen chan<- struct{}
}

func (s seeing) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.text)) {
		s.seen <- struct{}{}
	}
	return len(p), nil
}

// stopped stalls a kernel as SIGSTOP would; the function that it gives continues it.
func stopped(lines *kernelpeer.Lines) (goOn func()) {
	all := append(slices.Clone(clientChannels), jupyter.Heartbeat)
	for _, channel := range all {
		lines.Of(channel).Stall()
	}
	return func() {
		for _, channel := range all {
			lines.Of(channel).Resume()
		}
	}
}

// TestHeartbeat: a kernel that hangs with its sockets open is told while something
// is waited for, and told again when it goes on.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	k, lines, told, heeded := attachToHeart(t, holding())
	for i := range 2 {
		l := newEvents()
		ended := start(within(t), k, ExecuteRequest{Code: "hold"}, l.add)
		l.wait(t, "input 1")
		if i == 0 {
			next(t, heeded)
		}
		goOn := stopped(lines)
		if next(t, told) {
			t.Fatal("a kernel that hangs is told to answer")
		}
		goOn()
		if !next(t, told) {
			t.Fatal("a kernel that goes on is told to hang")
		}
		if err := k.Interrupt(within(t)); err != nil {
			t.Fatal(err)
		}
		if o := next(t, ended); o.err != nil {
			t.Fatal(o.err)
		}
	}
	if len(told) > 0 {
		t.Errorf("told %t as well", <-told)
	}
}

// TestHeartbeatAfterTheWait: whoever was told of the silence is told of its end,
// also when nothing is waited for any more.
func TestHeartbeatAfterTheWait(t *testing.T) {
	t.Parallel()
	k, lines, told, _ := attachToHeart(t, holding())
	goOn := stopped(lines)
	ctx, cancel := context.WithCancel(within(t))
	asked := make(chan error, 1)
	go func() {
		_, err := k.Complete(ctx, "f", 1)
		asked <- err
	}()
	if next(t, told) {
		t.Fatal("told the wrong way round")
	}
	cancel()
	if err := next(t, asked); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	goOn()
	if !next(t, told) {
		t.Fatal("told the wrong way round")
	}
}

// TestSilentKernelSpeaks: one whose heartbeat is stuck was silent until it sends a
// message.
func TestSilentKernelSpeaks(t *testing.T) {
	t.Parallel()
	speak, end := make(chan struct{}), make(chan struct{})
	k, lines, told, heeded := attachToHeart(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Wait(speak)
		r.Print("a")
		r.Wait(end)
		r.End()
	}})
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "x"}, l.add)
	next(t, heeded)
	lines.Of(jupyter.Heartbeat).Stall()
	for want := range 2 {
		if got := next(t, told); got != (want == 1) {
			t.Fatalf("told %t", got)
		}
		if want == 0 {
			close(speak)
		}
	}
	close(end)
	if o := next(t, ended); o.err != nil {
		t.Error(o.err)
	}
}

// TestHeartbeatOfABusyKernel: a kernel that computes in silence, or that publishes
// while its heartbeat is stuck, is there.
func TestHeartbeatOfABusyKernel(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(*kernelpeer.Request){
		"silent": func(r *kernelpeer.Request) { r.Pause(8 * testHeartbeat) },
		"its heartbeat is stuck": func(r *kernelpeer.Request) {
			for range 32 {
				r.Print("a")
				r.Pause(testHeartbeat / 4)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, lines, told, _ := attachToHeart(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				r.Begin()
				play(r)
				r.End()
			}})
			if name != "silent" {
				lines.Of(jupyter.Heartbeat).Stall()
			}
			if _, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(Event) {}); err != nil {
				t.Fatal(err)
			}
			if len(told) > 0 {
				t.Errorf("told %t", <-told)
			}
		})
	}
}

// TestDeafKernel: IRkernel answers its heartbeat between executions only. That it computes
// in silence is not told, but that it does not begin is.
func TestDeafKernel(t *testing.T) {
	t.Parallel()
	var lines *kernelpeer.Lines
	set := make(chan struct{})
	computes := true
	k, between, told, heeded := attachToHeart(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		<-set
		if !computes {
			return
		}
		lines.Of(jupyter.Heartbeat).Stall()
		r.Begin()
		r.Pause(6 * testHeartbeat)
		lines.Of(jupyter.Heartbeat).Resume()
		r.End()
	}})
	lines = between
	close(set)
	for range 2 {
		if _, err := k.Execute(within(t), ExecuteRequest{Code: "x"}, func(Event) {}); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) > 0 || len(heeded) > 0 {
		t.Errorf("told %d times, its heart was heard %d times while it computed", len(told), len(heeded))
	}
	computes = false
	goOn := stopped(lines)
	ctx, cancel := context.WithCancel(within(t))
	ended := start(ctx, k, ExecuteRequest{Code: "x"}, func(Event) {})
	if next(t, told) {
		t.Error("told the wrong way round")
	}
	goOn()
	if !next(t, told) {
		t.Error("told the wrong way round")
	}
	cancel()
	next(t, ended)
}

// TestNoHeart: of a kernel that has no heartbeat nothing is told, however silent.
func TestNoHeart(t *testing.T) {
	t.Parallel()
	info, err := jupyter.ReadConnectionFile(kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
		r.Begin()
		r.Pause(8 * testHeartbeat)
		r.End()
	}}).File)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") // which does not answer
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	info.HBPort = ln.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "k.json")
	if err := info.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	told := make(chan bool, 100)
	k, err := Attach(within(t), file, Options{Responsive: func(b bool) { told <- b }, Heartbeat: testHeartbeat})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, run(t, k, "x"), "input 1")
	k.Close()
	if len(told) > 0 {
		t.Errorf("told %t", <-told)
	}
}
