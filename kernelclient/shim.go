package kernelclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/reval-editor/reval/internal/trust"
)

// pythonProbeTimeout bounds how long a python is asked for its prefix. A first
// start from a cold disk takes seconds.
const pythonProbeTimeout = 15 * time.Second

// pythonOnPath finds the environment of the python that a shell would start. It is read
// where its path tells it; a shim, as pyenv and asdf have them, must be run to know which
// python it stands for. No python on the PATH is no error.
func pythonOnPath(ctx context.Context, env []string, vars map[string]string) (environment, error) {
	path := ""
	for _, name := range []string{"python3", "python"} {
		if path = lookPath(name, vars); path != "" {
			break
		}
	}
	if path == "" {
		return environment{}, nil
	}
	for _, path := range []string{path, filepath.Dir(path)} {
		if err := trust.Owned(path); err != nil {
			return environment{}, err
		}
	}
	prefix, python := prefixOf(filepath.Dir(path)), path
	if !exists(filepath.Join(prefix, configName)) && !exists(filepath.Join(prefix, "conda-meta")) {
		real := realPath(path)
		prefix = prefixOf(filepath.Dir(real))
		if isScript(real) || !installedIn(prefix) {
			var err error
			if prefix, python, err = askPython(ctx, path, env); err != nil {
				return environment{}, err
			}
		}
	}
	e, err := readEnvironment(prefix, python, vars) // a shim's own name would cost its start each time
	if e.maker == byOwn {
		e.label = e.python
	}
	return e, err
}

// isScript tells whether a program is one for an interpreter, and not of the machine's.
func isScript(path string) bool {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 2)
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == "#!"
}

// askPython runs a python to learn its sys.prefix and sys.executable. It runs in an empty
// folder and apart from its environment (-I), so that nothing of a workspace is imported.
func askPython(ctx context.Context, path string, env []string) (prefix, python string, err error) {
	empty, err := os.MkdirTemp("", "reval-empty-")
	if err != nil {
		return "", "", fmt.Errorf("make an empty folder to run %s in: %w", path, err)
	}
	defer os.RemoveAll(empty)
	ctx, cancel := context.WithTimeout(ctx, pythonProbeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-c", "import json, sys; print(json.dumps([sys.prefix, sys.executable]))")
	cmd.Env, cmd.Dir = env, empty
	out, err := answerOf(cmd)
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w", path, err)
	}
	var answer [2]string
	if err := json.Unmarshal(lastLine(out), &answer); err != nil || !filepath.IsAbs(answer[0]) {
		return "", "", fmt.Errorf("%s does not tell its sys.prefix", path)
	}
	if !filepath.IsAbs(answer[1]) {
		answer[1] = path
	}
	return answer[0], answer[1], nil
}

// lastLine leaves out what a python's start-up files may print before.
func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}
