package kernelclient

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// tree is a machine's folders, with a home and nothing else of the real ones but
// the system's kernels, which list leaves out.
type tree struct {
	t    testing.TB
	root string
	vars map[string]string
}

func newTree(t testing.TB) *tree {
	if runtime.GOOS == "windows" {
		t.Skip("the pythons of this test are shell scripts")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &tree{t, root, map[string]string{"HOME": filepath.Join(root, "home"), "PATH": filepath.Join(root, "path")}}
}

func (r *tree) path(elem ...string) string {
	return filepath.Join(append([]string{r.root}, elem...)...)
}

func (r *tree) write(path, text string, mode os.FileMode) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// spec writes a kernelspec into data, a folder as JUPYTER_PATH has it.
func (r *tree) spec(data, name string, argv ...string) {
	r.t.Helper()
	if argv == nil {
		argv = []string{"run-" + name}
	}
	r.write(r.path(data, "kernels", name, "kernel.json"),
		fmt.Sprintf(`{"argv": ["%s"], "display_name": "X", "language": "python"}`, strings.Join(argv, `", "`)), 0o600)
}

// shim writes an interpreter of the PATH that only tells its environment if it is run.
func (r *tree) shim(file, prefix string) {
	r.t.Helper()
	r.write(r.path(file), fmt.Sprintf("#!/bin/sh\necho a start-up file says hello\necho '[\"%s\", \"%s\"]'\n", r.path(prefix), r.path(file)), 0o700)
}

// venv makes a virtual environment whose python must not be run; with are the files of
// its site-packages. ran tells of every python that was run all the same.
func (r *tree) venv(prefix, config string, with ...string) {
	r.t.Helper()
	r.write(r.path(prefix, "pyvenv.cfg"), "home = /usr/bin\nversion = 3.11.2\n"+config, 0o600)
	r.trap(prefix + "/bin/python")
	r.packages(prefix, with...)
}

func (r *tree) packages(prefix string, with ...string) {
	r.t.Helper()
	for _, file := range with {
		r.write(r.path(prefix, "lib/python3.11/site-packages", file), "", 0o600)
	}
}

// conda makes an environment as conda does.
func (r *tree) conda(prefix string, with ...string) {
	r.t.Helper()
	r.write(r.path(prefix, "conda-meta/history"), "", 0o600)
	r.trap(prefix + "/bin/python")
	r.packages(prefix, with...)
}

// kernelFile is what an environment has that can run ipykernel.
const kernelFile = "ipykernel/__init__.py"

// trap writes a program that leaves a trace where it is run.
func (r *tree) trap(file string) {
	r.t.Helper()
	r.write(r.path(file), "#!/bin/sh\necho "+file+" >>"+r.path("ran")+"\n", 0o700)
}

// nothingRan fails where a trap was run.
func (r *tree) nothingRan() {
	r.t.Helper()
	if ran, err := os.ReadFile(r.path("ran")); err == nil {
		r.t.Errorf("was run: %s", ran)
	}
}

// finder looks from dir upwards, in the workspace of that folder if there is one.
func (r *tree) finder(dir, workspace string) Finder {
	var env []string
	for k, v := range r.vars {
		env = append(env, k+"="+v)
	}
	return Finder{Env: env, Dir: dir, Root: workspace}
}

// find gives "name: argv" of the specs found below the root, paths without it, and a ! for
// those that lack something.
func (r *tree) find(dir string) ([]string, error) {
	return r.findIn(dir, "")
}

func (r *tree) findIn(dir, workspace string) ([]string, error) {
	specs, err := r.finder(dir, workspace).Find(context.Background())
	var list []string
	for _, s := range specs {
		if !strings.HasPrefix(s.Source, r.root) {
			continue
		}
		line := s.Name + ": " + strings.Join(s.Argv, " ")
		if s.Missing != "" {
			line = s.Name + "!"
		}
		list = append(list, strings.ReplaceAll(line, r.root, ""))
	}
	return list, err
}

func (r *tree) expect(dir string, want ...string) {
	r.t.Helper()
	r.expectIn(dir, "", want...)
}

func (r *tree) expectIn(dir, workspace string, want ...string) {
	r.t.Helper()
	defer r.nothingRan()
	got, err := r.findIn(dir, workspace)
	if err != nil {
		r.t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		r.t.Fatalf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFindFolders(t *testing.T) {
	r := newTree(t)
	data := "home/.local/share/jupyter"
	if runtime.GOOS == "darwin" {
		data = "home/Library/Jupyter"
	}
	r.spec(data, "of-home")
	r.expect("", "of-home: run-of-home")

	if runtime.GOOS != "darwin" {
		r.spec("xdg/jupyter", "of-xdg")
		r.vars["XDG_DATA_HOME"] = r.path("xdg")
		r.expect("", "of-xdg: run-of-xdg")
	}

	r.spec("data", "of-data")
	r.vars["JUPYTER_DATA_DIR"] = r.path("data")
	r.expect("", "of-data: run-of-data")

	r.spec("one", "of-one")
	r.spec("two", "of-two")
	r.spec("two", "of-data", "hides", "that", "of", "data")
	r.vars["JUPYTER_PATH"] = r.path("one") + string(os.PathListSeparator) + r.path("two")
	r.expect("", "of-one: run-of-one", "of-data: hides that of data", "of-two: run-of-two")
}

const launcher = "-m ipykernel_launcher -f {connection_file}"

func TestFindPythons(t *testing.T) {
	t.Run("on PATH, a shim, no kernelspec", func(t *testing.T) {
		r := newTree(t)
		r.shim("path/python3", "usr")
		r.packages("usr", kernelFile)
		r.expect("", "python3: /path/python3 "+launcher)
	})
	t.Run("on PATH, no ipykernel", func(t *testing.T) {
		r := newTree(t)
		r.shim("path/python3", "usr")
		r.packages("usr", "pip/__init__.py")
		r.expect("", "python3@/usr!")
		r.spec("usr/share/jupyter", "xpython")
		r.expect("", "xpython: run-xpython")
	})
	t.Run("on PATH, read without being run", func(t *testing.T) {
		r := newTree(t)
		r.write(r.path("opt/bin/python3.11"), "\x7fELF", 0o700)
		r.packages("opt", "../os.py", kernelFile)
		r.write(r.path("opt/lib/python3.12/os.py"), "", 0o600) // another's
		must(t, os.MkdirAll(r.path("path"), 0o700))
		must(t, os.Symlink("../opt/bin/python3.11", r.path("path/python3")))
		r.expect("", "python3: /path/python3 "+launcher)
	})
	t.Run("broken python", func(t *testing.T) {
		r := newTree(t)
		r.write(r.path("path", "python3"), "#!/bin/sh\nexit 1\n", 0o700)
		got, err := r.find("")
		if len(got) > 0 {
			t.Errorf("found %q", got)
		}
		oneLine(t, err, r.path("path", "python3"), "does not run")
	})
	t.Run("VIRTUAL_ENV, its bare python replaced", func(t *testing.T) {
		r := newTree(t)
		r.venv("venv", "", kernelFile)
		r.spec("venv/share/jupyter", "python3", "python", "-m", "ipykernel_launcher", "-f", "{connection_file}")
		r.vars["VIRTUAL_ENV"] = r.path("venv")
		r.expect("", "python3: /venv/bin/python "+launcher)
	})
	t.Run("CONDA_PREFIX, its kernelspec has the whole path", func(t *testing.T) {
		r := newTree(t)
		r.conda("conda", kernelFile)
		r.spec("conda/share/jupyter", "python3", r.path("conda/bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}")
		r.vars["CONDA_PREFIX"] = r.path("conda")
		r.expect("", "python3: /conda/bin/python "+launcher)
	})
	t.Run("an active environment before the user's kernels, conda's base behind them", func(t *testing.T) {
		r := newTree(t)
		r.conda("conda", kernelFile)
		r.spec("data", "mine")
		r.vars["JUPYTER_DATA_DIR"] = r.path("data")
		r.vars["CONDA_PREFIX"] = r.path("conda")
		r.vars["PATH"] = r.path("conda/bin")
		r.expect("", "python3: /conda/bin/python "+launcher, "mine: run-mine")
		r.vars["CONDA_DEFAULT_ENV"] = "base"
		r.expect("", "mine: run-mine", "python3: /conda/bin/python "+launcher)
	})
	t.Run("the project's comes before all, others get their prefix", func(t *testing.T) {
		r := newTree(t)
		r.venv("p/.venv", "", kernelFile)
		r.venv("p/far/.venv", "", kernelFile)
		r.venv("venv", "", kernelFile)
		r.shim("path/python", "usr")
		r.packages("usr", kernelFile)
		r.spec("j", "python3")
		r.spec("k", "python3", "hidden")
		r.vars["JUPYTER_PATH"] = r.path("j") + ":" + r.path("k")
		r.vars["VIRTUAL_ENV"] = r.path("venv")
		r.write(r.path("p/sub/dir/x.py"), "", 0o600)
		r.write(r.path("p/.git/HEAD"), "", 0o600)
		r.expect(r.path("p/sub/dir"),
			"python3: /p/.venv/bin/python "+launcher,
			"python3@/j: run-python3",
			"python3@/venv: /venv/bin/python "+launcher,
			"python3@/usr: /path/python "+launcher)
		r.write(r.path("p/far/sub/x.py"), "", 0o600)
		got, err := r.find(r.path("p/far/sub"))
		if err != nil || got[0] != "python3: /p/far/.venv/bin/python "+launcher {
			t.Fatalf("found %q, %v", got, err)
		}
	})
	t.Run("the same environment by two names", func(t *testing.T) {
		r := newTree(t)
		r.venv("p/.venv", "", kernelFile)
		r.vars["VIRTUAL_ENV"] = r.path("p/.venv")
		if err := os.Symlink(r.path("p/.venv"), r.path("link")); err != nil {
			t.Fatal(err)
		}
		r.vars["PATH"] = r.path("link/bin")
		r.expect(r.path("p"), "python3: /p/.venv/bin/python "+launcher)
	})
}

func TestFindBroken(t *testing.T) {
	r := newTree(t)
	r.vars["JUPYTER_PATH"] = r.path("j")
	r.spec("j", "good")
	r.write(r.path("j/kernels/no-json/kernel.json"), `{"argv": [`, 0o600)
	r.write(r.path("j/kernels/types/kernel.json"), `{"argv": "run"}`, 0o600)
	r.write(r.path("j/kernels/empty/kernel.json"), `{"argv": []}`, 0o600)
	r.write(r.path("j/kernels/mode/kernel.json"), `{"argv": ["x"], "interrupt_mode": "prayer"}`, 0o600)
	r.write(r.path("j/kernels/other/logo.png"), "", 0o600)
	got, err := r.find("")
	if !slices.Equal(got, []string{"good: run-good"}) {
		t.Errorf("found %q", got)
	}
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, name := range []string{"empty", "mode", "no-json", "types"} {
		file := r.path("j/kernels", name, "kernel.json")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, file) }) {
			t.Errorf("no line about %s in\n%v", file, err)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines, want one for each of 4 files:\n%v", len(lines), err)
	}
}

// TestFindReal starts what is found in a real environment.
func TestFindReal(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t)
	env := append(testenv.Env(t), "VIRTUAL_ENV="+filepath.Dir(filepath.Dir(python)))
	specs, err := Finder{Env: env}.Find(within(t))
	if err != nil || len(specs) == 0 {
		t.Fatalf("found %v, %v", specs, err)
	}
	k, err := Launch(within(t), specs[0], LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	equal(t, run(t, k, "import sys; sys.prefix"), fmt.Sprintf("input 1\nresult %q", "'"+filepath.Dir(filepath.Dir(python))+"'"))
}
