package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/kernelclient"
)

// What must hold of each editor.
const (
	overBare    = 2.0 // times a bare client's time for one and ten
	manyOver    = 1.5 // and for 1,000, which takes a bare client longer than 3 s
	editorPause = 50 * time.Millisecond
	typingLimit = 5 * time.Millisecond
)

// realEditor is an editor with its plugin. Its script does what a user does and writes
// its figures into a file, a line each: a name, a blank, and an array of milliseconds.
type realEditor struct {
	name, program, script string
	args                  func(script string) []string
	window                bool // of an X server; else in a terminal
}

var realEditors = []realEditor{
	{"Emacs", "emacs", "emacs.el", func(script string) []string { return []string{"-Q", "-l", script} }, true},
	{"Neovim", "nvim", "vim.vim", func(script string) []string { return []string{"-u", "NONE", "-n", "-i", "NONE", "-S", script} }, false},
	{"Vim", "vim", "vim.vim", func(script string) []string { return []string{"-Nu", "NONE", "-n", "-i", "NONE", "-S", script} }, false},
}

// figures are what was measured, by name.
type figures map[string][]time.Duration

// editors measures what a user of each editor waits for, beside a bare client of the same
// kind of kernel.
func (b *bench) editors(ctx context.Context) error {
	display, end, err := startX(ctx)
	if err != nil {
		return err
	}
	defer end()
	floor := figures{}
	if err := b.floor(ctx, floor); err != nil {
		return err
	}
	measured := make([]figures, len(realEditors))
	for i, e := range realEditors {
		if measured[i], err = b.drive(ctx, e, display); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if err := b.floor(ctx, floor); err != nil {
			return err
		}
	}
	b.editorTables(floor, measured)
	return nil
}

// floor adds what a bare client of ipykernel needs.
func (b *bench) floor(ctx context.Context, f figures) error {
	kernel, err := kernelclient.Launch(ctx, kernelclient.Spec{
		Name: "python3", Language: "python", InterruptMode: kernelclient.InterruptBySignal,
		Argv: []string{b.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
	}, kernelclient.LaunchOptions{Dir: b.dir})
	if err != nil {
		return err
	}
	defer kernel.Close()
	bare, err := b.peer(ctx, "pyzmq")
	if err != nil {
		return err
	}
	defer bare.Close()
	if err := bare.Ask(child.Request{Do: "attach", File: kernel.ConnectionFile()}, nil); err != nil {
		return err
	}
	for _, q := range []struct {
		name    string
		times   int
		request child.Request
	}{
		{"one", 1, child.Request{Do: "execute", Code: "1+1", N: 50, WarmUp: 20}},
		{"big", 1, child.Request{Do: "execute", Code: "'x' * 2000000", N: 5}},
		{"ten", 10, child.Request{Do: "queue", Code: "1+1", N: 10}},
		{"many", 1, child.Request{Do: "queue", Code: "1+1", N: 1000}},
	} {
		for range q.times {
			var answer json.RawMessage
			if err := bare.Ask(q.request, &answer); err != nil {
				return err
			}
			var took []time.Duration
			if q.request.Do == "queue" {
				took = make([]time.Duration, 1)
				err = json.Unmarshal(answer, &took[0])
			} else {
				err = json.Unmarshal(answer, &took)
			}
			if err != nil {
				return err
			}
			f[q.name] = append(f[q.name], took...)
		}
	}
	return bare.Ask(child.Request{Do: "detach"}, nil)
}

// drive lets an editor do what its script says, in a folder of its own.
func (b *bench) drive(ctx context.Context, e realEditor, display string) (figures, error) {
	folder, err := os.MkdirTemp(b.dir, "project-")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(folder, ".git"), 0o700); err != nil {
		return nil, err
	}
	script, err := filepath.Abs(filepath.Join("internal", "bench", "editors", e.script))
	if err != nil {
		return nil, err
	}
	out := filepath.Join(folder, "figures")
	cmd := exec.CommandContext(ctx, e.program, e.args(script)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "REVAL_BIN="+*reval, "REVAL_BENCH_FOLDER="+folder, "REVAL_BENCH_OUT="+out,
		"HOME="+folder, "TERM=xterm-256color", "LC_ALL=C.UTF-8", "DISPLAY="+display)
	var said bytes.Buffer
	if e.window {
		cmd.Stdout, cmd.Stderr = &said, &said
		err = cmd.Run()
	} else {
		err = inTerminal(cmd, &said)
	}
	if err != nil {
		return nil, fmt.Errorf("%w, having said: %s", err, ends(said.String()))
	}
	return readFigures(out)
}

// inTerminal runs a program in a terminal that draws nothing.
func inTerminal(cmd *exec.Cmd, said io.Writer) error {
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return err
	}
	defer terminal.Close()
	go io.Copy(said, terminal) // until the program has ended: then it fails
	return cmd.Wait()
}

// ends is the end of what a program said.
func ends(said string) string { return said[max(0, len(said)-2000):] }

func readFigures(file string) (figures, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read := figures{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, values, _ := strings.Cut(lines.Text(), " ")
		if name == "error" {
			return nil, errors.New(values)
		}
		var times []float64
		if err := json.Unmarshal([]byte(values), &times); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, t := range times {
			read[name] = append(read[name], time.Duration(t*float64(time.Millisecond)))
		}
		if name == "end" {
			return read, nil
		}
	}
	return nil, fmt.Errorf("%s has no end", file)
}

func (b *bench) editorTables(floor figures, measured []figures) {
	b.report.section("In the editors", "A file of Python in each editor with its plugin, its own ipykernel: from the key or the command until the\n"+
		"value is drawn. The bare client is pyzmq, from the request until the value has arrived, between the editors.\n"+
		"A pause is the longest time in which the editor took no key.")
	rows := [][]string{{"", "`1+1`, median", "p99", "over bare", "ten queued, median", "over bare", "a value of 2 MB", "pause", "100 pictures", "pause", "1,000 evaluations", "a character typed then, median", "p99"}}
	rows = append(rows, editorRow("bare pyzmq", floor, floor))
	for i, e := range realEditors {
		m := measured[i]
		rows = append(rows, editorRow(e.name, m, floor))
		for _, q := range []struct {
			name, what string
			limit      float64
		}{
			{"one", "`1+1` on the screen", overBare},
			{"ten", "ten evaluations queued at once", overBare},
			{"many", "1,000 evaluations in a file of 10,000 lines", manyOver},
		} {
			ratio := over(m, floor, q.name)
			b.report.budget(e.name+" over bare pyzmq, "+q.what, fmt.Sprintf("≤ %s", times(q.limit)), times(ratio), ratio <= q.limit)
		}
		for _, q := range []struct {
			name, what string
			q          float64
			limit      time.Duration
		}{
			{"big-pause", "the longest pause for a value of 2 MB", 0.5, editorPause},
			{"pictures-pause", "the longest pause for 100 pictures of 50 KB", 0.5, editorPause},
			{"typing", "a character typed then, p99", 0.99, typingLimit},
		} {
			if len(m[q.name]) > 0 {
				got := quantile(m[q.name], q.q)
				b.report.budget(e.name+", "+q.what, "≤ "+milliseconds(q.limit), milliseconds(got), got <= q.limit)
			}
		}
	}
	b.report.table(rows...)
}

// over is how many times the bare client's median an editor's is.
func over(m, floor figures, name string) float64 {
	return float64(median(m[name])) / float64(median(floor[name]))
}

func editorRow(name string, m, floor figures) []string {
	at := func(name string, q float64) string {
		if len(m[name]) == 0 {
			return ""
		}
		return milliseconds(quantile(m[name], q))
	}
	return []string{
		name, at("one", 0.5), at("one", 0.99), times(over(m, floor, "one")), at("ten", 0.5), times(over(m, floor, "ten")),
		at("big", 0.5), at("big-pause", 0.5), at("pictures", 0.5), at("pictures-pause", 0.5), at("many", 0.5), at("typing", 0.5), at("typing", 0.99),
	}
}

// startX starts an X server without a screen, which ends when end is called.
func startX(ctx context.Context) (display string, end func(), err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return "", nil, err
	}
	defer read.Close()
	server := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-noreset", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{write}
	err = server.Start()
	write.Close()
	if err != nil {
		return "", nil, fmt.Errorf("start Xvfb: %w", err)
	}
	end = func() {
		server.Process.Kill()
		server.Wait()
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		end()
		return "", nil, fmt.Errorf("start Xvfb: %w", err)
	}
	return ":" + strings.TrimSpace(number), end, nil
}
