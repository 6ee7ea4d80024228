package kernelclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/trust"
)

// Finder looks for kernelspecs where Jupyter does, and in the Python
// environments of a project, where no kernelspec need be registered.
type Finder struct {
	// Env is the environment that says where to look, as of os.Environ; nil is
	// this process's.
	Env []string
	// Dir is a project's folder, or a folder in it: the nearest .venv of it or of
	// one above it is used.
	Dir string
	// Builtin are specs that need not be found; they come first, being what works
	// without anything else.
	Builtin []Spec
}

// pythonProbeTimeout bounds how long a python is asked for its prefix. A first
// start from a cold disk takes seconds.
const pythonProbeTimeout = 15 * time.Second

// place is where kernelspecs may be.
type place struct {
	kernels string       // a folder of kernelspec folders
	python  *environment // the Python environment that it belongs to, if any
}

// environment is a Python environment, or a python whose environment must be asked for.
type environment struct {
	python string // its interpreter
	label  string // for people: ".venv of the project", …
	prefix string // sys.prefix; empty until asked for
	kernel bool   // ipykernel can be imported
}

// Find lists the kernelspecs, the preferred ones first: Builtin, those of
// JUPYTER_PATH, of the project's .venv, of the active environment (VIRTUAL_ENV,
// CONDA_PREFIX), the user's, those of the python on PATH, and the system's.
//
// A broken kernelspec does not hide the others: the error joins what was wrong
// with each, and the specs are those that can be used.
func (f Finder) Find(ctx context.Context) ([]Spec, error) {
	env := f.Env
	if env == nil {
		env = os.Environ()
	}
	vars := environMap(env)
	places := f.places(ctx, vars)

	var specs []Spec
	var errs []error
	names := map[string]bool{}
	dirs := map[string]bool{}
	add := func(s Spec, suffix string) {
		if names[s.Name] {
			if suffix == "" {
				return // as for Jupyter, an earlier folder hides a later one
			}
			s.Name += "@" + suffix
			if names[s.Name] {
				return
			}
		}
		names[s.Name] = true
		specs = append(specs, s)
	}
	for _, s := range f.Builtin {
		add(s, "")
	}
	for _, p := range places {
		folder := realPath(p.kernels)
		if p.python != nil { // which may have no folder of kernels
			folder = filepath.Join(realPath(p.python.prefix), "share", "jupyter", "kernels")
		}
		if dirs[folder] {
			continue
		}
		dirs[folder] = true
		found, err := readSpecs(p.kernels)
		if err != nil {
			errs = append(errs, err)
		}
		own := false
		for _, s := range found {
			suffix := ""
			if p.python != nil {
				suffix = p.python.prefix
				// The spec that ipykernel's wheel brings says just "python":
				// whoever reads it is to put the right one.
				if isPython(s.Argv[0]) {
					s.Argv[0] = p.python.python
				}
				// `ipykernel install --sys-prefix` writes the whole path.
				own = own || filepath.Dir(s.Argv[0]) == filepath.Dir(p.python.python) && slices.Contains(s.Argv, "ipykernel_launcher")
			}
			add(s, suffix)
		}
		if p.python != nil && p.python.kernel && !own {
			add(ipykernelSpec(*p.python), p.python.prefix)
		}
	}
	return specs, errors.Join(errs...)
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// ipykernelSpec starts ipykernel in an environment that has it, be a kernelspec
// registered or not.
func ipykernelSpec(e environment) Spec {
	return Spec{
		Name:          "python3",
		DisplayName:   "Python 3 (" + e.label + ")",
		Language:      "python",
		Argv:          []string{e.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"},
		InterruptMode: InterruptBySignal,
		Source:        e.python,
	}
}

func isPython(arg string) bool {
	name := strings.TrimSuffix(arg, ".exe")
	return strings.HasPrefix(name, "python") && strings.Trim(name, "python.0123456789") == ""
}

// specName is what jupyter_client takes for the name of a kernelspec's folder.
var specName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func readSpecs(kernels string) ([]Spec, error) {
	entries, err := os.ReadDir(kernels)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("list kernelspecs: %w", err)
	}
	var specs []Spec
	var errs []error
	if err := trust.Owned(kernels); err != nil {
		return nil, err
	}
	for _, e := range entries {
		dir := filepath.Join(kernels, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "kernel.json")); err != nil {
			continue // a folder of something else
		}
		if !specName.MatchString(e.Name()) {
			errs = append(errs, fmt.Errorf("the kernelspec in %q is passed over: a name has only letters, digits, dots, - and _", dir))
			continue
		}
		if err := trust.Owned(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		s, err := ReadSpec(dir)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		specs = append(specs, s)
	}
	return specs, errors.Join(errs...)
}

// places lists where to look, in order of preference. The pythons are asked at
// the same time.
func (f Finder) places(ctx context.Context, vars map[string]string) []place {
	var places []place
	dir := func(parts ...string) {
		if filepath.IsAbs(parts[0]) { // a relative one would be the workspace's
			places = append(places, place{kernels: filepath.Join(append(parts, "kernels")...)})
		}
	}
	python := func(e environment) {
		places = append(places, place{python: &e})
	}
	for _, p := range filepath.SplitList(vars["JUPYTER_PATH"]) {
		dir(p)
	}
	if venv := projectVenv(f.Dir); venv != "" {
		python(environment{python: pythonIn(venv), prefix: venv, label: filepath.Base(venv) + " of " + filepath.Base(filepath.Dir(venv))})
	}
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := vars[name]; prefix != "" {
			python(environment{python: pythonIn(prefix), prefix: prefix, label: filepath.Base(prefix)})
		}
	}
	dir(userDataDir(vars))
	for _, name := range []string{"python3", "python"} {
		if path := lookPath(name, vars); path != "" {
			python(environment{python: path, label: path})
			break
		}
	}
	if runtime.GOOS == "windows" {
		dir(vars["PROGRAMDATA"], "jupyter")
	} else {
		dir("/usr/local/share/jupyter")
		dir("/usr/share/jupyter")
	}

	var wait sync.WaitGroup
	for i := range places {
		if e := places[i].python; e != nil {
			wait.Go(func() { e.ask(ctx, f.Env) })
		}
	}
	wait.Wait()
	places = slices.DeleteFunc(places, func(p place) bool { return p.python != nil && p.python.prefix == "" })
	for i, p := range places {
		if p.python != nil {
			places[i].kernels = filepath.Join(p.python.prefix, "share", "jupyter", "kernels")
		}
	}
	return places
}

// ask runs the environment's python to learn its prefix and whether it has
// ipykernel. An environment without a python that runs keeps no prefix.
func (e *environment) ask(ctx context.Context, env []string) {
	e.prefix = ""
	ctx, cancel := context.WithTimeout(ctx, pythonProbeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.python, "-c",
		"import importlib.util, json, sys; print(json.dumps({'prefix': sys.prefix, 'executable': sys.executable, 'ipykernel': importlib.util.find_spec('ipykernel') is not None}))")
	cmd.Env = env
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return
	}
	var answer struct {
		Prefix, Executable string
		Ipykernel          bool
	}
	if err := json.Unmarshal(lastLine(out), &answer); err != nil {
		return
	}
	e.prefix, e.kernel = answer.Prefix, answer.Ipykernel
	if answer.Executable != "" {
		e.python = answer.Executable // a shim's own name would cost its start each time
	}
}

// lastLine leaves out what a python's start-up files may print before.
func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}

// projectVenv is the nearest .venv in dir or above.
func projectVenv(dir string) string {
	if dir == "" {
		return ""
	}
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		venv := filepath.Join(dir, ".venv")
		if _, err := os.Stat(pythonIn(venv)); err == nil {
			return venv
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

func pythonIn(prefix string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(prefix, "Scripts", "python.exe")
	}
	return filepath.Join(prefix, "bin", "python")
}

// UserDataDir is Jupyter's data directory of the user whose environment env is
// ("Jupyter paths"); empty if the environment does not tell.
func UserDataDir(env []string) string { return userDataDir(environMap(env)) }

func userDataDir(vars map[string]string) string {
	switch absolute := func(name string) bool { return filepath.IsAbs(vars[name]) }; {
	case absolute("JUPYTER_DATA_DIR"):
		return vars["JUPYTER_DATA_DIR"]
	case runtime.GOOS == "windows" && absolute("APPDATA"):
		return filepath.Join(vars["APPDATA"], "jupyter")
	case runtime.GOOS == "darwin" && absolute("HOME"):
		return filepath.Join(vars["HOME"], "Library", "Jupyter")
	case absolute("XDG_DATA_HOME"):
		return filepath.Join(vars["XDG_DATA_HOME"], "jupyter")
	case absolute("HOME"):
		return filepath.Join(vars["HOME"], ".local", "share", "jupyter")
	}
	return ""
}

// lookPath finds a program on the PATH of vars, which need not be this process's.
func lookPath(name string, vars map[string]string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(vars["PATH"]) {
		if !filepath.IsAbs(dir) {
			continue // what is there depends on the folder that one is in
		}
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() && (runtime.GOOS == "windows" || st.Mode()&0o111 != 0) {
			return path
		}
	}
	return ""
}

// Python is a Python environment that a Finder looks into.
type Python struct {
	Executable string
	Prefix     string // sys.prefix
	HasKernel  bool   // ipykernel can be imported
}

// Pythons lists the Python environments that Find looks into, each once.
func (f Finder) Pythons(ctx context.Context) []Python {
	env := f.Env
	if env == nil {
		env = os.Environ()
	}
	var pythons []Python
	for _, p := range f.places(ctx, environMap(env)) {
		same := func(o Python) bool { return p.python != nil && o.Prefix == p.python.prefix }
		if p.python != nil && !slices.ContainsFunc(pythons, same) {
			pythons = append(pythons, Python{p.python.python, p.python.prefix, p.python.kernel})
		}
	}
	return pythons
}
