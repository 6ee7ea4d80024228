//go:build !windows

package kernelclient

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

func TestRunning(t *testing.T) {
	t.Parallel()
	env := testenv.Env(t)
	dir := RuntimeDir(env)
	if kernels, err := Running(within(t), env); err != nil || len(kernels) > 0 {
		t.Fatalf("before any kernel: %v, %v", kernels, err)
	}
	_, err := Newest(within(t), env, nil)
	oneLine(t, err, "no kernel runs", dir)

	var kernels []*Kernel
	for i, transport := range []string{TransportTCP, TransportIPC, TransportIPC} {
		k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		kernels = append(kernels, k)
		at := time.Now().Add(time.Duration(i-100) * time.Second)
		if err := os.Chtimes(k.ConnectionFile(), at, at); err != nil {
			t.Fatal(err)
		}
	}
	// One is busy, and one has died and left its file; it was the newest.
	l := newEvents()
	busy := start(within(t), kernels[0], ExecuteRequest{Code: "print('on', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "on")
	if err := kernels[2].proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	next(t, kernels[2].Done())
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	speaks, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer speaks.Close()
	go func() {
		for {
			c, err := speaks.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat(" ", 100)))
			c.Close()
		}
	}()
	old := time.Now().Add(-time.Hour)
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
		old = old.Add(-time.Hour)
	}
	ports := func(port int, more string) string {
		p := strconv.Itoa(port)
		return `{"ip": "127.0.0.1", "shell_port": ` + p + `, "iopub_port": ` + p + `, "stdin_port": ` + p + `, "control_port": ` + p + `, "hb_port": ` + p + more + `}`
	}
	free, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	write("kernel-1-dead.json", ports(free[0], `, "kernel_name": "older"`))
	write("kernel-2-mute.json", ports(mute.Addr().(*net.TCPAddr).Port, ""))
	write("kernel-3-other.json", ports(speaks.Addr().(*net.TCPAddr).Port, ""))
	write("kernel-4-curve.json", ports(free[0], `, "curve_publickey": "k"`))
	write("kernel-5-secret.json", ports(free[0], `, "curve_secretkey": "k"`))
	write("kernel-6-broken.json", "{")
	write("jpserver-7.json", "{}")
	write("kernel-8.txt", "")

	got, err := Running(within(t), env)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		file, name, transport, err string
		dead                       bool
	}{
		{kernels[2].ConnectionFile(), "python3", "ipc", "nobody listens", true},
		{kernels[1].ConnectionFile(), "python3", "ipc", "", false},
		{kernels[0].ConnectionFile(), "python3", "tcp", "", false},
		{"kernel-1-dead.json", "older", "tcp", "nobody listens", true},
		{"kernel-2-mute.json", "", "tcp", "does not answer", false},
		{"kernel-3-other.json", "", "tcp", "another program", true},
		{"kernel-4-curve.json", "", "tcp", "CURVE", false},
		{"kernel-5-secret.json", "", "tcp", "CURVE", false},
		{"kernel-6-broken.json", "", "", "JSON object", false},
	}
	if len(got) != len(want) {
		t.Fatalf("%d kernels: %+v", len(got), got)
	}
	for i, w := range want {
		k := got[i]
		if filepath.Base(k.File) != filepath.Base(w.file) || k.Name != w.name || k.Transport != w.transport || errors.Is(k.Err, ErrDead) != w.dead {
			t.Errorf("kernel %d: %+v, want %+v", i, k, w)
		}
		if w.err != "" {
			oneLine(t, k.Err, w.err)
		} else if k.Err != nil {
			t.Errorf("kernel %d: %v", i, k.Err)
		}
	}
	if runtime.GOOS == "linux" && (got[1].PID != kernels[1].proc.cmd.Process.Pid || got[2].PID != kernels[0].proc.cmd.Process.Pid || got[0].PID != 0) {
		t.Errorf("processes %d, %d, %d", got[0].PID, got[1].PID, got[2].PID)
	}

	// A kernel that runs code can be joined meanwhile.
	guest, err := Attach(within(t), kernels[0].ConnectionFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if guest.Info().Implementation != "ipython" {
		t.Errorf("it says that it is %+v", guest.Info())
	}
	guest.Close()

	newest, err := Newest(within(t), env, nil)
	if err != nil || newest.File != kernels[1].ConnectionFile() {
		t.Fatalf("the newest is %+v, %v", newest, err)
	}
	python := Wanted{Matches: func(language string) bool { return language == "python" }}
	for _, c := range []struct {
		specs []Spec
		but   []string
		want  *Kernel // nil for none
	}{
		{[]Spec{{Name: "python3", Language: "python"}}, nil, kernels[1]},
		{nil, nil, kernels[1]}, // of which nothing is known
		{nil, []string{kernels[1].ConnectionFile()}, kernels[0]},
		{[]Spec{{Name: "python3", Language: "R"}}, nil, nil},
	} {
		a, err := FindNewest(within(t), python, c.specs, env, c.but...)
		switch {
		case c.want == nil:
			oneLine(t, err, "no kernel runs", "start one")
		case err != nil || a.Spec.Name != c.want.ConnectionFile():
			t.Errorf("of %+v but %q: %+v, %v", c.specs, c.but, a, err)
		}
	}
	if a, err := FindAddress(within(t), NewestKernel, python, env); err != nil || a.Spec.Name != newest.File || !IsAddress(NewestKernel) {
		t.Errorf("by its address: %+v, %v", a, err)
	}
	for range 2 { // the first leaves it running
		k, err := Attach(within(t), newest.File, Options{})
		if err != nil {
			t.Fatal(err)
		}
		run(t, k, "1")
		k.Close()
	}
	run(t, kernels[1], "1")

	// One that is stopped does not answer, but is not dead.
	kernels[1].proc.cmd.Process.Signal(syscall.SIGSTOP)
	newest, err = Newest(within(t), env, nil)
	kernels[1].proc.cmd.Process.Signal(syscall.SIGCONT)
	if err != nil || newest.File != kernels[0].ConnectionFile() {
		t.Errorf("the newest is %+v, %v", newest, err)
	}
	run(t, kernels[1], "1")
	if err := kernels[0].Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	if o := next(t, busy); o.err != nil {
		t.Errorf("the busy one noticed: %v", o.err)
	}
}

// A kernel that encrypts is refused at once, over either transport.
func TestCurveIsRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"curve_publickey", "curve_secretkey"} {
		for _, transport := range []string{TransportTCP, TransportIPC} {
			info := `{"transport": "` + transport + `", "ip": "127.0.0.1", "shell_port": 1, "iopub_port": 1, "stdin_port": 1, "control_port": 1, "hb_port": 1, "` + key + `": "k"}`
			file := filepath.Join(t.TempDir(), "curve.json")
			if err := os.WriteFile(file, []byte(info), 0o600); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			_, err := Attach(within(t), file, Options{})
			oneLine(t, err, file, "CURVE", "start it without")
			if took := time.Since(begin); took > limit/4 {
				t.Errorf("it took %v", took)
			}
			if _, err := jupyter.ReadConnectionFile(file); err == nil {
				t.Error("read")
			}
		}
	}
}
