package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
)

func lang(t *testing.T, name string) language.Language {
	l, ok := language.For(name)
	if !ok {
		t.Fatalf("no language %s", name)
	}
	return l
}

// write makes files, and the folders that they are in, below a new folder.
func write(t *testing.T, names ...string) string {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Where a kernel runs, by the folders that are open, the marks of a project and what the
// user set.
func TestKernelFolder(t *testing.T) {
	root := write(t, "project/pyproject.toml", "project/src/a.py", "loose/b.py", "open/inner/c.py")
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, set, want string }{
		{"project/src/a.py", "", "project"},
		{"project/src/a.py", "project", "project"},
		{"project/src/a.py", "file", "project/src"},
		{"project/src/a.py", "data", "project/data"},
		{"project/src/a.py", filepath.Join(root, "loose"), "loose"},
		{"project/src/a.py", "~/x", filepath.Join(home, "x")},
		{"loose/b.py", "", "loose"},
		{"open/inner/c.py", "", "open"},
		{"open/inner/c.py", "file", "open/inner"},
		{"not-saved/d.py", "", ""},
		{"", "", "open"},
	} {
		w := New(Options{})
		w.ChangeFolders([]string{filepath.Join(root, "open"), filepath.Join(root, "gone")}, nil)
		w.ChangeFolders(nil, []string{filepath.Join(root, "gone")})
		w.SetKernelDirectory(test.set)
		path, want := "", test.want
		if test.file != "" {
			path = filepath.Join(root, test.file)
		}
		if want != "" && !filepath.IsAbs(want) {
			want = filepath.Join(root, want)
		}
		if got := w.Project(path, lang(t, "r")).Folder; got != want {
			t.Errorf("%s, set to %q: %s, want %s", test.file, test.set, got, want)
		}
	}
}

// Who asks for a kernel gets the one that was preferred for its project and language.
// A folder is the same one however an editor writes it.
func TestProjectOfFolders(t *testing.T) {
	dir := t.TempDir()
	python := lang(t, "python")
	project := func(folder string) Project {
		w := New(Options{})
		w.ChangeFolders([]string{folder}, nil)
		return w.Project(filepath.Join(dir, "a", "x.py"), python)
	}
	want := project(dir)
	for _, folder := range []string{dir + "/", dir + "//", filepath.Dir(dir) + "/./" + filepath.Base(dir)} {
		if p := project(folder); !p.Same(want) {
			t.Errorf("%s is another project: %+v, not %+v", folder, p, want)
		}
	}
	w := New(Options{})
	w.ChangeFolders([]string{dir}, nil)
	w.ChangeFolders(nil, []string{dir + "/"})
	if p := w.Project(filepath.Join(dir, "a", "x.py"), python); p.Folder == dir {
		t.Error("a folder is there after it was removed")
	}
}

func TestPreferred(t *testing.T) {
	root := write(t, "a/.git", "b/.git")
	w := New(Options{})
	of := func(dir string) Project { return w.Project(filepath.Join(root, dir, "x"), lang(t, "r")) }
	w.Prefer(of("a"), lang(t, "r"), "ir-dev")
	if got := w.Preferred(of("a"), lang(t, "r")); got != "ir-dev" {
		t.Errorf("%q is preferred", got)
	}
	if got := w.Preferred(of("b"), lang(t, "r")) + w.Preferred(of("a"), lang(t, "python")); got != "" {
		t.Errorf("elsewhere %q is preferred", got)
	}
	if of("a").Same(of("b")) || !of("a").Same(of("a")) {
		t.Error("projects are told apart by something else")
	}
}

// A kernel that is built in is found without any file, and a URL that is none is told so.
func TestFindAndList(t *testing.T) {
	builtin := kernelclient.Spec{Name: "go", Language: "go", DisplayName: "Go", Argv: []string{"reval", "kernel", "go"}}
	w := New(Options{Env: testenv.Env(t), Builtin: []kernelclient.Spec{builtin}})
	q := Query{Project: w.Project("", lang(t, "go")), Language: lang(t, "go")}
	k, err := w.Find(context.Background(), q)
	if err != nil || k.Spec.Name != "go" || k.IsAddress() {
		t.Errorf("found %+v, %v", k, err)
	}
	kernels, usual, err := w.List(context.Background(), q, "")
	if err != nil || usual != "go" || len(kernels) == 0 || kernels[0].Name != "go" || !kernels[0].Suitable {
		t.Errorf("listed %+v, %q, %v", kernels, usual, err)
	}
	for _, url := range []string{"ftp://x", "nothing", "http://", "ssh://"} {
		if _, _, err := w.List(context.Background(), q, url); !errors.As(err, new(URLError)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", url, err)
		}
	}
	q.Kernel = "that is not there"
	if _, err := w.Find(context.Background(), q); err == nil || !strings.Contains(err.Error(), "that is not there") {
		t.Errorf("%v", err)
	}
}

// TestDirIsTheEditors: a file that is in no folder, and what is said relative to none, belong
// to the editor's folder and home, not to this process's.
func TestDirIsTheEditors(t *testing.T) {
	python, dir := lang(t, "python"), t.TempDir()
	w := New(Options{Dir: dir, Env: []string{"HOME=/elsewhere", "HOME=/home/somebody"}})
	if p := w.Project("", python); p.Folder != dir {
		t.Errorf("a text without a file runs in %q", p.Folder)
	}
	if p := w.Project("/not/saved/a.py", python); p.Folder != dir {
		t.Errorf("a file in a folder that is not there runs in %q", p.Folder)
	}
	w.SetKernelDirectory("~/work")
	if p := w.Project("", python); p.Folder != "/home/somebody/work" {
		t.Errorf("~ is %q", p.Folder)
	}
	w.SetKernelDirectory("below")
	if p := w.Project("", python); p.Folder != filepath.Join(dir, "below") {
		t.Errorf("a relative folder is %q", p.Folder)
	}
}
