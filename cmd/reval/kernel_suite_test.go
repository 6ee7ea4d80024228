package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/reval-editor/reval/gokernel"
	"github.com/reval-editor/reval/internal/testenv"
)

// TestKernelSuite runs the suite jupyter_kernel_test, with every capability declared
// and none skipped, on the kernel as it is installed.
func TestKernelSuite(t *testing.T) {
	python, reval := testenv.Python(t), testenv.Reval(t)
	for _, engine := range gokernel.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			env := testenv.Env(t)
			run := func(name string, args ...string) string {
				ctx, stop := context.WithTimeout(t.Context(), testenv.Patience)
				defer stop()
				cmd := exec.CommandContext(ctx, name, args...)
				cmd.Env = env
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return string(out)
			}
			if run(python, "-c", "import importlib.util; print(importlib.util.find_spec('jupyter_kernel_test'))") == "None\n" {
				testenv.Missing(t, "jupyter_kernel_test")
			}
			run(reval, "kernel", "install", "--engine", engine)
			out := run(python, filepath.Join("testdata", "kernel_suite.py"), "reval-go")
			if skipped := regexp.MustCompile(`(?m)^.*skipped.*$`).FindString(out); skipped != "" {
				t.Error(skipped)
			}
			if !regexp.MustCompile(`(?m)^Ran 13 tests`).MatchString(out) {
				t.Errorf("not all tests ran:\n%s", out)
			}
		})
	}
}
