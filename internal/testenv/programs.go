package testenv

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A program is looked for and asked for its version once in a test process.
type program func() (path string, err error)

func (p program) path(t testing.TB) string {
	t.Helper()
	path, err := p()
	if err != nil {
		Missing(t, err.Error())
	}
	return path
}

var (
	python program = sync.OnceValues(findPython)
	emacs  program = sync.OnceValues(findEmacs)
	eglot  program = sync.OnceValues(findEglot)
	vim    program = sync.OnceValues(findVim)
	nvim   program = sync.OnceValues(findNvim)
	tmux   program = sync.OnceValues(findTmux)

	nvimFloor program = sync.OnceValues(findNvimFloor)

	jupyterServer program = sync.OnceValues(findJupyterServer)
	kernelGateway program = sync.OnceValues(findKernelGateway)
)

// Python returns the interpreter of the test environment, which has ipykernel,
// jupyter_client, pyzmq and matplotlib.
func Python(t testing.TB) string {
	t.Helper()
	return python.path(t)
}

// Emacs returns the path of an Emacs that is not older than 28.1.
func Emacs(t testing.TB) string {
	t.Helper()
	return emacs.path(t)
}

// Eglot returns the path of an Emacs that finds eglot when it is started with -q.
// It is built in from Emacs 29 on; before, Debian's elpa-eglot is found by the site
// file, which -Q leaves out.
func Eglot(t testing.TB) string {
	t.Helper()
	return eglot.path(t)
}

// Vim returns the path of a Vim that is not older than 9.0.1378 and has channels.
func Vim(t testing.TB) string {
	t.Helper()
	return vim.path(t)
}

// Nvim returns the path of a Neovim that is not older than 0.10.
func Nvim(t testing.TB) string {
	t.Helper()
	return nvim.path(t)
}

// NvimFloor returns the path of a Neovim 0.10, the oldest that is supported. It is
// had from Debian alone; elsewhere the test is skipped.
func NvimFloor(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("Neovim 0.10: had from Debian's packages only")
	}
	return nvimFloor.path(t)
}

// Tmux returns the path of tmux; most tests want StartTerminal instead.
func Tmux(t testing.TB) string {
	t.Helper()
	return tmux.path(t)
}

// JupyterServer returns the path of jupyter-server, which has the kernels of
// [Python]'s environment.
func JupyterServer(t testing.TB) string {
	t.Helper()
	return jupyterServer.path(t)
}

// KernelGateway returns the path of jupyter-kernelgateway, which has the kernels of
// [Python]'s environment.
func KernelGateway(t testing.TB) string {
	t.Helper()
	return kernelGateway.path(t)
}

func findPython() (string, error) {
	path, err := find("REVAL_TEST_PYTHON", "python3", installed("venv", "bin", "python"))
	if err != nil {
		return "", fmt.Errorf("python3 with ipykernel: %w", err)
	}
	if _, err := output(path, "-c", "import ipykernel, jupyter_client, matplotlib, zmq"); err != nil {
		return "", fmt.Errorf("ipykernel, jupyter_client, matplotlib and pyzmq: %w", err)
	}
	return path, nil
}

func findEmacs() (string, error) {
	path, err := find("REVAL_TEST_EMACS", "emacs")
	if err != nil {
		return "", fmt.Errorf("emacs: %w", err)
	}
	out, err := output(path, "--version")
	if err != nil {
		return "", err
	}
	return path, atLeast(path, out, `GNU Emacs (\d+)\.(\d+)`, 28, 1)
}

func findEglot() (string, error) {
	path, err := emacs()
	if err != nil {
		return "", err
	}
	if _, err := output(path, "-q", "--batch", "--eval", "(require 'eglot)"); err != nil {
		return "", fmt.Errorf("eglot (Debian: elpa-eglot): %w", err)
	}
	return path, nil
}

func findVim() (string, error) {
	path, err := find("REVAL_TEST_VIM", "vim")
	if err != nil {
		return "", fmt.Errorf("vim: %w", err)
	}
	out, err := output(path, "--version")
	if err != nil {
		return "", err
	}
	// The build's own list of features, not its number, says whether it has channels.
	for _, feature := range []string{"+channel", "+job", "+textprop", "+timers"} {
		if !strings.Contains(out, feature) {
			return "", fmt.Errorf("vim with %s: %s is built without it", feature, path)
		}
	}
	return path, atLeast(path, out, `(?s)IMproved (\d+)\.(\d+).*Included patches: 1-(\d+)`, 9, 0, 1378)
}

func findNvim() (string, error) {
	path, err := find("REVAL_TEST_NVIM", "nvim", installed("bin", "nvim"))
	if err != nil {
		return "", fmt.Errorf("nvim: %w", err)
	}
	out, err := output(path, "--version")
	if err != nil {
		return "", err
	}
	return path, atLeast(path, out, `NVIM v(\d+)\.(\d+)`, 0, 10)
}

func findNvimFloor() (string, error) {
	path, err := find("REVAL_TEST_NVIM_FLOOR", installed("nvim-0.10", "nvim"))
	if err != nil {
		return "", fmt.Errorf("nvim 0.10: %w", err)
	}
	out, err := output(path, "--version")
	if err != nil {
		return "", err
	}
	if !strings.Contains(out, "NVIM v0.10.") {
		return "", fmt.Errorf("%s is no Neovim 0.10", path)
	}
	return path, nil
}

func findTmux() (string, error) {
	path, err := find("REVAL_TEST_TMUX", "tmux")
	if err != nil {
		return "", fmt.Errorf("tmux: %w", err)
	}
	return path, nil
}

func findJupyterServer() (string, error) {
	return findServer("REVAL_TEST_JUPYTER_SERVER", "jupyter-server", "jupyter_server")
}

func findKernelGateway() (string, error) {
	return findServer("REVAL_TEST_KERNEL_GATEWAY", "jupyter-kernelgateway", "jupyter_kernel_gateway")
}

// findServer asks for the version, since a script may be left of an environment that
// was moved.
func findServer(override, name, pypi string) (string, error) {
	path, err := find(override, name, installed("venv", "bin", name))
	if err != nil {
		return "", fmt.Errorf("%s (PyPI: %s): %w", name, pypi, err)
	}
	if _, err := output(path, "--version"); err != nil {
		return "", err
	}
	return path, nil
}

// atLeast compares the numbers that pattern's groups find in a program's own words
// with the lowest ones supported.
func atLeast(path, words, pattern string, floor ...int) error {
	groups := regexp.MustCompile(pattern).FindStringSubmatch(words)
	if groups == nil {
		return fmt.Errorf("%s does not tell its version: %.80q", path, words)
	}
	for i, lowest := range floor {
		number, err := strconv.Atoi(groups[i+1])
		if err != nil {
			return fmt.Errorf("version of %s: %w", path, err)
		}
		if number > lowest {
			return nil
		}
		if number < lowest {
			return fmt.Errorf("%s is version %s, the lowest supported is %s",
				path, strings.Join(groups[1:], "."), dotted(floor))
		}
	}
	return nil
}

func dotted(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ".")
}

// output runs a program that only tells something about itself.
func output(path string, args ...string) (string, error) {
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "", fmt.Errorf("%s %s: %w: %s", path, strings.Join(args, " "), err, lines[len(lines)-1])
	}
	return string(out), nil
}
