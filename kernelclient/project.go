package kernelclient

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/reval-editor/reval/internal/trust"
)

// projectMarks are what the folder of a project has, but for .git.
var projectMarks = []string{
	".hg", ".jj", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "requirements.txt", "environment.yml", "pixi.toml",
	"go.mod", "Project.toml", "DESCRIPTION", "package.json", "deno.json", "Cargo.toml", "Gemfile",
}

// ProjectFolder is the folder of the project that dir belongs to: the nearest one at or
// above dir that has a .git, else another mark of a project; empty if none has. Nothing is
// run, and marks that another user has put somewhere do not count.
func ProjectFolder(dir string) string {
	if root := above(dir, ".git"); root != "" {
		return root
	}
	return above(dir, projectMarks...)
}

// above is the nearest folder at or above dir that has one of the marks.
func above(dir string, marks ...string) string {
	for dir = filepath.Clean(dir); filepath.IsAbs(dir); dir = filepath.Dir(dir) {
		for _, mark := range marks {
			if path := filepath.Join(dir, mark); exists(path) && trust.Owned(path) == nil && trust.Owned(dir) == nil {
				return dir
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return ""
}

// environmentNames are what the folder of a project's environment is called, the preferred
// ones first.
var environmentNames = []string{".venv", "venv", "env", filepath.Join(".pixi", "envs", "default"), ".conda"}

// Environment is the folder of the Python environment that files in Dir belong to: the
// nearest one from Dir upwards; empty if there is none. It is found by names alone:
// nothing is run or read but a .venv that is a file.
func (f Finder) Environment() string {
	prefix, _ := f.environment()
	return prefix
}

// environment is Environment, and joins why others were passed over.
func (f Finder) environment() (prefix string, passed error) {
	if !filepath.IsAbs(f.Dir) {
		return "", nil
	}
	dir, root := filepath.Clean(f.Dir), f.root()
	vars := environMap(f.environ())
	names := environmentNames
	if own := vars["UV_PROJECT_ENVIRONMENT"]; filepath.IsLocal(own) {
		names = append([]string{own}, names...)
	}
	for {
		for _, name := range names {
			prefix, err := environmentAt(filepath.Join(dir, name), root, vars)
			if prefix != "" {
				return prefix, passed
			}
			if err != nil {
				passed = errors.Join(passed, fmt.Errorf("an environment is passed over: %w", err))
			}
		}
		if dir == root || dir == filepath.Dir(dir) {
			return "", passed
		}
		dir = filepath.Dir(dir)
	}
}

// root is the uppermost folder to look into.
func (f Finder) root() string {
	dir := filepath.Clean(f.Dir)
	if root := filepath.Clean(f.Root); f.Root != "" && contains(root, dir) {
		return root
	}
	if root := ProjectFolder(dir); root != "" {
		return root
	}
	return dir
}

// contains tells whether path is dir or below it.
func contains(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// environmentAt gives the environment that is at path or, where that is a file, that the
// file names; empty if there is none. The error says why one that is there is not used.
func environmentAt(path, root string, vars map[string]string) (prefix string, err error) {
	if !exists(path) {
		return "", nil
	}
	for _, path := range []string{filepath.Dir(path), path} {
		if err := trust.Owned(path); err != nil {
			return "", err
		}
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case st.IsDir():
		if !isEnvironment(path) {
			return "", nil // a folder of something else
		}
		return path, nil
	case filepath.Base(path) != ".venv":
		return "", nil
	}
	if prefix, err = namedEnvironment(path, root, vars); err != nil {
		return "", err
	}
	if err := trust.Owned(prefix); err != nil {
		return "", err
	}
	if !isEnvironment(prefix) {
		return "", fmt.Errorf("%s names %s, which is no environment", path, prefix)
	}
	return prefix, nil
}

// onNetwork tells the paths that make Windows log in to another machine when they are but
// looked at.
func onNetwork(path string) bool {
	return len(path) > 1 && os.IsPathSeparator(path[0]) && os.IsPathSeparator(path[1])
}

// namedEnvironment reads a .venv that is a file: the path of an environment, or a name
// among those that pipenv and virtualenvwrapper keep.
func namedEnvironment(file, root string, vars map[string]string) (string, error) {
	data, err := trust.ReadFile(file)
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(data))
	switch {
	case name == "" || strings.ContainsAny(name, "\x00\r\n"):
		return "", fmt.Errorf("%s is a file, but does not name a folder", file)
	case onNetwork(name):
		return "", fmt.Errorf("%s names %q, which is on another machine", file, name)
	case filepath.IsAbs(name):
		return filepath.Clean(name), nil
	case strings.ContainsAny(name, `/\`) || name == "." || name == "..":
		path := filepath.Join(filepath.Dir(file), name)
		if !contains(root, path) {
			return "", fmt.Errorf("%s names %q, which is outside of the project", file, name)
		}
		return path, nil
	}
	places := []string{vars["WORKON_HOME"]}
	if home := vars["HOME"]; home != "" {
		places = append(places, filepath.Join(home, ".local", "share", "virtualenvs"), filepath.Join(home, ".virtualenvs"))
	}
	for _, place := range places {
		if path := filepath.Join(place, name); filepath.IsAbs(place) && exists(path) {
			return path, nil
		}
	}
	if path := filepath.Join(filepath.Dir(file), name); exists(path) {
		return path, nil
	}
	return "", fmt.Errorf("%s names %q, which is nowhere", file, name)
}
