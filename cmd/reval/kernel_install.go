package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/reval-editor/reval/gokernel"
	"github.com/reval-editor/reval/kernelclient"
)

// kernelspecName is what Jupyter allows as the name of a kernelspec.
var kernelspecName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func runKernelInstall(_ context.Context, env environment, args []string) error {
	f := flags("kernel install")
	user := f.Bool("user", false, "")
	sysPrefix := f.Bool("sys-prefix", false, "")
	prefix := f.String("prefix", "", "")
	name := f.String("name", "reval-go", "")
	engine := f.String("engine", "", "")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	places := 0
	for _, chosen := range []bool{*user, *sysPrefix, *prefix != ""} {
		if chosen {
			places++
		}
	}
	switch {
	case places > 1:
		return usagef("kernel install: --user, --sys-prefix and --prefix exclude each other")
	case !kernelspecName.MatchString(*name):
		return usagef("kernel install: %q is no kernelspec's name: letters, digits, '.', '_' and '-' are", *name)
	case *engine != "" && !slices.Contains(gokernel.Engines, *engine):
		return usagef("kernel install: there is no engine %q: choose %s", *engine, strings.Join(gokernel.Engines, " or "))
	}
	data, err := dataDir(*sysPrefix, *prefix)
	if err != nil {
		return err
	}
	builtin, err := builtinKernels()
	if err != nil {
		return err
	}
	spec := builtin[0]
	if *engine != "" {
		spec.Argv = append(spec.Argv, "--engine", *engine)
		spec.DisplayName = fmt.Sprintf("Go (reval, %s)", *engine)
	}
	dir := filepath.Join(data, "kernels", strings.ToLower(*name)) // Jupyter's names are in lower case
	if err := writeKernelspec(dir, spec); err != nil {
		return fmt.Errorf("install the kernelspec: %w", err)
	}
	fmt.Fprintf(env.stdout, "installed the kernelspec %s in %s\n", filepath.Base(dir), dir)
	return nil
}

// dataDir is the Jupyter data directory that the flags choose.
func dataDir(sysPrefix bool, prefix string) (string, error) {
	if sysPrefix {
		if prefix = os.Getenv("VIRTUAL_ENV"); prefix == "" {
			prefix = os.Getenv("CONDA_PREFIX")
		}
		if prefix == "" {
			return "", fmt.Errorf("no Python environment is active: activate one, or name it with --prefix DIR")
		}
	}
	if prefix != "" {
		return filepath.Abs(filepath.Join(prefix, "share", "jupyter"))
	}
	data := kernelclient.UserDataDir(os.Environ())
	if data == "" {
		return "", fmt.Errorf("this user has no Jupyter data directory: set HOME, or choose a folder with --prefix DIR")
	}
	return data, nil
}

// writeKernelspec writes kernel.json whole or not at all: Jupyter may be reading it.
func writeKernelspec(dir string, spec kernelclient.Spec) error {
	content, err := json.MarshalIndent(struct {
		Argv          []string       `json:"argv"`
		DisplayName   string         `json:"display_name"`
		Language      string         `json:"language"`
		InterruptMode string         `json:"interrupt_mode"`
		Metadata      map[string]any `json:"metadata"`
	}{spec.Argv, spec.DisplayName, spec.Language, spec.InterruptMode, map[string]any{"debugger": false}}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "kernel*.json")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(content, '\n'))
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(file.Name(), 0o644) // a kernelspec of --prefix is everyone's
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(dir, "kernel.json"))
}
