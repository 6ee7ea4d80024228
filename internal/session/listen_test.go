package session

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/kernelpeer"
	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// printer is a Connect to a kernel that prints what it is given, in parts of some size.
func printer(t testing.TB, size, parts int) Connect {
	return func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		peer := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			for range parts {
				r.Print(strings.Repeat(r.Code(), size))
			}
			r.End()
		}})
		return kernelclient.Attach(ctx, peer.File, o)
	}
}

// hearer counts what is printed, and may be held.
type hearer struct {
	mu    sync.Mutex
	heard []string
	bytes int
	held  chan struct{} // nil, or closed when it is to go on
}

func (h *hearer) note(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, line)
}

func (h *hearer) SessionChanged(s Status)        { h.note("session " + string(s.State)) }
func (h *hearer) EvaluationChanged(e Evaluation) { h.note(e.ID + " " + string(e.State)) }
func (h *hearer) InputVoid(id string)            {}

// EvaluationReplayed forgets what it has heard of the evaluation: it is told again.
func (h *hearer) EvaluationReplayed(e Evaluation) {
	h.mu.Lock()
	h.heard = slices.DeleteFunc(h.heard, func(line string) bool { return strings.HasPrefix(line, e.ID+" ") })
	h.mu.Unlock()
	h.note(e.ID + " again, " + string(e.State))
}

func (h *hearer) InputRequested(id string, r kernelclient.InputRequest) {}

func (h *hearer) Output(id string, e record.Entry) {
	if h.held != nil {
		<-h.held
	}
	if e.Kind == record.Stream {
		h.note(id + " prints " + e.Text)
		h.mu.Lock()
		h.bytes += len(e.Text)
		h.mu.Unlock()
	}
}

func (h *hearer) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.heard)
}

// Each listener is told the same in the same order, from when it came until it went, and
// one that is slow is behind for some time, but misses nothing.
func TestListenersAreToldTheSame(t *testing.T) {
	t.Parallel()
	s, r := open(t, printer(t, 10, 20))
	first, slow := &hearer{}, &hearer{held: make(chan struct{})}
	all := s.Listen(first, Client{ID: "first"})
	behind := s.Listen(slow, Client{ID: "slow"})
	evaluate(s, "a", "x", "y")
	r.wait(0, "a2 done")
	late := &hearer{}
	joined := s.Listen(late, Client{ID: "late"})
	all.Wait(within(t))
	before := len(first.all())
	evaluate(s, "b", "z")
	r.wait(0, "b1 done")
	all.Wait(within(t))
	joined.Wait(within(t))
	if got, want := late.all(), append([]string{"session idle"}, first.all()[before:]...); !slices.Equal(got, want) {
		t.Errorf("who came late heard %q, want %q", got, want)
	}
	if n := len(slow.all()); n >= len(first.all()) {
		t.Errorf("who was held heard %d things", n)
	}
	close(slow.held)
	behind.Wait(within(t))
	if got, want := slow.all(), first.all(); !slices.Equal(got, want) {
		t.Errorf("who was slow heard %q, want %q", got, want)
	}
	joined.Stop()
	before = len(late.all())
	evaluate(s, "c", "w")
	r.wait(0, "c1 done")
	if len(late.all()) != before {
		t.Error("who stopped listening heard more")
	}
}

// What is printed waits for a listener that is far behind, so that memory is bounded, and
// goes on when it comes, or stops listening.
func TestKernelWaitsForListeners(t *testing.T) {
	for name, release := range map[string]func(*hearer, *Listening){
		"goes on": func(h *hearer, _ *Listening) { close(h.held) },
		"stops":   func(h *hearer, g *Listening) { g.Stop(); close(h.held) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size, parts = 256 << 10, 80
			s, r := open(t, printer(t, size, parts))
			slow := &hearer{held: make(chan struct{})}
			g := s.Listen(slow, Client{ID: "slow"})
			evaluate(s, "a", "x")
			r.wait(0, "a1 prints")
			g.mu.Lock()
			for g.bytes <= maxBehind {
				g.mu.Unlock()
				runtime.Gosched()
				g.mu.Lock()
			}
			if most := maxBehind + 2*size; g.bytes > most {
				t.Errorf("%d bytes wait, more than %d", g.bytes, most)
			}
			g.mu.Unlock()
			if r.state("a1") != Running {
				t.Errorf("the evaluation is %s", r.state("a1"))
			}
			release(slow, g)
			r.wait(0, "a1 done")
			if name == "goes on" {
				g.Wait(within(t))
				if slow.bytes != size*parts {
					t.Errorf("%d bytes of %d were heard", slow.bytes, size*parts)
				}
			}
		})
	}
}

// Who comes while something runs, or after it, is told it from its beginning, with neither
// gap nor repeat.
func TestReplay(t *testing.T) {
	t.Parallel()
	const parts = 300
	connect := func(ctx context.Context, o kernelclient.Options) (*kernelclient.Kernel, error) {
		peer := kernelpeer.Start(t, kernelpeer.Script{jupyter.ExecuteRequest: func(r *kernelpeer.Request) {
			r.Begin()
			for i := range parts {
				r.Print(fmt.Sprintf("%s %d\n", r.Code(), i))
			}
			r.End()
		}})
		return kernelclient.Attach(ctx, peer.File, o)
	}
	s, r := open(t, connect)
	all := func(Evaluation) bool { return true }
	var late []*hearer
	var joined []*Listening
	join := func(which func(Evaluation) bool) {
		h := &hearer{}
		g := s.Listen(h, Client{ID: "late"})
		g.Replay(which)
		late, joined = append(late, h), append(joined, g)
	}
	evaluate(s, "a", "x", "y")
	for from := 0; r.state("a2") != Done; {
		from = r.wait(from, "a")
		join(all)
	}
	join(all)
	want := strings.Builder{}
	for _, code := range []string{"x", "y"} {
		for i := range parts {
			fmt.Fprintf(&want, "%s %d\n", code, i)
		}
	}
	for i, h := range late {
		joined[i].Wait(within(t))
		got, states := strings.Builder{}, []string(nil)
		for _, line := range h.all() {
			if _, text, ok := strings.Cut(line, " prints "); ok {
				got.WriteString(text)
			} else if strings.HasSuffix(line, " done") {
				states = append(states, line)
			}
		}
		if got.String() != want.String() || !slices.Equal(states, []string{"a1 done", "a2 done"}) {
			t.Fatalf("who came as number %d heard %d bytes of %d and %q", i, got.Len(), want.Len(), states)
		}
	}
	s.Hide("a1")
	join(func(e Evaluation) bool { return e.Code == "x" })
	join(func(e Evaluation) bool { return e.Code == "y" })
	for _, g := range joined {
		g.Wait(within(t))
	}
	if heard := late[len(late)-2].all(); len(heard) > 1 {
		t.Errorf("of a hidden evaluation it was heard %q", heard)
	}
	if heard := late[len(late)-1].all(); len(heard) < 4 || heard[1] != "a2 again, running" || heard[len(heard)-1] != "a2 done" {
		t.Errorf("of one evaluation it was heard %q", heard)
	}
}
