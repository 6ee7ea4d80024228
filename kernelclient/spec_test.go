package kernelclient

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestCommand(t *testing.T) {
	dir := filepath.Join(string(filepath.Separator)+"opt", "x", "share", "jupyter", "kernels", "mine")
	s := Spec{
		Dir:  dir,
		Argv: []string{filepath.Join("{prefix}", "bin", "kernel"), "--file={connection_file}", "{resource_dir}", "{other}"},
		Env:  map[string]string{"A": "${X}/a:$X", "B": "$$X ${unknown} $", "X": "new"},
	}
	argv, env := s.command("c.json", []string{"X=1"})
	prefix := filepath.Join(string(filepath.Separator)+"opt", "x")
	if want := []string{filepath.Join(prefix, "bin", "kernel"), "--file=c.json", dir, "{other}"}; !slices.Equal(argv, want) {
		t.Errorf("argv %q, want %q", argv, want)
	}
	slices.Sort(env[1:]) // the first is what was there
	if want := []string{"X=1", "A=1/a:1", "B=$X ${unknown} $", "X=new"}; !slices.Equal(env, want) {
		t.Errorf("env %q, want %q", env, want)
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"X": "$Y", "Y": "y", "XY_2": "2"}
	for in, want := range map[string]string{
		"":             "",
		"plain":        "plain",
		"${X}":         "$Y", // once, not again in what came out
		"a${Y}b${Y}":   "ayby",
		"$XY_2.$Y":     "2.y",
		"$$":           "$",
		"$$${Y}":       "$y",
		"${Z}":         "${Z}",
		"$Z":           "$Z",
		"${}":          "${}",
		"${Y":          "${Y",
		"$":            "$",
		"$1":           "$1",
		"${not a var}": "${not a var}",
		"$größe":       "$größe",
	} {
		if got := expand(in, env); got != want {
			t.Errorf("expand %q: %q, want %q", in, got, want)
		}
	}
}

func TestReadSpec(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "MyKernel")
	for _, c := range []struct{ name, json, err string }{
		{"least", `{"argv": ["x"]}`, ""},
		{"message", `{"argv": ["x"], "interrupt_mode": "message"}`, ""},
		{"unknown fields", `{"argv": ["x"], "kernel_protocol_version": "5.5", "new": [1]}`, ""},
		{"mode", `{"argv": ["x"], "interrupt_mode": "prayer"}`, `"prayer"`},
		{"no argv", `{"display_name": "x"}`, "no argv"},
		{"list", `[]`, "JSON object"},
		{"null", `null`, "no argv"},
		{"empty", ``, "JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeSpec(t, dir, c.json)
			s, err := ReadSpec(dir)
			if c.err != "" {
				oneLine(t, err, filepath.Join(dir, "kernel.json"), c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mode := InterruptBySignal
			if c.name == "message" {
				mode = InterruptByMessage
			}
			if s.Name != "mykernel" || s.DisplayName != "mykernel" || s.InterruptMode != mode || s.Dir != dir {
				t.Errorf("read %+v", s)
			}
		})
	}
	_, err := ReadSpec(filepath.Join(dir, "not-there"))
	oneLine(t, err, "not-there")
}

// A list of kernels is as wide as its longest name.
func TestReadSpecCutsNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "long")
	writeSpec(t, dir, `{"argv": ["x"], "display_name": "`+strings.Repeat("ü", 300_000)+`", "language": "`+strings.Repeat("l", 300_000)+`"}`)
	s, err := ReadSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{s.DisplayName, s.Language} {
		if n := utf8.RuneCountInString(name); n != maxName || !strings.HasSuffix(name, "…") {
			t.Errorf("a name has %d characters and ends in %q", n, name[len(name)-3:])
		}
	}
}

func writeSpec(t testing.TB, dir, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kernel.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzReadSpec(f *testing.F) {
	f.Add(`{"argv": ["python", "-f", "{connection_file}"], "env": {"A": "${B}"}, "interrupt_mode": "message", "metadata": {}}`)
	f.Add(`{"argv": [null], "env": null}`)
	f.Add(`{"argv": ["x"], "metadata": 1e999}`)
	dir := filepath.Join(f.TempDir(), "k")
	f.Fuzz(func(t *testing.T, text string) {
		writeSpec(t, dir, text)
		s, err := ReadSpec(dir)
		if err != nil {
			oneLine(t, err, dir)
			return
		}
		if s.Name != "k" || len(s.Argv) == 0 || s.Argv[0] == "" || s.InterruptMode != InterruptBySignal && s.InterruptMode != InterruptByMessage {
			t.Fatalf("accepted %+v", s)
		}
		argv, env := s.command("c.json", []string{"X=1"})
		if len(argv) != len(s.Argv) || len(env) > 1+len(s.Env) {
			t.Fatalf("argv %q, env %q", argv, env)
		}
		if _, err := json.Marshal(s); err != nil { // `reval kernels --json`
			t.Fatal(err)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("${X}$$$X$")
	f.Fuzz(func(t *testing.T, in string) {
		got := expand(in, map[string]string{"X": "x"})
		if !strings.Contains(in, "$") && got != in {
			t.Fatalf("expand %q: %q", in, got)
		}
	})
}

// TestChooseTellsOfTheNamedAlone: who asks for one kernel hears nothing of what is wrong with
// others, and of it what is wrong.
func TestChooseTellsOfTheNamedAlone(t *testing.T) {
	data := t.TempDir()
	for name, text := range map[string]string{"broken": `{"argv":`, "other": `[]`, "good": `{"argv": ["x"], "language": "x"}`} {
		dir := filepath.Join(data, "kernels", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "kernel.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	specs, findErr := Finder{Env: append(testenv.Env(t), "JUPYTER_PATH="+data), Dir: t.TempDir()}.Find(t.Context())
	for name, want := range map[string]string{
		"nosuch": `no kernel "nosuch": there `,
		"broken": "the kernel broken cannot be used: kernelspec " + filepath.Join(data, "kernels", "broken", "kernel.json"),
	} {
		_, err := Choose(specs, findErr, Wanted{Name: name})
		oneLine(t, err, want)
		if strings.Contains(err.Error(), filepath.Join("kernels", "other")) {
			t.Errorf("%s: it is told of another: %v", name, err)
		}
	}
}
