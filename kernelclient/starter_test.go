package kernelclient

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"testing"
	"time"
)

// starterVariable has the test binary be a program that starts a kernel which outlives it. It
// is told what to do by an order, as JSON, and tells each step in a line.
const starterVariable = "KERNELCLIENT_STARTER"

// order is what a starter does: it starts a kernel, runs Before to its end and then Code, which
// has ID. With Release it leaves the kernel when it has heard of Code, and ends.
type order struct {
	Spec             Spec
	Registry, Dir    string
	Transport        string
	Before, Code, ID string
	Release          bool
	Asks             bool // the code asks for input, which is not answered
}

// What a starter tells.
const (
	launched    = "launched"
	hears       = "hears"
	asked       = "asked"
	interrupted = "interrupted"
	left        = "left"
)

// starterLife bounds the life of a starter whose test has failed to end it.
const starterLife = 3 * time.Minute

func starterMain(text string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	fail := func(err error) {
		if err != nil {
			fmt.Println("starter:", err)
			os.Exit(1)
		}
	}
	var o order
	fail(json.Unmarshal([]byte(text), &o))
	registry, err := OpenRegistry(o.Registry, "the test's build")
	fail(err)
	k, err := Launch(context.Background(), o.Spec, LaunchOptions{Registry: registry, Session: "the session", Dir: o.Dir, Transport: o.Transport})
	fail(err)
	fmt.Println(launched)
	if o.Before != "" {
		_, err := k.Execute(context.Background(), ExecuteRequest{Code: o.Before}, func(Event) {})
		fail(err)
	}
	heard, asks := make(chan struct{}, 1), make(chan struct{}, 1)
	if o.Code != "" {
		go k.Execute(context.Background(), ExecuteRequest{ID: o.ID, Code: o.Code, AllowInput: true}, func(e Event) {
			event := heard
			switch e.(type) {
			case InputRequest:
				event = asks
			case Stream:
			default:
				return
			}
			select {
			case event <- struct{}{}:
			default:
			}
		})
	}
	life := time.After(starterLife)
	for first := true; ; {
		select {
		case <-heard:
			if first {
				fmt.Println(hears)
			}
			if first && o.Release {
				fail(k.Release())
				fmt.Println(left)
				os.Exit(0)
			}
			first = false
		case <-asks:
			fmt.Println(asked)
		case <-signals:
			fmt.Println(interrupted)
		case <-life:
			os.Exit(1)
		}
	}
}

// starter is a program that has started a kernel.
type starter struct {
	cmd   *exec.Cmd
	lines chan string
}

// startStarter starts one, with its stdout to out if that is not nil.
func startStarter(t testing.TB, env []string, o order, prepare func(*exec.Cmd)) *starter {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	text, err := json.Marshal(o)
	must(t, err)
	s := &starter{cmd: exec.Command(self), lines: make(chan string, 100)}
	s.cmd.Env = append(env[:len(env):len(env)], starterVariable+"="+string(text))
	read, write, err := os.Pipe()
	must(t, err)
	s.cmd.Stdout, s.cmd.Stderr = write, os.Stderr
	if prepare != nil {
		prepare(s.cmd)
	}
	must(t, s.cmd.Start())
	write.Close()
	go func() {
		defer read.Close()
		for lines := bufio.NewScanner(io.Reader(read)); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		s.kill()
		endAll(o.Registry) // a test that has failed may have left its kernel
	})
	return s
}

// endAll ends the kernels of a registry, whoever has them.
func endAll(dir string) {
	r, err := OpenRegistry(dir, "")
	if err != nil {
		return
	}
	entries, _ := r.Entries()
	for _, e := range entries {
		if h, err := holdProcess(e.PID, e.Start); err == nil {
			p := process{pid: e.PID, handle: h}
			p.killGroup()
			h.close()
		}
	}
}

// kill ends it as kill -9 does; the second call does nothing.
func (s *starter) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// tells waits for a line.
func (s *starter) tells(t testing.TB, want string) {
	t.Helper()
	if got := next(t, s.lines); got != want {
		t.Fatalf("the starter says %q, not %q", got, want)
	}
}
