package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// What must hold while a kernel prints.
const (
	printedLines    = 1_000_000
	printingOver    = 1.1 // times a bare client's time
	printingMemory  = 64 << 20
	journalShare    = 0.1 // of the kernel's time
	interruptReach  = 50 * time.Millisecond
	interruptEffect = 300 * time.Millisecond
	printingTurns   = 3
	interrupts      = 10
)

// printCode is what prints them.
var printCode = fmt.Sprintf("for i in range(%d): print('line', i)\n", printedLines)

// printing measures a kernel that prints much: what the way to the editor costs, and whether
// anything gets lost or waits.
func (b *bench) printing(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.printed, b.interrupted} {
		if err := errors.Join(measure(ctx), b.stopDaemon()); err != nil {
			return err
		}
	}
	return nil
}

// printer is an ipykernel of which each client runs the same.
type printer struct {
	name    string
	kept    bool // in the journal
	reads   bool // while the kernel prints
	took    []time.Duration
	usage   []child.Usage // of the daemon: CPU used meanwhile, and the peak over its memory before
	missing int           // lines that are not in the journal, or not in their place
	untrue  bool          // what the editor shows at the end is not the end of what was printed
}

// printed measures printed lines beside a bare client's.
func (b *bench) printed(ctx context.Context) error {
	clients := []*printer{{name: "`reval lsp`", kept: true, reads: true}, {name: "`reval lsp`, an editor that does not read", kept: true}, {name: "`reval lsp`, nothing is kept", reads: true}}
	var bare []time.Duration
	for range printingTurns {
		took, err := b.printBare(ctx)
		if err != nil {
			return err
		}
		bare = append(bare, took)
		for _, p := range clients {
			if err := errors.Join(b.print(ctx, p), b.stopDaemon()); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	b.printedTable(bare, clients)
	return nil
}

// printBare gives how long a bare client takes.
func (b *bench) printBare(ctx context.Context) (time.Duration, error) {
	kernel, err := kernelclient.Launch(ctx, kernelclient.Spec{
		Name: "python3", Language: "python", InterruptMode: kernelclient.InterruptBySignal,
		Argv: []string{b.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
	}, kernelclient.LaunchOptions{Dir: b.dir})
	if err != nil {
		return 0, err
	}
	defer kernel.Close()
	bare, err := b.peer(ctx, "pyzmq")
	if err != nil {
		return 0, err
	}
	defer bare.Close()
	var got flooded
	return got.Took, errors.Join(
		bare.Ask(child.Request{Do: "attach", File: kernel.ConnectionFile()}, nil),
		bare.Ask(child.Request{Do: "flood", Code: printCode}, &got),
		bare.Ask(child.Request{Do: "detach"}, nil),
	)
}

// print has a client's kernel print, and looks at what came of it.
func (b *bench) print(ctx context.Context, p *printer) error {
	folder, err := b.project()
	if err != nil {
		return err
	}
	l, err := listen(ctx, folder)
	if err != nil {
		return err
	}
	defer l.close()
	if !p.kept {
		if err := l.conn.Notify(ctx, "workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"reval": map[string]any{"historyExclude": []string{"*"}}}}); err != nil {
			return err
		}
	}
	uri, err := l.open(ctx, filepath.Join(folder, "a.py"), printCode+"\n1\n")
	if err != nil {
		return err
	}
	first, err := l.evaluate(ctx, uri, "line", 2) // the kernel is there
	if err == nil {
		_, err = l.end(ctx, first)
	}
	if err != nil {
		return err
	}
	pid, err := daemonPID()
	if err != nil {
		return err
	}
	before, err := child.UsageNow(pid)
	if err != nil {
		return err
	}
	evaluation, err := l.evaluate(ctx, uri, "line", 0)
	if err != nil {
		return err
	}
	if !p.reads {
		l.reads.Lock()
		err = idleAgain(ctx)
		l.reads.Unlock()
		if err != nil {
			return err
		}
	}
	h, err := l.end(ctx, evaluation)
	if err != nil {
		return err
	}
	after, err := child.UsageNow(pid)
	if err != nil {
		return err
	}
	p.took = append(p.took, h.elapsed)
	p.usage = append(p.usage, child.Usage{CPU: after.CPU - before.CPU, Peak: after.Peak - before.Resident})
	p.untrue = p.untrue || !endOfLines(h.texts[0])
	if p.kept {
		missing, err := missingLines(evaluation)
		p.missing += missing
		return err
	}
	return nil
}

// idleAgain waits until a session works no more, by `reval tail`, which hears of it at once.
func idleAgain(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tail := exec.CommandContext(ctx, *reval, "tail", "--json")
	_, out, err := child.Pipe(tail)
	if err != nil {
		return err
	}
	defer tail.Wait()
	defer cancel()
	for events := json.NewDecoder(out); ; {
		var e struct{ Evaluation *struct{ State string } }
		if err := events.Decode(&e); err != nil {
			return fmt.Errorf("tail: %w", err)
		}
		if e.Evaluation != nil && e.Evaluation.State == lsp.EvaluationDone {
			return nil
		}
	}
}

// endOfLines tells whether a text is the end of what was printed, of which the beginning, if it
// is missing, is said to be.
func endOfLines(text []byte) bool {
	next := -1
	for line := range bytes.Lines(text) {
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(line), "line ")))
		switch {
		case err != nil && bytes.HasSuffix(line, []byte("left out here]\n")):
			next = -2
		case err != nil || next == -1 && n != 0 || next >= 0 && n != next:
			return false
		default:
			next = n + 1
		}
	}
	return next == printedLines
}

// missingLines counts the lines that the journal does not have in their place.
func missingLines(evaluation string) (missing int, err error) {
	history, err := exec.Command(*reval, "history", "--json", "--limit", "1").Output()
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	var e struct {
		ID      string
		Outputs []struct{ Text string }
	}
	if err := json.Unmarshal(history, &e); err != nil || e.ID != evaluation {
		return 0, fmt.Errorf("history tells of %q, not of %q: %w", e.ID, evaluation, err)
	}
	var text strings.Builder
	for _, o := range e.Outputs {
		text.WriteString(o.Text)
	}
	n := 0
	for line := range strings.Lines(text.String()) {
		if line == fmt.Sprintf("line %d\n", n) {
			n++
		}
	}
	return printedLines - n, nil
}

func (b *bench) printedTable(bare []time.Duration, clients []*printer) {
	b.report.section("A kernel that prints", fmt.Sprintf("`%s` in ipykernel, a new one each time, %d times in turns: by its own time, the\nbare client's from the request. Memory is the daemon's highest over what it had before; CPU is the daemon's.",
		strings.TrimSpace(printCode), printingTurns))
	rows := [][]string{{"client", "time, the best", "over bare", "CPU, median", "peak memory", "lines not in the journal", "what is shown"}}
	rows = append(rows, []string{"bare pyzmq", seconds(quantile(bare, 0)), "1.00 times", "", "", "", ""})
	peak := func(p *printer) (most int64) {
		for _, u := range p.usage {
			most = max(most, u.Peak)
		}
		return most
	}
	cpu := func(p *printer) time.Duration {
		var all []time.Duration
		for _, u := range p.usage {
			all = append(all, u.CPU)
		}
		return median(all)
	}
	over := func(p *printer) float64 { return quantile(p.took, 0).Seconds() / quantile(bare, 0).Seconds() }
	missing, untrue := 0, false
	for _, p := range clients {
		kept := ""
		if p.kept {
			kept = strconv.Itoa(p.missing)
		}
		truth := "is true"
		if p.untrue {
			truth = "**is not true**"
		}
		missing, untrue = missing+p.missing, untrue || p.untrue
		rows = append(rows, []string{p.name, seconds(quantile(p.took, 0)), times(over(p)), seconds(cpu(p)), mebibytes(peak(p)), kept, truth})
	}
	b.report.table(rows...)
	most := max(over(clients[0]), over(clients[1]))
	b.report.budget("a million printed lines, over a bare client, also if the editor does not read", fmt.Sprintf("≤ %.2f times", printingOver), times(most), most <= printingOver)
	memory := max(peak(clients[0]), peak(clients[1]))
	b.report.budget("the daemon's memory then, over what it had", "≤ "+mebibytes(printingMemory), mebibytes(memory), memory <= printingMemory)
	b.report.budget("lines of a million that the journal has not, or what is shown and is not true", "0", fmt.Sprint(missing), missing == 0 && !untrue)
	share := (cpu(clients[0]) - cpu(clients[2])).Seconds() / quantile(bare, 0).Seconds()
	b.report.budget("what the journal computes then, of the kernel's time", fmt.Sprintf("≤ %.0f %%", 100*journalShare), fmt.Sprintf("%.1f %%", 100*share), share <= journalShare)
}

// interruptCode prints until it is interrupted, and says when that was, in nanoseconds.
const interruptCode = `import itertools, time
try:
    for i in itertools.count(): print('line', i)
except KeyboardInterrupt:
    print('at', time.time_ns())
`

// interrupted measures an interrupt while a kernel prints, from the editor to the kernel and back.
func (b *bench) interrupted(ctx context.Context) error {
	folder, err := b.project()
	if err != nil {
		return err
	}
	l, err := listen(ctx, folder)
	if err != nil {
		return err
	}
	defer l.close()
	uri, err := l.open(ctx, filepath.Join(folder, "a.py"), interruptCode)
	if err != nil {
		return err
	}
	var reach, effect []time.Duration
	for range interrupts {
		evaluation, err := l.evaluate(ctx, uri, "file", 0)
		if err != nil {
			return err
		}
		var h *heard
		if err := l.until(ctx, func() bool { h = l.of(evaluation); return len(h.texts[0]) > 1<<20 }); err != nil {
			return err
		}
		asked := time.Now()
		var ignored any
		if err := l.command(ctx, lsp.CommandInterrupt, map[string]any{"uri": uri}, &ignored); err != nil {
			return err
		}
		if h, err = l.end(ctx, evaluation); err != nil {
			return err
		}
		_, at, found := bytes.Cut(h.texts[0], []byte("at "))
		nanoseconds, err := strconv.ParseInt(string(bytes.TrimSpace(at)), 10, 64)
		if err != nil || !found {
			return fmt.Errorf("the kernel does not say when it was interrupted: %q", h.texts[0][max(0, len(h.texts[0])-200):])
		}
		stopped := time.Unix(0, nanoseconds)
		reach, effect = append(reach, stopped.Sub(asked)), append(effect, h.ended.Sub(stopped))
	}
	b.report.section("An interrupt while a kernel prints", fmt.Sprintf("ipykernel prints line after line, and each is read: from the editor's request until the code is\ninterrupted, and from then until the editor has all output and knows of the end; %d times.", interrupts))
	b.report.table([]string{"until the kernel has it, median", "longest", "until its effect is seen, median", "longest"},
		[]string{milliseconds(median(reach)), milliseconds(quantile(reach, 1)), milliseconds(median(effect)), milliseconds(quantile(effect, 1))})
	b.report.budget("an interrupt while a kernel prints, until that has it, median", "≤ "+milliseconds(interruptReach), milliseconds(median(reach)), median(reach) <= interruptReach)
	b.report.budget("and until its effect is seen, median", "≤ "+milliseconds(interruptEffect), milliseconds(median(effect)), median(effect) <= interruptEffect)
	return nil
}
