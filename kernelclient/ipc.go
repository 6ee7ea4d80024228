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

// maxSocketPath is what a Unix socket's path may have in bytes on all systems:
// sun_path has 104 on macOS and the BSDs and 108 on Linux, the final zero included.
const maxSocketPath = 103

// errNoPlace says nothing of the kernel.
var errNoPlace = errors.New("there is no private folder whose path is short enough for a Unix socket: set XDG_RUNTIME_DIR to one")

// SocketDir is the folder in which [Launch] has kernels make their Unix sockets,
// which nobody else can enter; it is made if it is not there. env is as of
// os.Environ.
func SocketDir(env []string) (string, error) {
	return socketDir(environMap(env), slog.New(slog.DiscardHandler))
}

// socketName is a random name's length: kernel- and 16 digits, and -1 for the port.
const socketName = len("kernel-0123456789abcdef-1")

func socketDir(vars map[string]string, log *slog.Logger) (string, error) {
	var dirs []string
	if dir := vars["XDG_RUNTIME_DIR"]; dir != "" {
		dirs = append(dirs, filepath.Join(dir, "reval"))
	}
	temp := os.TempDir()
	if vars["TMPDIR"] != "" {
		temp = vars["TMPDIR"]
	}
	dirs = append(dirs, runtimeDir(vars), filepath.Join(temp, fmt.Sprintf("reval-%d", os.Getuid())))
	for _, dir := range dirs {
		err := errors.New("too long for the path of a Unix socket")
		if len(dir)+len("/")+socketName <= maxSocketPath {
			err = privateDir(dir)
		}
		if err == nil {
			return dir, nil
		}
		log.Debug("no kernel sockets there", "folder", dir, "error", err)
	}
	return "", errNoPlace
}

// ipcPrefix gives a path to which -PORT is appended, unused.
func ipcPrefix(vars map[string]string, log *slog.Logger) (string, error) {
	dir, err := socketDir(vars, log)
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

// privateDir makes a folder with mode 0700, or checks that it has it and is the
// user's own.
func privateDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return errors.New("not an absolute path")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	st, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !st.IsDir():
		return errors.New("not a folder")
	case st.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may enter it (mode %04o)", st.Mode().Perm())
	case !ownedByUser(st):
		return errors.New("another user's")
	}
	return nil
}

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
