//go:build !windows

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestHostilePeers: none of them ends or fills the daemon, and each is told what it can be.
func TestHostilePeers(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p, patience: 200 * time.Millisecond})
	for name, c := range map[string]struct {
		send  func(c net.Conn)
		words string
	}{
		"nothing":            {func(net.Conn) {}, ""},
		"an end":             {func(c net.Conn) { c.(*net.UnixConn).CloseWrite() }, ""},
		"half a preface":     {func(c net.Conn) { io.WriteString(c, `{"reval":1,"for":"ls`) }, ""},
		"half, and an end":   {func(c net.Conn) { io.WriteString(c, `{"reval":1`); c.(*net.UnixConn).CloseWrite() }, ""},
		"garbage":            {func(c net.Conn) { io.WriteString(c, "\x00\xff{{{\n") }, "the preface is none"},
		"HTTP":               {func(c net.Conn) { io.WriteString(c, "GET / HTTP/1.1\r\n\r\n") }, "the preface is none"},
		"a string":           {func(c net.Conn) { io.WriteString(c, "\"hello\"\n") }, "the preface is none"},
		"an empty line":      {func(c net.Conn) { io.WriteString(c, "\n") }, "the preface is none"},
		"an empty object":    {func(c net.Conn) { io.WriteString(c, "{}\n") }, "speaks to daemons in another way"},
		"another protocol":   {func(c net.Conn) { io.WriteString(c, `{"reval":99,"for":"lsp"}`+"\n") }, "speaks to daemons in another way"},
		"another build":      {func(c net.Conn) { greetAs(c, "1.0.0", "b", LSP) }, "is of another build"},
		"an older reval":     {func(c net.Conn) { greetAs(c, "0.9.0", "b", LSP) }, "a daemon of a newer reval, 1.0.0, serves this user"},
		"an unknown purpose": {func(c net.Conn) { greetAs(c, p.Build.Version, p.Build.ID, "dance") }, `what a connection for \"dance\" is`},
		"a long name":        {func(c net.Conn) { greetAs(c, "1.0.0", "b", strings.Repeat("x", 1000)) }, "its names are too long"},
		"a preface too long": {func(c net.Conn) {
			writeLine(c, Preface{Build: p.Build, Purpose: LSP, Env: []string{strings.Repeat("x", maxPreface)}}.wire())
		}, ""},
		"100 MB": {func(c net.Conn) {
			chunk := make([]byte, 1<<20)
			for i := range chunk {
				chunk[i] = 'x'
			}
			for range 100 {
				if _, err := c.Write(chunk); err != nil {
					return // it is not read to the end
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("unix", p.Socket())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(testenv.Patience))
			c.send(nc)
			got, err := io.ReadAll(nc)
			if err != nil && !gone(err) {
				t.Errorf("the daemon keeps it: %v", err)
			}
			if c.words == "" && len(got) > 0 || !strings.Contains(string(got), c.words) {
				t.Errorf("it is told %q", got)
			}
			if strings.Count(string(got), "\n") > 1 {
				t.Errorf("the refusal has several lines: %q", got)
			}
		})
	}
	answers(t, join(t, joining(p)))
}

// TestLongPreface: an environment may be longer than systems allow.
func TestLongPreface(t *testing.T) {
	p := newPlace(t)
	o := joining(p)
	o.Preface.Env = append(os.Environ(), "LONG="+strings.Repeat("x", maxPreface/2))
	serve(t, ServeOptions{Place: p})
	answers(t, join(t, o))
}

func greetAs(c net.Conn, version, id, purpose string) {
	writeLine(c, Preface{Build: Build{version, id}, Purpose: purpose}.wire())
}

// TestManyStrangers: who says nothing keeps nobody out for longer than it may take.
func TestManyStrangers(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p, patience: 50 * time.Millisecond})
	for range 2 * maxStrangers {
		c, err := net.Dial("unix", p.Socket())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	answers(t, join(t, joining(p)))
}

// TestPanicEndsItsConnection, and no other; so does an error. The peer can tell both from an
// end in order.
func TestPanicEndsItsConnection(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p})
	other := join(t, joining(p))
	for purpose, died := range map[string]bool{panics: true, fails: false, greets: false} {
		o := joining(p)
		o.Preface.Purpose = purpose
		var got strings.Builder
		err := Forward(t.Context(), join(t, o), blocked(t), &got)
		if (err != nil) != died {
			t.Errorf("%s: %v", purpose, err)
		}
		if purpose == greets && got.String() != strings.Repeat("hello", 1000) {
			t.Errorf("what it said before it ended: %q", &got)
		}
	}
	answers(t, other)
}

// TestIdleDaemonLeaves, and not while it has a client or work.
func TestIdleDaemonLeaves(t *testing.T) {
	p := newPlace(t)
	var joined, looks atomic.Int32
	ended := serve(t, ServeOptions{Place: p, Idle: time.Millisecond, Busy: func() bool {
		return joined.Load() == 0 || looks.Add(1) < 5 // it stays for the test, then for its work
	}})
	c := join(t, joining(p))
	joined.Store(1)
	for range 20 {
		answers(t, c)
	}
	if n := looks.Load(); n > 0 {
		t.Errorf("it was asked for its work %d times while it had a client", n)
	}
	// Who asks for something is no client.
	if running, err := Running(t.Context(), p); err != nil || len(running) != 1 {
		t.Errorf("%+v, %v", running, err)
	}
	c.Close()
	within(t, "the daemon leaves", ended)
	if n := looks.Load(); n != 5 {
		t.Errorf("it was asked for its work %d times", n)
	}
	if _, err := os.Lstat(p.Socket()); err == nil {
		t.Error("it left its socket")
	}
}

// TestIdleTime is counted from the last client's end.
func TestIdleTime(t *testing.T) {
	s := newServer(t.Context(), ServeOptions{Idle: time.Hour})
	defer s.end(nil)
	c := &Client{Preface: Preface{Purpose: LSP}}
	s.left = time.Now().Add(-2 * time.Hour)
	s.add(c)
	if n, _ := s.idleIn(); n != 1 {
		t.Errorf("%d clients", n)
	}
	s.remove(c)
	if n, wait := s.idleIn(); n != 0 || wait < 59*time.Minute {
		t.Errorf("%d clients, it leaves in %v", n, wait)
	}
	s.left = time.Now().Add(-30 * time.Minute)
	asks := &Client{Preface: Preface{Purpose: Control}}
	s.add(asks)
	s.remove(asks)
	if n, wait := s.idleIn(); n != 0 || wait > 31*time.Minute {
		t.Errorf("with who only asked: %d clients, it leaves in %v", n, wait)
	}
}

// TestTerminated: a daemon that is told to end by the system ends in order, and says so to
// no client as if it were that one's end.
func TestTerminated(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ServeOptions{Place: p, Handlers: handlers}) }()
	o := joining(p)
	o.Command = nil
	var c *Conn
	for c == nil {
		lock, err := lockFile(t.Context(), p.start())
		if err != nil {
			t.Fatal(err)
		}
		lock.Close()
		c, _ = Join(t.Context(), o)
	}
	cancel()
	if err := Forward(t.Context(), c, blocked(t), io.Discard); err == nil {
		t.Error("the client takes it for an end in order")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(p.Socket()); err == nil {
		t.Error("it left its socket")
	}
}

// TestEndingDaemonKeepsNobody: who comes while a daemon ends gets the next one.
func TestEndingDaemonKeepsNobody(t *testing.T) {
	p := newPlace(t)
	for i := range 20 {
		s := newServer(t.Context(), ServeOptions{Place: p, Handlers: handlers})
		if err := s.listen(); err != nil {
			t.Fatal(err)
		}
		s.wait.Go(func() { s.accept(s.listener) })
		c, err := net.Dial("unix", p.Socket())
		if err != nil {
			t.Fatal(err)
		}
		s.end(errEnded)
		if i%2 == 0 { // the other ones say nothing
			greetAs(c, p.Build.Version, p.Build.ID, waiting)
		}
		begin := time.Now()
		s.close()
		line, err := io.ReadAll(c)
		if strings.Contains(string(line), "refusal") {
			t.Errorf("it is told %q, %v", line, err)
		}
		if took := time.Since(begin); took >= endPatience {
			t.Errorf("the daemon takes %v to end", took)
		}
		c.Close()
	}
}

// TestNextWaitsForTheLast: a daemon that starts has the place for itself.
func TestNextWaitsForTheLast(t *testing.T) {
	p := newPlace(t)
	ending, end := make(chan struct{}), make(chan struct{})
	ended := serve(t, ServeOptions{Place: p, Close: func() {
		close(ending)
		<-end
	}})
	if _, err := p.ask(t.Context(), doStop); err != nil {
		t.Fatal(err)
	}
	<-ending
	joined := make(chan *Conn)
	go func() {
		c, err := Join(context.Background(), joining(p))
		if err != nil {
			t.Error(err)
		}
		joined <- c
	}()
	if lock, err := tryLock(p.lock()); err == nil {
		lock.Close()
		t.Error("another one may start")
	}
	close(end)
	within(t, "the daemon ends", ended)
	if c := <-joined; c != nil {
		answers(t, c)
		c.Close()
	}
}

func TestStop(t *testing.T) {
	p := newPlace(t)
	if pids, err := Stop(t.Context(), p); err != nil || len(pids) != 0 {
		t.Errorf("without a daemon: %v, %v", pids, err)
	}
	c := join(t, joining(p))
	pids, err := Stop(t.Context(), p)
	if err != nil || len(pids) != 1 || pids[0] != c.Daemon.PID {
		t.Errorf("%v, %v", pids, err)
	}
	if err := Forward(t.Context(), c, blocked(t), io.Discard); err == nil {
		t.Error("the client takes it for an end in order")
	}
	if running, err := Running(t.Context(), p); err != nil || len(running) != 0 {
		t.Errorf("%v, %v", running, err)
	}
	waitGone(t, c.Daemon.PID)
}

// TestNewerTakesOver: an older daemon lets go of what it has before the newer one takes that up, and
// ends; one that is older still is told what to do.
func TestNewerTakesOver(t *testing.T) {
	p := newPlace(t)
	newer, sibling := p.of("1.1.0", "111111111111"), p.of("1.1.0", "222222222222")
	first := join(t, joining(p))
	second := join(t, joining(newer))
	if first.Daemon.PID == second.Daemon.PID || second.Daemon.Build != newer.Build {
		t.Fatalf("%+v and %+v", first.Daemon, second.Daemon)
	}
	waitGone(t, first.Daemon.PID)
	running, err := Running(t.Context(), p)
	if err != nil || len(running) != 1 || running[0].PID != second.Daemon.PID {
		t.Fatalf("%v: there run %+v", err, running)
	}

	_, err = Join(t.Context(), joining(p))
	var refused RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("an older one joins: %v", err)
	}
	for _, words := range []string{"1.1.0", fmt.Sprint("process ", second.Daemon.PID), "reval daemon stop", "--standalone"} {
		if !strings.Contains(refused.Words, words) {
			t.Errorf("an older one is told %q", refused.Words)
		}
	}

	// Of two of one version the one that starts takes over, when the last client of the other has
	// left.
	third := join(t, joining(sibling))
	answers(t, second)
	answers(t, third)
	adopts(t, sibling)
	if err := syscall.Kill(second.Daemon.PID, 0); err != nil {
		t.Errorf("it ended with a client: %v", err)
	}
	second.Close()
	adopts(t, sibling)
	waitGone(t, second.Daemon.PID)
	answers(t, third)

	if pids, err := Release(t.Context(), p); err != nil || len(pids) != 1 {
		t.Errorf("%v, %v", pids, err)
	}
	fourth := join(t, joining(sibling))
	if pids, err := Stop(t.Context(), p); err != nil || len(pids) != 1 || pids[0] != fourth.Daemon.PID {
		t.Errorf("%v, %v", pids, err)
	}
	done, err := os.ReadFile(doings(p))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, what := range []string{
		"first adopts", "first releases", "newer adopts", "sibling adopts", "newer releases", "sibling adopts",
		"sibling releases", "sibling adopts", "sibling closes",
	} {
		want += strings.NewReplacer("first", p.Build.ID, "newer", newer.Build.ID, "sibling", sibling.Build.ID).Replace(what) + "\n"
	}
	if string(done) != want {
		t.Errorf("they did\n%swant\n%s", done, want)
	}
}

// adopts waits until a daemon has taken up what there is.
func adopts(t testing.TB, p Place) {
	t.Helper()
	o := joining(p)
	o.Preface.Purpose = does
	c := join(t, o)
	defer c.Close()
	c.SetDeadline(time.Now().Add(testenv.Patience))
	if what, err := io.ReadAll(c); err != nil || string(what) != "adopts" {
		t.Fatalf("it does %q: %v", what, err)
	}
}

// TestKilledEditorIsForgotten: the daemon learns of its end.
func TestKilledEditorIsForgotten(t *testing.T) {
	p := newPlace(t)
	join(t, joining(p))
	cmd := editor(t, p)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has joined
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for n := 2; n != 1; {
		running, err := Running(t.Context(), p)
		if err != nil || len(running) != 1 {
			t.Fatalf("%v, %v", running, err)
		}
		n = len(running[0].Clients)
	}
}

// TestSweep: of builds that are no more nothing stays.
func TestSweep(t *testing.T) {
	p := newPlace(t)
	old := p.of("0.9.0", "eeeeeeeeeeee")
	c := join(t, joining(old))
	syscall.Kill(c.Daemon.PID, syscall.SIGKILL)
	waitGone(t, c.Daemon.PID)
	join(t, joining(p))
	for _, path := range []string{old.Socket(), old.lock()} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s stays", path)
		}
	}
}
