// Command bench measures reval beside its peers, in one run on one machine, and
// prints a table. `make bench` runs it.
//
// Evaluation latency: the time from workspace/executeCommand reval.evaluate of
// 1+1 sent to the value received, through `reval lsp`, beside a bare pyzmq client
// of the same ipykernel. Both take turns, so that what else the machine does
// meets both.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/reval-editor/reval/kernelclient"
)

// How 1+1 is evaluated: each client some times in its turn, first to warm up.
const (
	inTurn = 10
	warmUp = 20
)

var evaluations = flag.Int("n", 1000, "evaluations by each client")

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "reval-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	reval := filepath.Join(dir, "reval")
	build := exec.CommandContext(ctx, "go", "build", "-o", reval, "./cmd/reval")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build reval: %w", err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("no python3 with ipykernel and pyzmq on the PATH: `make bench` brings one: %w", err)
	}
	kernel, err := kernelclient.Launch(ctx, kernelclient.Spec{
		Name: "python3", Language: "python", InterruptMode: kernelclient.InterruptBySignal,
		Argv: []string{python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
	}, kernelclient.LaunchOptions{Dir: dir})
	if err != nil {
		return err
	}
	defer kernel.Close()

	bare, err := startPeer(ctx, python, kernel.ConnectionFile())
	if err != nil {
		return err
	}
	defer bare.close()
	through, err := startReval(ctx, reval, kernel.ConnectionFile())
	if err != nil {
		return err
	}
	defer through.close()

	var bareTimes, revalTimes []time.Duration
	for turn := range *evaluations/inTurn + 1 {
		n := inTurn
		if turn == 0 {
			n = warmUp
		}
		b, err := bare.evaluate(n, "1+1")
		if err != nil {
			return fmt.Errorf("bare client: %w", err)
		}
		r, err := through.evaluate(ctx, n)
		if err != nil {
			return fmt.Errorf("reval: %w", err)
		}
		if turn > 0 {
			bareTimes, revalTimes = append(bareTimes, b...), append(revalTimes, r...)
		}
	}

	fmt.Printf("%s/%s, %d CPUs, %s; %s %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(),
		kernel.Info().Implementation, kernel.Info().ImplementationVersion)
	fmt.Printf("1+1 in the same ipykernel, %d times each, from request sent to value received\n\n", len(revalTimes))
	fmt.Printf("| client | median | p99 |\n| --- | --- | --- |\n")
	row := func(name string, t []time.Duration) {
		fmt.Printf("| %s | %s | %s |\n", name, milliseconds(quantile(t, 0.5)), milliseconds(quantile(t, 0.99)))
	}
	row("bare pyzmq", bareTimes)
	row("reval lsp", revalTimes)
	for _, q := range []struct {
		name string
		q    float64
	}{{"median", 0.5}, {"p99", 0.99}} {
		b, r := quantile(bareTimes, q.q), quantile(revalTimes, q.q)
		fmt.Printf("\nadded at the %s: %s (%.2f times the bare client)", q.name, milliseconds(r-b), float64(r)/float64(b))
	}
	fmt.Println()
	return nil
}

// quantile gives the q-quantile by the nearest rank.
func quantile(t []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) string {
	return strings.TrimSpace(fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000))
}
