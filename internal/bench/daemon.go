package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/lsp"
)

// What must hold of the daemon.
const (
	startJoining  = 30 * time.Millisecond
	startAlone    = 100 * time.Millisecond
	forwarding    = 100 * time.Microsecond
	replayed      = 1000
	replayLimit   = 200 * time.Millisecond
	daemonMemory  = 30 << 20
	sessionMemory = 2 << 20
)

// How often, and in how many turns.
const (
	starts     = 20
	stateTurns = 10
	statesEach = 200
)

// daemon measures what stands between an editor and its sessions.
func (b *bench) daemon(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.daemonStarts, b.forwarder, b.replay, b.idleSessions} {
		if err := errors.Join(measure(ctx), b.stopDaemon()); err != nil {
			return err
		}
	}
	return nil
}

// daemonStarts measures from the start of `reval lsp` until initialize is answered.
func (b *bench) daemonStarts(ctx context.Context) error {
	var joining, alone, standalone []time.Duration
	one := func(times *[]time.Duration, arguments ...string) error {
		l, err := listen(ctx, b.dir, arguments...)
		if err != nil {
			return err
		}
		*times = append(*times, l.started)
		return l.close()
	}
	for range starts {
		if err := errors.Join(b.stopDaemon(), one(&alone), one(&joining), one(&standalone, "--standalone")); err != nil {
			return err
		}
	}
	b.report.section("Start", fmt.Sprintf("From the start of `reval lsp` until initialize is answered; each %d times, in turns.", starts))
	rows := [][]string{{"", "median", "p99"}}
	for _, r := range []struct {
		name  string
		times []time.Duration
	}{{"a daemon runs", joining}, {"none runs, one is started", alone}, {"`--standalone`", standalone}} {
		rows = append(rows, []string{r.name, milliseconds(median(r.times)), milliseconds(quantile(r.times, 0.99))})
	}
	b.report.table(rows...)
	b.report.budget("`reval lsp` until initialize is answered, median: a daemon runs", "≤ "+milliseconds(startJoining), milliseconds(median(joining)), median(joining) <= startJoining)
	b.report.budget("the same, and no daemon runs", "≤ "+milliseconds(startAlone), milliseconds(median(alone)), median(alone) <= startAlone)
	return nil
}

// forwarder measures what the way by the daemon adds to a question that the server answers
// at once.
func (b *bench) forwarder(ctx context.Context) error {
	var times [2][]time.Duration
	var listeners [2]*listener
	var uris [2]string
	for i, arguments := range [][]string{{"--standalone"}, nil} {
		l, err := listen(ctx, b.dir, arguments...)
		if err != nil {
			return err
		}
		defer l.close()
		listeners[i] = l
		if uris[i], err = l.open(ctx, filepath.Join(b.dir, "a.py"), "1\n"); err != nil {
			return err
		}
	}
	for range stateTurns {
		for i, l := range listeners {
			for n := range statesEach + latencyWarmUp {
				var state any
				start := time.Now()
				if err := l.command(ctx, lsp.CommandState, map[string]any{"uri": uris[i]}, &state); err != nil {
					return err
				}
				if n >= latencyWarmUp {
					times[i] = append(times[i], time.Since(start))
				}
			}
		}
	}
	b.report.section("The way by the daemon", fmt.Sprintf("`reval.state`, which the server answers at once, %d times, in turns.", stateTurns*statesEach))
	rows := [][]string{{"", "median", "p99", "median over standalone"}}
	added := median(times[1]) - median(times[0])
	for i, name := range []string{"`reval lsp --standalone`", "`reval lsp`, by the daemon"} {
		rows = append(rows, []string{name, microseconds(median(times[i])), microseconds(quantile(times[i], 0.99)), microseconds(median(times[i]) - median(times[0]))})
	}
	b.report.table(rows...)
	b.report.budget("what the daemon and the copying of bytes add to an answer, median", "≤ "+milliseconds(forwarding), milliseconds(added), added <= forwarding)
	return nil
}

// project is a folder of its own, so that what is in it has its own session.
func (b *bench) project() (folder string, err error) {
	if folder, err = os.MkdirTemp(b.dir, "project-"); err != nil {
		return "", err
	}
	return folder, os.Mkdir(filepath.Join(folder, ".git"), 0o700)
}

// replay measures how long an editor that comes waits for the results that are there.
func (b *bench) replay(ctx context.Context) error {
	folder, err := b.project()
	if err != nil {
		return err
	}
	path, text := filepath.Join(folder, "a.py"), ""
	for i := range replayed {
		text += fmt.Sprintf("%d * 7\n", i)
	}
	first, err := listen(ctx, folder)
	if err != nil {
		return err
	}
	uri, err := first.open(ctx, path, text)
	last := ""
	for i := 0; err == nil && i < replayed; i++ {
		last, err = first.evaluate(ctx, uri, "line", i)
	}
	if err == nil {
		_, err = first.end(ctx, last)
	}
	if err = errors.Join(err, first.close()); err != nil {
		return err
	}
	var times []time.Duration
	for range 10 {
		l, err := listen(ctx, folder)
		if err != nil {
			return err
		}
		start := time.Now()
		_, err = l.open(ctx, path, text)
		if err == nil {
			err = l.until(ctx, func() bool {
				ended := 0
				for _, h := range l.shown {
					if !h.ended.IsZero() && len(h.texts) == 1 {
						ended++
					}
				}
				return ended == replayed
			})
		}
		times = append(times, time.Since(start))
		if err = errors.Join(err, l.close()); err != nil {
			return err
		}
	}
	b.report.section("Coming back", fmt.Sprintf("From the opening of a file until its %d results have come that another editor left; %d times.", replayed, len(times)))
	b.report.table([]string{"median", "longest"}, []string{milliseconds(median(times)), milliseconds(quantile(times, 1))})
	b.report.budget(fmt.Sprintf("%d results of an editor that comes back, median", replayed), "≤ "+milliseconds(replayLimit), milliseconds(median(times)), median(times) <= replayLimit)
	return nil
}

// idleSessions measures what a daemon costs that nobody uses, without sessions and with 50.
func (b *bench) idleSessions(ctx context.Context) error {
	echo, files, err := b.startEchoes(ctx, idleKernels)
	if err != nil {
		return err
	}
	defer echo.Close()
	l, err := listen(ctx, b.dir)
	if err != nil {
		return err
	}
	defer l.close()
	pid, err := daemonPID()
	if err != nil {
		return err
	}
	empty, err := child.UsageNow(pid)
	if err != nil {
		return err
	}
	for _, file := range files {
		folder, err := b.project()
		if err != nil {
			return err
		}
		uri, err := l.open(ctx, filepath.Join(folder, "a.py"), "1\n")
		if err != nil {
			return err
		}
		var ignored any
		if err := l.command(ctx, lsp.CommandSelectKernel, map[string]any{"uri": uri, "kernel": file}, &ignored); err != nil {
			return err
		}
		evaluation, err := l.evaluate(ctx, uri, "line", 0)
		if err != nil {
			return err
		}
		if _, err := l.end(ctx, evaluation); err != nil {
			return err
		}
	}
	var before, after child.Usage
	for _, look := range []struct {
		wait  time.Duration
		usage *child.Usage
	}{{time.Second, &before}, {idleFor, &after}} {
		select {
		case <-time.After(look.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		if *look.usage, err = child.UsageNow(pid); err != nil {
			return err
		}
	}
	cpu := after.CPU - before.CPU
	share := 100 * cpu.Seconds() / idleFor.Seconds()
	each := (after.Resident - empty.Resident) / idleKernels
	b.report.section("An idle daemon", fmt.Sprintf("Resident memory, and CPU in %v with %d sessions, each of which has evaluated once in an echo kernel.\nOwn is what of it is no page of the program's file.", idleFor, idleKernels))
	b.report.table(
		[]string{"without sessions", "own", fmt.Sprintf("with %d", idleKernels), "each session", "CPU time", "of one CPU"},
		[]string{mebibytes(empty.Resident), mebibytes(empty.Own), mebibytes(after.Resident), mebibytes(each), milliseconds(cpu), fmt.Sprintf("%.3f %%", share)},
	)
	b.report.budget("memory of an idle daemon", "≤ "+mebibytes(daemonMemory), mebibytes(empty.Resident), empty.Resident <= daemonMemory)
	b.report.budget("memory of an idle session", "≤ "+mebibytes(sessionMemory), mebibytes(each), each <= sessionMemory)
	b.report.budget(fmt.Sprintf("CPU of %d idle sessions", idleKernels), "0.0 %", fmt.Sprintf("%.3f %%", share), share < 0.05)
	return nil
}

// daemonPID is the process of the daemon that runs.
func daemonPID() (int, error) {
	out, err := exec.Command(*reval, "daemon", "status", "--json").Output()
	if err != nil {
		return 0, fmt.Errorf("ask for the daemon: %w", err)
	}
	var status struct{ PID int }
	if err := json.Unmarshal(out, &status); err != nil || status.PID == 0 {
		return 0, fmt.Errorf("the daemon is told as %s: %w", strings.TrimSpace(string(out)), err)
	}
	return status.PID, nil
}
