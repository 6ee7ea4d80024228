//go:build !windows

package kernelclient

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestSSH(t *testing.T) {
	t.Parallel()
	url, env := testenv.StartSSHServer(t)
	h, name, err := ParseSSHURL(url+"/python3", env)
	if err != nil || h.String() != url || name != "python3" {
		t.Fatalf("%s is read as %v %q, %v", url, h, name, err)
	}
	python := Wanted{Language: "Python", Matches: func(l string) bool { return l == "python" }}
	a, err := FindAddress(within(t), url, python, env)
	if err != nil {
		t.Fatal(err)
	}
	if a.Spec.Name != url+"/python3" {
		t.Errorf("found %+v", a.Spec)
	}
	k, err := a.Open(within(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	equal(t, run(t, k, "print('é'); 1+1"), "input 1\nstdout \"é\\n\"\nresult \"2\"")
	if got := run(t, k, "import os; os.environ['SSH_CONNECTION'].split()[2]"); !strings.Contains(got, "127.0.0.1") {
		t.Errorf("it does not run behind ssh:\n%s", got)
	}
	// A kernel's process and folder there, and the sockets here.
	var pid int
	got := run(t, k, "os.getpid()")
	if _, err := fmt.Sscanf(strings.SplitN(got, "result ", 2)[1], "%q", new(string)); err != nil {
		t.Fatal(err)
	}
	fmt.Sscanf(strings.Trim(strings.SplitN(got, "result ", 2)[1], `"`), "%d", &pid)

	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('begun', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "begun")
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	next(t, ended)
	l.wait(t, "error KeyboardInterrupt")
	folder := hostFolder(t, k)
	if err := k.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	removed(t, folder)
}

// hostFolder is where the kernel's connection file and sockets are on the host.
func hostFolder(t testing.TB, k *Kernel) string {
	t.Helper()
	got := run(t, k, "from ipykernel import get_connection_file; os.path.dirname(get_connection_file())")
	folder := strings.Trim(strings.SplitN(got, "result ", 2)[1], `"'`)
	if _, err := os.Stat(filepath.Join(folder, "kernel.json")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// removed returns when the folder is gone; nothing tells when.
func removed(t testing.TB, folder string) {
	t.Helper()
	for ctx := within(t); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s is still there", folder)
		}
	}
}

// The connection breaks: it is told, and nothing is left on the host.
func TestSSHConnectionBreaks(t *testing.T) {
	t.Parallel()
	url, env := testenv.StartSSHServer(t)
	a, err := FindAddress(within(t), url+"/python3", Wanted{}, env)
	if err != nil {
		t.Fatal(err)
	}
	k, err := a.Open(within(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	var pid int
	fmt.Sscanf(strings.Trim(strings.SplitN(run(t, k, "import os; os.getpid()"), "result ", 2)[1], `"`), "%d", &pid)
	folder := hostFolder(t, k)
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('begun', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "begun")
	if err := k.proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	oneLine(t, next(t, ended).err, "kernel died")
	gone(t, pid)
	removed(t, folder)
}

func TestSSHRefused(t *testing.T) {
	t.Parallel()
	url, env := testenv.StartSSHServer(t)
	open := func(url string) error {
		a, err := FindAddress(within(t), url, Wanted{Language: "Python"}, env)
		if err == nil {
			_, err = a.Open(within(t), Options{})
		}
		return err
	}
	oneLine(t, open(url+"/none"), `no kernel "none": there `)
	oneLine(t, open("ssh://nobody@"+strings.SplitN(url, "@", 2)[1]), "Permission denied")
	oneLine(t, open("ssh://127.0.0.1:1"), "Connection refused")
	for _, bad := range []string{"ssh://", "ssh://-oProxyCommand=id/x", "ssh://a:b@host", "ssh://host?x=y", "ssh://ho st"} {
		if err := open(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		} else {
			oneLine(t, err)
		}
	}
	// A kernel that ends at its start is told with its words.
	h, _, err := ParseSSHURL(url, env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Launch(within(t), Spec{Name: "broken", Argv: []string{"sh", "-c", "echo it\\'s broken >&2; exit 3"}}, Options{})
	oneLine(t, err, "start kernel broken on "+url, "it's broken", "exit status 3")
}

// A kernel that cannot use Unix sockets is started on the host's loopback.
func TestSSHTCP(t *testing.T) {
	t.Parallel()
	url, env := testenv.StartSSHServer(t)
	h, _, err := ParseSSHURL(url, env)
	if err != nil {
		t.Fatal(err)
	}
	spec := Spec{Name: "tcp only", Language: "python", InterruptMode: InterruptBySignal, Argv: []string{
		"sh", "-c", `grep -q '"tcp"' "$1" || exit 9; exec python -m ipykernel_launcher -f "$1"`, "sh", "{connection_file}"}}
	k, err := h.Launch(within(t), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, run(t, k, "1+1"), "input 1\nresult \"2\"")
	if err := k.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
}
