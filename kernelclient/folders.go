package kernelclient

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/reval-editor/reval/internal/trust"
	"github.com/reval-editor/reval/jupyter"
)

// maxSocketPath is what a Unix socket's path may have in bytes on all systems:
// sun_path has 104 on macOS and the BSDs and 108 on Linux, the final zero included.
const maxSocketPath = 103

// errNoPlace says nothing of the kernel.
var errNoPlace = errors.New("there is no private folder whose path is short enough for a Unix socket: set XDG_RUNTIME_DIR to one")

// SocketDir is the folder in which [Launch] has kernels make their Unix sockets,
// which nobody else can enter; it is made if it is not there. Where there is an error,
// each kernel gets a folder of its own. env is as of os.Environ.
func SocketDir(env []string) (string, error) { return socketDir(environMap(env)) }

// socketName is a random name's length: kernel- and 16 digits, and -1 for the port.
const socketName = len("kernel-0123456789abcdef-1")

// socketDir finds a folder that lasts. The error says of each what is wrong with it.
func socketDir(vars map[string]string) (string, error) {
	var dirs []string
	if dir := vars["XDG_RUNTIME_DIR"]; filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Join(dir, "reval"))
	}
	if dir := jupyterRuntimeDir(vars); dir != "" {
		dirs = append(dirs, dir)
	}
	if temps := tempDirs(vars); len(temps) > 0 {
		dirs = append(dirs, filepath.Join(temps[0], fmt.Sprintf("reval-%d", os.Getuid())))
	}
	var why []string
	for _, dir := range dirs {
		err := fmt.Errorf("%s: it is too long for the path of a Unix socket", dir)
		if len(dir)+len("/")+socketName <= maxSocketPath {
			err = trust.Private(dir)
		}
		if err == nil {
			return dir, nil
		}
		why = append(why, err.Error())
	}
	return "", fmt.Errorf("%w (%s)", errNoPlace, strings.Join(why, "; "))
}

// tempDirs are the folders of files that need not last, the user's own first.
func tempDirs(vars map[string]string) []string {
	var dirs []string
	for _, dir := range []string{vars["TMPDIR"], os.TempDir(), "/tmp"} {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// newDirName begins the name of a folder that is one kernel's alone.
const newDirName = "reval-kernel-"

// newSocketDir makes a folder that nobody can have made before, for one kernel;
// removeSockets removes it.
func newSocketDir(vars map[string]string) (string, error) {
	for _, temp := range tempDirs(vars) {
		if len(temp)+len("/")+len(newDirName)+len("0123456789")+len("/")+socketName > maxSocketPath {
			continue
		}
		if dir, err := trust.NewPrivate(temp, newDirName); err == nil {
			return dir, nil
		}
	}
	return "", errNoPlace
}

// socketDirFor finds or makes a folder for the sockets of one kernel.
func socketDirFor(vars map[string]string, log *slog.Logger) (string, error) {
	dir, err := socketDir(vars)
	if err == nil {
		return dir, nil
	}
	log.Debug("no lasting folder for kernels' sockets", "error", err)
	return newSocketDir(vars)
}

// RuntimeDir is the folder in which [Launch] writes connection files; env is as of
// os.Environ.
func RuntimeDir(env []string) string { return runtimeDir(environMap(env)) }

// runtimeDir is Jupyter's, or, for a user who has none, a private one.
func runtimeDir(vars map[string]string) string {
	if dir := jupyterRuntimeDir(vars); dir != "" {
		return dir
	}
	if dir, err := socketDir(vars); err == nil {
		return dir
	}
	return ownDir()
}

// ownDir is a folder of this process's own. It is left behind empty.
var ownDir = sync.OnceValue(func() string {
	dir, err := trust.NewPrivate(os.TempDir(), "reval-")
	if err != nil {
		return filepath.Join(os.TempDir(), fmt.Sprintf("reval-%d", os.Getuid())) // connectionFile refuses it
	}
	return dir
})

// jupyterRuntimeDir is where Jupyter has its connection files ("Jupyter paths"); empty
// if the environment does not tell.
func jupyterRuntimeDir(vars map[string]string) string {
	if dir := vars["JUPYTER_RUNTIME_DIR"]; filepath.IsAbs(dir) {
		return dir
	}
	if dir := userDataDir(vars); dir != "" {
		return filepath.Join(dir, "runtime")
	}
	return ""
}

// newConnectionFile names a file in a folder in which nobody else can put another in its
// place: who writes the connection file has the kernel.
func newConnectionFile(vars map[string]string) (string, error) {
	dir := runtimeDir(vars)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write connection file: %w", err)
	}
	if err := trust.Owned(dir); err != nil {
		return "", fmt.Errorf("no connection file is written: %w; set JUPYTER_RUNTIME_DIR to a folder of yours", err)
	}
	return filepath.Join(dir, "kernel-"+jupyter.NewID()+".json"), nil
}
