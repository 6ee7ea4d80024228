package main

import (
	"context"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
)

const (
	idleKernels = 50
	idleFor     = 10 * time.Second
)

// idle measures what attached kernels cost that nobody uses.
func (b *bench) idle(ctx context.Context) error {
	echo, files, err := b.startEchoes(ctx, idleKernels)
	if err != nil {
		return err
	}
	defer echo.Close()
	client, err := b.play(ctx, "kernelclient")
	if err != nil {
		return err
	}
	defer client.Close()
	var one, attached, after child.Usage
	for i, file := range files {
		if err := client.Ask(child.Request{Do: "attach", File: file}, nil); err != nil {
			return err
		}
		if i == 0 {
			if err := client.Ask(child.Request{Do: "usage"}, &one); err != nil {
				return err
			}
		}
	}
	// What attaching left to do is done before the first of the two looks.
	for _, look := range []struct {
		wait  time.Duration
		usage *child.Usage
	}{{time.Second, &attached}, {idleFor, &after}} {
		select {
		case <-time.After(look.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := client.Ask(child.Request{Do: "usage"}, look.usage); err != nil {
			return err
		}
	}
	cpu := after.CPU - attached.CPU
	share := 100 * cpu.Seconds() / idleFor.Seconds()
	each := (after.Peak - one.Peak) / (idleKernels - 1)
	b.report.section("Attached kernels that nobody uses", fmt.Sprintf("The process of kernelclient with %d echo kernels attached, for %v; memory is the highest resident.", idleKernels, idleFor))
	b.report.table(
		[]string{"CPU time", "of one CPU", "memory with one kernel", fmt.Sprintf("with %d kernels", idleKernels), "each further kernel"},
		[]string{milliseconds(cpu), fmt.Sprintf("%.3f %%", share), mebibytes(one.Peak), mebibytes(after.Peak), fmt.Sprintf("%.0f KiB", float64(each)/(1<<10))},
	)
	b.report.budget(fmt.Sprintf("CPU of %d idle kernels", idleKernels), "0.0 %", fmt.Sprintf("%.3f %%", share), share < 0.05)
	b.report.budget("memory of an idle kernel's client", "≤ 2 MiB", fmt.Sprintf("%.2f MiB", float64(each)/(1<<20)), each <= 2<<20)
	return nil
}
