package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
)

// TestRunningKernels: those that run come after the kernelspecs, the newest first.
func TestRunningKernels(t *testing.T) {
	specs, err := builtinKernels()
	if err != nil {
		t.Fatal(err)
	}
	spec, env := specs[0], testenv.Env(t)
	spec.Argv[0] = testenv.Reval(t) // not this test
	k, err := kernelclient.Launch(t.Context(), spec, kernelclient.LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	list := func(arguments ...string) []byte {
		t.Helper()
		cmd := exec.Command(testenv.Reval(t), append([]string{"kernels"}, arguments...)...)
		cmd.Env = env
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	table := list()
	row := fmt.Sprintf(`(?m)^  go +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\S+ +%s +%s$`, k.Transport(), regexp.QuoteMeta(k.ConnectionFile()))
	if !regexp.MustCompile(row).Match(table) {
		t.Errorf("no %s in\n%s", row, table)
	}
	var kernels []struct {
		Name, Transport string
		Running         *struct {
			File string `json:"connection_file"`
		}
	}
	if err := json.Unmarshal(list("--json"), &kernels); err != nil {
		t.Fatal(err)
	}
	first, last := kernels[0], kernels[len(kernels)-1]
	if first.Name != "go" || first.Transport != k.Transport() || first.Running != nil {
		t.Errorf("the first is %+v", first)
	}
	if last.Name != k.ConnectionFile() || last.Running == nil || last.Running.File != k.ConnectionFile() {
		t.Errorf("the last is %+v", last)
	}
	k.Close()
	if table := list(); regexp.MustCompile(`RUNNING`).Match(table) {
		t.Errorf("after its end\n%s", table)
	}
}
