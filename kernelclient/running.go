package kernelclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// RunningKernel is a kernel of this user that has a connection file, whoever
// started it.
type RunningKernel struct {
	File      string    // the connection file, for [Attach]
	Name      string    // of its kernelspec; empty if the file does not say
	Transport string    // [TransportIPC] or [TransportTCP]
	Started   time.Time // when the file was written
	// PID is the process that was given the file; 0 if that is not known.
	PID int
	// Err says why it cannot be attached to: it wraps ErrDead if nobody listens where
	// the file says, and is another if it does not answer or the file is of a kind that
	// is not supported. Nil if it runs.
	Err error
}

// answerPatience bounds how long a kernel's sockets may take to greet. A kernel
// that is busy still greets at once: its sockets have a thread of their own.
const answerPatience = 2 * time.Second

// Running lists the kernels whose connection files are in Jupyter's runtime folder,
// the newest first; those with an Err do not run. env is as of os.Environ, nil for
// this process's. The kernels notice nothing of it.
func Running(ctx context.Context, env []string) ([]RunningKernel, error) {
	if env == nil {
		env = os.Environ()
	}
	dir := RuntimeDir(env)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list running kernels: %w", err)
	}
	var kernels []RunningKernel
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "kernel-") || filepath.Ext(e.Name()) != ".json" {
			continue
		}
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			kernels = append(kernels, RunningKernel{File: filepath.Join(dir, e.Name()), Started: st.ModTime()})
		}
	}
	slices.SortFunc(kernels, func(a, b RunningKernel) int { return b.Started.Compare(a.Started) })
	pids := processesOf(kernels)
	var wait sync.WaitGroup
	for i := range kernels {
		wait.Go(func() {
			kernels[i].look(ctx)
			if kernels[i].Err == nil {
				kernels[i].PID = pids[kernels[i].File]
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list running kernels: %w", context.Cause(ctx))
	}
	return kernels, nil
}

// Newest gives the kernel that was started last of those that run and fit; fits may be
// nil.
func Newest(ctx context.Context, env []string, fits func(RunningKernel) bool) (RunningKernel, error) {
	kernels, err := Running(ctx, env)
	if err != nil {
		return RunningKernel{}, err
	}
	for _, k := range kernels {
		if k.Err == nil && (fits == nil || fits(k)) {
			return k, nil
		}
	}
	if env == nil {
		env = os.Environ()
	}
	return RunningKernel{}, fmt.Errorf("no kernel runs that suits and has its connection file in %s: start one, or name its file", RuntimeDir(env))
}

// look reads the connection file and sees whether the kernel is there.
func (k *RunningKernel) look(ctx context.Context) {
	info, err := jupyter.ReadConnectionFile(k.File)
	k.Name, k.Transport = info.KernelName, info.Transport
	if err != nil {
		k.Err = err
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	// Where nobody listens, zsock would wait for somebody who does.
	network, address := "tcp", net.JoinHostPort(info.IP, strconv.Itoa(info.ShellPort))
	if info.Transport == TransportIPC {
		network, address = "unix", strings.TrimPrefix(info.Endpoint(jupyter.Shell), "ipc://")
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist):
		k.Err = fmt.Errorf("%w: nobody listens where its file says", ErrDead)
		return
	case err != nil:
		k.Err = fmt.Errorf("cannot be reached: %w", err)
		return
	}
	nc.Close()
	d, err := zsock.DialDealer(ctx, info.Endpoint(jupyter.Shell), zsock.Options{})
	switch {
	case errors.Is(err, zsock.ErrProtocol):
		k.Err = fmt.Errorf("%w: another program has its port", ErrDead)
		return
	case err != nil:
		k.Err = errors.New("it does not answer: it is stopped, or another program has its port")
		return
	}
	d.Close()
}

// processesOf finds the processes that have a kernel's connection file among
// their arguments, of a kernel and its children the one that was first. It finds
// none where there is no /proc.
func processesOf(kernels []RunningKernel) map[string]int {
	pids := map[string]int{}
	if len(kernels) == 0 {
		return pids
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	for _, path := range lines {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, or is not ours
		}
		for _, k := range kernels {
			if bytes.Contains(line, []byte(k.File)) && (pids[k.File] == 0 || pid < pids[k.File]) {
				pids[k.File] = pid
			}
		}
	}
	return pids
}
