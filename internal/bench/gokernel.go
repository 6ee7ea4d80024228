package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/kernelclient"
)

// How the Go kernel is measured.
const (
	goStarts     = 20
	goCells      = 300
	goSimple     = 10_000
	goComplete   = 400
	goTurns      = 7
	goInterrupts = 100
)

// goKernel is a Go kernel, a process of its own, and what it is asked.
type goKernel struct{ *kernelclient.Kernel }

// startGo starts a Go kernel. Nothing that it keeps is the user's.
func (b *bench) startGo(ctx context.Context, engine string) (goKernel, error) {
	env := os.Environ()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"} {
		env = append(env, name+"="+b.dir)
	}
	k, err := kernelclient.Launch(ctx, kernelclient.Spec{
		Name: "go", Language: "go", InterruptMode: kernelclient.InterruptByMessage,
		Argv: []string{*reval, "kernel", "go", "--engine", engine, "--connection-file", "{connection_file}"},
	}, kernelclient.LaunchOptions{Dir: b.dir, Env: env})
	return goKernel{k}, err
}

// run evaluates a cell and gives the text of its value, and the time until its end.
func (k goKernel) run(ctx context.Context, cell string) (value string, took time.Duration, err error) {
	var failed error
	start := time.Now()
	_, err = k.Execute(ctx, kernelclient.ExecuteRequest{Code: cell}, func(e kernelclient.Event) {
		switch e := e.(type) {
		case kernelclient.Result:
			failed = errors.Join(failed, json.Unmarshal(e.Data["text/plain"], &value))
		case kernelclient.Error:
			failed = fmt.Errorf("%s: %s", e.Name, e.Value)
		}
	})
	took = time.Since(start)
	if err = errors.Join(err, failed); err != nil {
		return "", 0, fmt.Errorf("cell %.40q: %w", cell, err)
	}
	return value, took, nil
}

// goKernels measures the Go kernel.
func (b *bench) goKernels(ctx context.Context) error {
	for _, part := range []func(context.Context) error{b.goCells, b.goCompletion, b.goSpeed, b.goInterrupts, b.goMemory} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// goCells measures starts, and simple cells from the first to the last.
func (b *bench) goCells(ctx context.Context) error {
	var starts, first, last []time.Duration
	for range goStarts {
		start := time.Now()
		k, err := b.startGo(ctx, "ixgo")
		if err != nil {
			return err
		}
		starts = append(starts, time.Since(start))
		for n := 1; n <= goCells; n++ {
			cell := fmt.Sprintf("x%d := %d", n, n)
			if n%2 == 1 {
				cell = fmt.Sprintf("%d + 1", n)
			}
			_, took, err := k.run(ctx, cell)
			switch {
			case err != nil:
				k.Close()
				return err
			case n == 1:
				first = append(first, took)
			case n > goCells-20:
				last = append(last, took)
			}
		}
		k.Close()
	}
	b.report.section("The Go kernel: start and cells", fmt.Sprintf(
		"%d kernels, one after the other: from the call of kernelclient's Launch until the kernel is ready, then %d\ncells, `n + 1` and `xn := n` in turn, each from the request until its end was told.", goStarts, goCells))
	rows := [][]string{{"", "median", "p99"}}
	for _, r := range []struct {
		name  string
		times []time.Duration
		limit time.Duration
	}{
		{"start to ready", starts, 100 * time.Millisecond},
		{"the first cell", first, 2 * time.Millisecond},
		{fmt.Sprintf("cells %d to %d", goCells-19, goCells), last, 2 * time.Millisecond},
	} {
		m := median(r.times)
		rows = append(rows, []string{r.name, milliseconds(m), milliseconds(quantile(r.times, 0.99))})
		b.report.budget("Go kernel, "+r.name+", median", "≤ "+milliseconds(r.limit), milliseconds(m), m <= r.limit)
	}
	b.report.table(rows...)
	return nil
}

// goCompletion measures completion in a session of some size, idle and while a cell runs.
func (b *bench) goCompletion(ctx context.Context) error {
	k, err := b.startGo(ctx, "ixgo")
	if err != nil {
		return err
	}
	defer k.Close()
	cells := []string{"import (\"fmt\"; \"strings\"; \"net/http\"; \"time\")", "type point struct{ X, Y float64 }\nfunc (p point) Norm() float64 { return p.X*p.X + p.Y*p.Y }", "p := point{1, 2}", "m := map[string]point{\"north\": p}"}
	for n := range goCells {
		cells = append(cells, fmt.Sprintf("value%d := %d", n, n))
	}
	for _, cell := range cells {
		if _, _, err := k.run(ctx, cell); err != nil {
			return err
		}
	}
	const key = "m[\"" // is not answered while a cell runs, which may write the map
	questions := []string{"strings.", "http.St", "p.", "value1", "point{", "fmt.Printf(val", "f", key}
	b.report.section("The Go kernel: completion", fmt.Sprintf(
		"In a session of %d cells, each question %d times; at rest, and while a cell goes round an endless\nloop. From the request until the reply.", len(cells), goComplete))
	rows := [][]string{{"", "at rest, median", "p99", "while a cell runs, median", "p99"}}
	for _, q := range questions {
		rows = append(rows, []string{"`" + q + "`"})
	}
	var all []time.Duration
	ask := func(questions []string) error {
		for i, q := range questions {
			var times []time.Duration
			for range goComplete {
				start := time.Now()
				reply, err := k.Complete(ctx, q, kernelclient.CursorAt(q, len(q)))
				if err != nil {
					return err
				}
				if len(reply.Matches) == 0 {
					return fmt.Errorf("no completion of %q", q)
				}
				times = append(times, time.Since(start))
			}
			rows[i+1] = append(rows[i+1], milliseconds(median(times)), milliseconds(quantile(times, 0.99)))
			all = append(all, times...)
		}
		return nil
	}
	if err := ask(questions); err != nil {
		return err
	}
	p99 := quantile(all, 0.99)
	b.report.budget("Go kernel, completion, p99", "≤ 5.00 ms", milliseconds(p99), p99 <= 5*time.Millisecond)
	if err := k.during(ctx, "for {}", func() error { return ask(questions[:len(questions)-1]) }); err != nil {
		return err
	}
	rows[len(questions)] = append(rows[len(questions)], "", "")
	b.report.table(rows...)
	return nil
}

// during does something while a cell runs, which is interrupted after it.
func (k goKernel) during(ctx context.Context, cell string, do func() error) error {
	ready, ended := make(chan bool, 1), make(chan error, 1)
	go func() {
		interrupted := false
		_, err := k.Execute(ctx, kernelclient.ExecuteRequest{Code: "print(\"\\n\")\n" + cell}, func(e kernelclient.Event) {
			switch e := e.(type) {
			case kernelclient.Stream:
				select {
				case ready <- true:
				default:
				}
			case kernelclient.Error:
				if interrupted = e.Name == "Interrupted"; !interrupted {
					err := fmt.Errorf("%s: %s", e.Name, e.Value)
					select {
					case ended <- err:
					default:
					}
				}
			}
		})
		if err == nil && !interrupted {
			err = errors.New("it was not interrupted")
		}
		ended <- err
	}()
	fail := func(err error) error { return fmt.Errorf("cell %.40q: %w", cell, err) }
	select {
	case <-ready:
	case err := <-ended:
		return fail(err)
	}
	if err := do(); err != nil {
		return fail(err)
	}
	if err := k.Interrupt(ctx); err != nil {
		return fail(err)
	}
	if err := <-ended; err != nil {
		return fail(err)
	}
	return nil
}

// runner is one of those that run the programs.
type runner struct {
	name  string
	times map[string][]time.Duration // by program
	run   func(function string) (ran, error)
	close func() error
}

// goSpeed measures programs in the kernel beside the bare engines and compiled Go.
func (b *bench) goSpeed(ctx context.Context) (err error) {
	var runners []*runner
	defer func() {
		for _, r := range runners {
			err = errors.Join(err, r.close())
		}
	}()
	for _, name := range []string{"compiled", "ixgo", "kernel ixgo", "yaegi", "kernel yaegi"} {
		var r *runner
		if engine, ok := strings.CutPrefix(name, "kernel "); ok {
			r, err = b.kernelRunner(ctx, engine)
		} else {
			r, err = b.childRunner(ctx, name)
		}
		if err != nil {
			return err
		}
		r.name, r.times = name, map[string][]time.Duration{}
		runners = append(runners, r)
	}
	for range goTurns {
		for _, p := range programs {
			for _, r := range runners {
				got, err := r.run(p.function)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, p.name, err)
				}
				if want := p.compiled(); got.Value != want {
					return fmt.Errorf("%s, %s: the result is %d, want %d", r.name, p.name, got.Value, want)
				}
				r.times[p.name] = append(r.times[p.name], got.Took)
			}
		}
	}
	b.report.section("The Go kernel: running", fmt.Sprintf(
		"The same text compiled, in the bare engines, and as a cell of the kernel, where loops and calls look for\nan interrupt; a process each, in turns, the median of %d.", goTurns))
	rows := [][]string{{"", "compiled Go", "bare ixgo", "kernel (ixgo)", "over bare", "bare yaegi", "kernel (yaegi)", "over bare"}}
	for _, p := range programs {
		row := []string{p.name}
		for i, r := range runners {
			m := median(r.times[p.name])
			row = append(row, milliseconds(m))
			if engine, ok := strings.CutPrefix(r.name, "kernel "); ok {
				ratio := m.Seconds() / median(runners[i-1].times[p.name]).Seconds()
				row = append(row, times(ratio))
				if engine == "ixgo" {
					b.report.budget("Go kernel over bare ixgo, "+p.name, "≤ 2.50 times", times(ratio), ratio <= 2.5)
				}
			}
		}
		rows = append(rows, row)
	}
	b.report.table(rows...)
	return nil
}

func (b *bench) childRunner(ctx context.Context, name string) (*runner, error) {
	c, err := b.play(ctx, name)
	if err != nil {
		return nil, err
	}
	return &runner{close: c.Close, run: func(function string) (got ran, err error) {
		err = c.Ask(child.Request{Do: "run", Code: function}, &got)
		return got, err
	}}, nil
}

func (b *bench) kernelRunner(ctx context.Context, engine string) (*runner, error) {
	k, err := b.startGo(ctx, engine)
	if err != nil {
		return nil, err
	}
	r := &runner{close: func() error { k.Close(); return nil }, run: func(function string) (got ran, err error) {
		value, took, err := k.run(ctx, function+"()")
		if err != nil {
			return got, err
		}
		got.Took = took
		got.Value, err = strconv.Atoi(value)
		return got, err
	}}
	if _, _, err := k.run(ctx, speedCell()); err != nil {
		return r, errors.Join(err, r.close())
	}
	return r, nil
}

// stops are what an interrupt must end.
var stops = []struct{ name, cell string }{
	{"a loop", "for {}"},
	{"nested calls", "outer()"},
	{"recursion", "recur(1000)"},
	{"Sleep", "time.Sleep(time.Hour)"},
	{"a receive", "<-make(chan int)"},
	{"a send", "make(chan int) <- 1"},
	{"select", "select { case <-make(chan int): case <-time.After(time.Hour): }"},
	{"WaitGroup", "var g sync.WaitGroup; g.Add(1); g.Wait()"},
	{"Mutex", "var l sync.Mutex; l.Lock(); l.Lock()"},
	{"network", "http.Get(silent.URL)"},
	{"exec", "exec.Command(\"sleep\", \"3600\").Run()"},
}

// goInterrupts measures how soon an interrupt ends a cell.
func (b *bench) goInterrupts(ctx context.Context) error {
	k, err := b.startGo(ctx, "ixgo")
	if err != nil {
		return err
	}
	defer k.Close()
	if _, _, err := k.run(ctx, `
import ("net/http"; "net/http/httptest"; "os/exec"; "sync"; "time")
func inner() { for {} }
func outer() { inner() }
func recur(n int) int { if n == 0 { return 0 }; return recur(n-1) + recur(n-1) }
silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }))
`); err != nil {
		return err
	}
	b.report.section("The Go kernel: interrupts", fmt.Sprintf(
		"From an interrupt_request, sent while a cell does what the row says, until the cell's end was told; each\n%d times.", goInterrupts))
	rows := [][]string{{"", "median", "p99"}}
	worst := time.Duration(0)
	for _, s := range stops {
		var took []time.Duration
		for range goInterrupts {
			var start time.Time
			if err := k.during(ctx, s.cell, func() error { start = time.Now(); return nil }); err != nil {
				return err
			}
			took = append(took, time.Since(start))
		}
		p99 := quantile(took, 0.99)
		worst = max(worst, p99)
		rows = append(rows, []string{s.name, milliseconds(median(took)), milliseconds(p99)})
	}
	b.report.table(rows...)
	b.report.budget("Go kernel, interrupt of whatever blocks, p99", "≤ 100.00 ms", milliseconds(worst), worst <= 100*time.Millisecond)
	return nil
}

// goMemory measures what many cells leave in memory.
func (b *bench) goMemory(ctx context.Context) error {
	b.report.section("The Go kernel: memory", "The kernel's resident memory, and what is alive of it after a collection; and the cells' times.")
	rows := [][]string{{"", "resident", "alive", "the first 20 cells, median", "the last 20, median"}}
	for _, session := range []struct {
		name  string
		cells int
		cell  func(n int) string
	}{
		{"no cell", 0, nil},
		{fmt.Sprintf("%d simple cells", goSimple), goSimple, func(n int) string { return fmt.Sprintf("x := %d", n) }},
		{fmt.Sprintf("%d cells with a type and two methods", goCells), goCells, func(n int) string {
			return fmt.Sprintf("type T%[1]d struct{ N int }\nfunc (t T%[1]d) String() string { return \"T\" }\nfunc (t *T%[1]d) Add(n int) { t.N += n }\nt%[1]d := &T%[1]d{%[1]d}", n)
		}},
	} {
		k, err := b.startGo(ctx, "ixgo")
		if err != nil {
			return err
		}
		defer k.Close()
		var took []time.Duration
		for n := range session.cells {
			_, t, err := k.run(ctx, session.cell(n))
			if err != nil {
				return err
			}
			took = append(took, t)
		}
		resident, alive, err := k.memory(ctx)
		if err != nil {
			return err
		}
		row := []string{session.name, mebibytes(resident), mebibytes(alive), "", ""}
		if len(took) > 40 {
			row[3], row[4] = milliseconds(median(took[:20])), milliseconds(median(took[len(took)-20:]))
		}
		rows = append(rows, row)
	}
	b.report.table(rows...)
	return nil
}

// memory gives what of the kernel is resident, and what of its heap is alive, in bytes.
func (k goKernel) memory(ctx context.Context) (resident, alive int64, err error) {
	pid, _, err := k.run(ctx, "import (\"os\"; \"runtime\")\nos.Getpid()")
	if err != nil {
		return 0, 0, err
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", pid).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("ask ps for the memory of process %s: %w", pid, err)
	}
	if resident, err = strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64); err != nil {
		return 0, 0, err
	}
	text, _, err := k.run(ctx, "func() uint64 { runtime.GC(); var s runtime.MemStats; runtime.ReadMemStats(&s); return s.HeapAlloc }()")
	if err != nil {
		return 0, 0, err
	}
	alive, err = strconv.ParseInt(text, 10, 64)
	return resident << 10, alive, err
}
