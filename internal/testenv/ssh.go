package testenv

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	ssh program = sync.OnceValues(func() (string, error) { return find("REVAL_TEST_SSH", "ssh") })
	// It must be started by its whole path.
	sshd program = sync.OnceValues(func() (string, error) { return find("REVAL_TEST_SSHD", "sshd", "/usr/sbin/sshd") })
)

// StartSSHServer runs a real sshd on loopback, with keys of its own, and gives its URL
// and an environment whose ssh knows them.
func StartSSHServer(t testing.TB) (url string, env []string) {
	t.Helper()
	server, client := sshd.path(t), ssh.path(t)
	dir := RuntimeDir(t)
	if os.Getuid() == 0 { // Debian's sshd wants it, and makes it when it is started as a service
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command(client+"-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	env = Env(t)
	python := Python(t)
	write := func(name string, mode os.FileMode, text string) string {
		path := filepath.Join(dir, name)
		// A process that another test forks meanwhile would have the file open, and a
		// program that is open to be written cannot be run.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// The test environment's jupyter and kernels are the host's.
	config := write("sshd_config", 0o600, fmt.Sprintf(`
ListenAddress 127.0.0.1:%s
HostKey %s/host
AuthorizedKeysFile %s/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
SetEnv PATH=%s:/usr/local/bin:/usr/bin:/bin HOME=%s
`, port, dir, dir, filepath.Dir(python), t.TempDir()))
	cmd := exec.Command(server, "-D", "-e", "-f", config)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(Patience); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("sshd ended: %s", stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not listen within %v", Patience)
		}
	}
	public, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	write("known", 0o600, "[127.0.0.1]:"+port+" "+string(public))
	write("config", 0o600, fmt.Sprintf("UserKnownHostsFile %s/known\nIdentityFile %s/user\nIdentitiesOnly yes\nIdentityAgent none\n", dir, dir))
	write("ssh", 0o700, fmt.Sprintf("#!/bin/sh\nexec %s -F %s/config \"$@\"\n", client, dir))
	for i, kv := range env {
		if strings.HasPrefix(kv, "PATH=") {
			env[i] = "PATH=" + dir + ":" + strings.TrimPrefix(kv, "PATH=")
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return "ssh://" + me.Username + "@127.0.0.1:" + port, env
}
