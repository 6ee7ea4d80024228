package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/daemon"
	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/terminal"
)

// sessionsPurpose is what a terminal joins the daemon for to hear of sessions.
const sessionsPurpose = "sessions"

// serveSessions answers a terminal.
func serveSessions(h *hub.Hub) daemon.Handler {
	return func(ctx context.Context, c *daemon.Client) error { return control.Serve(ctx, c, h, "reval tail") }
}

// dialSessions connects to who has the sessions; [daemon.ErrNone] if there are none.
func dialSessions(ctx context.Context) (*daemon.Conn, error) {
	place, err := daemonPlace()
	if err != nil {
		return nil, err
	}
	// Kernels may have outlived the daemon: then another takes them up.
	if kernels, err := openRegistry(); err == nil && kernels.Any() {
		return joinDaemon(ctx, sessionsPurpose, "")
	}
	return daemon.Join(ctx, daemon.JoinOptions{Place: place, Preface: daemon.NewPreface(place.Build, sessionsPurpose)})
}

// withSessions calls f with a connection to who has the sessions, which ends with ctx.
func withSessions(ctx context.Context, f func(*daemon.Conn) error) error {
	conn, err := dialSessions(ctx)
	if errors.Is(err, daemon.ErrNone) {
		return errors.New("there is no session: one begins when an editor evaluates something")
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := f(conn); ctx.Err() == nil {
		return err
	}
	return nil
}

// parseSession parses the flags and the argument of a command that takes one session at most.
func parseSession(f *flag.FlagSet, args []string) (string, error) {
	rest, err := parse(f, args, anyNumber)
	switch {
	case err != nil:
		return "", err
	case len(rest) > 1:
		return "", usagef("%s: unexpected argument %q", f.Name(), rest[1])
	case len(rest) == 1:
		return rest[0], nil
	}
	return "", nil
}

func runSessions(ctx context.Context, env environment, args []string) error {
	f := flags("sessions")
	asJSON := f.Bool("json", false, "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	conn, err := dialSessions(ctx)
	switch {
	case errors.Is(err, daemon.ErrNone):
		return terminal.Sessions(streams(env), nil, *asJSON)
	case err != nil:
		return err
	}
	defer conn.Close()
	return terminal.Sessions(streams(env), conn, *asJSON)
}

func runTail(ctx context.Context, env environment, args []string) error {
	f := flags("tail")
	all := f.Bool("all", false, "")
	asJSON := f.Bool("json", false, "")
	session, err := parseSession(f, args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return withSessions(ctx, func(conn *daemon.Conn) error {
		return terminal.Tail{Streams: streams(env), Session: session, All: *all, JSON: *asJSON}.Do(conn)
	})
}

func runStop(ctx context.Context, _ environment, args []string) error {
	session, err := parseSession(flags("stop"), args)
	if err != nil {
		return err
	}
	return withSessions(ctx, func(conn *daemon.Conn) error { return terminal.StopSession(conn, session) })
}
