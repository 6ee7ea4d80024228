package kernelclient

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/internal/trust"
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
	InterruptMode string `json:"interrupt_mode"`
	// KernelProtocolVersion is the protocol's version that the kernel says it
	// implements; empty if it does not say.
	KernelProtocolVersion string          `json:"kernel_protocol_version,omitempty"`
	Metadata              json.RawMessage `json:"metadata,omitempty"`
	// Dir is the spec's folder, its {resource_dir}; empty if it has none.
	Dir string `json:"resource_dir,omitempty"`
	// Source says for people where it was found.
	Source string `json:"source"`
	// Missing says in one line what the kernel lacks to be started, and the command that
	// brings it; empty for one that can be started.
	Missing string `json:"-"`
}

// Values of Spec.InterruptMode.
const (
	InterruptBySignal  = "signal"
	InterruptByMessage = "message"
)

// Environment is the folder of the Python or conda environment that the kernel is of;
// empty if it is of none, or runs elsewhere.
func (s Spec) Environment() string {
	if len(s.Argv) == 0 {
		return ""
	}
	return cmp.Or(environmentOf(s.Argv[0]), environmentOf(s.Dir))
}

// ReadSpec reads the kernel.json of a kernelspec's folder.
func ReadSpec(dir string) (Spec, error) {
	path := filepath.Join(dir, "kernel.json")
	data, err := trust.ReadFile(path)
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
	switch s.InterruptMode = strings.ToLower(s.InterruptMode); s.InterruptMode {
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
	s.DisplayName, s.Language = brief(s.DisplayName), brief(s.Language)
	return s, nil
}

// maxName is how many code points of a name are shown: a list is as wide as its longest.
const maxName = 200

// brief is a name that somebody else chose, cut where no name is that long.
func brief(name string) string {
	if len(name) <= maxName {
		return name
	}
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName-1]) + "…"
	}
	return name
}

// registers tells whether the kernel says that it can choose its ports itself and
// register them (JEP 66).
func (s Spec) registers() bool {
	major, minor, _ := strings.Cut(s.KernelProtocolVersion, ".")
	minor, _, _ = strings.Cut(minor, ".")
	x, errX := strconv.Atoi(major)
	y, errY := strconv.Atoi(minor)
	return errX == nil && errY == nil && (x > 5 || x == 5 && y >= 5)
}

// command gives the argv and the environment to start the kernel with, as
// jupyter_client does. env is the environment to start from, as of os.Environ.
func (s Spec) command(connectionFile string, env []string) (argv, environ []string) {
	vars := environMap(env)
	fill := []string{"{connection_file}", connectionFile, "{resource_dir}", s.Dir}
	if prefix := s.prefix(vars); prefix != "" {
		fill = append(fill, "{prefix}", prefix)
	}
	templates := strings.NewReplacer(fill...)
	for _, a := range s.Argv {
		argv = append(argv, templates.Replace(a))
	}
	env = inEnvironment(argv[0], s.Dir, env)
	vars = environMap(env)
	python := strings.HasPrefix(strings.ToLower(s.Language), "python")
	for _, kv := range env {
		// It would make a python take another's place for its own.
		if python && strings.HasPrefix(kv, "PYTHONEXECUTABLE=") {
			continue
		}
		environ = append(environ, kv)
	}
	for k, v := range s.Env {
		if python && k == "PYTHONEXECUTABLE" {
			continue
		}
		environ = append(environ, k+"="+expand(v, vars))
	}
	return argv, environ
}

// prefix stands for the sys.prefix of the Python that jupyter_client runs in: of
// the environment that the spec is in, PREFIX/share/jupyter/kernels/NAME, else of
// the active one.
func (s Spec) prefix(vars map[string]string) string {
	share := filepath.Dir(filepath.Dir(filepath.Dir(s.Dir)))
	if s.Dir != "" && filepath.Base(share) == "share" {
		return filepath.Dir(share)
	}
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if vars[name] != "" {
			return vars[name]
		}
	}
	return ""
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
