package zsock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// libzmq's clients, by pyzmq, at our servers: testdata/peer.py does the checking.
func TestPyzmqClients(t *testing.T) {
	python := testenv.Python(t)
	for _, listen := range []func(name string) string{
		func(string) string { return "tcp://127.0.0.1:0" },
		func(name string) string { return "ipc://" + testenv.RuntimeDir(t) + "/" + name },
	} {
		ctx := within(t)
		r, err := ListenRouter(ctx, listen("router"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := ListenXPub(ctx, listen("xpub"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ListenRep(ctx, listen("rep"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		var serving sync.WaitGroup
		serve := func(name string, run func() error) {
			serving.Go(func() {
				for {
					if err := run(); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Errorf("%s: %v", name, err)
						}
						return
					}
				}
			})
		}
		serve("router", func() error {
			m, err := r.Recv(ctx)
			if err != nil {
				return err
			}
			return r.Send(ctx, append([][]byte{m[0]}, m...))
		})
		serve("xpub", func() error {
			m, err := x.Recv(ctx)
			if err != nil || m[0][0] == cancel {
				return err
			}
			return x.Send(ctx, [][]byte{m[0][1:], []byte("welcome")})
		})
		serve("rep", func() error {
			return p.Serve(ctx, func(request [][]byte) [][]byte { return request })
		})
		out, err := exec.CommandContext(ctx, python, "testdata/peer.py", "clients", r.Endpoint(), x.Endpoint(), p.Endpoint()).CombinedOutput()
		if err != nil {
			t.Errorf("pyzmq: %v\n%s", err, out)
		}
		r.Close()
		x.Close()
		p.Close()
		serving.Wait()
	}
}

// Our clients at libzmq's servers.
func TestPyzmqServers(t *testing.T) {
	python := testenv.Python(t)
	cmd := exec.CommandContext(within(t), python, "testdata/peer.py", "servers", testenv.RuntimeDir(t))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	endpoint := func() string {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("pyzmq: %v\n%s", err, stderr.String())
		}
		return strings.TrimSpace(line)
	}
	for range 2 { // tcp, then ipc
		router, xpub, rep := endpoint(), endpoint(), endpoint()

		d := dealer(t, router, Options{Identity: []byte("größe")})
		big := strings.Repeat("x", 3_000_000)
		for _, m := range [][]string{{"hello"}, {"", "a", ""}, {"big", big, big[:255], big[:256]}} {
			send(t, d, m...)
			expect(t, d, append([]string{"größe"}, m...)...)
		}
		nameless := dealer(t, router, Options{})
		send(t, nameless, "hello")
		if got := recv(t, nameless); len(got) != 2 || len(got[0]) != 5 || string(got[1]) != "hello" {
			t.Errorf("echo to the nameless: %q", got)
		}

		s := sub(t, xpub, "a.", "b")
		expect(t, s, "a.", "welcome")
		expect(t, s, "b", "welcome")

		q := dealer(t, rep, Options{})
		for i := range 3 {
			send(t, q, "", "ping", fmt.Sprint(i))
			expect(t, q, "", "ping", fmt.Sprint(i))
		}
		for _, c := range []interface{ Close() error }{d, nameless, s, q} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("pyzmq: %v\n%s", err, stderr.String())
	}
}

// A kernel that is killed is an end of the connection, at once.
func TestPyzmqServerKilled(t *testing.T) {
	python := testenv.Python(t)
	ctx, kill := context.WithCancel(within(t))
	defer kill()
	cmd := exec.CommandContext(ctx, python, "testdata/peer.py", "servers", testenv.RuntimeDir(t))
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	router, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	d := dealer(t, strings.TrimSpace(router), Options{Identity: []byte("d")})
	send(t, d, "hello")
	expect(t, d, "d", "hello")
	kill()
	cmd.Wait()
	if _, err := d.Recv(within(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Recv: %v", err)
	}
}
