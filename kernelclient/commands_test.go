package kernelclient

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestCommandsAsJupyterClient starts kernelspecs, as far as to the command, with
// jupyter_client itself, and wants the same.
func TestCommandsAsJupyterClient(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t)
	env := testenv.Env(t)
	more := map[string]string{"HERE": "$HOME", "A_1": "größe", "EMPTY": "", "PYTHONEXECUTABLE": "/no/such/python"}
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// jupyter_client puts the prefix of its own python for {prefix}; ours is that of
	// the kernelspec, so they share one.
	prefix := filepath.Dir(filepath.Dir(python))
	file := filepath.Join(folder, "connection-größe.json")
	specs := map[string]string{
		"argv": `{"argv": ["kernel", "{connection_file}", "--f={connection_file}", "{resource_dir}/x", "{{connection_file}}",
			"{connection_file", "{ connection_file }", "{connection-file}", "{other}", "{}", "{0}", "$HERE", "", "{Connection_File}"], "language": "x"}`,
		"env": `{"argv": ["kernel"], "language": "x", "env": {"B": "${A_1}/$A_1", "A_1": "new $A_1", "C": "$$A_1 $$$A_1 $ $", "D": "${UNKNOWN}$UNKNOWN",
			"E": "${HERE}", "F": "$1 ${1} ${A-1} $größe ${größe} ${A_1", "G": "x${EMPTY}y$EMPTY", "H": "{connection_file}", "I": "$B", "J": "$a_1", "K": "$_ $A_1größe $A_1.x"}}`,
		"message": `{"argv": ["kernel"], "language": "R", "interrupt_mode": "Message", "kernel_protocol_version": "5.5", "env": {"PYTHONEXECUTABLE": "kept"}}`,
		"signal":  `{"argv": ["kernel"], "interrupt_mode": "signal", "metadata": {"debugger": true, "x": {"y": [1, null, "größe"]}}}`,
		"py":      `{"argv": ["/usr/bin/kernel"], "language": "Python3", "env": {"PYTHONEXECUTABLE": "$HERE", "P": "$PYTHONEXECUTABLE"}}`,
		"unknown": `{"argv": ["kernel"], "language": "x", "codemirror_mode": "x", "help_links": [{"text": "x"}]}`,
	}
	names := slices.Sorted(maps.Keys(specs))
	for name, text := range specs {
		writeSpec(t, filepath.Join(folder, "kernels", name), text)
	}
	var theirs []struct {
		Argv          []string
		Env           map[string]string
		Metadata      map[string]any
		InterruptMode string `json:"interrupt_mode"`
		Version       string `json:"kernel_protocol_version"`
	}
	ask := func(folder string) {
		t.Helper()
		cmd := exec.Command(python, filepath.Join("testdata", "commands.py"), folder, file)
		cmd.Env, cmd.Stdin = env, strings.NewReader(asJSON(t, more))
		out, err := cmd.Output()
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			t.Fatalf("jupyter_client: %v\n%s", err, exit.Stderr)
		}
		theirs = nil
		if err := errors.Join(err, json.Unmarshal(out, &theirs)); err != nil {
			t.Fatal(err)
		}
	}
	ask(filepath.Join(folder, "kernels"))
	ourEnv := slices.Clone(env)
	for k, v := range more {
		ourEnv = append(ourEnv, k+"="+v)
	}
	for i, name := range names {
		s, err := ReadSpec(filepath.Join(folder, "kernels", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := theirs[i]
		argv, environ := s.command(file, ourEnv)
		if !slices.Equal(argv, want.Argv) {
			t.Errorf("%s: argv\n%q, jupyter_client's\n%q", name, argv, want.Argv)
		}
		ours := map[string]string{} // of a name that is there twice, os/exec takes the last
		for _, kv := range environ {
			k, v, _ := strings.Cut(kv, "=")
			ours[k] = v
		}
		delete(want.Env, "LC_CTYPE") // python sets it for itself
		if _, ok := ours["LC_CTYPE"]; ok {
			t.Fatal("LC_CTYPE is in the environment")
		}
		for k := range maps.Keys(merge(ours, want.Env)) {
			if a, b := ours[k], want.Env[k]; a != b {
				t.Errorf("%s: env %s is %q, jupyter_client's %q", name, k, a, b)
			}
		}
		metadata := map[string]any{}
		if s.Metadata != nil {
			if err := json.Unmarshal(s.Metadata, &metadata); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := asJSON(t, metadata), asJSON(t, want.Metadata); a != b {
			t.Errorf("%s: metadata %s, jupyter_client's %s", name, a, b)
		}
		if s.InterruptMode != want.InterruptMode || s.KernelProtocolVersion != want.Version {
			t.Errorf("%s: %s, %q; jupyter_client's %s, %q", name, s.InterruptMode, s.KernelProtocolVersion, want.InterruptMode, want.Version)
		}
	}

	// {prefix}, of a spec in an environment.
	s := Spec{Dir: filepath.Join(prefix, "share", "jupyter", "kernels", "x"), Argv: []string{"{prefix}/bin/x", "{prefix}"}}
	writeSpec(t, filepath.Join(folder, "more", "x"), `{"argv": ["{prefix}/bin/x", "{prefix}"]}`)
	ask(filepath.Join(folder, "more"))
	if argv, _ := s.command(file, env); !slices.Equal(argv, theirs[0].Argv) {
		t.Errorf("argv %q, jupyter_client's %q", argv, theirs[0].Argv)
	}
}

func merge(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A kernelspec that is in no environment takes the active one for {prefix}.
func TestPrefixOfActiveEnvironment(t *testing.T) {
	s := Spec{Dir: filepath.Join(string(filepath.Separator)+"kernels", "mine"), Argv: []string{"{prefix}"}}
	for _, c := range []struct{ env, want string }{
		{"X=1", "{prefix}"}, {"VIRTUAL_ENV=v", "v"}, {"CONDA_PREFIX=c", "c"},
	} {
		if argv, _ := s.command("c.json", []string{c.env}); argv[0] != c.want {
			t.Errorf("%s: %q, want %q", c.env, argv[0], c.want)
		}
	}
}

// The connection file's path has no symbolic link, as jupyter_client gives it.
func TestConnectionFileHasItsRealPath(t *testing.T) {
	t.Parallel()
	dir := testenv.RuntimeDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "link")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	env := append(testenv.Env(t), "JUPYTER_RUNTIME_DIR="+filepath.Join(dir, "link"))
	k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	equal(t, run(t, k, "import sys\nsys.argv[-1]"), "input 1\nresult "+`"'`+filepath.Join(realPath(dir), "real", filepath.Base(k.ConnectionFile()))+`'"`)
}
