//go:build !windows

package kernelclient

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// The sockets of a kernel that can ipc are where nobody else can connect to them,
// jupyter_client can, and they do not outlive it.
func TestKernelTalksOverUnixSockets(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	info, err := jupyter.ReadConnectionFile(k.ConnectionFile())
	if err != nil {
		t.Fatal(err)
	}
	if k.Transport() != TransportIPC || info.Transport != TransportIPC {
		t.Fatalf("it talks over %s, the file says %s", k.Transport(), info.Transport)
	}
	if dir, err := SocketDir(env); err != nil || filepath.Dir(info.IP) != dir {
		t.Errorf("%s is not in %s (%v)", info.IP, dir, err)
	}
	for _, path := range pathsOf(info) {
		if len(filepath.Base(path)) != socketName {
			t.Errorf("%s has not %d bytes", filepath.Base(path), socketName)
		}
	}
	if got := len(pathsOf(info)); got != 5 {
		t.Errorf("%d sockets, want 5", got)
	}
	st, err := os.Stat(filepath.Dir(info.IP))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("their folder has mode %v, %v", st.Mode(), err)
	}
	run(t, k, "shared = 'größe'")

	cmd := exec.CommandContext(within(t), testenv.Python(t), filepath.Join("testdata", "attach.py"), k.ConnectionFile(), "print(shared)")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "größe\n" {
		t.Errorf("jupyter_client printed %q, %v", out, err)
	}
	other, err := Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Transport() != TransportIPC {
		t.Errorf("attached over %q", other.Transport())
	}
	other.Close()
	if err := k.proc.cmd.Process.Kill(); err != nil { // so that it cannot clean up itself
		t.Fatal(err)
	}
	k.Close()
	if left := pathsOf(info); left != nil {
		t.Errorf("left behind: %q", left)
	}
	if got := KnownTransport(ipykernel(t), env); got != TransportIPC {
		t.Errorf("known as %q", got)
	}
	st, err = os.Stat(findingsFile(environMap(env)))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("what is known is in a file of mode %v, %v", st.Mode(), err)
	}
	if _, err := Attach(within(t), k.ConnectionFile(), Options{}); err == nil {
		t.Error("attached to a kernel that has ended")
	}
}

// shim is ipykernel, but before it reads its connection file it notes the transport
// in the file counted, and runs code where that is ipc; info is the file's content.
func shim(t *testing.T, code string) (spec Spec, counted string) {
	t.Helper()
	dir := t.TempDir()
	counted = filepath.Join(dir, "starts")
	script := filepath.Join(dir, "shim.py")
	text := "import json, os, socket, sys, time\ninfo = json.load(open(sys.argv[1]))\n" +
		"with open(" + quoted(counted) + ", 'a') as f: f.write(info['transport'] + '\\n')\n" +
		"if info['transport'] == 'ipc':\n    " + strings.ReplaceAll(code, "\n", "\n    ") + "\n" +
		"os.execv(sys.executable, [sys.executable, '-m', 'ipykernel_launcher', '-f', sys.argv[1]])\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	spec = ipykernel(t)
	spec.Name, spec.Argv = "shim", []string{spec.Argv[0], script, "{connection_file}"}
	return spec, counted
}

// quoted gives a string's literal in Python, and JSON.
func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func starts(t *testing.T, counted string) []string {
	t.Helper()
	text, err := os.ReadFile(counted)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

func TestTransportIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		// As xeus-python and Deno do.
		"exits": "sys.exit('Invalid argument')",
		// As tslab does.
		"writes a colon": "s = socket.socket(socket.AF_UNIX)\ns.bind(info['ip'] + ':1')\ntime.sleep(1000)",
		"binds nothing":  "time.sleep(1000)",
		"binds one":      "s = socket.socket(socket.AF_UNIX)\ns.bind(info['ip'] + '-1')\ntime.sleep(1000)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, counted := shim(t, code)
			env := testenv.Env(t)
			o := LaunchOptions{Env: env}
			if got := KnownTransport(spec, env); got != "" {
				t.Errorf("known as %q before its first start", got)
			}
			for i := range 2 {
				begin := time.Now()
				k, err := Launch(within(t), spec, o)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("start %d: %v", i+1, time.Since(begin).Round(time.Millisecond))
				equal(t, run(t, k, "1"), "input 1\nresult \"1\"")
				if k.Transport() != TransportTCP {
					t.Errorf("it talks over %s", k.Transport())
				}
				k.Close()
				// A start over tcp is tried again if one of its ports is taken.
				if got := slices.Compact(starts(t, counted)); !slices.Equal(got, []string{"ipc", "tcp"}) {
					t.Fatalf("the starts so far had %q", got)
				}
			}
			if got := KnownTransport(spec, env); got != TransportTCP {
				t.Errorf("known as %q", got)
			}
			sockets, err := filepath.Glob(filepath.Join(environMap(env)["XDG_RUNTIME_DIR"], "reval", "*"))
			if err != nil || len(sockets) > 0 {
				t.Errorf("left behind: %q, %v", sockets, err)
			}
			// Another argv is another kernel.
			spec.Argv = append(spec.Argv, "--debug")
			if got := KnownTransport(spec, env); got != "" {
				t.Errorf("another kernel is known as %q", got)
			}
		})
	}
}

// A kernel that ends before it has read where to bind does so for its own reason, and
// is not started again for it.
func TestOwnFailureIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	probe := filepath.Join(testenv.RuntimeDir(t), "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !watchReading(probe).kept {
		t.Skip("the file system of " + probe + " keeps no access times: every failing start is tried again")
	}
	counted := filepath.Join(t.TempDir(), "starts")
	spec := ipykernel(t)
	spec.Argv = []string{spec.Argv[0], "-c", "open(" + quoted(counted) + ", 'a').write('x\\n')\nimport no_such_module", "{connection_file}"}
	_, err := Launch(within(t), spec, LaunchOptions{Env: testenv.Env(t)})
	oneLine(t, err, "exit status 1", "ModuleNotFoundError: No module named 'no_such_module'")
	if got := starts(t, counted); len(got) != 1 {
		t.Errorf("it was started %d times", len(got))
	}
}

// A folder of the transport's is asked for by name, too, where none lasts.
func TestTransports(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	long := filepath.Join(testenv.RuntimeDir(t), strings.Repeat("long", 30))
	env = append(env, "XDG_RUNTIME_DIR="+long, "JUPYTER_RUNTIME_DIR="+long, "TMPDIR="+long)
	_, err := SocketDir(env)
	oneLine(t, err, "XDG_RUNTIME_DIR", long, "too long")
	k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Transport: TransportIPC})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	equal(t, run(t, k, "1"), "input 1\nresult \"1\"")
	_, err = Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Transport: "inproc"})
	oneLine(t, err, `"inproc" is neither ipc nor tcp`)
}

// xeus-python chooses its ports and registers them, if it is asked to.
func TestRegistration(t *testing.T) {
	t.Parallel()
	env := append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath())
	spec, err := ReadSpec(filepath.Join(testenv.JupyterPath(), "kernels", "xeus-python"))
	if err != nil {
		testenv.Missing(t, "xeus-python: "+err.Error())
	}
	spec.KernelProtocolVersion = "5.5" // which xeus speaks, and its kernelspec does not say
	k, err := Launch(within(t), spec, LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	if f := readFindings(environMap(env))[findingKey(spec, "", environMap(env))]; f.Way != byRegistration {
		t.Fatalf("it was started by %q", f.Way)
	}
	equal(t, run(t, k, "print('on')"), "input 1\nstdout \"on\\n\"")
	info, err := jupyter.ReadConnectionFile(k.ConnectionFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.RegistrationPort != "" || info.Transport != TransportTCP {
		t.Errorf("other clients read %+v", info)
	}
	other, err := Attach(within(t), k.ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
}

// ipykernel 7's own kernelspec says 5.5, but it does not register: that is found out
// once.
func TestNoRegistration(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	spec := ipykernel(t)
	spec.KernelProtocolVersion = "5.5"
	for _, want := range [][]way{{byRegistration, byPort}, {byPort}} {
		if got, err := ways(spec, TransportTCP, environMap(env)); err != nil || !slices.Equal(got, want) {
			t.Errorf("ways %q, %v, want %q", got, err, want)
		}
		k, err := Launch(within(t), spec, LaunchOptions{Env: env, Transport: TransportTCP})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, run(t, k, "1"), "input 1\nresult \"1\"")
		k.Close()
	}
	if got := KnownTransport(spec, env); got != "" {
		t.Errorf("what was asked for is known as %q", got)
	}
}

// Any user of the machine can send to the registration socket.
func TestRegistrationOfOthers(t *testing.T) {
	t.Parallel()
	r, err := zsock.ListenRouter(within(t), "tcp://127.0.0.1:0", zsock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := zsock.DialDealer(within(t), r.Endpoint(), zsock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	content := func(port string) []byte {
		return []byte(`{"shell_port": "1", "iopub_port": "2", "stdin_port": "3", "control_port": 4, "hb_port": ` + port + `}`)
	}
	send := func(frames ...[]byte) {
		t.Helper()
		if err := d.Send(within(t), frames); err != nil {
			t.Fatal(err)
		}
	}
	const key = "key"
	delimiter := []byte(registrationDelimiter)
	send([]byte("hello"))
	send(delimiter, []byte(signed("another key", content(`"6"`))), content(`"6"`))
	send(delimiter, nil, content(`"7"`))
	send(delimiter, []byte(signed(key, content(`"5"`))), content(`"5"`))
	info, err := registered(within(t), r, jupyter.ConnectionInfo{Key: key, RegistrationPort: "9"})
	if want := (jupyter.ConnectionInfo{Key: key, ShellPort: 1, IOPubPort: 2, StdinPort: 3, ControlPort: 4, HBPort: 5}); err != nil || info != want {
		t.Fatalf("registered %+v, %v", info, err)
	}
	frames, err := d.Recv(within(t))
	if err != nil || len(frames) != 3 || string(frames[1]) != signed(key, []byte("ACK")) || string(frames[2]) != "ACK" {
		t.Fatalf("acknowledged by %q, %v", frames, err)
	}
	for _, bad := range [][]byte{content(`"0"`), content(`"70000"`), content(`null`), content(`{}`), []byte(`{}`), []byte(`[]`), nil} {
		send(delimiter, []byte(signed(key, bad)), bad)
		_, err := registered(within(t), r, jupyter.ConnectionInfo{Key: key})
		oneLine(t, err, "registration")
		if !errors.Is(err, errUnopened) {
			t.Errorf("%s: %v is no errUnopened", bad, err)
		}
	}
	ctx, cancel := context.WithCancelCause(within(t))
	cancel(errUnopened)
	if _, err := registered(ctx, r, jupyter.ConnectionInfo{Key: key}); !errors.Is(err, errUnopened) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRegisters(t *testing.T) {
	for version, want := range map[string]bool{
		"": false, "5": false, "5.4": false, "5.4.9": false, "five.nine": false,
		"5.5": true, "5.5.1": true, "5.10": true, "6.0": true,
	} {
		if got := (Spec{KernelProtocolVersion: version}).registers(); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// What kernels leave behind whose client was killed is swept away by a later start.
func TestSweep(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	dir, err := SocketDir(env)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * sweepAge)
	socket := func(name string, serve bool, at time.Time) string {
		t.Helper()
		path := filepath.Join(dir, name)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if serve {
			t.Cleanup(func() { l.Close() })
		} else {
			l.SetUnlinkOnClose(false)
			l.Close()
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	left := socket("kernel-0000000000000001-1", false, old)
	kept := []string{
		socket("kernel-0000000000000002-1", true, old),
		socket("kernel-0000000000000003-1", false, time.Now()),
		socket("somebody's", false, old),
		filepath.Join(dir, "kernel-0000000000000004-1"),
	}
	if err := errors.Join(os.WriteFile(kept[3], nil, 0o600), os.Chtimes(kept[3], old, old)); err != nil {
		t.Fatal(err)
	}
	k, err := Launch(within(t), goKernel(t).spec, LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	notThere(t, left)
	for _, path := range kept {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(500)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ports)
	if len(slices.Compact(ports)) != 500 {
		t.Error("a port is there twice")
	}
	if ports, err = freePorts(5); err != nil || slices.Min(ports) < lowPort || slices.Max(ports) > highPort {
		t.Errorf("%v, %v", ports, err)
	}
}

// What is remembered stays small, and what is broken is forgotten.
func TestFindings(t *testing.T) {
	vars := map[string]string{"XDG_CACHE_HOME": t.TempDir()}
	file := findingsFile(vars)
	spec := Spec{Name: "x", Argv: []string{"/no/such/kernel"}}
	for i := range maxFindings + 5 {
		spec.Argv = append(spec.Argv[:1:1], strings.Repeat("x", i))
		if err := remember(spec, "", byPort, vars); err != nil {
			t.Fatal(err)
		}
	}
	findings := readFindings(vars)
	if _, ok := findings[findingKey(spec, "", vars)]; !ok || len(findings) != maxFindings {
		t.Errorf("%d findings, the last one is there: %v", len(findings), ok)
	}
	try := func(want ...way) {
		t.Helper()
		if got, err := ways(spec, "", vars); err != nil || !slices.Equal(got, want) {
			t.Errorf("ways %q, %v, want %q", got, err, want)
		}
	}
	try(byPort)
	// What the program loads may have learned ipc meanwhile.
	old := findings[findingKey(spec, "", vars)]
	old.Found = old.Found.AddDate(0, -2, 0)
	text, err := json.Marshal(map[string]finding{findingKey(spec, "", vars): old})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(text), "{", `{"x": 1}`, ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		try(byPath, byPort)
		if err := remember(spec, "", byPort, vars); err != nil {
			t.Fatal(err)
		}
		try(byPort)
	}
	if err := remember(spec, "", byPath, vars); err != nil {
		t.Fatal(err)
	}
	try(byPath, byPort)
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("files: %v, %v", left, err)
	}
	if err := remember(spec, "", byPath, nil); err != nil {
		t.Errorf("a user without a home: %v", err)
	}
}
