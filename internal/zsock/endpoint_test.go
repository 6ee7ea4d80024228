package zsock

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"tcp://127.0.0.1:5555": "tcp 127.0.0.1:5555",
		"tcp://[::1]:5555":     "tcp [::1]:5555",
		"tcp://*:5555":         "tcp :5555",
		"tcp://127.0.0.1:*":    "tcp 127.0.0.1:0",
		"ipc:///run/kernel-1":  "unix /run/kernel-1",
		"ipc://kernel-1":       "unix kernel-1",
		"":                     "error",
		"127.0.0.1:5555":       "error",
		"tcp://127.0.0.1":      "error",
		"udp://127.0.0.1:5555": "error",
		"inproc://x":           "error",
		"ipc://":               "error",
		"ipc://@abstract":      "error",
	} {
		network, address, err := split(endpoint)
		got := network + " " + address
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", endpoint, got, want)
		}
	}
	if _, err := DialDealer(within(t), "udp://x", Options{}); err == nil || !strings.Contains(err.Error(), "udp://x") {
		t.Errorf("dial of a wrong endpoint: %v", err)
	}
	if _, err := ListenRouter(within(t), "udp://x", Options{}); err == nil || !strings.Contains(err.Error(), "udp://x") {
		t.Errorf("listen at a wrong endpoint: %v", err)
	}
}

func TestTCPPortInUse(t *testing.T) {
	r := router(t, Options{})
	if _, err := ListenRouter(within(t), r.Endpoint(), Options{}); err == nil || !strings.Contains(err.Error(), r.Endpoint()) {
		t.Errorf("second listener: %v", err)
	}
}

func TestIPC(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernel-1")
	endpoint := "ipc://" + path

	// A file that a process left behind when it was killed.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()

	r, err := ListenRouter(within(t), endpoint, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Endpoint() != endpoint {
		t.Errorf("endpoint is %s", r.Endpoint())
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode is %o", mode)
	}
	d := dealer(t, endpoint, Options{Identity: []byte("d")})
	send(t, d, "hello")
	expect(t, r, "d", "hello")

	if _, err := ListenRouter(within(t), endpoint, Options{}); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), endpoint) {
		t.Errorf("second listener: %v", err)
	}
	send(t, d, "undisturbed")
	expect(t, r, "d", "undisturbed")

	r.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the file is there: %v", err)
	}
}

func TestIPCKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenRouter(within(t), "ipc://"+path, Options{}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("listen at a regular file: %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "keep" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestIPCPathTooLong(t *testing.T) {
	endpoint := "ipc:///tmp/" + strings.Repeat("x", 200)
	if _, err := DialDealer(context.Background(), endpoint, Options{}); err == nil {
		t.Error("dialled") // and not tried for ever
	}
	if _, err := ListenRouter(context.Background(), endpoint, Options{}); err == nil {
		t.Error("listened")
	}
}
