package gokernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/magic"
	"github.com/reval-editor/reval/jupyter"
)

// pipeDelay is how long a killed command's own children may hold its output open.
const pipeDelay = 200 * time.Millisecond

// run runs a program; its output is the cell's, and an interrupt ends it with all that it
// started.
func (k *kernel) run(ctx context.Context, cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = k.streams.writer("stdout"), k.streams.writer("stderr")
	cmd.WaitDelay = pipeDelay
	ownGroup(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		return front.ErrInterrupted
	}
	return err
}

// shellCommand runs a command of the system's shell. That it fails is told, and is
// no error of the cell.
func (k *kernel) shellCommand(c *cell, command string) error {
	name, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		name, flag = "cmd", "/C"
	}
	err := k.run(c.ctx, exec.CommandContext(c.ctx, name, flag, command))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		fmt.Fprintln(k.streams.writer("stderr"), exit)
		return nil
	}
	return err
}

func (k *kernel) magicBash(c *cell, p magic.Part) (display.Bundle, error) {
	if p.Text == "" {
		return nil, fmt.Errorf("%%%%bash: write the commands in the lines below it")
	}
	cmd := exec.CommandContext(c.ctx, "bash", append([]string{"-s"}, strings.Fields(p.Args)...)...)
	cmd.Stdin = strings.NewReader(p.Text)
	return nil, k.run(c.ctx, cmd)
}

func (k *kernel) magicCd(c *cell, p magic.Part) (display.Bundle, error) {
	dir := p.Args
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(dir, "~"); ok || dir == "" {
		if err != nil {
			return nil, fmt.Errorf("%%cd: %w", err)
		}
		dir = filepath.Join(home, rest)
	}
	if err := os.Chdir(dir); err != nil {
		return nil, fmt.Errorf("%%cd: %w", err)
	}
	return k.magicPwd(c, magic.Part{})
}

func (k *kernel) magicPwd(*cell, magic.Part) (display.Bundle, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("%%pwd: %w", err)
	}
	fmt.Fprintln(k.streams.writer("stdout"), dir)
	return nil, nil
}

func (k *kernel) magicEnv(_ *cell, p magic.Part) (display.Bundle, error) {
	out := k.streams.writer("stdout")
	name, value, set := strings.Cut(p.Args, "=")
	switch name = strings.TrimSpace(name); {
	case set:
		if err := os.Setenv(name, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%%env: %w", err)
		}
	case name != "":
		value, ok := os.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("%%env: %s is not set", name)
		}
		fmt.Fprintln(out, value)
	default:
		fmt.Fprintln(out, strings.Join(slices.Sorted(slices.Values(os.Environ())), "\n"))
	}
	return nil, nil
}

var lineRange = regexp.MustCompile(`^(\d+)(?:-(\d+))?$`)

// sessionRange asks for cells of this session: "3", "2-5", or "" for all.
func sessionRange(text string) (jupyter.HistoryRequestContent, error) {
	r := jupyter.HistoryRequestContent{HistAccessType: "range"}
	if text == "" {
		return r, nil
	}
	m := lineRange.FindStringSubmatch(text)
	if m == nil {
		return r, fmt.Errorf("%q is no range of cells: write 3 or 2-5", text)
	}
	r.Start, _ = strconv.Atoi(m[1])
	r.Stop = r.Start + 1
	if m[2] != "" {
		last, _ := strconv.Atoi(m[2])
		if last < r.Start {
			return r, fmt.Errorf("%q is no range of cells: the first is behind the last", text)
		}
		r.Stop = last + 1
	}
	return r, nil
}

func (k *kernel) magicHistory(_ *cell, p magic.Part) (display.Bundle, error) {
	fields := strings.Fields(p.Args)
	output := slices.Contains(fields, "-o")
	fields = slices.DeleteFunc(fields, func(s string) bool { return s == "-o" })
	var r jupyter.HistoryRequestContent
	var err error
	switch {
	case len(fields) > 0 && fields[0] == "-g":
		r = jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "*" + strings.Join(fields[1:], " ") + "*"}
	case len(fields) > 1:
		return nil, fmt.Errorf("%%history: too many arguments: %s", p.Args)
	default:
		if r, err = sessionRange(strings.Join(fields, "")); err != nil {
			return nil, fmt.Errorf("%%history: %w", err)
		}
	}
	found, err := k.history.find(r)
	if err != nil {
		return nil, err
	}
	out := k.streams.writer("stdout")
	for _, e := range found {
		label := strconv.Itoa(e.Line)
		if r.HistAccessType == "search" {
			label = fmt.Sprintf("%d/%d", e.Session, e.Line)
		}
		fmt.Fprintf(out, "%s: %s\n", label, strings.ReplaceAll(strings.TrimRight(e.Input, "\n"), "\n", "\n"+strings.Repeat(" ", len(label)+2)))
		if output && e.Output != "" {
			fmt.Fprintf(out, "%s= %s\n", label, e.Output)
		}
	}
	return nil, nil
}

func (k *kernel) magicSave(_ *cell, p magic.Part) (display.Bundle, error) {
	file, lines, _ := strings.Cut(p.Args, " ")
	if file == "" {
		return nil, fmt.Errorf("%%save: name a file")
	}
	r, err := sessionRange(strings.TrimSpace(lines))
	if err != nil {
		return nil, fmt.Errorf("%%save: %w", err)
	}
	found, err := k.history.find(r)
	if err != nil {
		return nil, err
	}
	var cells []string
	for _, e := range found {
		for _, part := range k.parts(e.Input) {
			if part.Kind == magic.Go {
				cells = append(cells, strings.TrimSpace(part.Text)+"\n")
			}
		}
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%%save: %w", err)
	}
	_, err = out.WriteString("// %%\n" + strings.Join(cells, "\n// %%\n"))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("%%save: %w", err)
	}
	fmt.Fprintf(k.streams.writer("stdout"), "%d cells in %s\n", len(cells), file)
	return nil, nil
}

// maxLoaded bounds a file that becomes a cell, in bytes.
const maxLoaded = 16 << 20

func (k *kernel) magicLoad(c *cell, p magic.Part) (display.Bundle, error) {
	if p.Args == "" {
		return nil, fmt.Errorf("%%load: name a file")
	}
	info, err := os.Stat(p.Args)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxLoaded) {
		err = fmt.Errorf("%s is no file of at most %d MiB", p.Args, maxLoaded>>20)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(p.Args)
	}
	if err != nil {
		return nil, fmt.Errorf("%%load: %w", err)
	}
	c.pay(map[string]any{"source": "set_next_input", "text": string(text), "replace": true})
	return nil, nil
}

func (k *kernel) magicTime(c *cell, p magic.Part) (display.Bundle, error) {
	if strings.TrimSpace(p.Code()) == "" {
		return nil, fmt.Errorf("%%time: there is no code to time")
	}
	begin := time.Now()
	b, failed := k.evaluateGo(c, p.Code())
	took := time.Since(begin)
	if failed != nil {
		return nil, &failedCode{failed}
	}
	fmt.Fprintf(k.streams.writer("stdout"), "took %s\n", rounded(took))
	return b, nil
}

// rounded gives a duration three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

func (k *kernel) magicTimeit(c *cell, p magic.Part) (display.Bundle, error) {
	code := p.Code()
	if strings.TrimSpace(code) == "" {
		return nil, fmt.Errorf("%%timeit: there is no code to time")
	}
	if status, _ := front.IsComplete(code); status == "incomplete" {
		return nil, fmt.Errorf("%%timeit: the code has no end: %s", strings.TrimSpace(code))
	}
	n := k.space.Load()
	u, err := k.load(n, c, "(func() {"+code+"\n})")
	if err != nil { // an expression whose value is not used
		var again error
		if u, again = k.load(n, c, "(func() { _ = "+strings.TrimLeft(code, " \n")+"\n})"); again != nil {
			return nil, err
		}
	}
	if err := n.engine.Run(c.ctx, u); err != nil {
		return nil, err
	}
	v, ok := n.engine.Value(u.Results[0].Variable)
	if !ok {
		return nil, fmt.Errorf("%%timeit: the engine %s does not give its functions", n.engine.Name())
	}
	f, ok := v.Interface().(func())
	if !ok {
		return nil, fmt.Errorf("%%timeit: the engine %s does not give its functions", n.engine.Name())
	}
	const enough, rounds = 100 * time.Millisecond, 5
	var best, worst time.Duration
	loops := 1
	err = n.engine.Do(c.ctx, func() {
		round := func() time.Duration {
			begin := time.Now()
			for range loops {
				f()
			}
			return time.Since(begin)
		}
		for took := round(); took < enough; took = round() {
			loops = min(10*loops, max(loops+1, int(float64(loops)*1.2*float64(enough)/float64(max(took, 1)))))
		}
		for i := range rounds {
			took := round() / time.Duration(loops)
			if worst = max(worst, took); i == 0 || took < best {
				best = took
			}
		}
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(k.streams.writer("stdout"), "%s to %s each (%d rounds of %d)\n", rounded(best), rounded(worst), rounds, loops)
	return nil, nil
}
