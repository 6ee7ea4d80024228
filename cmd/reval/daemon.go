package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"

	"github.com/reval-editor/reval/internal/daemon"
	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/terminal"
	"github.com/reval-editor/reval/kernelclient"
	"github.com/reval-editor/reval/lsp"
)

// daemonPlace is where the daemon of this very build is.
func daemonPlace() (daemon.Place, error) {
	build, err := daemon.ThisBuild(version())
	if err != nil {
		return daemon.Place{}, err
	}
	return daemon.Locate(os.Environ(), build)
}

// daemonLog is the file of all daemons' log.
func daemonLog() string { return filepath.Join(stateDir(), "daemon.log") }

// joinDaemon connects to the daemon, which it starts if there is none.
func joinDaemon(ctx context.Context, purpose, logFile string) (*daemon.Conn, error) {
	place, err := daemonPlace()
	if err != nil {
		return nil, err
	}
	p := daemon.NewPreface(place.Build, purpose)
	if logFile != "" {
		if p.Log, err = filepath.Abs(logFile); err != nil {
			return nil, fmt.Errorf("open the log: %w", err)
		}
	}
	return daemon.Join(ctx, daemon.JoinOptions{Place: place, Preface: p, Command: []string{"daemon", "run", "--detached"}})
}

// gcPercent is for a process that keeps much for long, and computes little beside its kernels: with
// the default of 100 it has twice the memory of what it keeps.
const gcPercent = 50

// maxTroubles bounds how many troubles of the journal wait to be told.
const maxTroubles = 8

func runDaemon(ctx context.Context, env environment, args []string) error {
	f := flags("daemon run")
	detached := f.Bool("detached", false, "")
	idle := f.Duration("idle", 0, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	place, err := daemonPlace()
	if err != nil {
		return err
	}
	var out io.Writer = env.stderr // /dev/null of one that is detached
	path := daemonLog()
	file, err := daemon.OpenLog(path, 0)
	if err != nil {
		path = ""
		fmt.Fprintf(env.stderr, "reval: the daemon's log is not kept: %s\n", terminal.Words(err))
	} else {
		defer file.Close()
		out = io.MultiWriter(env.stderr, file)
	}
	logger := slog.New(slog.NewTextHandler(out, nil)).With("daemon", os.Getpid())
	oneProcessor()
	debug.SetGCPercent(gcPercent)
	leaveProgram()
	troubles := make(chan string, maxTroubles)
	configured, err := readConfig()
	if err != nil {
		logger.Warn("configuration", "error", err)
		troubles <- terminal.Words(err)
	}
	kept, err := openJournal(configured, logger, func(words string) {
		select {
		case troubles <- words:
		default: // it is in the log
		}
	})
	if err != nil {
		logger.Warn("what kernels give is not kept", "error", err)
	} else {
		defer kept.Close()
	}
	kernels, err := openRegistry()
	if err != nil {
		logger.Warn("kernels end with the daemon", "error", err)
	}
	h := hub.New(hub.Options{
		Idle: configured.SessionIdle, GoOn: !configured.StopOnError,
		Journal: kept, Registry: kernels, Attached: filepath.Join(place.Dir, "joined.json"), Logger: logger,
	})
	go func() { // as long as the process lives
		for words := range troubles {
			h.Warn(words)
		}
	}()
	return daemon.Serve(ctx, daemon.ServeOptions{
		Place: place, Detached: *detached, Idle: *idle, Logger: logger, LogFile: path, Settings: configured.told(),
		Busy: func() bool { return len(h.Sessions()) > 0 },
		Sessions: func() (ids []string) {
			for _, s := range h.Sessions() {
				ids = append(ids, s.ID)
			}
			return ids
		},
		Adopt: func() {
			if err := h.Adopt(ctx); err != nil {
				logger.Warn("kernels that run are not taken up", "error", err)
			}
		},
		Release: func() { h.Release(context.Background()) },
		Close:   func() { h.Close(context.Background()) },
		Handlers: map[string]daemon.Handler{
			daemon.LSP:      func(ctx context.Context, c *daemon.Client) error { return serveEditor(ctx, c, h, logger) },
			sessionsPurpose: serveSessions(h),
		},
	})
}

// openRegistry opens the user's registry of kernels that outlive daemons.
func openRegistry() (*kernelclient.Registry, error) {
	dir, err := kernelclient.RegistryDir(os.Environ())
	if err != nil {
		return nil, err
	}
	return kernelclient.OpenRegistry(dir, version())
}

// openJournal opens the user's journal. trouble is called with what goes wrong with it later.
func openJournal(c config, logger *slog.Logger, trouble func(words string)) (*journal.Journal, error) {
	dir, err := journalDir()
	if err != nil {
		return nil, err
	}
	return journal.Open(journal.Options{Dir: dir, MaxAge: c.HistoryAge, MaxBytes: c.HistorySize, Logger: logger, Trouble: trouble}), nil
}

// serveEditor serves an editor that joined the daemon: with its environment and folder.
func serveEditor(ctx context.Context, c *daemon.Client, h *hub.Hub, logger *slog.Logger) error {
	logger = logger.With("client", c.Preface.PID)
	if c.Preface.Log != "" {
		out, err := openLSPLog(c.Preface.Log)
		if err != nil {
			return err
		}
		defer out.Close()
		logger = debugLogger(out)
	}
	return serveLSP(ctx, c, lsp.Options{Hub: h, Env: c.Preface.Env, Dir: c.Preface.Dir, Logger: logger})
}

// daemonHere tells of the daemon on the standard streams.
func daemonHere(env environment) (terminal.Daemon, error) {
	place, err := daemonPlace()
	return terminal.Daemon{Streams: streams(env), Place: place}, err
}

func runDaemonStatus(ctx context.Context, env environment, args []string) error {
	f := flags("daemon status")
	asJSON := f.Bool("json", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	d, err := daemonHere(env)
	if err != nil {
		return err
	}
	return d.Status(ctx, *asJSON)
}

func runDaemonStop(ctx context.Context, env environment, args []string) error {
	if _, err := parse(flags("daemon stop"), args, 0); err != nil {
		return err
	}
	d, err := daemonHere(env)
	if err != nil {
		return err
	}
	kernels, err := openRegistry()
	if err != nil {
		return err
	}
	return d.Stop(ctx, kernels)
}

func runDaemonRestart(ctx context.Context, env environment, args []string) error {
	if _, err := parse(flags("daemon restart"), args, 0); err != nil {
		return err
	}
	d, err := daemonHere(env)
	if err == nil {
		err = d.Release(ctx)
	}
	if err != nil {
		return err
	}
	conn, err := joinDaemon(ctx, daemon.Control, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = fmt.Fprintf(env.stdout, "the daemon runs, process %d\n", conn.Daemon.PID)
	return err
}

func runDaemonLog(ctx context.Context, env environment, args []string) error {
	f := flags("daemon log")
	follow := f.Bool("follow", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if stateDir() == "" {
		return errors.New("there is no log: neither HOME nor XDG_STATE_HOME says where it would be")
	}
	return terminal.Daemon{Streams: streams(env)}.Log(ctx, daemonLog(), *follow)
}
