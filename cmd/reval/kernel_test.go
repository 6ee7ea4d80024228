//go:build !windows

package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// A client that is killed cannot shut its kernel down.
func TestGoKernelEndsWithItsParent(t *testing.T) {
	reval := testenv.Reval(t)
	info := jupyter.ConnectionInfo{Transport: "tcp", IP: "127.0.0.1", SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey()}
	var free []net.Listener
	for _, port := range []*int{&info.ShellPort, &info.IOPubPort, &info.StdinPort, &info.ControlPort, &info.HBPort} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	for _, l := range free {
		l.Close()
	}
	file := filepath.Join(t.TempDir(), "kernel.json")
	if err := info.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe() // its end tells the kernel's: it alone has it open
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	parent := exec.Command("sh", "-c", `JPY_PARENT_PID=$$ "$0" kernel go --connection-file "$1" & wait`, reval, file)
	parent.Env, parent.Stderr = testenv.Env(t), in
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	k, err := kernelclient.Attach(ctx, file, kernelclient.Options{})
	if err != nil {
		parent.Process.Kill()
		t.Fatal(err)
	}
	defer k.Close()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	out.SetReadDeadline(time.Now().Add(testenv.Patience))
	if said, err := io.ReadAll(out); err != nil {
		t.Errorf("the kernel is still there: %v; it said %q", err, said)
	}
}
