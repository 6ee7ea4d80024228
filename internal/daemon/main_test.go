//go:build !windows

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/trust"
)

// What this test binary is besides: a daemon that Join starts, and an editor's process that
// joins.
const (
	asDaemon = "be-a-daemon" // DIR VERSION ID [FIFO]
	asEditor = "be-an-editor"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 4 && (os.Args[1] == asDaemon || os.Args[1] == asEditor) {
		place := Place{os.Args[2], Build{os.Args[3], os.Args[4]}}
		be := beDaemon
		if os.Args[1] == asEditor {
			be = beEditor
		}
		if err := be(place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); code == 0 && err != syscall.ECHILD {
			fmt.Fprintf(os.Stderr, "a process is left behind: %d, %v\n", pid, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// beDaemon serves until it is ended, from when the end of a FIFO is read if there is one.
func beDaemon(p Place) error {
	if len(os.Args) > 5 {
		if _, err := os.ReadFile(os.Args[5]); err != nil {
			return err
		}
	}
	done := func(what string) func() {
		return func() {
			f, err := os.OpenFile(doings(p), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				panic(err)
			}
			defer f.Close()
			fmt.Fprintf(f, "%s %s\n", p.Build.ID, what)
			did <- what
		}
	}
	return Serve(context.Background(), ServeOptions{
		Place: p, Detached: true, Handlers: handlers, LogFile: "none",
		Adopt: done("adopts"), Release: done("releases"), Close: done("closes"),
	})
}

// doings is the file in which the daemons of a test write what they do with what they share, in
// order.
func doings(p Place) string { return filepath.Join(p.Dir, "doings") }

// did has what this daemon has done.
var did = make(chan string, 100)

// beEditor joins, tells the daemon's process, and stays until its input ends.
func beEditor(p Place) error {
	o := joining(p)
	o.Command = append(o.Command, os.Args[5:]...)
	c, err := Join(context.Background(), o)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Println(c.Daemon.PID)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// Purposes that the daemons of tests serve besides.
const (
	echoes  = LSP
	tells   = "tells"
	panics  = "panics"
	fails   = "fails"
	greets  = "greets" // says something, and ends in order
	waiting = "waiting"
	does    = "does" // tells the next of what it did
)

var handlers = map[string]Handler{
	echoes: func(ctx context.Context, c *Client) error {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		_, err := io.Copy(c, c)
		return err
	},
	tells:  func(_ context.Context, c *Client) error { return json.NewEncoder(c).Encode(surroundings(c)) },
	panics: func(context.Context, *Client) error { panic("as it was asked to") },
	fails:  func(context.Context, *Client) error { return errors.New("as it was asked to") },
	greets: func(_ context.Context, c *Client) error {
		_, err := io.WriteString(c, strings.Repeat("hello", 1000))
		return errors.Join(err, c.Close())
	},
	does: func(ctx context.Context, c *Client) error {
		select {
		case what := <-did:
			_, err := io.WriteString(c, what)
			return err
		case <-ctx.Done():
			return nil
		}
	},
	waiting: func(ctx context.Context, _ *Client) error { <-ctx.Done(); return nil },
}

// told is what the daemon tells of itself and of a client.
type told struct {
	Dir     string
	Env     []string
	Client  []string // its environment
	Folder  string   // the client's
	Session bool     // it leads a session of its own
	Files   []string // that it has open
}

func surroundings(c *Client) told {
	dir, _ := os.Getwd()
	t := told{Dir: dir, Env: os.Environ(), Client: c.Preface.Env, Folder: c.Preface.Dir}
	sid, _ := unix.Getsid(0)
	t.Session = sid == os.Getpid()
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			t.Files = append(t.Files, name)
		}
	}
	return t
}

// newPlace is a place of a test's own, in which no daemon is left.
func newPlace(t testing.TB) Place {
	t.Helper()
	dir := testenv.RuntimeDir(t) + "/reval"
	if err := trust.Private(dir); err != nil {
		t.Fatal(err)
	}
	p := Place{dir, Build{"1.0.0", "0123456789ab"}}
	t.Cleanup(func() {
		pids, err := Stop(context.Background(), p)
		if err != nil {
			t.Errorf("stop the daemons of the test: %v", err)
		}
		for _, pid := range pids {
			if pid != os.Getpid() {
				waitGone(t, pid)
			}
		}
	})
	return p
}

// of is the place of another build.
func (p Place) of(version, id string) Place { return Place{p.Dir, Build{version, id}} }

// joining starts a daemon that is this binary.
func joining(p Place) JoinOptions {
	return JoinOptions{
		Place: p, Preface: NewPreface(p.Build, echoes),
		Command: []string{asDaemon, p.Dir, p.Build.Version, p.Build.ID},
	}
}

func join(t testing.TB, o JoinOptions) *Conn {
	t.Helper()
	c, err := Join(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answers fails the test unless the daemon echoes.
func answers(t testing.TB, c *Conn) {
	t.Helper()
	if err := echo(c); err != nil {
		t.Fatal(err)
	}
}

func echo(c *Conn) error {
	const words = "are you there"
	c.SetDeadline(time.Now().Add(testenv.Patience))
	if _, err := io.WriteString(c, words); err != nil {
		return err
	}
	got := make([]byte, len(words))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != words {
		return fmt.Errorf("echoed %q, %v", got, err)
	}
	return nil
}

// serve serves in this process.
func serve(t testing.TB, o ServeOptions) (ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if o.Handlers == nil {
		o.Handlers = handlers
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := Serve(ctx, o); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	// Who takes the lock of starts comes after it listens.
	for {
		if c, err := net.Dial("unix", o.Place.Socket()); err == nil {
			c.Close()
			return done
		}
		select {
		case <-done:
			t.Fatal("the daemon ended")
		default:
		}
		if lock, err := lockFile(t.Context(), o.Place.start()); err == nil {
			lock.Close()
		}
	}
}

// within fails the test if an event does not come.
func within(t testing.TB, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(testenv.Patience):
		t.Fatalf("%s: not yet", what)
	}
}

// waitGone waits until a process has ended, of whose end nothing tells another than its parent.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	for end := time.Now().Add(testenv.Patience); syscall.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d does not end", pid)
		}
	}
}

// editor starts a process that joins.
func editor(t testing.TB, p Place, fifo ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{asEditor, p.Dir, p.Build.Version, p.Build.ID}, fifo...)...)
	cmd.Stderr = t.Output()
	return cmd
}
