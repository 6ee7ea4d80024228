package lsp

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// project is what a document belongs to. Documents share a session if folder and
// environment are the same.
type project struct {
	folder      string // where its kernel runs
	environment string // the folder of its Python environment, or empty
	dir, root   string // where kernels are looked for: from dir upwards, not above root
}

// same tells whether documents of both share sessions.
func (p project) same(o project) bool {
	return p.folder == o.folder && p.environment == o.environment
}

// finder looks for the project's kernels.
func (s *Server) finder(p project) kernelclient.Finder {
	dir := p.dir
	if dir == "" {
		dir, _ = os.Getwd()
	}
	return kernelclient.Finder{Env: s.options.Env, Dir: dir, Root: p.root, Builtin: s.options.Builtin}
}

// projectOf finds a document's project by the names of files alone; mu is held.
func (s *Server) projectOf(u uri.URI, lang language.Language) project {
	path := filePath(u)
	p := project{root: s.workspaceOf(path)}
	if path != "" {
		p.dir = filepath.Dir(path)
	} else {
		p.dir = p.root
	}
	p.folder = s.kernelFolder(p)
	// A kernel that is built in is of no environment.
	if !slices.ContainsFunc(s.options.Builtin, func(spec kernelclient.Spec) bool { return lang.Matches(spec.Language) }) {
		p.environment = s.finder(p).Environment()
	}
	return p
}

// workspaceOf is the innermost workspace folder that contains path or, for a document
// without one, the first.
func (s *Server) workspaceOf(path string) string {
	best := ""
	for _, f := range s.folders {
		if path == "" && best == "" {
			best = f
		}
		if rel, err := filepath.Rel(f, path); path != "" && err == nil && filepath.IsLocal(rel) && len(f) > len(best) {
			best = f
		}
	}
	return best
}

// Values of Settings.KernelDirectory; others are paths.
const (
	directoryProject = "project"
	directoryFile    = "file"
)

// kernelFolder is where a kernel runs: as the client set it, else in the workspace folder,
// else in the folder that has a project's marks, else in the file's own.
func (s *Server) kernelFolder(p project) string {
	folder := p.root
	if folder == "" && p.dir != "" {
		folder = kernelclient.ProjectFolder(p.dir)
	}
	if folder == "" {
		folder = p.dir
	}
	folder = folderOrNone(folder)
	switch set := s.settings.KernelDirectory; {
	case set == "", set == directoryProject:
	case set == directoryFile:
		folder = folderOrNone(p.dir)
	case filepath.IsAbs(set):
		folder = filepath.Clean(set)
	case strings.HasPrefix(set, "~/"):
		if home, err := os.UserHomeDir(); err == nil {
			folder = filepath.Join(home, set[2:])
		}
	default:
		folder = filepath.Join(folder, set)
	}
	return folder
}

// folderOrNone is the folder, or empty, which stands for this process's, where it is that of
// a file that is not saved yet.
func folderOrNone(dir string) string {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return ""
	}
	return dir
}

// configure takes settings; mu is held.
func (s *Server) configure(settings []byte) {
	var named struct {
		Settings
		Reval *Settings `json:"reval"`
	}
	if len(settings) == 0 || string(settings) == "null" {
		return
	}
	if err := unmarshal(settings, &named); err != nil {
		s.logger.Warn("settings that do not fit", "error", err)
		return
	}
	s.settings = named.Settings
	if named.Reval != nil {
		s.settings = *named.Reval
	}
}

// DidChangeConfiguration changes what holds for documents whose kernels are still to be
// started.
func (s *Server) DidChangeConfiguration(_ context.Context, p *protocol.DidChangeConfigurationParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configure(p.Settings)
	for _, d := range s.documents {
		s.rebind(d)
	}
	return nil
}

// rebind moves a document to the session where it belongs now, if its own has had no
// kernel yet: its environment may have been made since it was opened. mu is held.
func (s *Server) rebind(d *openDocument) {
	ks := d.session
	if ks.kernel != "" || ks.spec.Name != "" {
		return
	}
	if p := s.projectOf(d.key, d.language); !p.same(ks.project) {
		s.bind(d)
	}
}
