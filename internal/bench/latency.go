package main

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/kernelclient"
)

// How latencies are measured.
const (
	latencyTurns  = 16
	latencyWarmUp = 5 // in each turn, untimed
)

//go:embed peer.py
var peerProgram string

// questions are what the clients ask. Each may be asked of both kernels.
var questions = []struct{ do, code string }{
	{"execute", "1+1"}, {"complete", "x.bi"}, {"inspect", "x"},
}

// client is one of those that talk to the same kernel.
type client struct {
	name string
	*child.Child
	times map[string][]time.Duration // by what was done
}

// latency measures what clients add to a kernel's own time.
func (b *bench) latency(ctx context.Context) error {
	echo, files, err := b.startEchoes(ctx, 1)
	if err != nil {
		return err
	}
	defer echo.Close()
	ipykernel, err := kernelclient.Launch(ctx, kernelclient.Spec{
		Name: "python3", Language: "python", InterruptMode: kernelclient.InterruptBySignal,
		Argv: []string{b.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
	}, kernelclient.LaunchOptions{Dir: b.dir})
	if err != nil {
		return err
	}
	defer ipykernel.Close()
	if _, err := ipykernel.Execute(ctx, kernelclient.ExecuteRequest{Code: "x = 5"}, func(kernelclient.Event) {}); err != nil {
		return err
	}

	for _, kernel := range []struct {
		name, file string
		each       int // how often each question is asked in a turn
	}{
		{"ipykernel", ipykernel.ConnectionFile(), 25},
		{"echo kernel", files[0], 100},
	} {
		clients, err := b.latencyClients(ctx)
		for _, c := range clients {
			defer c.Close()
		}
		if err != nil {
			return err
		}
		if err := askInTurns(clients, kernel.file, kernel.each); err != nil {
			return err
		}
		b.latencyTable(kernel.name, clients)
	}
	return nil
}

// latencyClients starts those that are compared: what the others add is told over
// the first, and the second is ours.
func (b *bench) latencyClients(ctx context.Context) (clients []*client, err error) {
	for _, start := range []struct {
		name  string
		start func() (*child.Child, error)
	}{
		{"bare pyzmq", func() (*child.Child, error) { return b.peer(ctx, "pyzmq") }},
		{"kernelclient", func() (*child.Child, error) { return b.play(ctx, "kernelclient") }},
		{"jupyter_client", func() (*child.Child, error) { return b.peer(ctx, "jupyter_client") }},
		{"reval lsp", func() (*child.Child, error) {
			return child.Start(ctx, "lsp", b.self, "-reval", *reval, "lsp")
		}},
	} {
		c, err := start.start()
		if err != nil {
			return clients, err
		}
		clients = append(clients, &client{name: start.name, Child: c, times: map[string][]time.Duration{}})
	}
	return clients, nil
}

// peer starts peer.py.
func (b *bench) peer(ctx context.Context, name string) (*child.Child, error) {
	return child.Start(ctx, name, b.python, "-c", peerProgram, name)
}

// startEchoes starts n echo kernels in one process.
func (b *bench) startEchoes(ctx context.Context, n int) (echo *child.Child, files []string, err error) {
	if echo, err = b.play(ctx, "echo"); err != nil {
		return nil, nil, err
	}
	if err := echo.Ask(child.Request{Do: "start", N: n, File: b.dir}, &files); err != nil {
		echo.Close()
		return nil, nil, err
	}
	return echo, files, nil
}

// askInTurns lets one client after the other attach, ask and detach, so that a
// client that waits for its turn takes no time from the one that is measured.
func askInTurns(clients []*client, file string, each int) error {
	for range latencyTurns {
		for _, c := range clients {
			if err := c.Ask(child.Request{Do: "attach", File: file}, nil); err != nil {
				return err
			}
			for _, q := range questions {
				if c.name == "reval lsp" && q.do != "execute" {
					continue // its completion is more than the kernel's
				}
				var took []time.Duration
				if err := c.Ask(child.Request{Do: q.do, Code: q.code, N: each, WarmUp: latencyWarmUp}, &took); err != nil {
					return err
				}
				c.times[q.do] = append(c.times[q.do], took...)
			}
			if err := c.Ask(child.Request{Do: "detach"}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) latencyTable(kernel string, clients []*client) {
	bare, ours, jupyter := clients[0], clients[1], clients[2]
	about := "A process each, attached in turns, one at a time. From the call until there is the value, or the\nreply; "
	b.report.section("Clients of the same "+kernel, about+fmt.Sprintf("each %d times.", len(bare.times["execute"])))
	rows := [][]string{{"client"}}
	for _, q := range questions {
		rows[0] = append(rows[0], fmt.Sprintf("%s `%s`, median", q.do, q.code), "p99", "median over bare")
	}
	for _, c := range clients {
		row := []string{c.name}
		for _, q := range questions {
			if len(c.times[q.do]) == 0 {
				row = append(row, "", "", "")
				continue
			}
			m := median(c.times[q.do])
			row = append(row, milliseconds(m), milliseconds(quantile(c.times[q.do], 0.99)), fmt.Sprintf("%+.2f ms", (m-median(bare.times[q.do])).Seconds()*1e3))
		}
		rows = append(rows, row)
	}
	b.report.table(rows...)
	if kernel == "ipykernel" {
		through := clients[3]
		for _, q := range []struct {
			name  string
			q     float64
			limit time.Duration
		}{{"median", 0.5, 500 * time.Microsecond}, {"p99", 0.99, 2 * time.Millisecond}} {
			added := quantile(through.times["execute"], q.q) - quantile(bare.times["execute"], q.q)
			b.report.budget("`reval lsp` over bare pyzmq, execute in ipykernel, "+q.name, "≤ "+milliseconds(q.limit), milliseconds(added), added <= q.limit)
		}
		return
	}
	for _, q := range questions {
		ratio := float64(median(ours.times[q.do])) / float64(median(jupyter.times[q.do]))
		b.report.budget("kernelclient's "+q.do+", "+kernel, "≤ 0.50 times jupyter_client's", times(ratio), ratio <= 0.5)
	}
}
