//go:build !windows

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// inScript prints a program's name and arguments, in hexadecimal, as the languages' programs
// find them.
var inScript = []struct{ kernel, code string }{
	{"python3", `import os, sys; print("[" + ",".join(os.fsencode(a).hex() for a in sys.argv) + "]")`},
	{"ipykernel6", `import os, sys; print("[" + ",".join(os.fsencode(a).hex() for a in sys.argv) + "]")`},
	{"xeus-python", `import os, sys; print("[" + ",".join(os.fsencode(a).hex() for a in sys.argv) + "]")`},
	{"ir", `name <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE, useBytes = TRUE), useBytes = TRUE)
cat("[", paste(vapply(c(name, commandArgs(TRUE)), function(a) paste(charToRaw(a), collapse = ""), ""), collapse = ","), "]\n", sep = "")`},
	{"bash", `s='['; for a in "$0" "$@"; do printf "$s"; printf %s "$a" | od -An -v -tx1 | tr -d ' \n'; s=,; done; printf ']\n'`},
	{"deno", `console.log("[" + ["", ...Deno.args].map((a) => [...new TextEncoder().encode(a)].map((b) => b.toString(16).padStart(2, "0")).join("")).join(",") + "]")`},
	{"tslab", `console.log("[" + ["", ...process.argv.slice(2)].map((a) => Buffer.from(a).toString("hex")).join(",") + "]")`},
	{"go", `import ("os"; "fmt"; "strings")
hexes := []string{}
for _, a := range os.Args { hexes = append(hexes, fmt.Sprintf("%x", a)) }
fmt.Println("[" + strings.Join(hexes, ",") + "]")`},
	{"go-yaegi", `import ("os"; "fmt"; "strings")
hexes := []string{}
for _, a := range os.Args { hexes = append(hexes, fmt.Sprintf("%x", a)) }
fmt.Println("[" + strings.Join(hexes, ",") + "]")`},
}

// TestSurroundings runs the same over every kernel that can have them: whatever a file and its
// arguments are called, the code finds them so, and what comes afterwards what was before.
func TestSurroundings(t *testing.T) {
	for _, in := range inScript {
		t.Run(in.kernel, func(t *testing.T) {
			t.Parallel()
			k := launchKernel(t, in.kernel)
			lang, _ := language.For(k.Info().LanguageInfo.Name)
			before := printed(t, k, in.code)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range 20 {
				args := []string{`it's "a" $(file) \` + "`\u2028" + strings.Repeat("é", i), "", "-n", "3", "--", "a\nb\r\tc'''\"\"\"", "%s {x} ${y} # \\"}
				for range 4 {
					args = append(args, anyText(random, lang.ID != "typescript")) // JavaScript has no other text than Unicode
				}
				begin, end := lang.Surroundings(language.NewScript(args[0], args[1:], ""))
				if begin == "" {
					t.Fatal("there are none")
				}
				silently(t, k, begin)
				var want []string
				for _, a := range args {
					want = append(want, hex.EncodeToString([]byte(a)))
				}
				if lang.ID == "typescript" {
					want[0] = "" // Deno.args has no name
				}
				if got := printed(t, k, in.code); got != "["+strings.Join(want, ",")+"]\n" {
					t.Fatalf("%q are\n%q, want\n%q", args, got, want)
				}
				if i%2 == 0 { // and twice without an end
					silently(t, k, end)
					if got := printed(t, k, in.code); got != before {
						t.Fatalf("after %q they are %q, were %q", args, got, before)
					}
				}
			}
		})
	}
}

// anyText is a text without the character that no argument can have.
func anyText(r *rand.Rand, bytes bool) string {
	var b strings.Builder
	for range r.IntN(12) {
		switch {
		case bytes && r.IntN(4) == 0:
			b.WriteByte(byte(1 + r.IntN(255)))
		case r.IntN(2) == 0:
			b.WriteByte(byte(1 + r.IntN(127)))
		default:
			b.WriteRune([]rune{'ß', '東', '🎉', '\u202e', '\u2029', '\ufeff', '\u00a0'}[r.IntN(7)])
		}
	}
	return b.String()
}

// launchKernel starts one of the test environment's kernels, or one of the binary's.
func launchKernel(t *testing.T, name string) *printingKernel {
	t.Helper()
	env := append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath(), "HISTFILE=", "GORACE=exitcode=0")
	builtin, err := builtinKernels()
	if err != nil {
		t.Fatal(err)
	}
	builtin[0].Argv[0] = testenv.Reval(t) // not this test
	yaegi := builtin[0]
	yaegi.Name, yaegi.Argv = "go-yaegi", append(yaegi.Argv[:len(yaegi.Argv):len(yaegi.Argv)], "--engine", "yaegi")
	specs, findErr := kernelclient.Finder{Env: env, Builtin: append(builtin, yaegi)}.Find(t.Context())
	spec, err := kernelclient.Choose(specs, findErr, kernelclient.Wanted{Name: name})
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("%s: %v", name, err))
	}
	p := new(printingKernel)
	o := kernelclient.Options{Late: func(_ string, e kernelclient.Event) { p.event(e) }}
	if p.Kernel, err = kernelclient.Launch(t.Context(), spec, kernelclient.LaunchOptions{Options: o, Env: env, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// printingKernel is a kernel whose output is gathered: Deno's may come after the end.
type printingKernel struct {
	*kernelclient.Kernel
	mu  sync.Mutex
	out strings.Builder
}

func (k *printingKernel) event(e kernelclient.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch e := e.(type) {
	case kernelclient.Stream:
		if e.Name == "stdout" { // ipykernel warns of its debugger on stderr
			k.out.WriteString(e.Text)
		}
	case kernelclient.Error:
		k.out.WriteString(e.Name + ": " + e.Value + strings.Join(e.Traceback, "\n"))
	}
}

func silently(t *testing.T, k *printingKernel, code string) {
	t.Helper()
	reply, err := k.Execute(t.Context(), kernelclient.ExecuteRequest{Code: code, Silent: true}, k.event)
	if err != nil || reply.Status != jupyter.StatusOK {
		t.Fatalf("%v, %+v from:\n%s", err, reply, code)
	}
}

// printed gives what code prints, and what the code before it printed too late.
func printed(t *testing.T, k *printingKernel, code string) string {
	t.Helper()
	if _, err := k.Execute(t.Context(), kernelclient.ExecuteRequest{Code: code}, k.event); err != nil {
		t.Fatal(err)
	}
	silently(t, k, "")
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.out.Reset()
	return k.out.String()
}

// TestScriptAsPythonRunsIt compares what a script finds with what it finds of python itself.
func TestScriptAsPythonRunsIt(t *testing.T) {
	python := testenv.Python(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const name = "real/it's \"a\"\nscrïpt.py"
	write("real/sibling.py", "value = 'of the sibling'\n")
	write("sibling.py", "value = 'of another'\n")
	write(name, `#!/usr/bin/env python
# a comment, and then
'''Does
  nothing.''' " much"
from __future__ import annotations
import argparse, json, os, sys
import sibling

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int)
    parser.add_argument("rest", nargs="*")
    print(parser.parse_args())
    print(json.dumps([__name__, __file__, __doc__, __spec__, __package__, sys.argv, sys.path[0], "" in sys.path, sibling.value]))
    print(sorted(n for n in globals() if n in ("__file__", "__doc__", "docstring", "was_path", "argv", "io")))

if __name__ == "__main__":
    main()
`)
	if err := os.Symlink(filepath.Join("real", filepath.Base(name)), filepath.Join(dir, "link.py")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{name, "-n", "3", "a b", "--", "--kernel"},
		{"link.py", "--help"},
		{filepath.Join(dir, "link.py"), "-n", "x"},
	} {
		want, wantStatus := outputOf(t, dir, python, args...)
		got, status := outputOf(t, dir, testenv.Reval(t), append([]string{"run"}, args...)...)
		if got != want || status != wantStatus {
			t.Errorf("%q: exit status %d:\n%s\npython: %d:\n%s", args, status, got, wantStatus, want)
		}
	}
}

// outputOf runs a program in a folder.
func outputOf(t *testing.T, dir, program string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(testenv.Env(t), "COLUMNS=80")
	data, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}
