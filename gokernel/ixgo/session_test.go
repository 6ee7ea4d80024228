package ixgo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/internal/testenv"
)

// session evaluates cells on an engine in this process.
type session struct {
	t      *testing.T
	engine *Engine
	*front.Session
	count int

	mu     sync.Mutex
	said   chan struct{} // takes a value for each write to os.Stderr
	text   bytes.Buffer
	panics chan *front.Panic
}

func newSession(t *testing.T) *session {
	t.Helper()
	s := &session{t: t, said: make(chan struct{}, 100), panics: make(chan *front.Panic, 100)}
	var err error
	s.engine, err = New(Options{Stderr: s, Stdin: strings.NewReader(""), GoroutinePanic: func(p *front.Panic) { s.panics <- p }})
	if err != nil {
		t.Fatal(err)
	}
	s.Session = front.NewSession(s.engine)
	return s
}

func (s *session) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said <- struct{}{}
	return s.text.Write(b)
}

// run evaluates a cell and gives its value's text.
func (s *session) run(ctx context.Context, cell string) (string, error) {
	s.count++
	u, err := s.Prepare(s.count, cell)
	if err != nil {
		return "", err
	}
	if err := s.engine.Load(u); err != nil {
		return "", s.LoadProblem(u, err)
	}
	s.Commit(u)
	if u.Entry == "" {
		return "", nil
	}
	if err := s.engine.Run(ctx, u); err != nil {
		return "", err
	}
	var parts []string
	for _, r := range u.Results {
		v, _ := s.engine.Value(r.Variable)
		parts = append(parts, front.Format(s.engine, r.Type, v, 1000))
	}
	return strings.Join(parts, ", "), nil
}

func (s *session) must(cell string) string {
	s.t.Helper()
	value, err := s.run(s.t.Context(), cell)
	if err != nil {
		s.t.Fatalf("cell\n%s\nfails: %v", cell, err)
	}
	return value
}

// patiently bounds what a failing test waits for.
const patiently = testenv.Patience

// What blocks is interrupted: deferred code runs, and the session and goroutines
// of earlier cells are as they were.
func TestInterrupt(t *testing.T) {
	s := newSession(t)
	s.must(`
import ("bufio"; "context"; "encoding/json"; "fmt"; "io"; "net"; "net/http"; "os"; "os/exec"; "reflect"; "sort"; "sync"; "sync/atomic"; "time")
var deferred int
var ticks atomic.Int64
var ask, answer = make(chan int), make(chan int)
func ready() { fmt.Fprint(os.Stderr, ".") }
func spin() { for {} }
func recur(n int) int { if n == 0 { return 0 }; return recur(n-1) + recur(n-1) }
go func() { for { ticks.Add(1); time.Sleep(time.Millisecond) } }()
go func() { for { answer <- 1 + <-ask } }()
var numbers, doubled = make(chan int), make(chan int)
func double(in <-chan int, out chan<- int) { for n := range in { m := <-pass(n); out <- 2*m } }
func pass(n int) <-chan int { c := make(chan int, 1); c <- n; return c }
go double(numbers, doubled)
type reader func()
func (f reader) Read(b []byte) (int, error) { f(); return 0, io.EOF }
var never, ended = make(chan int), make(chan int, 1)
var listener, _ = net.Listen("tcp", "127.0.0.1:0")
var quiet, _ = net.Listen("tcp", "127.0.0.1:0")
var silent = quiet.Addr().String()
`)
	forms := map[string]string{
		"loop":                "for {}",
		"nested call":         "spin()",
		"recursion":           "recur(1000)",
		"sleep":               "time.Sleep(time.Hour)",
		"receive":             "<-make(chan int)",
		"receive, two values": "v, ok := <-make(chan int); fmt.Println(v, ok)",
		"receive from nil":    "var c chan int; <-c",
		"send":                "make(chan int) <- 1",
		"select":              "select { case <-make(chan int): case make(chan int) <- 1: case <-time.After(time.Hour): }",
		"empty select":        "select {}",
		"range over channel":  "for range make(chan int) {}",
		"range over function": "for range func(yield func(int) bool) { for yield(1) {} } {}",
		"wait group":          "var g sync.WaitGroup; g.Add(1); g.Wait()",
		"mutex":               "var m sync.Mutex; m.Lock(); m.Lock()",
		"read lock":           "var m sync.RWMutex; m.Lock(); m.RLock()",
		"condition":           "var m sync.Mutex; c := sync.NewCond(&m); m.Lock(); c.Wait()",
		"compiled callback":   "sort.Slice([]int{3, 2, 1}, func(i, j int) bool { for {} })",
		"command":             `exec.Command("sleep", "3600").Run()`,
		"output of command":   `exec.Command("sleep", "3600").Output()`,
		"deferred loop":       "func() { defer func() { recover(); for range 3 { deferred++ } }(); for {} }()",
		"goto":                "again: goto again",
		"read lock held":      "var m sync.RWMutex; m.RLock(); m.Lock()",
		"once":                "var o sync.Once; o.Do(func() { <-make(chan int) })",
		"timer":               "<-time.NewTimer(time.Hour).C",
		"ticks":               "for range time.Tick(time.Microsecond) {}",
		"context":             "ctx, stop := context.WithCancel(context.Background()); defer stop(); <-ctx.Done()",
		"slow callback":       "sort.Slice(make([]int, 100000), func(i, j int) bool { time.Sleep(time.Millisecond); return false })",
		"range over sync map": "var m sync.Map; m.Store(1, 1); m.Range(func(k, v any) bool { for {} })",
		"group of goroutines": "var g sync.WaitGroup; g.Go(func() { <-never }); g.Wait()",
		"accept":              "net.Listener(listener).Accept()",
		"accept, static":      "listener.(*net.TCPListener).AcceptTCP()",
		"connection":          "c, err := net.Dial(\"tcp\", silent); fmt.Fprint(io.Discard, err); defer c.Close(); c.Read(make([]byte, 1))",
		"buffered connection": "c, err := net.Dial(\"tcp\", silent); fmt.Fprint(io.Discard, err); defer c.Close(); bufio.NewReader(c).ReadString('\\n')",
		"scanned connection":  "c, err := net.Dial(\"tcp\", silent); fmt.Fprint(io.Discard, err); defer c.Close(); for s := bufio.NewScanner(c); s.Scan(); {}",
		"decoded connection":  "c, err := net.Dial(\"tcp\", silent); fmt.Fprint(io.Discard, err); defer c.Close(); var v any; json.NewDecoder(c).Decode(&v)",
		"http client":         "http.Get(\"http://\" + silent)",
		"http server":         "http.ListenAndServe(\"127.0.0.1:0\", nil)",
		"http server served":  "(&http.Server{}).Serve(listener)",
		"pipe":                "in, _ := io.Pipe(); io.ReadAll(in)",
		"pipe, write":         "_, out := io.Pipe(); out.Write([]byte{1})",
		"pipe of the system":  "in, out, err := os.Pipe(); fmt.Fprint(io.Discard, err); defer out.Close(); in.Read(make([]byte, 1))",
		"pipe of a command":   "c := exec.Command(\"sleep\", \"3600\"); out, _ := c.StdoutPipe(); c.Start(); defer c.Process.Kill(); io.Copy(io.Discard, out)",
		"wait for a command":  "c := exec.Command(\"sleep\", \"3600\"); c.Start(); c.Wait()",
		"reader of a cell":    "io.ReadAll(reader(func() { for {} }))",
		"reader that waits":   "io.Copy(io.Discard, bufio.NewReader(reader(func() { <-make(chan int) })))",
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.interrupt("func() {\ndefer func() { select { case ended <- 7: default: } }()\nready()\n"+form+"\n}()", true)
			ctx, stop := context.WithTimeout(t.Context(), patiently)
			defer stop()
			if _, err := s.run(ctx, "<-ended"); err != nil {
				t.Error("deferred code did not run")
			}
		})
	}
	s.t = t
	s.interruptTwice("ready()\nfor { func() { defer func() { recover(); ready() }(); for {} }() }")
	// A compiled function that does not return is left behind.
	s.interrupt("var cases = []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(never)}}\nready()\nreflect.Select(cases)", false)
	select {
	case <-s.engine.gone:
		t.Error("what waits for a channel looks for an interrupt without end, since a cell was left behind")
	default:
	}
	s.must("close(never); listener.Close(); quiet.Close()")
	if got := s.must("before := ticks.Load(); for ticks.Load() < before+3 { time.Sleep(time.Millisecond) }; ask <- 41; <-answer"); got != "42" {
		t.Errorf("the goroutines of the first cell say %s, want 42", got)
	}
	if got := s.must("numbers <- 21; <-doubled"); got != "42" {
		t.Errorf("the goroutine that doubles numbers says %s, want 42", got)
	}
	select {
	case p := <-s.panics:
		t.Errorf("a goroutine panicked: %v", p)
	default:
	}
}

// interrupt runs a cell and interrupts it once it has said that it is ready.
func (s *session) interrupt(cell string, ends bool) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patiently)
	defer stop()
	go func() {
		select {
		case <-s.said:
			stop()
		case <-ctx.Done():
		}
	}()
	_, err := s.run(ctx, cell)
	if !errors.Is(err, front.ErrInterrupted) {
		s.t.Errorf("cell\n%s\ngives %v, want an interrupt", cell, err)
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		s.t.Errorf("cell\n%s\nwas not ready", cell)
	}
}

// interruptTwice runs a cell that says when it is ready, and again when it has recovered
// from an interrupt.
func (s *session) interruptTwice(cell string) {
	s.t.Helper()
	again := make(chan struct{})
	ctx, stop := context.WithTimeout(front.WithSecond(s.t.Context(), again), patiently)
	defer stop()
	go func() {
		defer close(again)
		<-s.said
		stop()
		select {
		case <-s.said:
		case <-time.After(patiently):
			s.t.Errorf("cell\n%s\ndid not recover from an interrupt", cell)
		}
	}()
	if _, err := s.run(ctx, cell); !errors.Is(err, front.ErrInterrupted) {
		s.t.Errorf("cell\n%s\ngives %v, want an interrupt", cell, err)
	}
}

// A panic in a goroutine is told with its place, and ends nothing else.
func TestGoroutinePanic(t *testing.T) {
	for cell, want := range map[string]string{
		"go func() { panic(\"a\") }()":                                             "a cell[1]:1",
		"f := func(s string, n ...int) { panic(s) }\n\ngo f(\"b\", 1, 2)":          "b cell[1]:1",
		"type T struct{ p *int }\nfunc (t T) M() {\n\t*t.p = 1\n}\ngo T{}.M()":     "runtime error: invalid memory address or nil pointer dereference cell[1]:3",
		"fs := []func(){func() {\n\tvar m map[int]int\n\tm[1] = 1\n}}\ngo fs[0]()": "assignment to entry in nil map cell[1]:3",
	} {
		s := newSession(t)
		s.must(cell)
		select {
		case p := <-s.panics:
			got := fmt.Sprint(p)
			if len(p.Frames) > 0 {
				got += fmt.Sprintf(" %s:%d", p.Frames[0].Pos.Filename, p.Frames[0].Pos.Line)
			}
			if got != want {
				t.Errorf("cell\n%s\ntells %q, want %q", cell, got, want)
			}
		case <-time.After(patiently):
			t.Errorf("cell\n%s\ntells of no panic", cell)
		}
		if got := s.must("1 + 1"); got != "2" {
			t.Errorf("then 1 + 1 is %s", got)
		}
	}
}
