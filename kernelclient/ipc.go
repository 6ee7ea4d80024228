package kernelclient

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// ipcPrefix gives a path to which -PORT is appended, unused.
func ipcPrefix(vars map[string]string, log *slog.Logger) (string, error) {
	dir, err := socketDirFor(vars, log)
	if err != nil {
		return "", err
	}
	sweep(dir)
	var id [8]byte
	rand.Read(id[:])
	return filepath.Join(dir, "kernel-"+hex.EncodeToString(id[:])), nil
}

// sweepAge is how old a socket that nobody serves must be to be swept away: one that
// was just bound is not listened on yet.
const sweepAge = time.Minute

// sweep removes the sockets of kernels whose client was killed before it could.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSocket || !strings.HasPrefix(e.Name(), "kernel-") || len(e.Name()) != socketName {
			continue
		}
		st, err := e.Info()
		if err != nil || time.Since(st.ModTime()) < sweepAge {
			continue
		}
		path := filepath.Join(dir, e.Name())
		nc, err := net.DialTimeout("unix", path, sweepPatience)
		if err == nil {
			nc.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			os.Remove(path)
		}
	}
}

// sweepPatience bounds a look at a socket whose kernel is stopped.
const sweepPatience = 100 * time.Millisecond

// Pauses between looks at whether a kernel's sockets are there: nothing tells it
// on all systems.
const (
	firstLook = 2 * time.Millisecond
	lastLook  = 10 * time.Millisecond
)

// waitForPaths returns when the sockets of the four channels are there.
func waitForPaths(ctx context.Context, info jupyter.ConnectionInfo) error {
	var paths []string
	for _, c := range []jupyter.Channel{jupyter.Shell, jupyter.IOPub, jupyter.Stdin, jupyter.Control} {
		paths = append(paths, strings.TrimPrefix(info.Endpoint(c), "ipc://"))
	}
	for pause := firstLook; ; pause = min(pause*3/2, lastLook) {
		for len(paths) > 0 {
			if _, err := os.Lstat(paths[0]); err != nil {
				break
			}
			paths = paths[1:]
		}
		if len(paths) == 0 {
			return nil
		}
		// Some put the port behind a colon in any transport.
		for _, path := range pathsOf(info) {
			if !strings.HasPrefix(path, info.IP+"-") {
				return fmt.Errorf("%w: it made %s, not %s", errUnopened, path, paths[0])
			}
		}
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-ctx.Done():
			look.Stop()
			return context.Cause(ctx)
		}
	}
}

// pathsOf lists the files that there are of a kernel's ipc sockets.
func pathsOf(info jupyter.ConnectionInfo) []string {
	if info.Transport != TransportIPC {
		return nil
	}
	entries, err := os.ReadDir(filepath.Dir(info.IP))
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		if path := filepath.Join(filepath.Dir(info.IP), e.Name()); strings.HasPrefix(path, info.IP) && e.Type() == fs.ModeSocket {
			paths = append(paths, path)
		}
	}
	return paths
}

// removeSockets removes what a kernel's ipc sockets leave, and the folder that was made
// for them alone.
func removeSockets(info jupyter.ConnectionInfo) {
	for _, path := range pathsOf(info) {
		os.Remove(path)
	}
	if dir := filepath.Dir(info.IP); info.Transport == TransportIPC && strings.HasPrefix(filepath.Base(dir), newDirName) {
		os.Remove(dir)
	}
}
