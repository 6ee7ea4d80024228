// Package workspace says which project a file belongs to and where its kernel runs, and
// finds the kernels that it may use. It reads the names of files and asks servers that
// the user named; nothing of a workspace is run.
package workspace

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// Options configure a workspace.
type Options struct {
	// Env is the environment that kernels are found by and start with, as of os.Environ;
	// nil for this process's.
	Env []string
	// Dir is the editor's working directory, for files that are in none; empty for this
	// process's.
	Dir string
	// Builtin are kernels that need no kernelspec.
	Builtin []kernelclient.Spec
	Logger  *slog.Logger
}

// Workspace is the folders that an editor works in, and what its user said of kernels.
type Workspace struct {
	options Options

	mu        sync.Mutex
	folders   []string
	directory string
	unkept    []string                        // folders of SetHistoryExclude
	servers   map[string]*kernelclient.Server // by their URLs without tokens
	preferred map[preference]string           // names of kernels
}

// preference is what a kernel is preferred for.
type preference struct{ folder, environment, language string }

// New makes a workspace without folders.
func New(o Options) *Workspace {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Workspace{options: o, servers: map[string]*kernelclient.Server{}, preferred: map[preference]string{}}
}

// ChangeFolders adds folders, by their paths, and takes some away.
func (w *Workspace) ChangeFolders(added, removed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	removed = cleaned(removed)
	folders := slices.DeleteFunc(slices.Clone(w.folders), func(f string) bool { return slices.Contains(removed, f) })
	w.folders = append(folders, cleaned(added)...)
}

// cleaned are folders as every editor means them: some write a slash behind.
func cleaned(folders []string) []string {
	var clean []string
	for _, f := range folders {
		clean = append(clean, filepath.Clean(f))
	}
	return clean
}

// SetKernelDirectory says where kernels run that are started later: "project" or "" for
// the project's folder, "file" for the file's own, else a path, which may be relative to
// the project's folder.
func (w *Workspace) SetKernelDirectory(directory string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.directory = directory
}

// SetHistoryExclude says of the sessions of which folders nothing is kept for good.
func (w *Workspace) SetHistoryExclude(folders []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unkept = folders
}

// HistoryExclude is what SetHistoryExclude said.
func (w *Workspace) HistoryExclude() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.unkept)
}

// Project is what a file belongs to. Files share a session if they are of the Same.
type Project struct {
	// Folder is where its kernel runs; empty for this process's.
	Folder string `json:"folder"`
	// Environment is the folder of its Python environment, or empty.
	Environment string `json:"environment,omitempty"`
	// Dir and Root are where kernels are looked for: from Dir upwards, not above Root.
	Dir  string `json:"dir,omitempty"`
	Root string `json:"root,omitempty"`
}

// Same tells whether files of both share sessions.
func (p Project) Same(o Project) bool {
	return p.Folder == o.Folder && p.Environment == o.Environment
}

// Project finds the project of a file, by its path and the names of others alone; path is
// empty for a text that has no file.
func (w *Workspace) Project(path string, lang language.Language) Project {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := Project{Root: w.innermost(path)}
	if path != "" {
		p.Dir = filepath.Dir(path)
	} else {
		p.Dir = p.Root
	}
	p.Folder = w.kernelFolder(p)
	// A kernel that is built in is of no environment.
	if !slices.ContainsFunc(w.options.Builtin, func(spec kernelclient.Spec) bool { return lang.Matches(spec.Language) }) {
		p.Environment = w.finder(p).Environment()
	}
	return p
}

// innermost is the innermost folder that contains path or, without a path, the first; mu
// is held.
func (w *Workspace) innermost(path string) string {
	best := ""
	for _, f := range w.folders {
		if path == "" && best == "" {
			best = f
		}
		if rel, err := filepath.Rel(f, path); path != "" && err == nil && filepath.IsLocal(rel) && len(f) > len(best) {
			best = f
		}
	}
	return best
}

// Values of the kernels' directory; others are paths.
const (
	directoryProject = "project"
	directoryFile    = "file"
)

// kernelFolder is where a kernel runs: as it was set, else in the workspace's folder, else
// in the folder that has a project's marks, else in the file's own; mu is held.
func (w *Workspace) kernelFolder(p Project) string {
	folder := p.Root
	if folder == "" && p.Dir != "" {
		folder = kernelclient.ProjectFolder(p.Dir)
	}
	if folder == "" {
		folder = p.Dir
	}
	folder = w.folderOrDir(folder)
	switch set := w.directory; {
	case set == "", set == directoryProject:
	case set == directoryFile:
		folder = w.folderOrDir(p.Dir)
	case filepath.IsAbs(set):
		folder = filepath.Clean(set)
	case strings.HasPrefix(set, "~/"):
		if home := w.home(); home != "" {
			folder = filepath.Join(home, set[2:])
		}
	default:
		folder = filepath.Join(folder, set)
	}
	return folder
}

// home is the editor's user's own folder; empty if nothing tells it.
func (w *Workspace) home() string {
	if w.options.Env == nil {
		home, _ := os.UserHomeDir()
		return home
	}
	name := "HOME="
	if runtime.GOOS == "windows" {
		name = "USERPROFILE="
	}
	for _, v := range slices.Backward(w.options.Env) { // the last one counts
		if home, ok := strings.CutPrefix(v, name); ok {
			return home
		}
	}
	return ""
}

// folderOrDir is the folder or, where it is that of a file that is not saved yet, Options.Dir.
func (w *Workspace) folderOrDir(dir string) string {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return w.options.Dir
	}
	return dir
}

// Prefer notes that a project's files of a language are to use a kernel from now on.
func (w *Workspace) Prefer(p Project, lang language.Language, kernel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.preferred[preference{p.Folder, p.Environment, lang.ID}] = kernel
}

// Preferred is the kernel that was preferred last for such files; empty for the
// language's default.
func (w *Workspace) Preferred(p Project, lang language.Language) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.preferred[preference{p.Folder, p.Environment, lang.ID}]
}
