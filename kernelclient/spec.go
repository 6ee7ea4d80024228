package kernelclient

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// Spec is a kernelspec: how a kernel is started ("Kernel specs" of the Jupyter
// documentation).
type Spec struct {
	// Name identifies the spec among all that a Finder gives: the folder's name,
	// as Jupyter has it, with @ and the environment's folder after it where an
	// earlier spec has the same name.
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Language    string `json:"language"`
	// Argv is the command; {connection_file} and {resource_dir} are replaced.
	Argv []string `json:"argv"`
	// Env is added to the kernel's environment; $NAME and ${NAME} are replaced.
	Env map[string]string `json:"env,omitempty"`
	// InterruptMode is signal or message.
	InterruptMode string          `json:"interrupt_mode"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	// Dir is the spec's folder, its {resource_dir}; empty if it has none.
	Dir string `json:"resource_dir,omitempty"`
	// Source says for people where it was found.
	Source string `json:"source"`
}

// Values of Spec.InterruptMode.
const (
	InterruptBySignal  = "signal"
	InterruptByMessage = "message"
)

// ReadSpec reads the kernel.json of a kernelspec's folder.
func ReadSpec(dir string) (Spec, error) {
	path := filepath.Join(dir, "kernel.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return Spec{}, fmt.Errorf("read kernelspec: %w", err)
	}
	s := Spec{}
	if err := json.Unmarshal(data, &s); err != nil {
		return Spec{}, fmt.Errorf("kernelspec %s is no JSON object of the expected form: %w", path, err)
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return Spec{}, fmt.Errorf("kernelspec %s has no argv", path)
	}
	switch s.InterruptMode {
	case "":
		s.InterruptMode = InterruptBySignal
	case InterruptBySignal, InterruptByMessage:
	default:
		return Spec{}, fmt.Errorf("kernelspec %s: interrupt_mode %q is neither signal nor message", path, s.InterruptMode)
	}
	// Names are matched without regard to case, as jupyter_client does.
	s.Name = strings.ToLower(filepath.Base(dir))
	s.Dir, s.Source = dir, dir
	if s.DisplayName == "" {
		s.DisplayName = s.Name
	}
	return s, nil
}

// command gives the argv and the environment to start the kernel with. env is
// the environment to start from, as of os.Environ.
func (s Spec) command(connectionFile string, env []string) (argv, environ []string) {
	fill := strings.NewReplacer("{connection_file}", connectionFile, "{resource_dir}", s.Dir, "{prefix}", s.prefix())
	for _, a := range s.Argv {
		argv = append(argv, fill.Replace(a))
	}
	environ = append(environ, env...)
	lookup := environMap(env)
	for k, v := range s.Env {
		environ = append(environ, k+"="+expand(v, lookup))
	}
	return argv, environ
}

// prefix is the environment's folder of a spec in PREFIX/share/jupyter/kernels/NAME.
func (s Spec) prefix() string {
	if s.Dir == "" {
		return ""
	}
	share := filepath.Dir(filepath.Dir(filepath.Dir(s.Dir)))
	if filepath.Base(share) != "share" {
		return ""
	}
	return filepath.Dir(share)
}

// variable matches $$, $NAME and ${NAME}, the forms of Python's string.Template,
// by which jupyter_client expands a kernelspec's env.
var variable = regexp.MustCompile(`\$(?:\$|[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})`)

// expand replaces $NAME and ${NAME} by the variable's value and $$ by $; an
// unknown name stays.
func expand(s string, env map[string]string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		if v == "$$" {
			return "$"
		}
		if value, ok := env[strings.Trim(v, "${}")]; ok {
			return value
		}
		return v
	})
}

func environMap(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			if runtime.GOOS == "windows" {
				k = strings.ToUpper(k)
			}
			m[k] = v
		}
	}
	return m
}
