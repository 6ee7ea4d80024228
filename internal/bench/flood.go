package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
)

// flooded is what a client saw of a flood.
type flooded struct {
	Messages int           `json:"messages"`
	Took     time.Duration `json:"took"` // from the request until the execution ended
}

// flood measures many small messages.
func (b *bench) flood(ctx context.Context) error {
	b.report.section("A flood of output", "One-line stream messages from the echo kernel, one message a line, until the execution has ended;\nCPU time and the highest resident memory are those of the client's process.")
	rows := [][]string{{"client", "messages", "time", "messages a second", "CPU", "CPU a message", "peak memory", "lost"}}
	for _, c := range []struct {
		name  string
		lines int // what it can do in some seconds
		start func() (*child.Child, error)
	}{
		{"kernelclient", 1_000_000, func() (*child.Child, error) { return b.play(ctx, "kernelclient") }},
		{"jupyter_client", 100_000, func() (*child.Child, error) { return b.peer(ctx, "jupyter_client") }},
	} {
		got, before, after, err := b.floodOf(ctx, c.lines, c.start)
		if err != nil {
			return err
		}
		cpu := after.CPU - before.CPU
		rows = append(rows, []string{
			c.name, fmt.Sprint(c.lines), seconds(got.Took), perSecond(float64(got.Messages) / got.Took.Seconds()),
			seconds(cpu), fmt.Sprintf("%.1f µs", cpu.Seconds()*1e6/float64(c.lines)), mebibytes(after.Peak), fmt.Sprint(c.lines - got.Messages),
		})
		if c.name == "kernelclient" {
			b.report.budget("stream messages that kernelclient lost of a million", "0", fmt.Sprint(c.lines-got.Messages), got.Messages == c.lines)
		}
	}
	b.report.table(rows...)
	return b.moves(ctx)
}

// floodOf gives what a client saw, and what its process had used before and after.
func (b *bench) floodOf(ctx context.Context, lines int, start func() (*child.Child, error)) (got flooded, before, after child.Usage, err error) {
	echo, files, err := b.startEchoes(ctx, 1)
	if err != nil {
		return got, before, after, err
	}
	defer echo.Close()
	c, err := start()
	if err != nil {
		return got, before, after, err
	}
	defer c.Close()
	for _, step := range []struct {
		request child.Request
		answer  any
	}{
		{child.Request{Do: "attach", File: files[0]}, nil},
		{child.Request{Do: "usage"}, &before},
		{child.Request{Do: "flood", Code: "flood " + strconv.Itoa(lines)}, &got},
		{child.Request{Do: "usage"}, &after},
		{child.Request{Do: "detach"}, nil},
	} {
		if err := c.Ask(step.request, step.answer); err != nil {
			return got, before, after, err
		}
	}
	return got, before, after, nil
}
