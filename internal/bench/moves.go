package main

import (
	"context"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/lsp"
)

// The flood that asks for most of a screen, how long it is, and what it may cost.
const (
	move        = "\x1b[16384Cx"
	movedBytes  = 2 << 20
	movesTook   = 2 * time.Second // on a busy machine, too
	movesMemory = 128 << 20
)

// moved is what an editor saw of a flood of moves, and what it cost `reval lsp`.
type moved struct {
	Took    time.Duration `json:"took"`
	Silence time.Duration `json:"silence"` // the longest that a question waited for its answer
	Sent    int           `json:"sent"`    // bytes of output that the editor got
	Server  child.Usage   `json:"server"`
}

// moves measures one message of moves to the right, each of which asks for a line of blanks.
func (b *bench) moves(ctx context.Context) error {
	echo, files, err := b.startEchoes(ctx, 1)
	if err != nil {
		return err
	}
	defer echo.Close()
	c, err := b.play(ctx, "lsp")
	if err != nil {
		return err
	}
	defer c.Close()
	var got moved
	if err := c.Ask(child.Request{Do: "attach", File: files[0]}, nil); err != nil {
		return err
	}
	if err := c.Ask(child.Request{Do: "moves"}, &got); err != nil {
		return err
	}
	b.report.section("A flood of moves", fmt.Sprintf("One stream message of %d MiB of %q through `reval lsp`, which is asked for its state all the while.", movedBytes>>20, move))
	b.report.table(
		[]string{"time", "longest silence", "sent to the editor", "CPU of the server", "its peak memory"},
		[]string{seconds(got.Took), milliseconds(got.Silence), mebibytes(int64(got.Sent)), seconds(got.Server.CPU), mebibytes(got.Server.Peak)},
	)
	b.report.budget("a flood of moves: time, memory", fmt.Sprintf("≤ %v, %s", movesTook, mebibytes(movesMemory)),
		seconds(got.Took)+", "+mebibytes(got.Server.Peak), got.Took <= movesTook && got.Server.Peak <= movesMemory)
	return nil
}

// moves has the kernel print the flood, and ends the server, to see what it used.
func (e *editor) moves(ctx context.Context) (m moved, err error) {
	if err := e.conn.Notify(ctx, "textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": documentURI, "version": 2},
		"contentChanges": []any{map[string]any{"text": "moves\n"}},
	}); err != nil {
		return m, err
	}
	var answer lsp.EvaluateResult
	before, start := e.got.Load(), time.Now()
	if err := e.command(ctx, lsp.CommandEvaluate, map[string]any{"uri": documentURI, "unit": "file"}, &answer); err != nil {
		return m, err
	}
	over := make(chan error, 1)
	go func() { over <- await(ctx, e.ended, answer.Evaluation) }()
	for asking := true; asking; {
		asked := time.Now()
		var state any
		if err := e.command(ctx, lsp.CommandState, map[string]any{"uri": documentURI}, &state); err != nil {
			return m, err
		}
		m.Silence = max(m.Silence, time.Since(asked))
		select {
		case err := <-over:
			if err != nil {
				return m, err
			}
			asking = false
		default:
		}
	}
	m.Took, m.Sent = time.Since(start), int(e.got.Load()-before)
	if err := e.end(ctx); err != nil {
		return m, err
	}
	m.Server, err = child.UsageOf(e.cmd.ProcessState)
	return m, err
}

// end has the server end by itself.
func (e *editor) end(ctx context.Context) error {
	var ignored any
	if _, err := e.conn.Call(ctx, "shutdown", nil, &ignored); err != nil {
		return err
	}
	if err := e.conn.Notify(ctx, "exit", nil); err != nil {
		return err
	}
	return e.close()
}
