package kernelclient

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// TestMain is the main of a played kernel, too, and of a program that starts one that outlives
// it: the test binary is launched as one.
func TestMain(m *testing.M) {
	if fate := os.Getenv(kernelpeer.FateVariable); fate != "" {
		kernelpeer.Main(kernelpeer.Fate(fate), os.Args[1])
	}
	if order := os.Getenv(starterVariable); order != "" {
		starterMain(order)
	}
	// Most of the time they wait for a kernel to start, or for one that does not answer.
	if err := flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// limit bounds what waits for an event that does not come, in a test that fails.
const limit = testenv.Patience

func within(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	return ctx
}

// ipykernel is the spec of the test environment's ipykernel.
func ipykernel(t testing.TB) Spec {
	t.Helper()
	return ipykernelSpec(environment{python: testenv.Python(t), label: "test"})
}

// launch starts ipykernel; it is ended with the test if it was not before.
func launch(t testing.TB, o Options) *Kernel {
	t.Helper()
	k, err := Launch(within(t), ipykernel(t), LaunchOptions{Options: o, Env: testenv.Env(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// events collects what an execution brings, and tells who waits for one of them.
type events struct {
	mu   sync.Mutex
	list []Event
	more chan struct{} // closed and replaced at each event
}

func newEvents() *events { return &events{more: make(chan struct{})} }

func (l *events) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
	close(l.more)
	l.more = make(chan struct{})
}

// all gives the events one a line, the text of adjacent streams joined: kernels
// may cut a stream anywhere.
func (l *events) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for i := 0; i < len(l.list); i++ {
		s, ok := l.list[i].(Stream)
		if !ok {
			lines = append(lines, describe(l.list[i]))
			continue
		}
		for ; i+1 < len(l.list); i++ {
			next, ok := l.list[i+1].(Stream)
			if !ok || next.Name != s.Name {
				break
			}
			s.Text += next.Text
		}
		lines = append(lines, fmt.Sprintf("%s %q", s.Name, s.Text))
	}
	return strings.Join(lines, "\n")
}

func describe(e Event) string {
	switch e := e.(type) {
	case Display:
		verb := "display"
		if e.Update {
			verb = "update"
		}
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", verb, e.Data["text/plain"], e.ID))
	case Result:
		return fmt.Sprintf("result %s", e.Data["text/plain"])
	case Error:
		return fmt.Sprintf("error %s: %s", e.Name, e.Value)
	case Input:
		return fmt.Sprintf("input %d", e.Count)
	case Clear:
		return fmt.Sprintf("clear %t", e.Wait)
	case InputRequest:
		return fmt.Sprintf("asked %q %t", e.Prompt, e.Password)
	case Payload:
		return "payload"
	case Comm:
		return fmt.Sprintf("%s %s %s %s", e.Type, e.TargetName, e.Data, e.Buffers)
	case Debug:
		return fmt.Sprintf("debug %s", e.JSON)
	case Unknown:
		return fmt.Sprintf("unknown %s %s", e.Message.Header.MsgType, e.Message.Content)
	}
	return fmt.Sprintf("%#v", e)
}

// wait returns when the events so far contain text, in the form of all.
func (l *events) wait(t testing.TB, text string) {
	t.Helper()
	ctx := within(t)
	for {
		l.mu.Lock()
		more := l.more
		l.mu.Unlock()
		if strings.Contains(l.all(), text) {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("%q did not come; what came:\n%s", text, l.all())
		}
	}
}

// run executes code to its end and gives its events.
func run(t testing.TB, k *Kernel, code string) string {
	t.Helper()
	l := newEvents()
	if _, err := k.Execute(within(t), ExecuteRequest{Code: code}, l.add); err != nil {
		t.Fatalf("execute %q: %v", code, err)
	}
	return l.all()
}

// outcome is what Execute returned.
type outcome struct {
	reply jupyter.ExecuteReplyContent
	err   error
}

// start executes code in the background.
func start(ctx context.Context, k *Kernel, r ExecuteRequest, handle func(Event)) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() {
		reply, err := k.Execute(ctx, r, handle)
		ended <- outcome{reply, err}
	}()
	return ended
}

func next[T any](t testing.TB, events <-chan T) T {
	t.Helper()
	select {
	case v := <-events:
		return v
	case <-within(t).Done():
		t.Fatal("the event did not come")
		panic("unreachable")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

// oneLine checks that an error is one line that contains each of parts.
func oneLine(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("not one line: %q", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}
