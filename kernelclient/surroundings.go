package kernelclient

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// inEnvironment gives a process what a shell has in which the environment of its program
// was activated, so that what it starts is of that environment: its programs come first on
// the PATH, and VIRTUAL_ENV or CONDA_PREFIX names it. dir is a folder of the environment
// where the program's own does not tell it. env is as of os.Environ.
func inEnvironment(program, dir string, env []string) []string {
	prefix := environmentOf(program)
	if prefix == "" {
		prefix = environmentOf(dir)
	}
	if prefix == "" {
		return env
	}
	bins := []string{binDir(prefix)}
	if runtime.GOOS == "windows" && bins[0] == prefix { // conda's
		bins = append(bins, filepath.Join(prefix, "Library", "bin"), filepath.Join(prefix, "Scripts"))
	}
	path := slices.DeleteFunc(filepath.SplitList(environMap(env)["PATH"]), func(dir string) bool { return slices.Contains(bins, dir) })
	set := map[string]string{
		"PATH":        strings.Join(append(bins, path...), string(os.PathListSeparator)),
		"PYTHONHOME":  "", // another python's
		"VIRTUAL_ENV": prefix,
	}
	if exists(filepath.Join(prefix, "conda-meta")) {
		set["VIRTUAL_ENV"], set["CONDA_PREFIX"], set["CONDA_DEFAULT_ENV"] = "", prefix, prefix
	}
	var environ []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if _, ok := set[name]; !ok {
			environ = append(environ, kv)
		}
	}
	for name, value := range set {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}

// environmentDepth is how far below its environment a program, or a kernelspec, is at
// most: PREFIX/lib/R/bin/R, PREFIX/share/jupyter/kernels/NAME.
const environmentDepth = 4

// environmentOf is the environment that path is in; empty if it is in none.
func environmentOf(path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	for range environmentDepth {
		path = filepath.Dir(path)
		if exists(filepath.Join(path, configName)) || exists(filepath.Join(path, "conda-meta")) {
			return path
		}
	}
	return ""
}
