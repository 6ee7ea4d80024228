// Command bench measures reval beside its peers, in one run on one machine, and
// writes a page of tables with what the machine is. `make bench` runs it.
//
// Whoever is measured is a process of its own, a child (package child), and does the
// same as the others: this program alone asks, in turns, so that what else the machine
// does meets all. Some children are this program itself, by the name of what it plays.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
)

var (
	page   = flag.String("o", "", "write the page to this `file`, too")
	quote  = flag.String("quote", "", "put the budgets between the marks in this `file`")
	libzmq = flag.String("libzmq", "", "the `program` of internal/bench/libzmq")
	reval  = flag.String("reval", "bin/reval", "the `program` that is measured")
	only   = flag.String("only", "", "one `section` alone: sockets, latency, daemon, printing, editors, flood, idle or go")
)

// plays are what this program is as a child.
var plays = map[string]func() error{
	"zsock":        playZsock,
	"kernelclient": playKernelclient,
	"lsp":          playEditor,
	"echo":         playEcho,
	"compiled":     playCompiled,
	"ixgo":         playIxgo,
	"yaegi":        playYaegi,
}

func main() {
	flag.Parse()
	run := measure
	if play, ok := plays[flag.Arg(0)]; ok {
		run = play
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	dir    string // its own, for connection files and ipc sockets
	self   string // this program
	python string // with ipykernel, jupyter_client and pyzmq
	report report
}

// timeout bounds a run, which takes about fifteen minutes.
const timeout = 40 * time.Minute

func measure() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "reval-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if *libzmq == "" {
		return errors.New("no -libzmq: `make bench` builds it and says where it is")
	}
	if *reval, err = filepath.Abs(*reval); err != nil {
		return err
	}
	if b.python, err = exec.LookPath("python3"); err != nil {
		return fmt.Errorf("no python3 with ipykernel and jupyter_client on the PATH: `make bench` brings one: %w", err)
	}
	if err := b.quietHistory(); err != nil {
		return err
	}
	if err := b.privateHome(); err != nil {
		return err
	}
	defer b.stopDaemon()
	if err := b.machine(ctx); err != nil {
		return err
	}
	for _, section := range []struct {
		name    string
		measure func(context.Context) error
	}{{"sockets", b.sockets}, {"latency", b.latency}, {"daemon", b.daemon}, {"printing", b.printing}, {"editors", b.editors}, {"flood", b.flood}, {"idle", b.idle}, {"go", b.goKernels}} {
		if *only != "" && *only != section.name {
			continue
		}
		start := time.Now()
		if err := section.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", section.name, time.Since(start).Seconds())
	}
	return b.write()
}

// quietHistory keeps IPython's history in memory, whoever starts the kernel: it syncs a file
// for each evaluation, and the next one waits for whatever else the disk has to do.
func (b *bench) quietHistory() error {
	profile := filepath.Join(b.dir, "ipython", "profile_default")
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(profile, "ipython_config.py"), []byte("c.HistoryManager.hist_file = ':memory:'\n"), 0o600); err != nil {
		return err
	}
	return os.Setenv("IPYTHONDIR", filepath.Dir(profile))
}

// privateHome gives what is measured a place for its daemon and its journal that is not the user's.
func (b *bench) privateHome() error {
	for _, name := range []string{"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "JUPYTER_RUNTIME_DIR"} {
		dir := filepath.Join(b.dir, strings.ToLower(name))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if err := os.Setenv(name, dir); err != nil {
			return err
		}
	}
	return nil
}

// stopDaemon ends the daemon, if there is one, and with it its sessions.
func (b *bench) stopDaemon() error {
	if out, err := exec.Command(*reval, "daemon", "stop").CombinedOutput(); err != nil {
		return fmt.Errorf("stop the daemon: %w: %s", err, out)
	}
	return nil
}

func (b *bench) write() error {
	text := b.report.page()
	fmt.Print(text)
	if *page != "" {
		if err := os.WriteFile(*page, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if *quote == "" {
		return nil
	}
	old, err := os.ReadFile(*quote)
	if err != nil {
		return err
	}
	quoted, err := b.report.quote(string(old))
	if err != nil {
		return fmt.Errorf("quote in %s: %w", *quote, err)
	}
	return os.WriteFile(*quote, []byte(quoted), 0o644)
}

// play starts this program as a child.
func (b *bench) play(ctx context.Context, name string) (*child.Child, error) {
	return child.Start(ctx, name, b.self, name)
}
