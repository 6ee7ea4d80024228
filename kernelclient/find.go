package kernelclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/trust"
)

// Finder looks for kernelspecs where Jupyter does, and in the Python
// environments of a project, where no kernelspec need be registered.
//
// It reads: nothing of a workspace is run, and nothing is looked at that belongs to
// another user than this one and root. The one program that it may run is a python on the
// PATH that is a shim (see askPython).
type Finder struct {
	// Env is the environment that says where to look, as of os.Environ; nil is
	// this process's. Relative folders in it are not looked into.
	Env []string
	// Dir is the folder of a file: the nearest environment (.venv, …) of it or of a
	// folder above it is used.
	Dir string
	// Root is the workspace folder that Dir is in: nothing is looked at above it. Where
	// it is empty that is [ProjectFolder] or, without a project, Dir.
	Root string
	// Builtin are specs that need not be found; they come first, being what works
	// without anything else.
	Builtin []Spec
}

// place is where kernelspecs may be.
type place struct {
	kernels string       // a folder of kernelspec folders
	python  *environment // the Python environment that it belongs to, if any
	// own says that the environment is what its user means by "python": another is not
	// silently taken for it.
	own bool
}

// Find lists the kernelspecs, the preferred ones first: Builtin, those of the
// environment that Dir belongs to, of JUPYTER_PATH, of the active environment
// (VIRTUAL_ENV, CONDA_PREFIX), the user's, those of the python on PATH, and the system's.
// An environment of the project, or an active one, that cannot run ipykernel has a spec in
// its place that says so, see [Spec.Missing].
//
// A broken kernelspec does not hide the others: the error joins what was wrong
// with each and why environments were passed over, and the specs are those that can be used.
func (f Finder) Find(ctx context.Context) ([]Spec, error) {
	places, passed := f.places(ctx)
	errs := []error{passed}
	l := specList{folders: map[string]bool{}, names: map[string]bool{}}
	for _, s := range f.Builtin {
		l.add(s, "", false)
	}
	dirs := map[string]bool{}
	var last []func()
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
		errs = append(errs, err)
		if p.python == nil {
			for _, s := range found {
				l.add(s, filepath.Dir(p.kernels), false)
			}
			continue
		}
		found = p.python.specs(found)
		for _, s := range found {
			add := func() { l.add(s, p.python.prefix, true) }
			if s.Missing != "" && !p.own {
				last = append(last, add) // it is told of if nothing else runs Python
			} else {
				add()
			}
		}
	}
	for _, add := range last {
		add()
	}
	return l.specs, errors.Join(errs...)
}

// specList gives each spec a name of its own.
type specList struct {
	specs   []Spec
	folders map[string]bool // names that are in a folder of kernelspecs
	names   map[string]bool // all names
}

// add appends a spec that was found in where. As for Jupyter, a folder hides what later
// ones have by the same name; an environment hides nothing and is not hidden.
func (l *specList) add(s Spec, where string, environment bool) {
	if !environment {
		if l.folders[s.Name] {
			return
		}
		l.folders[s.Name] = true
	}
	if l.names[s.Name] || s.Missing != "" {
		s.Name += "@" + where
	}
	if l.names[s.Name] {
		return
	}
	l.names[s.Name] = true
	l.specs = append(l.specs, s)
}

// specs are those of an environment: found are its registered ones; ipykernel's need not
// be among them.
func (e environment) specs(found []Spec) []Spec {
	own, runsPython := false, false
	for i, s := range found {
		// The spec that ipykernel's wheel brings says just "python":
		// whoever reads it is to put the right one.
		if isPython(s.Argv[0]) {
			found[i].Argv[0] = e.python
		}
		// `ipykernel install --sys-prefix` writes the whole path.
		if filepath.Dir(found[i].Argv[0]) == filepath.Dir(e.python) && slices.Contains(s.Argv, "ipykernel_launcher") {
			own = true
			if s.DisplayName == "Python 3 (ipykernel)" { // as every environment's
				found[i].DisplayName = ipykernelSpec(e).DisplayName
			}
			found[i].Missing = e.lacks() // it may have been removed since
		} else if strings.EqualFold(s.Language, "python") {
			runsPython = true
		}
	}
	if !own && (e.kernel || !runsPython) {
		found = append(found, ipykernelSpec(e))
	}
	return found
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
		Source:        cmp.Or(e.python, e.prefix),
		Missing:       e.lacks(),
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
			errs = append(errs, specError{e.Name(), err})
			continue
		}
		s, err := ReadSpec(dir)
		if err != nil {
			errs = append(errs, specError{e.Name(), err})
			continue
		}
		specs = append(specs, s)
	}
	return specs, errors.Join(errs...)
}

// places lists where to look, in order of preference. The error joins why environments
// were passed over.
func (f Finder) places(ctx context.Context) (places []place, passed error) {
	env := f.environ()
	vars := environMap(env)
	dir := func(parts ...string) {
		if filepath.IsAbs(parts[0]) { // a relative one would be the workspace's
			places = append(places, place{kernels: filepath.Join(append(parts, "kernels")...)})
		}
	}
	pass := func(err error) { passed = errors.Join(passed, fmt.Errorf("an environment is passed over: %w", err)) }
	python := func(e environment, own bool) {
		places = append(places, place{kernels: filepath.Join(e.prefix, "share", "jupyter", "kernels"), python: &e, own: own})
	}
	prefix, passed := f.environment()
	if prefix != "" {
		e, err := readEnvironment(prefix, "", vars)
		if err != nil { // it is the project's all the same
			e.missing = fmt.Sprintf("the environment %s cannot be used: %v", prefix, err)
		}
		python(e, true)
	}
	passed = errors.Join(passed, relative(vars))
	for _, p := range filepath.SplitList(vars["JUPYTER_PATH"]) {
		dir(p)
	}
	for _, prefix := range activeEnvironments(vars) {
		if e, err := readEnvironment(prefix, "", vars); err != nil {
			pass(err)
		} else {
			python(e, true)
		}
	}
	dir(userDataDir(vars))
	switch e, err := pythonOnPath(ctx, env, vars); {
	case err != nil:
		pass(err)
	case e.prefix != "":
		python(e, false)
	}
	if runtime.GOOS == "windows" {
		dir(vars["PROGRAMDATA"], "jupyter")
	} else {
		dir("/usr/local/share/jupyter")
		dir("/usr/share/jupyter")
	}
	return places, passed
}

// relative says which folders are not looked into because they depend on the folder that
// one is in.
func relative(vars map[string]string) (passed error) {
	for _, name := range []string{"JUPYTER_PATH", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "VIRTUAL_ENV", "CONDA_PREFIX"} {
		for _, dir := range filepath.SplitList(vars[name]) {
			if dir != "" && !filepath.IsAbs(dir) {
				passed = errors.Join(passed, fmt.Errorf("%q in %s is passed over: it is a relative path", dir, name))
			}
		}
	}
	return passed
}

func (f Finder) environ() []string {
	if f.Env == nil {
		return os.Environ()
	}
	return f.Env
}

// activeEnvironments are those that a shell was told to use. conda's base is active in
// every shell of some people: it is no choice, and found by the PATH.
func activeEnvironments(vars map[string]string) (prefixes []string) {
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := vars[name]; filepath.IsAbs(prefix) && !(name == "CONDA_PREFIX" && vars["CONDA_DEFAULT_ENV"] == "base") {
			prefixes = append(prefixes, filepath.Clean(prefix))
		}
	}
	return prefixes
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
	Executable string // empty if there is none any more
	Prefix     string // sys.prefix
	HasKernel  bool   // ipykernel can be imported
	// Missing says what it lacks to run ipykernel, and Install is the command that brings
	// it, if one does; empty if it lacks nothing.
	Missing, Install string
}

// Pythons lists the Python environments that Find looks into, each once.
func (f Finder) Pythons(ctx context.Context) []Python {
	var pythons []Python
	places, _ := f.places(ctx)
	for _, p := range places {
		same := func(o Python) bool { return p.python != nil && realPath(o.Prefix) == realPath(p.python.prefix) }
		if p.python != nil && !slices.ContainsFunc(pythons, same) {
			pythons = append(pythons, Python{p.python.python, p.python.prefix, p.python.kernel, p.python.missing, p.python.install})
		}
	}
	return pythons
}
