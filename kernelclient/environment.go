package kernelclient

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/reval-editor/reval/internal/trust"
)

// environment is a Python environment, as its files tell of it: nothing of it is run.
type environment struct {
	prefix string // sys.prefix
	python string // its interpreter
	label  string // for people: ".venv of pkg"
	maker  string // what made it, one of makers
	kernel bool   // ipykernel is there
	// missing says what it lacks to run ipykernel, and install is the command that brings
	// it, if one does; empty if it lacks nothing.
	missing, install string
}

// lacks is missing and install in one line.
func (e environment) lacks() string {
	if e.install == "" {
		return e.missing
	}
	return e.missing + "; install it: " + e.install
}

// Makers of environments that are told apart; all others are venv's like.
const (
	byVenv  = ""
	byUV    = "uv"
	byConda = "conda"
	byPixi  = "pixi"
	byOwn   = "installation" // a python that no environment was made of
)

// readEnvironment reads what is at prefix; python is its interpreter, empty for the one
// that is in its folder. The error says why nothing of it is to be used.
func readEnvironment(prefix, python string, vars map[string]string) (environment, error) {
	e := environment{prefix: prefix, python: python, label: filepath.Base(prefix) + " of " + filepath.Base(filepath.Dir(prefix))}
	if err := trust.Owned(prefix); err != nil {
		return e, err
	}
	var config map[string]string
	switch {
	case exists(filepath.Join(prefix, "conda-meta")):
		e.maker = byConda
		if filepath.Base(filepath.Dir(filepath.Dir(prefix))) == ".pixi" {
			e.maker, e.label = byPixi, "pixi's "+filepath.Base(prefix)+" of "+filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(prefix))))
		}
	case exists(filepath.Join(prefix, configName)):
		var err error
		if config, err = readConfig(filepath.Join(prefix, configName)); err != nil {
			return e, err
		}
		if config["uv"] != "" {
			e.maker = byUV
		}
	case installedIn(prefix):
		e.maker = byOwn
	}
	if e.python == "" {
		e.python = pythonIn(prefix)
	}
	if e.python == "" {
		e.missing = fmt.Sprintf("the environment %s has no python that is there: make it anew", prefix)
		return e, nil
	}
	for _, path := range []string{filepath.Dir(e.python), e.python} {
		if err := trust.Owned(path); err != nil {
			return e, err
		}
	}
	e.settle(siteFolders(prefix, e.python, config, vars))
	return e, nil
}

// settle looks for ipykernel in the folders that the python imports from.
func (e *environment) settle(site []string) {
	pip := false
	for _, dir := range site {
		e.kernel = e.kernel || hasPackage(dir, "ipykernel")
		pip = pip || exists(filepath.Join(dir, "pip"))
	}
	if !e.kernel {
		e.missing, e.install = "the environment "+e.prefix+" has no ipykernel", e.installing(pip)
	}
}

func (e environment) installing(pip bool) string {
	python := word(e.python)
	switch {
	case e.maker == byUV:
		return "uv pip install --python " + python + " ipykernel"
	case e.maker == byConda:
		return "conda install --prefix " + word(e.prefix) + " ipykernel"
	case e.maker == byPixi:
		return "cd " + word(filepath.Dir(filepath.Dir(filepath.Dir(e.prefix)))) + " && pixi add ipykernel"
	case e.maker == byOwn && managed(e.prefix):
		return python + " -m venv .venv && .venv/bin/python -m pip install ipykernel   (in the project's folder)"
	case !pip:
		return python + " -m ensurepip && " + python + " -m pip install ipykernel"
	}
	return python + " -m pip install ipykernel"
}

// managed tells whether the system's packages alone bring packages (PEP 668).
func managed(prefix string) bool {
	for _, lib := range libraries(prefix) {
		if exists(filepath.Join(lib, "EXTERNALLY-MANAGED")) {
			return true
		}
	}
	return false
}

// plainWord is what a shell takes for one word as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// word writes a path for a shell.
func word(path string) string {
	if plainWord.MatchString(path) || runtime.GOOS == "windows" {
		return path
	}
	return quote(path)
}

// configName is the file that makes a folder a virtual environment (PEP 405).
const configName = "pyvenv.cfg"

// readConfig reads a pyvenv.cfg: a key, = and a value a line; keys in lower case.
func readConfig(path string) (map[string]string, error) {
	data, err := trust.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, "="); ok {
			config[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return config, nil
}

// siteFolders lists where the python of prefix imports packages from; not all need be
// there.
func siteFolders(prefix, python string, config, vars map[string]string) []string {
	version := cmp.Or(
		majorMinor(config["version"]),
		majorMinor(config["version_info"]), // as virtualenv and uv write it
		majorMinor(strings.TrimLeft(filepath.Base(realPath(python)), letters)),
	)
	folders := packages(prefix, version)
	venv := config != nil
	if home := config["home"]; strings.EqualFold(config["include-system-site-packages"], "true") {
		venv = false
		if filepath.IsAbs(home) && !onNetwork(home) {
			folders = append(folders, packages(prefixOf(home), version)...)
		}
	}
	if !venv && vars["PYTHONNOUSERSITE"] == "" {
		if base := userBase(vars); base != "" {
			folders = append(folders, packages(base, version)...)
		}
	}
	for _, dir := range filepath.SplitList(vars["PYTHONPATH"]) {
		if filepath.IsAbs(dir) {
			folders = append(folders, dir)
		}
	}
	return folders
}

// packages lists the folders of packages below a prefix, of python X.Y or, where the
// version is empty, of all.
func packages(prefix, version string) []string {
	if runtime.GOOS == "windows" {
		return []string{filepath.Join(prefix, "Lib", "site-packages")}
	}
	var folders []string
	for _, lib := range append(libraries(prefix), libraries(filepath.Join(prefix, "local"))...) {
		name := filepath.Base(lib)
		if version != "" && strings.Contains(name, ".") && majorMinor(strings.TrimLeft(name, letters)) != version {
			continue
		}
		folders = append(folders, filepath.Join(lib, "site-packages"), filepath.Join(lib, "dist-packages")) // Debian's
	}
	return folders
}

// libraries lists PREFIX/lib/pythonX.Y, of every version, and the like.
func libraries(prefix string) []string {
	var folders []string
	for _, lib := range []string{"lib", "lib64"} {
		entries, _ := os.ReadDir(filepath.Join(prefix, lib)) // what is not there has none
		for _, e := range entries {
			if libraryName.MatchString(e.Name()) {
				folders = append(folders, filepath.Join(prefix, lib, e.Name()))
			}
		}
	}
	return folders
}

var (
	libraryName = regexp.MustCompile(`^(?:python|pypy)(?:3(?:\.\d+t?)?)?$`) // python3: Debian's for all
	versionHead = regexp.MustCompile(`^\d+\.\d+`)
)

// letters of the names before the version: pythonX.Y, pypyX.Y.
const letters = "python"

func majorMinor(version string) string { return versionHead.FindString(version) }

// userBase is where a user's own packages are (PEP 370); empty if the environment does
// not tell.
func userBase(vars map[string]string) string {
	switch {
	case filepath.IsAbs(vars["PYTHONUSERBASE"]):
		return vars["PYTHONUSERBASE"]
	case filepath.IsAbs(vars["HOME"]):
		return filepath.Join(vars["HOME"], ".local")
	}
	return ""
}

// hasPackage tells whether a package can be imported from a folder: it is there, or
// installed as a link to where it is written (an editable one), or in a folder that a
// .pth file adds.
func hasPackage(dir, name string) bool {
	if trust.Owned(dir) != nil {
		return false
	}
	entries, _ := os.ReadDir(dir) // what is not there has none
	for _, e := range entries {
		switch n := e.Name(); {
		case n == name, n == name+".egg-link":
			return true
		case strings.HasPrefix(n, name+"-") && (strings.HasSuffix(n, ".dist-info") || strings.HasSuffix(n, ".egg-info") || strings.HasSuffix(n, ".egg")):
			return true
		case strings.HasSuffix(n, ".pth") && addsPackage(dir, n, name):
			return true
		}
	}
	return false
}

func addsPackage(dir, file, name string) bool {
	data, err := trust.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t") {
			continue
		}
		if onNetwork(line) {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		if exists(filepath.Join(line, name)) {
			return true
		}
	}
	return false
}

// isEnvironment tells whether a folder looks like a Python environment.
func isEnvironment(dir string) bool {
	return exists(filepath.Join(dir, configName)) || exists(filepath.Join(dir, "conda-meta")) || pythonIn(dir) != ""
}

// installedIn tells whether the standard library is below prefix.
func installedIn(prefix string) bool {
	if runtime.GOOS == "windows" {
		return exists(filepath.Join(prefix, "Lib", "os.py"))
	}
	for _, lib := range libraries(prefix) {
		if exists(filepath.Join(lib, "os.py")) {
			return true
		}
	}
	return false
}

// exists tells whether something is at path, be it a link that leads nowhere.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist) && err == nil
}

func binDir(prefix string) string {
	if runtime.GOOS == "windows" {
		if dir := filepath.Join(prefix, "Scripts"); exists(filepath.Join(dir, "python.exe")) || !exists(filepath.Join(prefix, "python.exe")) {
			return dir
		}
		return prefix // conda's
	}
	return filepath.Join(prefix, "bin")
}

// prefixOf is binDir's other way.
func prefixOf(bin string) string {
	if name := filepath.Base(bin); name == "bin" || strings.EqualFold(name, "Scripts") {
		return filepath.Dir(bin)
	}
	return bin
}

// pythonIn is the interpreter of an environment; empty if there is none.
func pythonIn(prefix string) string {
	for _, name := range pythonNames() {
		path := filepath.Join(binDir(prefix), name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func pythonNames() []string {
	if runtime.GOOS == "windows" {
		return []string{"python.exe"}
	}
	return []string{"python", "python3"}
}
