//go:build !windows

package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestJoinStartsOne(t *testing.T) {
	p := newPlace(t)
	if _, err := Join(t.Context(), JoinOptions{Place: p, Preface: NewPreface(p.Build, echoes)}); !errors.Is(err, ErrNone) {
		t.Fatalf("without a command: %v", err)
	}
	first := join(t, joining(p))
	answers(t, first)
	second := join(t, joining(p))
	answers(t, second)
	if first.Daemon.PID != second.Daemon.PID || first.Daemon.PID == os.Getpid() || first.Daemon.Build != p.Build {
		t.Errorf("joined %+v and %+v", first.Daemon, second.Daemon)
	}
	if st, err := os.Stat(p.Socket()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", st.Mode(), err)
	}
}

// TestDaemonIsDetached: it has nothing of who started it but what is named, and knows what
// its clients have, also what is no UTF-8.
func TestDaemonIsDetached(t *testing.T) {
	p := newPlace(t)
	// What an editor's own start left open.
	left, err := os.Create(filepath.Join(p.Dir, "left"))
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	if _, err := unix.FcntlInt(left.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	o := joining(p)
	o.Preface.Purpose = tells
	o.Preface.Env = []string{"HOME=/home/somebody", "XDG_STATE_HOME=/state", "PATH=/bin", "LC_ALL=C", "SECRET=token", "ODD=\xff\n"}
	o.Preface.Dir = "/somewhere/\xfe"
	data, err := io.ReadAll(join(t, o))
	if err != nil {
		t.Fatal(err)
	}
	var got told
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{"HOME=/home/somebody", "XDG_STATE_HOME=/state", "PATH=/bin", "LC_ALL=C"}; !slices.Equal(got.Env, want) {
		t.Errorf("the daemon's environment is %q", got.Env)
	}
	if got.Dir != "/" || !got.Session {
		t.Errorf("the daemon is in %s, leads a session: %v", got.Dir, got.Session)
	}
	for _, name := range got.Files {
		if strings.HasPrefix(name, "/") && !slices.Contains([]string{"/dev/null", p.lock(), p.Dir}, name) && !strings.HasPrefix(name, "/proc/") && !strings.HasPrefix(name, "/sys/") { // the runtime's
			t.Errorf("the daemon has %s open", name)
		}
	}
	// JSON of this test's own makes U+FFFD of what is no UTF-8.
	if !slices.Contains(got.Client, "SECRET=token") || !slices.Contains(got.Client, "ODD=\ufffd\n") || got.Folder != "/somewhere/\ufffd" {
		t.Errorf("it knows of its client %q in %q", got.Client, got.Folder)
	}
}

func TestPrefaceSurvives(t *testing.T) {
	want := Preface{Build{"1", "2"}, 3, LSP, "/a\xff", []string{"A=\xff", "B=ü\n", ""}, "/log\xfe"}
	var b bytes.Buffer
	if err := writeLine(&b, want.wire()); err != nil {
		t.Fatal(err)
	}
	line, err := readLine(bufio.NewReader(&b), maxPreface)
	if err != nil {
		t.Fatal(err)
	}
	got, protocol, err := parsePreface(line)
	if err != nil || protocol != Protocol || got.Dir != want.Dir || !slices.Equal(got.Env, want.Env) || got.Log != want.Log || got.Build != want.Build || got.PID != 3 {
		t.Errorf("%+v, %d, %v", got, protocol, err)
	}
}

func TestTwentyAtOnce(t *testing.T) {
	p := newPlace(t)
	var pids []string
	var stay []io.Closer
	var all []*exec.Cmd
	var outs []*bufio.Reader
	for range 20 {
		cmd := editor(t, p)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stay, all, outs = append(stay, in), append(all, cmd), append(outs, bufio.NewReader(out))
	}
	for _, out := range outs {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		pids = append(pids, line)
	}
	if len(slices.Compact(pids)) != 1 {
		t.Errorf("there are several daemons: %q", pids)
	}
	running, err := Running(t.Context(), p)
	if err != nil || len(running) != 1 || len(running[0].Clients) != 20 || strconv.Itoa(running[0].PID) != strings.TrimSpace(pids[0]) {
		t.Errorf("%+v, %v", running, err)
	}
	for i, cmd := range all {
		stay[i].Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestStarterIsKilled: a daemon that is being started by a process that was killed is waited
// for like any other.
func TestStarterIsKilled(t *testing.T) {
	p := newPlace(t)
	fifo := filepath.Join(p.Dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	starter := editor(t, p, fifo)
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	hold, err := os.OpenFile(fifo, os.O_WRONLY, 0) // when the daemon reads it
	if err != nil {
		t.Fatal(err)
	}
	starter.Process.Kill()
	starter.Wait()
	if lock, err := tryLock(p.start()); err == nil {
		lock.Close()
		t.Error("nobody seems to start a daemon")
	}
	joined := make(chan *Conn)
	go func() {
		c, err := Join(context.Background(), joining(p))
		if err != nil {
			t.Error(err)
		}
		joined <- c
	}()
	hold.Close()
	c := <-joined
	if c == nil {
		return
	}
	defer c.Close()
	answers(t, c)
	if running, err := Running(t.Context(), p); err != nil || len(running) != 1 || running[0].PID != c.Daemon.PID {
		t.Errorf("%+v, %v", running, err)
	}
}

func TestKilledDaemonIsReplaced(t *testing.T) {
	p := newPlace(t)
	c := join(t, joining(p))
	if err := syscall.Kill(c.Daemon.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := Forward(t.Context(), c, blocked(t), io.Discard); err == nil || !strings.Contains(err.Error(), strconv.Itoa(c.Daemon.PID)) {
		t.Errorf("its client is told: %v", err)
	}
	if _, err := os.Lstat(p.Socket()); err != nil {
		t.Fatalf("a killed daemon leaves its socket: %v", err)
	}
	again := join(t, joining(p))
	answers(t, again)
	if again.Daemon.PID == c.Daemon.PID {
		t.Error("the killed one was joined")
	}
}

// TestLeftovers: what stands in a daemon's place and is none is put aside.
func TestLeftovers(t *testing.T) {
	p := newPlace(t)
	l, err := net.Listen("unix", p.Socket())
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	// A lock that nobody has, with the id of a process that is no daemon's.
	if err := os.WriteFile(p.lock(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	answers(t, join(t, joining(p)))

	other := p.of("1.0.0", "ffffffffffff")
	if err := os.WriteFile(other.Socket(), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	answers(t, join(t, joining(other)))
}

// TestHangingDaemonIsReplaced: it does not run, and ends at no request.
func TestHangingDaemonIsReplaced(t *testing.T) {
	p := newPlace(t)
	o := joining(p)
	o.Patience = 300 * time.Millisecond
	c := join(t, joining(p))
	if err := syscall.Kill(c.Daemon.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(c.Daemon.PID, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it does not stop: %v, %v", status, err)
	}
	next, err := Join(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if next.Daemon.PID == c.Daemon.PID {
		t.Fatal("a daemon that is stopped was joined")
	}
	waitGone(t, c.Daemon.PID)
	answers(t, next)
}

// TestNothingIsEndedByANumber: a lock names a process, and that may be any.
func TestNothingIsEndedByANumber(t *testing.T) {
	p := newPlace(t)
	o := joining(p)
	o.Patience = 10 * time.Millisecond
	bystander := exec.Command("sleep", "1000")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	lock, err := tryLock(p.lock())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.WriteString(strconv.Itoa(bystander.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if _, err := Join(t.Context(), o); err == nil || !strings.Contains(err.Error(), fmt.Sprint("process ", bystander.Process.Pid)) {
		t.Errorf("%v", err)
	}
	lock.Close()
	bystander.Process.Signal(syscall.SIGINT) // the first signal that it gets
	bystander.Wait()
	if status := bystander.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("the process that the lock names: %v", bystander.ProcessState)
	}
}

// TestNoDaemonStarts: why is told, and nothing is left.
func TestNoDaemonStarts(t *testing.T) {
	p := newPlace(t)
	o := joining(p)
	o.Command = []string{"-test.run=^$"} // which ends at once
	if _, err := Join(t.Context(), o); err == nil || !strings.Contains(err.Error(), "it ended before it was ready") {
		t.Errorf("%v", err)
	}
	if os.Getuid() == 0 {
		long := p
		long.Dir = filepath.Join(p.Dir, strings.Repeat("x", 90)) // no socket's path is so long
		if err := os.Mkdir(long.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := Join(t.Context(), joining(long)); err == nil || !strings.Contains(err.Error(), "make the daemon's socket") {
			t.Errorf("%v", err)
		}
	}
	answers(t, join(t, joining(p)))
}

func TestJoinEndsWithItsContext(t *testing.T) {
	p := newPlace(t)
	starting, err := lockFile(t.Context(), p.start())
	if err != nil {
		t.Fatal(err)
	}
	defer starting.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Join(ctx, joining(p)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestPlaceIsPrivate: where others may write there is no daemon.
func TestPlaceIsPrivate(t *testing.T) {
	dir := testenv.RuntimeDir(t)
	env := func(dir string) []string {
		return []string{"XDG_RUNTIME_DIR=" + dir, "TMPDIR=" + dir, "JUPYTER_RUNTIME_DIR=" + dir}
	}
	p, err := Locate(env(dir), Build{"1", "0123456789ab"})
	if err != nil || p.Dir != filepath.Join(dir, "reval") {
		t.Fatalf("%+v, %v", p, err)
	}
	if len(p.Socket()) > 103 {
		t.Errorf("%s is long", p.Socket())
	}
	for _, mode := range []os.FileMode{0o777, 0o770} {
		open := filepath.Join(dir, mode.String())
		if err := os.Mkdir(open, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(open, mode); err != nil {
			t.Fatal(err)
		}
		if p, err := Locate(env(open), Build{"1", "0123456789ab"}); err == nil || !strings.Contains(err.Error(), "others may write") {
			t.Errorf("%v: %+v, %v", mode, p, err)
		}
	}
	if _, err := Locate(env(dir+"/"+strings.Repeat("x", 100)), Build{}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a path that is too long: %v", err)
	}
}

// TestAnotherUser: neither side speaks to one.
func TestAnotherUser(t *testing.T) {
	stranger := func(*net.UnixConn) (peer, error) { return peer{uid: os.Geteuid() + 1}, nil }
	unknown := func(*net.UnixConn) (peer, error) { return peer{uid: os.Geteuid()}, errors.New("no such option") }

	p := newPlace(t)
	serve(t, ServeOptions{Place: p})
	for _, ask := range []func(*net.UnixConn) (peer, error){stranger, unknown} {
		o := joining(p)
		o.peer = ask
		if c, err := Join(t.Context(), o); err == nil || !strings.Contains(err.Error(), "at the other end") {
			t.Errorf("joined %+v, %v", c, err)
		}
	}
	answers(t, join(t, joining(p)))

	p = newPlace(t)
	served := serve(t, ServeOptions{Place: p, peer: stranger})
	o := joining(p)
	o.Command = nil
	if c, err := Join(t.Context(), o); err == nil {
		t.Errorf("joined %+v", c)
	}
	select {
	case <-served:
		t.Error("the daemon ended")
	default:
	}
}

// TestPeersAreTheUsersOwn: what the system tells of both ends.
func TestPeersAreTheUsersOwn(t *testing.T) {
	if supported() != nil {
		t.Skip(runtime.GOOS)
	}
	p := newPlace(t)
	served := make(chan peer, 10)
	serve(t, ServeOptions{Place: p, peer: func(c *net.UnixConn) (peer, error) {
		who, err := peerOf(c)
		served <- who
		return who, err
	}})
	c := join(t, joining(p))
	daemon, err := peerOf(c.UnixConn)
	want := peer{os.Geteuid(), os.Getpid()}
	if client := <-served; err != nil || daemon != want || client != want {
		t.Errorf("%+v and %+v, %v", daemon, client, err)
	}
}

// blocked is an editor that says nothing.
func blocked(t testing.TB) io.Reader {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		r.Close()
	})
	return r
}
