package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/daemon"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/kernelclient"
)

// Daemon tells of the user's daemon, and ends it.
type Daemon struct {
	Streams
	Place daemon.Place
}

// daemonStatus is what `reval daemon status --json` tells; the keys stay.
type daemonStatus struct {
	daemon.Status
	// Others are daemons of other builds.
	Others []daemon.Status `json:"others"`
}

// Status tells of the daemons that run. It returns an [ExitError] if there is none.
func (d Daemon) Status(ctx context.Context, asJSON bool) error {
	running, err := daemon.Running(ctx, d.Place)
	if err != nil {
		fmt.Fprintf(d.Err, "reval: %s\n", Words(err))
	}
	switch {
	case len(running) == 0 && asJSON:
		err = writeJSON(d.Out, nil)
	case len(running) == 0:
		_, err = fmt.Fprintln(d.Out, "no daemon runs")
	case asJSON:
		err = writeJSON(d.Out, daemonStatus{running[0], append([]daemon.Status{}, running[1:]...)})
	default:
		err = d.print(running)
	}
	if err == nil && len(running) == 0 {
		return ExitError{exitFailed}
	}
	return err
}

func (d Daemon) print(running []daemon.Status) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-8s %s\n", name, output.Line(fmt.Sprintf(format, args...)))
	}
	for _, s := range running {
		fmt.Fprintf(&b, "reval %s, process %d\n", output.Line(s.Version), s.PID)
		row("since", "%s", s.Since.Local().Format(time.DateTime))
		row("memory", "%.1f MiB", float64(s.Memory)/(1<<20))
		row("build", "%s", s.ID)
		row("socket", "%s", s.Socket)
		row("log", "%s", s.Log)
		row("sessions", "%d", len(s.Sessions))
		for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
			row("setting", "%s %s", name, s.Settings[name])
		}
		for _, c := range s.Clients {
			row("client", "process %d, %s, in %s, since %s", c.PID, c.Purpose, c.Folder, c.Since.Local().Format(time.DateTime))
		}
		if len(s.Clients) == 0 {
			row("client", "none")
		}
	}
	_, err := io.WriteString(d.Out, b.String())
	return err
}

// Stop ends the daemons of all builds, and kernels that outlived theirs, and tells which.
func (d Daemon) Stop(ctx context.Context, kernels *kernelclient.Registry) error {
	pids, err := daemon.Stop(ctx, d.Place)
	if err := d.ended(pids, err); err != nil {
		return err
	}
	entries, err := kernels.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Err != nil {
			continue
		}
		err := kernels.End(e)
		switch {
		case errors.Is(err, kernelclient.ErrHeld), errors.Is(err, kernelclient.ErrDead):
		case err != nil:
			return err
		default:
			fmt.Fprintf(d.Out, "a kernel that no daemon had has ended, %s, process %d\n", output.Line(e.Spec.Name), e.PID)
		}
	}
	return nil
}

// Release ends the daemons of all builds, and tells which; kernels run on.
func (d Daemon) Release(ctx context.Context) error {
	pids, err := daemon.Release(ctx, d.Place)
	return d.ended(pids, err)
}

func (d Daemon) ended(pids []int, err error) error {
	for _, pid := range pids {
		fmt.Fprintf(d.Out, "the daemon has ended, process %d\n", pid)
	}
	if err == nil && len(pids) == 0 {
		_, err = fmt.Fprintln(d.Out, "no daemon runs")
	}
	return err
}

const (
	// logTail is how much of a log is shown, in bytes.
	logTail = 64 << 10
	// logLook is how often it is looked whether a log has more: nothing tells it on all
	// systems.
	logLook = 250 * time.Millisecond
)

// Log shows the end of a log and, to follow it, what comes after that until ctx ends, also
// in the file that is begun when this one is long.
func (d Daemon) Log(ctx context.Context, path string, follow bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !follow {
		_, err := fmt.Fprintf(d.Err, "reval: there is no log yet, %s\n", output.Line(path))
		return err
	}
	if err == nil {
		err = d.tail(f)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the daemon's log: %w", err)
	}
	if !follow {
		return f.Close()
	}
	look := time.NewTicker(logLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		if f != nil {
			if err := d.copyLog(f); err != nil {
				return err
			}
		}
		next, err := os.Open(path)
		if err != nil {
			continue
		}
		if f != nil && sameOpen(f, next) {
			next.Close()
			continue
		}
		f.Close()
		f = next
	}
}

// tail shows the last lines of a file.
func (d Daemon) tail(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() <= logTail {
		return d.copyLog(f)
	}
	end := make([]byte, logTail)
	n, err := f.ReadAt(end, st.Size()-logTail)
	if err != nil && err != io.EOF {
		return err
	}
	_, lines, _ := strings.Cut(string(end[:n]), "\n")
	if _, err := f.Seek(st.Size()-logTail+int64(n), io.SeekStart); err != nil {
		return err
	}
	_, err = io.WriteString(d.Out, plainUnless(false, lines))
	return err
}

// copyLog shows what a log has from where it was read to.
func (d Daemon) copyLog(f *os.File) error {
	part := make([]byte, logTail)
	for {
		n, err := f.Read(part)
		if n > 0 {
			if _, err := io.WriteString(d.Out, plainUnless(false, string(part[:n]))); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func sameOpen(a, b *os.File) bool {
	sa, errA := a.Stat()
	sb, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}
