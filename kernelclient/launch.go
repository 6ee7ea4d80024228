package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// LaunchOptions say where and with what a kernel is started.
type LaunchOptions struct {
	Options
	// Dir is the kernel's working directory; empty for this process's.
	Dir string
	// Env is the environment it starts from, as of os.Environ; nil for this
	// process's.
	Env []string
}

// startTimeout bounds a start for which the caller set no deadline: a first
// import of a large Python environment from a cold disk takes tens of seconds.
const startTimeout = 2 * time.Minute

// Launch starts a kernel in a process group of its own, on loopback with a
// random key, and waits until it is ready. The kernel ends with
// [Kernel.Shutdown] or [Kernel.Close].
func Launch(ctx context.Context, spec Spec, o LaunchOptions) (*Kernel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if o.Env == nil {
		o.Env = os.Environ()
	}
	var k *Kernel
	var err error
	for range launchAttempts {
		if k, err = launchOnce(ctx, spec, o); err == nil || !portTaken(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start kernel %s: %w", spec.Name, err)
	}
	return k, nil
}

// launchAttempts is how often a start is tried when another program took one of
// the kernel's ports between the time they were found free and the kernel's bind.
const launchAttempts = 4

// portTaken tells it by the words of the system's error (EADDRINUSE), which the
// kernel's own are taken from.
func portTaken(err error) bool {
	return errors.Is(err, ErrDead) && strings.Contains(strings.ToLower(err.Error()), "address already in use")
}

// launchOnce starts a kernel on ports that are free now.
func launchOnce(ctx context.Context, spec Spec, o LaunchOptions) (*Kernel, error) {
	ports, err := freePorts(5)
	if err != nil {
		return nil, fmt.Errorf("find free ports: %w", err)
	}
	info := jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1",
		ShellPort: ports[0], IOPubPort: ports[1], StdinPort: ports[2], ControlPort: ports[3], HBPort: ports[4],
		SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(), KernelName: spec.Name,
	}
	k := newKernel(o.Options)
	k.spec = spec
	k.file = filepath.Join(runtimeDir(environMap(o.Env)), "kernel-"+jupyter.NewID()+".json")
	if err := info.WriteFile(k.file); err != nil {
		return nil, err
	}
	argv, environ := spec.command(k.file, append(o.Env[:len(o.Env):len(o.Env)], parentPID()))
	if k.proc, err = startProcess(argv, environ, o.Dir, k.options.Logger); err != nil {
		os.Remove(k.file)
		return nil, err
	}
	if err := k.connect(ctx, func(ctx context.Context) (channels, error) {
		return dialSockets(ctx, info, k.session, k.malformed)
	}); err != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		k.proc.stop(now, 0)
		os.Remove(k.file)
		if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrDead) {
			return nil, fmt.Errorf("not ready in time: %w%s", err, k.proc.said())
		}
		return nil, err
	}
	k.proc.stderr.forget()
	return k, nil
}

// said gives what the process wrote last, as the end of an error's text.
func (p *process) said() string {
	if l := p.stderr.lastLines(3); l != "" {
		return "; it said: " + l
	}
	return ""
}

// freePorts asks the system for n different free ports on loopback.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // held until all are known, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// RuntimeDir is the folder in which [Launch] writes connection files; env is as of
// os.Environ.
func RuntimeDir(env []string) string { return runtimeDir(environMap(env)) }
