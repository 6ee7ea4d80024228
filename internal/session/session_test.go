package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds what waits for an event that does not come, in a test that fails.
const limit = testenv.Patience

func within(t testing.TB) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	return ctx
}

// transcript is a listener that writes down what it is told, and holds the session
// to its promises: the states of an evaluation go forward, and nothing of its
// execution comes after its end.
type transcript struct {
	t         testing.TB
	listening *Listening
	mu        sync.Mutex
	all       []string
	last      map[string]EvaluationState
	more      chan struct{} // closed and replaced at each line
}

func (r *transcript) add(line string) { // mu is held
	r.all = append(r.all, line)
	close(r.more)
	r.more = make(chan struct{})
}

func (r *transcript) SessionChanged(s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(strings.TrimSpace(fmt.Sprintf("session %s %s", s.State, s.Message)))
}

func (r *transcript) EvaluationChanged(e Evaluation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rank := func(s EvaluationState) int { return slices.Index([]EvaluationState{"", Queued, Running}, s) }
	if last := r.last[e.ID]; last.Ended() && last != "" || !e.State.Ended() && rank(e.State) < rank(last) {
		r.t.Errorf("%s went from %s to %s", e.ID, last, e.State)
	}
	again := e.State == Running && r.last[e.ID] == Running // its count is new
	r.last[e.ID] = e.State
	if again {
		return
	}
	line := fmt.Sprintf("%s %s", e.ID, e.State)
	if e.State == Queued {
		line += fmt.Sprintf(" %d", e.Ahead)
	}
	r.add(strings.TrimSpace(line + " " + e.Message))
}

func (r *transcript) EvaluationReplayed(e Evaluation) {}

func (r *transcript) Output(id string, e record.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.last[id]; !known {
		return // a kernel tells of what others asked for, too
	}
	if last := r.last[id]; last != Running {
		r.t.Errorf("output %#v of %s, which is %s", e, id, last)
	}
	switch e.Kind {
	case record.Stream:
		r.add(id + " prints " + strings.TrimSpace(e.Text))
	case record.Result:
		r.add(fmt.Sprintf("%s gives %s", id, e.Data["text/plain"]))
	case record.Error:
		r.add(id + " fails " + e.Name)
	}
}

func (r *transcript) InputRequested(id string, e kernelclient.InputRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(id + " asks " + strings.TrimSpace(e.Prompt))
}

func (r *transcript) InputVoid(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(id + " asks no more")
}

// wait returns when a line that contains text was written after the first from
// lines, and gives the number of lines up to it.
func (r *transcript) wait(from int, text string) int {
	r.t.Helper()
	ctx := within(r.t)
	for {
		r.mu.Lock()
		more := r.more
		for i := from; i < len(r.all); i++ {
			if strings.Contains(r.all[i], text) {
				r.mu.Unlock()
				return i + 1
			}
		}
		r.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("%q did not come; what came:\n%s", text, strings.Join(r.all, "\n"))
		}
	}
}

// of gives the lines about id.
func (r *transcript) of(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, l := range r.all {
		if rest, ok := strings.CutPrefix(l, id+" "); ok {
			lines = append(lines, rest)
		}
	}
	return strings.Join(lines, "; ")
}

func (r *transcript) state(id string) EvaluationState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[id]
}

func (r *transcript) expect(id, want string) {
	r.t.Helper()
	if got := r.of(id); got != want {
		r.t.Errorf("%s: got %q, want %q", id, got, want)
	}
}

func open(t testing.TB, connect Connect) (*Session, *transcript) {
	return openWith(t, connect, Options{})
}

func openWith(t testing.TB, connect Connect, o Options) (*Session, *transcript) {
	r := &transcript{t: t, last: map[string]EvaluationState{}, more: make(chan struct{})}
	s := New(connect, o)
	r.listening = s.Listen(r, Client{ID: "r"})
	t.Cleanup(func() { s.Close(within(t)) })
	return s, r
}

// played is a kernel for which "hold" runs until it is interrupted or released,
// "fail" is an error and everything else prints itself.
type played struct {
	mu      sync.Mutex
	peer    *kernelpeer.Kernel
	release chan struct{}
	starts  int
}

// attach is a Connect that starts the peer anew each time.
func (p *played) attach(t testing.TB) Connect {
	return func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		interrupted := make(chan struct{}, 10)
		release := make(chan struct{}, 10)
		peer := kernelpeer.Start(t, kernelpeer.Script{
			jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
				r.Begin()
				r.Print(r.Code())
				failure := r.Code() == "fail"
				if r.Code() == "hold" {
					select {
					case <-interrupted:
						failure = true
					case <-release:
					case <-r.Kernel.Done():
						return
					}
				}
				if failure {
					r.Reply(jupyter.ExecuteReply, map[string]any{"status": "error", "ename": "Oh", "evalue": ""})
					r.Status(jupyter.StateIdle)
					return
				}
				r.End()
			},
			jupyter.InterruptRequest: func(r *kernelpeer.Request) {
				interrupted <- struct{}{}
				r.Answer()
			},
		})
		p.mu.Lock()
		p.peer, p.release = peer, release
		p.starts++
		p.mu.Unlock()
		return kernelclient.Attach(ctx, peer.File, o)
	}
}

// die ends the kernel as a crash would.
func (p *played) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peer.Stop()
}

func (p *played) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release <- struct{}{}
}

func evaluate(s *Session, group string, codes ...string) {
	for i, code := range codes {
		s.Evaluate(Request{ID: fmt.Sprintf("%s%d", group, i+1), Code: code, Group: group})
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "hold")
	r.wait(0, "a1 prints")
	evaluate(s, "b", "x", "y", "z")
	if st := s.Status(); st.State != Busy || st.Queued != 3 || st.Running != "a1" {
		t.Errorf("status %+v", st)
	}
	p.goOn()
	r.wait(0, "b3 done")
	r.expect("a1", "queued 0; running; prints hold; done")
	r.expect("b1", "queued 1; queued 0; running; prints x; done")
	r.expect("b2", "queued 2; queued 1; queued 0; running; prints y; done")
	r.expect("b3", "queued 3; queued 2; queued 1; queued 0; running; prints z; done")
	if p.starts != 1 {
		t.Errorf("%d kernels were started", p.starts)
	}
}

// What is told when an evaluation ends does not grow with the queue behind it.
func TestLongQueue(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "hold")
	r.wait(0, "a1 prints")
	const n = 300
	evaluate(s, "b", slices.Repeat([]string{"x"}, n)...)
	p.goOn()
	r.wait(0, fmt.Sprintf("b%d done", n))
	r.expect("b5", "queued 5; queued 4; queued 3; queued 2; queued 1; queued 0; running; prints x; done")
	var last []string
	for i := MaxAhead; i >= 0; i-- {
		last = append(last, fmt.Sprintf("queued %d", i))
	}
	r.expect(fmt.Sprintf("b%d", n), strings.Join(last, "; ")+"; running; prints x; done")
}

// What waits can be moved, and is evaluated once if it is asked for again.
func TestQueueIsChanged(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "hold")
	r.wait(0, "a1 prints")
	evaluate(s, "b", "v", "w", "x", "y")
	s.Evaluate(Request{ID: "again", Code: "w", Again: []string{"b2", "a1", "nobody"}})
	r.wait(0, "again queued 2")
	r.expect("b2", "queued 2; cancelled it was evaluated again before it ran")
	if err := s.Move("b4", 0); err != nil {
		t.Error(err)
	}
	if err := s.Move("b1", 100); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"a1", "b2", "nobody"} {
		if err := s.Move(id, 0); err == nil {
			t.Errorf("%s was moved", id)
		}
	}
	var order []string
	for _, e := range s.Queue() {
		order = append(order, fmt.Sprintf("%s %d", e.ID, e.Ahead))
	}
	if got, want := strings.Join(order, ", "), "a1 0, b4 1, again 2, b3 3, b1 4"; got != want {
		t.Errorf("the queue is %s, want %s", got, want)
	}
	p.goOn()
	from := 0
	for _, id := range []string{"b4", "again", "b3", "b1"} {
		from = r.wait(from, id+" done")
	}
	s.Evaluate(Request{ID: "more", Code: "x", Again: []string{"b3"}})
	r.wait(0, "more done")
}

func TestErrorDropsItsGroup(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "h", "hold")
	r.wait(0, "h1 prints")
	s.Evaluate(Request{ID: "a1", Code: "fail", Group: "a"})
	s.Evaluate(Request{ID: "b1", Code: "x", Group: "b"})
	s.Evaluate(Request{ID: "a2", Code: "y", Group: "a"})
	s.Evaluate(Request{ID: "b2", Code: "z", Group: "b"})
	p.goOn()
	r.wait(0, "b2 done")
	r.expect("a1", "queued 1; queued 0; running; prints fail; fails Oh; error")
	r.expect("a2", "queued 3; queued 2; cancelled not run: what came before it failed")
	r.expect("b1", "queued 2; queued 1; queued 0; running; prints x; done")
	r.expect("b2", "queued 4; queued 3; queued 1; queued 0; running; prints z; done")
}

// Where the user has said so what waits behind an error runs.
func TestErrorDropsNothing(t *testing.T) {
	t.Parallel()
	var p played
	s, r := openWith(t, p.attach(t), Options{GoOn: true})
	s.Evaluate(Request{ID: "a1", Code: "fail", Group: "a"}, Request{ID: "a2", Code: "y", Group: "a"})
	r.wait(0, "a2 done")
	r.expect("a1", "queued 0; running; prints fail; fails Oh; error")
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	if err := s.Interrupt()(within(t)); !errors.Is(err, ErrNoKernel) {
		t.Errorf("interrupt without a kernel: %v", err)
	}
	evaluate(s, "a", "hold", "x", "y")
	r.wait(0, "a1 prints")
	if err := s.Interrupt()(within(t)); err != nil {
		t.Fatal(err)
	}
	r.wait(0, "a1 error")
	r.expect("a1", "queued 0; running; prints hold; fails Oh; error")
	r.expect("a2", "queued 1; cancelled interrupted before it ran")
	evaluate(s, "b", "z")
	r.wait(0, "b1 done")
}

// slow is a Connect that waits until its context ends or goOn is closed.
func slow(next Connect, begun chan<- struct{}, goOn <-chan struct{}) Connect {
	return func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		begun <- struct{}{}
		select {
		case <-goOn:
			return next(ctx, o)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func TestStartBrokenOff(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*Session) Rest{
		"interrupt": (*Session).Interrupt, "shutdown": (*Session).Shutdown, "restart": (*Session).Restart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p played
			begun, goOn := make(chan struct{}, 10), make(chan struct{})
			s, r := open(t, slow(p.attach(t), begun, goOn))
			evaluate(s, "a", "x", "y")
			<-begun
			if err := stop(s)(within(t)); err != nil {
				t.Fatal(err)
			}
			evaluate(s, "b", "z") // at once: the start may not have noticed yet
			r.wait(0, "a2 ")
			<-begun
			close(goOn)
			r.wait(0, "b1 done")
			for _, id := range []string{"a1", "a2"} {
				if last := r.state(id); last != Cancelled && last != Lost {
					t.Errorf("%s is %s", id, last)
				}
			}
		})
	}
}

func TestInterruptedStartLeavesNoKernel(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	s, r := open(t, slow(nil, begun, nil))
	evaluate(s, "a", "x")
	<-begun
	if err := s.Interrupt()(within(t)); err != nil {
		t.Fatal(err)
	}
	r.listening.Wait(within(t))
	r.expect("a1", "queued 0; cancelled interrupted before it ran")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "hold")
	r.wait(0, "a1 prints")
	evaluate(s, "b", "x", "y")
	if err := s.Cancel(within(t), "b1"); err != nil {
		t.Fatal(err)
	}
	r.listening.Wait(within(t))
	r.expect("b1", "queued 1; cancelled cancelled before it ran")
	r.expect("b2", "queued 2; queued 1")
	if err := s.Cancel(within(t), "a1"); err != nil {
		t.Fatal(err)
	}
	r.wait(0, "b2 done")
	r.expect("a1", "queued 0; running; prints hold; fails Oh; error")
	if err := s.Cancel(within(t), "a1"); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("cancel of what has ended: %v", err)
	}
}

// TestDeath: the running and the queued are lost, and the next gets a new kernel
// even if it is asked for at the moment when the loss is told.
func TestDeath(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		var p played
		s, r := open(t, p.attach(t))
		evaluate(s, "a", "hold", "x")
		r.wait(0, "a1 prints")
		go p.die()
		r.wait(0, "a1 lost")
		evaluate(s, "b", "y")
		at := r.wait(0, "session dead")
		r.wait(at, "b1 done")
		if i > 0 {
			s.Close(within(t))
			continue
		}
		for _, id := range []string{"a1", "a2"} {
			if got := r.of(id); !strings.Contains(got, "lost") || !strings.Contains(got, "kernel died") {
				t.Errorf("%s: %s", id, got)
			}
		}
		if p.starts != 2 {
			t.Errorf("%d kernels were started", p.starts)
		}
	}
}

func TestDeathWhileIdle(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "x")
	r.wait(0, "a1 done")
	p.die()
	at := r.wait(0, "session dead kernel died")
	if s.Kernel() != nil {
		t.Error("a dead kernel is still the session's")
	}
	if _, err := s.Complete(within(t), "x", 1); !errors.Is(err, ErrNoKernel) {
		t.Errorf("complete: %v", err)
	}
	evaluate(s, "b", "y")
	r.wait(at, "b1 done")
}

// heard tells of the line in a kernel's log by which its silence will be noticed.
type heard struct{ beats chan struct{} }

func (h heard) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "answers its heartbeat while it runs code") {
		h.beats <- struct{}{}
	}
	return len(line), nil
}

// A kernel that is silent is told, nothing else becomes of it; another that takes its
// place has nothing of that.
func TestUnresponsiveKernel(t *testing.T) {
	release := make(chan struct{})
	lines := make(chan *kernelpeer.Lines, 1)
	beats := make(chan struct{}, 1)
	s, r := open(t, func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		between := kernelpeer.Between(t, kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			r.Wait(release)
			r.End()
		}}).File)
		lines <- between
		o.Heartbeat = 100 * time.Millisecond
		o.Logger = slog.New(slog.NewTextHandler(heard{beats}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		return kernelclient.Attach(ctx, between.File, o)
	})
	s.Evaluate(Request{ID: "a", Code: "hold"})
	r.wait(0, "a running")
	stopped := <-lines
	select {
	case <-beats:
	case <-within(t).Done():
		t.Fatal("the kernel's heartbeat was not heard")
	}
	all := []jupyter.Channel{jupyter.Shell, jupyter.Control, jupyter.IOPub, jupyter.Heartbeat}
	for _, channel := range all {
		stopped.Of(channel).Stall()
	}
	at := r.wait(0, "session unresponsive the kernel does not answer")
	if st := s.Status(); st.State != Unresponsive || st.Running != "a" {
		t.Errorf("status %+v", st)
	}
	for _, channel := range all {
		stopped.Of(channel).Resume()
	}
	at = r.wait(at, "session busy")
	close(release)
	at = r.wait(at, "a done")
	r.wait(at, "session idle")

	// What the one before is told of does not concern its successor.
	s.responsive(new(link), false)
	if st := s.Status(); st.State != Idle {
		t.Errorf("status %+v", st)
	}
}

func TestFailingConnect(t *testing.T) {
	t.Parallel()
	var p played
	fails := true
	s, r := open(t, func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		if fails {
			fails = false
			return nil, errors.New("no kernel today")
		}
		return p.attach(t)(ctx, o)
	})
	evaluate(s, "a", "x")
	r.wait(0, "session dead no kernel today")
	r.expect("a1", "queued 0; lost no kernel today")
	evaluate(s, "b", "y")
	r.wait(0, "b1 done")
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	evaluate(s, "a", "hold", "x")
	r.wait(0, "a1 prints")
	if err := s.Shutdown()(within(t)); err != nil {
		t.Fatal(err)
	}
	evaluate(s, "b", "y")
	r.wait(0, "b1 done")
	r.expect("a2", "queued 1; lost the kernel was shut down")
	if p.starts != 2 || r.state("a1") != Lost {
		t.Errorf("%d kernels were started, a1 is %s", p.starts, r.state("a1"))
	}
	if err := s.Restart()(within(t)); err == nil || !strings.Contains(err.Error(), "started elsewhere") {
		t.Errorf("restart of an attached kernel: %v", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*testing.T, *Session, *transcript, *played){
		"unused": func(*testing.T, *Session, *transcript, *played) {},
		"queued": func(_ *testing.T, s *Session, _ *transcript, _ *played) { evaluate(s, "a", "hold", "x") },
		"running": func(_ *testing.T, s *Session, r *transcript, _ *played) {
			evaluate(s, "a", "hold", "x")
			r.wait(0, "a1 prints")
		},
		"idle": func(_ *testing.T, s *Session, r *transcript, _ *played) { evaluate(s, "a", "x"); r.wait(0, "a1 done") },
		"dying": func(_ *testing.T, s *Session, r *transcript, p *played) {
			evaluate(s, "a", "hold")
			r.wait(0, "a1 prints")
			p.die()
		},
		"interrupted": func(t *testing.T, s *Session, r *transcript, _ *played) {
			evaluate(s, "a", "hold")
			r.wait(0, "a1 prints")
			if err := s.Interrupt()(within(t)); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p played
			s, r := open(t, p.attach(t))
			act(t, s, r, &p)
			s.Close(within(t))
			r.mu.Lock()
			for id, state := range r.last {
				if !state.Ended() {
					t.Errorf("%s is still %s", id, state)
				}
			}
			r.mu.Unlock()
			evaluate(s, "z", "x")
			r.listening.Wait(within(t))
			r.expect("z1", "lost the session was closed")
		})
	}
}

// oneEnv orders calls of testenv.Env: those of tests in parallel share a slice.
var oneEnv sync.Mutex

func env(t testing.TB) []string {
	oneEnv.Lock()
	defer oneEnv.Unlock()
	return testenv.Env(t)
}

// real is a Connect that launches ipykernel.
func real(t testing.TB) Connect {
	python, env, dir := testenv.Python(t), env(t), t.TempDir()
	return func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		return kernelclient.Launch(ctx, kernelclient.Spec{
			Name: "python3", InterruptMode: kernelclient.InterruptBySignal,
			Argv: []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
		}, kernelclient.LaunchOptions{Options: o, Env: env, Dir: dir})
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s, r := open(t, real(t))
	evaluate(s, "a", "x = 1; print('on', flush=True)\nwhile True: pass", "x")
	r.wait(0, "a1 prints on")
	rest := s.Restart()
	evaluate(s, "b", "'x' in globals()") // before the old kernel has ended
	if err := rest(within(t)); err != nil {
		t.Fatal(err)
	}
	at := max(r.wait(0, "session restarting"), r.wait(0, "a1 lost the kernel was restarted"))
	r.wait(at, "b1 done")
	r.expect("a2", "queued 1; lost the kernel was restarted")
	r.expect("b1", "queued 1; queued 0; running; gives \"False\"; done")
	if r.state("a1") != Lost {
		t.Errorf("a1 is %s", r.state("a1"))
	}
}

// What is evaluated around the code is told to nobody, and an interrupt that comes while
// it begins is one of the code.
func TestAround(t *testing.T) {
	t.Parallel()
	var p played
	s, r := open(t, p.attach(t))
	begins := make(chan struct{})
	s.Evaluate(Request{ID: "a", Code: "x", Around: func(string) (begin, end string) { close(begins); return "hold", "end" }})
	<-begins
	if err := s.Interrupt()(within(t)); err != nil {
		t.Fatal(err)
	}
	r.wait(0, "a cancelled")
	s.Evaluate(Request{ID: "b", Code: "y", Around: func(string) (begin, end string) { return "begin", "end" }})
	r.wait(0, "b done")
	r.expect("a", "queued 0; running; cancelled interrupted before it ran")
	r.expect("b", "queued 0; running; prints y; done")
}

func TestRealKernel(t *testing.T) {
	t.Parallel()
	s, r := open(t, real(t))
	s.Start()
	r.wait(0, "session idle")
	s.Evaluate(Request{ID: "in", Code: "1/0 if input('? ') else 0", AllowInput: true})
	r.wait(0, "in asks ?")
	evaluate(s, "a", "import os; os._exit(3)", "1")
	if err := s.Interrupt()(within(t)); err != nil {
		t.Fatal(err)
	}
	r.wait(0, "in error")
	r.expect("in", "queued 0; running; asks ?; fails KeyboardInterrupt; asks no more; error")
	evaluate(s, "b", "import os; os._exit(3)", "1")
	at := max(r.wait(0, "session dead kernel died: exit status 3"), r.wait(0, "b1 lost"))
	for _, id := range []string{"b1", "b2"} {
		if got := r.of(id); !strings.Contains(got, "lost") || !strings.Contains(got, "exit status 3") {
			t.Errorf("%s: %s", id, got)
		}
	}
	evaluate(s, "c", "1+1")
	r.wait(at, "c1 done")
	r.expect("c1", "queued 0; running; prints [a new kernel was started, without what was defined before: kernel died: exit status 3]; gives \"2\"; done")
}
