//go:build !windows

package kernelclient

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/internal/trust"
)

// The environment is the file's: the nearest one from its folder upwards, but not above
// the workspace folder or the project's.
func TestEnvironmentIsTheFiles(t *testing.T) {
	r := newTree(t)
	r.venv("above/.venv", "", kernelFile)
	mono := "above/mono"
	r.venv(mono+"/pkg1/.venv", "", kernelFile)
	r.venv(mono+"/pkg2/venv", "", kernelFile)
	r.venv(mono+"/pkg3/env", "", kernelFile)
	r.conda(mono+"/pkg4/.pixi/envs/default", kernelFile)
	r.conda(mono+"/pkg5/.conda", kernelFile)
	r.write(r.path(mono+"/pkg6/env/README"), "", 0o600) // a folder of something else
	r.venv(mono+"/pkg7/.venv", "", kernelFile)
	r.venv(mono+"/pkg7/venv", "", kernelFile)
	r.venv("kept/named", "", kernelFile)
	r.venv("elsewhere", "", kernelFile)
	r.write(r.path(mono+"/by-path/.venv"), r.path("elsewhere")+"\n", 0o600)
	r.write(r.path(mono+"/by-name/.venv"), "named", 0o600)
	r.venv(mono+"/shared/envs/one", "", kernelFile)
	r.write(r.path(mono+"/relative/.venv"), "../shared/envs/one\n", 0o600)
	must(t, os.MkdirAll(r.path(mono+"/link"), 0o700))
	must(t, os.Symlink(r.path("elsewhere"), r.path(mono+"/link/.venv")))
	r.venv(mono+"/pkg8/uvs", "", kernelFile)
	r.vars["WORKON_HOME"] = r.path("kept")
	r.vars["UV_PROJECT_ENVIRONMENT"] = "uvs"
	workspace := r.path(mono)
	for folder, want := range map[string]string{
		"pkg1": "/pkg1/.venv", "pkg1/src/deep": "/pkg1/.venv", "pkg2": "/pkg2/venv", "pkg3": "/pkg3/env",
		"pkg4": "/pkg4/.pixi/envs/default", "pkg5": "/pkg5/.conda", "pkg6": "", "pkg7": "/pkg7/.venv", "pkg8": "/pkg8/uvs",
		"by-path": "elsewhere", "by-name": "kept/named", "relative": "/shared/envs/one", "link": "/link/.venv", "": "",
	} {
		dir := r.path(mono, folder)
		must(t, os.MkdirAll(dir, 0o700))
		if strings.HasPrefix(want, "/") {
			want = mono + want
		}
		if want != "" {
			want = r.path(want)
		}
		f := r.finder(dir, workspace)
		if got := f.Environment(); got != want {
			t.Errorf("%s has %q, want %q", folder, got, want)
		}
		specs, err := f.Find(t.Context())
		if err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		if want != "" && (len(specs) == 0 || !strings.HasPrefix(specs[0].Argv[0], want)) {
			t.Errorf("%s: found %v", folder, specs)
		}
	}
	// Without a workspace folder the project's own is the bound, and without a project
	// the file's.
	dir := r.path(mono, "pkg6")
	if got := r.finder(dir, "").Environment(); got != "" {
		t.Errorf("above a folder of no project: %s", got)
	}
	r.write(r.path("above/pyproject.toml"), "", 0o600)
	if got := r.finder(dir, "").Environment(); got != r.path("above/.venv") {
		t.Errorf("in a project: %q", got)
	}
	r.write(r.path("above/mono/.git"), "gitdir: x", 0o600)
	if got := r.finder(dir, "").Environment(); got != "" {
		t.Errorf("above .git: %s", got)
	}
	r.nothingRan()
}

// What is in the way of an environment, or wants to be one, holds up nobody and is said.
func TestHostileEnvironments(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(r *tree)
		said    string // of the project's, or why it was passed over
	}{
		{".venv is a pipe", func(r *tree) { must(r.t, syscall.Mkfifo(r.path("p/.venv"), 0o600)) }, "no regular file"},
		{".venv is a device", func(r *tree) { must(r.t, os.Symlink("/dev/zero", r.path("p/.venv"))) }, "no regular file"},
		{".venv is a loop of links", func(r *tree) { must(r.t, os.Symlink(".venv", r.path("p/.venv"))) }, "too many"},
		{".venv is a long file", func(r *tree) { r.write(r.path("p/.venv"), strings.Repeat("x", 2<<20), 0o600) }, "1 MiB"},
		{".venv is an empty file", func(r *tree) { r.write(r.path("p/.venv"), "\n", 0o600) }, "does not name a folder"},
		{".venv names what is above", func(r *tree) {
			r.venv("elsewhere", "", kernelFile)
			r.write(r.path("p/.venv"), "../elsewhere", 0o600)
		}, "outside of the project"},
		{".venv names what is above, in another way", func(r *tree) {
			r.venv("elsewhere", "", kernelFile)
			r.write(r.path("p/.venv"), "./x/../../elsewhere", 0o600)
		}, "outside of the project"},
		{".venv names the folder of the kept ones", func(r *tree) {
			r.vars["WORKON_HOME"] = r.path("kept/sub")
			r.venv("kept", "", kernelFile)
			must(r.t, os.MkdirAll(r.path("kept/sub"), 0o700))
			r.write(r.path("p/.venv"), "..", 0o600)
		}, "outside of the project"},
		{".venv names another machine's", func(r *tree) { r.write(r.path("p/.venv"), "//host/share", 0o600) }, "on another machine"},
		{"pyvenv.cfg is a pipe", func(r *tree) {
			r.venv("p/.venv", "", kernelFile)
			must(r.t, os.Remove(r.path("p/.venv/pyvenv.cfg")))
			must(r.t, syscall.Mkfifo(r.path("p/.venv/pyvenv.cfg"), 0o600))
		}, "no regular file"},
		{"pyvenv.cfg is long", func(r *tree) { r.venv("p/.venv", strings.Repeat("x = y\n", 1<<18), kernelFile) }, "1 MiB"},
		{"its python leads to a device", func(r *tree) {
			r.venv("p/.venv", "", kernelFile)
			must(r.t, os.Remove(r.path("p/.venv/bin/python")))
			must(r.t, os.Symlink("/dev/zero", r.path("p/.venv/bin/python")))
		}, "no python that is there"},
		{"its python is gone", func(r *tree) {
			r.venv("p/.venv", "", kernelFile)
			must(r.t, os.Remove(r.path("p/.venv/bin/python")))
			must(r.t, os.Symlink("/no/such/python", r.path("p/.venv/bin/python")))
		}, "no python that is there"},
		{"another user's", func(r *tree) { r.venv("p/.venv", "", kernelFile); testenv.GiveAway(r.t, r.path("p/.venv")) }, "another user"},
		{"a link to another user's", func(r *tree) {
			r.venv("theirs", "", kernelFile)
			testenv.GiveAway(r.t, r.path("theirs"))
			must(r.t, os.Symlink("../theirs", r.path("p/.venv")))
		}, "another user"},
		{"another user's link", func(r *tree) {
			r.venv("ours", "", kernelFile)
			must(r.t, os.Symlink("../ours", r.path("p/.venv")))
			testenv.GiveAway(r.t, r.path("p/.venv"))
		}, "another user"},
		{"a file that names another user's", func(r *tree) {
			r.venv("theirs", "", kernelFile)
			testenv.GiveAway(r.t, r.path("theirs"))
			r.write(r.path("p/.venv"), r.path("theirs"), 0o600)
		}, "another user"},
		{"in another user's folder", func(r *tree) { r.venv("p/.venv", "", kernelFile); testenv.GiveAway(r.t, r.path("p")) }, "another user"},
		{"another user's python", func(r *tree) { r.venv("p/.venv", "", kernelFile); testenv.GiveAway(r.t, r.path("p/.venv/bin/python")) }, "another user"},
		{"another user's .git above", func(r *tree) {
			r.venv(".venv", "", kernelFile)
			r.write(r.path(".git/HEAD"), "", 0o600)
			testenv.GiveAway(r.t, r.path(".git"))
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newTree(t)
			must(t, os.MkdirAll(r.path("p/x"), 0o700))
			test.prepare(r)
			r.spec("home/.local/share/jupyter", "mine")
			specs, err := r.finder(r.path("p"), "").Find(t.Context())
			said := ""
			if err != nil {
				said = err.Error()
			}
			for _, s := range specs {
				if strings.HasPrefix(s.Source, r.root) && s.Name != "mine" && s.Missing == "" {
					t.Errorf("found %+v", s)
				}
				said += s.Missing
			}
			if !strings.Contains(said, test.said) || test.said == "" && said != "" {
				t.Errorf("said %q", said)
			}
			r.nothingRan()
		})
	}
}

// An environment that cannot run ipykernel is not passed over silently for another one.
func TestEnvironmentLacksItsKernel(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(r *tree)
		install string
	}{
		{"venv", func(r *tree) { r.venv("p/.venv", "", "pip/__init__.py") }, "ROOT/p/.venv/bin/python -m pip install ipykernel"},
		{"no pip", func(r *tree) { r.venv("p/.venv", "") }, "ROOT/p/.venv/bin/python -m ensurepip && ROOT/p/.venv/bin/python -m pip install ipykernel"},
		{"uv", func(r *tree) { r.venv("p/.venv", "uv = 0.8.2\n") }, "uv pip install --python ROOT/p/.venv/bin/python ipykernel"},
		{"conda", func(r *tree) { r.conda("p/env") }, "conda install --prefix ROOT/p/env ipykernel"},
		{"pixi", func(r *tree) { r.conda("p/.pixi/envs/default") }, "cd ROOT/p && pixi add ipykernel"},
		{"a name of several words", func(r *tree) {
			r.venv("p/it's mine", "", "pip/__init__.py")
			r.write(r.path("p/.venv"), "./it's mine", 0o600)
		},
			`'ROOT/p/it'\''s mine/bin/python' -m pip install ipykernel`},
		{"its kernelspec was left", func(r *tree) {
			r.venv("p/.venv", "", "pip/__init__.py")
			r.spec("p/.venv/share/jupyter", "python3", "python", "-m", "ipykernel_launcher", "-f", "{connection_file}")
		}, "ROOT/p/.venv/bin/python -m pip install ipykernel"},
		{"active", func(r *tree) { r.venv("venv", "", "pip/__init__.py"); r.vars["VIRTUAL_ENV"] = r.path("venv") }, "ROOT/venv/bin/python -m pip install ipykernel"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newTree(t)
			must(t, os.MkdirAll(r.path("p"), 0o700))
			test.prepare(r)
			r.spec("home/.local/share/jupyter", "mine")
			specs, err := r.finder(r.path("p"), "").Find(t.Context())
			must(t, err)
			python := Wanted{Language: "Python", Matches: func(l string) bool { return l == "python" }}
			_, err = Choose(specs, nil, python)
			oneLine(t, err, "has no ipykernel; install it: "+strings.ReplaceAll(test.install, "ROOT", r.root), "choose another kernel: mine")
			python.Name = "mine"
			if s, err := Choose(specs, nil, python); err != nil || s.Name != "mine" {
				t.Errorf("chosen by its name: %+v, %v", s, err)
			}
			lacking := specs[slices.IndexFunc(specs, func(s Spec) bool { return s.Missing != "" })]
			if _, err := Launch(t.Context(), lacking, LaunchOptions{}); err == nil {
				t.Error("it is started")
			}
			r.nothingRan()
		})
	}
}

// Where ipykernel can be imported from is read, not asked.
func TestEnvironmentHasItsKernel(t *testing.T) {
	const system = "include-system-site-packages = true\n"
	for _, test := range []struct {
		name    string
		prepare func(r *tree)
		has     bool
	}{
		{"in its packages", func(r *tree) { r.venv("p/.venv", "", kernelFile) }, true},
		{"in lib64", func(r *tree) {
			r.venv("p/.venv", "")
			r.write(r.path("p/.venv/lib64/python3.11/site-packages", kernelFile), "", 0o600)
		}, true},
		{"of another version of python", func(r *tree) {
			r.venv("p/.venv", "")
			r.write(r.path("p/.venv/lib/python3.10/site-packages", kernelFile), "", 0o600)
		}, false},
		{"editable", func(r *tree) { r.venv("p/.venv", "", "ipykernel-7.0.0.dist-info/METADATA") }, true},
		{"by a .pth", func(r *tree) {
			r.venv("p/.venv", "")
			r.write(r.path("src", kernelFile), "", 0o600)
			r.write(r.path("p/.venv/lib/python3.11/site-packages/x.pth"), "import x\n# y\n"+r.path("src")+"\n", 0o600)
		}, true},
		{"by a .pth that is a pipe", func(r *tree) {
			r.venv("p/.venv", "", "x")
			must(r.t, syscall.Mkfifo(r.path("p/.venv/lib/python3.11/site-packages/x.pth"), 0o600))
		}, false},
		{"in the system's, shared", func(r *tree) {
			r.venv("p/.venv", "home = "+r.path("usr/bin")+"\n"+system)
			r.write(r.path("usr/lib/python3/dist-packages", kernelFile), "", 0o600)
		}, true},
		{"in the system's, not shared", func(r *tree) {
			r.venv("p/.venv", "home = "+r.path("usr/bin")+"\n")
			r.write(r.path("usr/lib/python3/dist-packages", kernelFile), "", 0o600)
		}, false},
		{"in the user's, shared", func(r *tree) { r.venv("p/.venv", system); r.packages("home/.local", kernelFile) }, true},
		{"in the user's, not shared", func(r *tree) { r.venv("p/.venv", ""); r.packages("home/.local", kernelFile) }, false},
		{"in the user's, without it", func(r *tree) {
			r.venv("p/.venv", system)
			r.packages("home/.local", kernelFile)
			r.vars["PYTHONNOUSERSITE"] = "1"
		}, false},
		{"in the user's, of conda", func(r *tree) { r.conda("p/env"); r.packages("home/.local", kernelFile) }, true},
		{"on PYTHONPATH", func(r *tree) {
			r.venv("p/.venv", "")
			r.write(r.path("lib", kernelFile), "", 0o600)
			r.vars["PYTHONPATH"] = r.path("lib")
		}, true},
		{"on a relative PYTHONPATH", func(r *tree) {
			r.venv("p/.venv", "")
			r.write(r.path("p/lib", kernelFile), "", 0o600)
			r.vars["PYTHONPATH"] = "lib"
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newTree(t)
			test.prepare(r)
			got, err := r.find(r.path("p"))
			must(t, err)
			if len(got) != 1 || strings.HasSuffix(got[0], "!") == test.has {
				t.Errorf("found %q", got)
			}
			r.nothingRan()
		})
	}
}

// What is on the PATH by a relative name is the workspace's, and not run; nor does what
// is run on the PATH find anything of the workspace's.
func TestNothingOfTheWorkspaceIsRun(t *testing.T) {
	r := newTree(t)
	p := r.path("p")
	for _, name := range []string{"python3", "python", "bin/python3", "bin/python"} {
		r.trap("p/" + name)
	}
	trap := "import os; open(" + `"` + r.path("ran") + `"` + ", 'a').write(__file__ + os.getcwd())\n"
	for _, name := range []string{"json.py", "sitecustomize.py", "usercustomize.py", "encodings/__init__.py", "importlib/__init__.py", "sys.py"} {
		r.write(filepath.Join(p, name), trap, 0o600)
	}
	r.write(filepath.Join(p, "kernels/evil/kernel.json"), `{"argv": ["evil"], "language": "python"}`, 0o600)
	python, err := exec.LookPath("python3")
	if err != nil {
		testenv.Missing(t, "python3")
	}
	r.write(r.path("shims/python3"), "#!/bin/sh\npwd >"+r.path("where")+"\nexec "+python+` "$@"`+"\n", 0o700)
	t.Chdir(p)
	r.vars["PATH"] = strings.Join([]string{"", ".", "bin", "./bin", "../p", r.path("shims"), "/bin"}, ":")
	r.vars["JUPYTER_PATH"] = ".::p:../p"
	r.vars["PYTHONPATH"] = ".:" + p
	r.vars["VIRTUAL_ENV"], r.vars["CONDA_PREFIX"] = ".", "../p"
	r.vars["JUPYTER_DATA_DIR"] = "."
	specs, err := r.finder(p, "").Find(t.Context())
	for _, s := range specs {
		if strings.HasPrefix(s.Source, p) || !filepath.IsAbs(s.Source) {
			t.Errorf("found %+v", s)
		}
	}
	for _, name := range []string{`"." in JUPYTER_PATH`, `"p" in JUPYTER_PATH`, `"../p" in JUPYTER_PATH`, `"." in VIRTUAL_ENV`, `"../p" in CONDA_PREFIX`, `"." in JUPYTER_DATA_DIR`} {
		if err == nil || !strings.Contains(err.Error(), name+" is passed over") {
			t.Errorf("%s is not said to be passed over: %v", name, err)
		}
	}
	where, readErr := os.ReadFile(r.path("where"))
	if readErr != nil || strings.HasPrefix(string(where), r.root) {
		t.Errorf("the shim was run in %q (%v; %v)", where, readErr, err)
	}
	r.nothingRan()
	// Nor is a program started that only the folder would tell.
	for _, argv := range [][]string{{"bin/python3"}, {"./python3"}, {"python3x"}} {
		if _, err := Launch(within(t), Spec{Name: "x", Argv: append(argv, "{connection_file}")}, LaunchOptions{Env: r.finder("", "").Env, Dir: p}); err == nil {
			t.Errorf("%s is started", argv)
		}
	}
	r.nothingRan()
}

// What a kernel starts is of its environment.
func TestKernelIsInItsEnvironment(t *testing.T) {
	t.Parallel()
	base := testenv.Python(t)
	dir := testenv.RuntimeDir(t)
	venv := filepath.Join(dir, "venv")
	// Real, with the test environment's packages.
	out, err := exec.Command(base, "-m", "venv", "--without-pip", venv).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err = exec.Command(base, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").Output()
	must(t, err)
	libs := libraries(venv)
	must(t, os.WriteFile(filepath.Join(libs[0], "site-packages", "base.pth"), out, 0o600))
	env := append(testenv.Env(t), "VIRTUAL_ENV=/another", "PYTHONHOME=")
	must(t, os.MkdirAll(filepath.Join(dir, "src"), 0o700))
	specs, err := Finder{Env: env, Dir: filepath.Join(dir, "src"), Root: dir}.Find(within(t))
	if specs == nil || specs[0].Argv[0] != filepath.Join(venv, "bin", "python") {
		t.Fatalf("found %+v, %v", specs, err)
	}
	k, err := Launch(within(t), specs[0], LaunchOptions{Env: env})
	must(t, err)
	defer k.Close()
	got := run(t, k, "import os, shutil, subprocess; print(os.environ['VIRTUAL_ENV'], shutil.which('python'), subprocess.check_output(['python', '-c', 'import sys; print(sys.prefix)'], text=True))")
	equal(t, got, "input 1\nstdout "+`"`+venv+" "+filepath.Join(venv, "bin", "python")+" "+venv+`\n\n"`)
}

func TestInEnvironment(t *testing.T) {
	r := newTree(t)
	r.conda("conda")
	r.venv("venv", "")
	env := []string{"PATH=/a:" + r.path("conda/bin") + ":/b", "VIRTUAL_ENV=/old", "CONDA_PREFIX=/base", "PYTHONHOME=/x", "OTHER=y"}
	show := func(program, dir string) string {
		got := inEnvironment(program, dir, env)
		slices.Sort(got)
		return strings.ReplaceAll(strings.Join(got, " "), r.root, "")
	}
	conda := "CONDA_DEFAULT_ENV=/conda CONDA_PREFIX=/conda OTHER=y PATH=/conda/bin:/a:/b"
	equal(t, show(r.path("conda/bin/python"), ""), conda)
	equal(t, show(r.path("conda/lib/R/bin/R"), ""), conda)
	equal(t, show("R", r.path("conda/share/jupyter/kernels/ir")), conda)
	equal(t, show(r.path("venv/bin/python"), ""), "CONDA_PREFIX=/base OTHER=y PATH=/venv/bin:/a:/conda/bin:/b VIRTUAL_ENV=/venv")
	slices.Sort(env)
	equal(t, show("/usr/bin/python3", ""), strings.ReplaceAll(strings.Join(env, " "), r.root, ""))
}

// Whatever stands in a .venv, in pyvenv.cfg and in .pth files: it ends, and finds nothing
// that is not there.
func TestAnyEnvironmentIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		dir = realPath(dir)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"..", "../..", "/", ".", "~", "-", "/dev/null", "home = ..\n", "\x00", "a\nb"}))
		write := func(name string) {
			path := filepath.Join(dir, name)
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, os.WriteFile(path, []byte(text.Draw(rt, name)), 0o600))
		}
		venv := "venv"
		if rapid.Bool().Draw(rt, "file") {
			write(".venv")
		} else {
			venv = ".venv"
		}
		write(venv + "/pyvenv.cfg")
		write(venv + "/bin/python")
		write(venv + "/lib/python3.11/site-packages/x.pth")
		f := Finder{Env: []string{"HOME=" + dir}, Dir: dir, Root: dir}
		prefix, passed := f.environment()
		if prefix != "" && !contains(dir, prefix) && prefix != "/" {
			rt.Errorf("the environment is %q (%v)", prefix, passed)
		}
		specs, _ := f.Find(t.Context())
		for _, s := range specs {
			if contains(dir, s.Source) && s.Missing == "" {
				rt.Errorf("found %+v", s)
			}
		}
	})
}

func TestForeignIsToldApart(t *testing.T) {
	r := newTree(t)
	r.venv("p/.venv", "", kernelFile)
	testenv.GiveAway(t, r.path("p/.venv"))
	_, err := r.find(r.path("p"))
	var foreign trust.ForeignError
	if !errors.As(err, &foreign) || runtime.GOOS == "linux" && !strings.Contains(foreign.User, "65534") {
		t.Errorf("%v", err)
	}
}
