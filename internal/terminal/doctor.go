package terminal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/reval-editor/reval/internal/daemon"
	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/trust"
	"github.com/reval-editor/reval/kernelclient"
)

// Statuses of a check.
const (
	statusOK      = "ok"
	statusWarning = "warning" // it is there but not as it should be
	statusMissing = "missing"
)

// check is one thing that was looked at, as `reval doctor --json` tells it; the
// keys stay.
type check struct {
	Subject string `json:"subject"` // reval, kernel, server, python, editor, folder or transport
	Name    string `json:"name"`
	Status  string `json:"status"`
	// Essential says that reval does not work without it.
	Essential bool   `json:"essential"`
	Detail    string `json:"detail"`
	// Fix is the command, or what else mends it; empty if all is well.
	Fix string `json:"fix"`
}

// Doctor looks over the machine.
type Doctor struct {
	Streams
	Finder  kernelclient.Finder
	Version string
	// Daemon is the place of this reval's daemon; NoDaemon says why there is none.
	Daemon   daemon.Place
	NoDaemon error
}

// Timeouts of what doctor starts: a kernel that is cold, and a program that only
// tells its version.
const (
	kernelTimeout  = 30 * time.Second
	versionTimeout = 10 * time.Second
)

// Do makes all checks and tells them on Out. It returns an [ExitError] if something
// essential fails.
func (d Doctor) Do(ctx context.Context, asJSON bool) error {
	checks := []check{d.self(), d.daemon(ctx)}
	for _, spec := range d.Finder.Builtin {
		checks = append(checks, d.evaluates(ctx, spec))
	}
	checks = append(checks, d.kernelspecs(ctx)...)
	checks = append(checks, d.pythons(ctx)...)
	checks = append(checks, servers(ctx)...)
	checks = append(checks, hosts())
	for _, e := range editors {
		checks = append(checks, e.check(ctx))
	}
	dir := kernelclient.RuntimeDir(os.Environ())
	checks = append(checks, runtimeFolder(dir), loopback())
	if runtime.GOOS != "windows" {
		checks = append(checks, unixSocket())
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var err error
	if asJSON {
		err = writeJSON(d.Out, checks)
	} else {
		err = d.print(checks)
	}
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.Essential && c.Status != statusOK {
			return ExitError{exitFailed}
		}
	}
	return nil
}

func (d Doctor) print(checks []check) error {
	var b strings.Builder
	subject, wrong := "", 0
	for _, c := range checks {
		if c.Subject != subject {
			subject = c.Subject
			b.WriteString(subject + "\n")
		}
		fmt.Fprintf(&b, "  %s  %s: %s\n", d.mark(c.Status), output.Line(c.Name), output.Line(c.Detail))
		if c.Fix != "" {
			fmt.Fprintf(&b, "           → %s\n", output.Line(c.Fix))
		}
		if c.Essential && c.Status != statusOK {
			wrong++
		}
	}
	if wrong == 0 {
		b.WriteString("\nreval can evaluate here.\n")
	} else {
		b.WriteString("\nreval cannot evaluate here until what is marked → above is mended.\n")
	}
	_, err := fmt.Fprint(d.Out, b.String())
	return err
}

func (d Doctor) mark(status string) string {
	padded := fmt.Sprintf("%-7s", status)
	if !d.OutColor {
		return padded
	}
	color := map[string]string{statusOK: "32", statusWarning: "33", statusMissing: "31"}[status]
	return "\x1b[" + color + "m" + padded + "\x1b[0m"
}

// self looks whether editors would start this binary.
func (d Doctor) self() check {
	c := check{Subject: "reval", Name: "reval", Status: statusOK}
	own, err := os.Executable()
	if err != nil {
		own = os.Args[0]
	}
	onPath, err := exec.LookPath("reval")
	switch {
	case err != nil:
		c.Status, c.Detail = statusMissing, fmt.Sprintf("%s at %s is not on the PATH, where editors look for it", d.Version, own)
		c.Fix = fmt.Sprintf(`export PATH="%s:$PATH"`, filepath.Dir(own))
	case !sameFile(own, onPath):
		c.Status, c.Detail = statusWarning, fmt.Sprintf("%s at %s, but editors start the one on the PATH, %s", d.Version, own, onPath)
		c.Fix = fmt.Sprintf(`export PATH="%s:$PATH"`, filepath.Dir(own))
	default:
		c.Detail = d.Version + " at " + onPath
	}
	return c
}

// daemon looks whether editors can share a daemon.
func (d Doctor) daemon(ctx context.Context) check {
	c := check{Subject: "reval", Name: "daemon", Status: statusOK}
	err := d.NoDaemon
	if err == nil {
		err = listenIn(d.Daemon.Dir)
	}
	if err != nil {
		c.Status = statusWarning
		c.Detail = "there can be none, so that each editor has a process of its own and its kernels end with it: " + err.Error()
		if runtime.GOOS != "windows" {
			c.Fix = privateRuntimeDir
		}
		return c
	}
	running, err := daemon.Running(ctx, d.Daemon)
	switch {
	case err != nil:
		c.Status, c.Detail, c.Fix = statusWarning, err.Error(), "reval daemon restart"
	case len(running) == 0:
		c.Detail = "none runs; it would listen in " + d.Daemon.Dir
	case running[0].Build != d.Daemon.Build:
		c.Status, c.Detail = statusWarning, fmt.Sprintf("process %d is of another reval, %s", running[0].PID, running[0].Version)
		c.Fix = "reval daemon restart"
	default:
		c.Detail = fmt.Sprintf("process %d listens in %s; clients: %d", running[0].PID, d.Daemon.Dir, len(running[0].Clients))
	}
	return c
}

// listenIn looks whether a Unix socket can be made in a folder.
func listenIn(dir string) error {
	l, err := net.Listen("unix", filepath.Join(dir, fmt.Sprintf("doctor-%d", os.Getpid())))
	if err != nil {
		return err
	}
	return l.Close() // which removes it
}

// privateRuntimeDir makes a folder that nobody else can have made before.
const privateRuntimeDir = `export XDG_RUNTIME_DIR="$(mktemp -d)"   (a folder that nobody else can have made before)`

func sameFile(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}

// evaluates starts a kernel and evaluates 1+1 in it.
func (d Doctor) evaluates(ctx context.Context, spec kernelclient.Spec) check {
	c := check{Subject: "kernel", Name: spec.Name, Status: statusOK, Essential: true}
	ctx, cancel := context.WithTimeout(ctx, kernelTimeout)
	defer cancel()
	begin := time.Now()
	value, transport, err := onePlusOne(ctx, spec)
	took := time.Since(begin).Round(time.Millisecond)
	switch {
	case err != nil:
		c.Status, c.Detail = statusMissing, err.Error()
		c.Fix = "install reval anew: go install github.com/reval-editor/reval/cmd/reval@latest"
	case value != "2":
		c.Status, c.Detail = statusMissing, fmt.Sprintf("1+1 gave %q", value)
		c.Fix = "install reval anew: go install github.com/reval-editor/reval/cmd/reval@latest"
	default:
		c.Detail = fmt.Sprintf("%s started and evaluated 1+1 in %v, %s", spec.DisplayName, took, over(transport))
	}
	return c
}

// over tells a kernel's transport, and what it means.
func over(transport string) string {
	switch transport {
	case kernelclient.TransportIPC:
		return "over ipc"
	case kernelclient.TransportTCP:
		return "over tcp, where other users of this machine can listen to its output"
	}
	return "transport found out at its first start"
}

func onePlusOne(ctx context.Context, spec kernelclient.Spec) (value, transport string, err error) {
	k, err := kernelclient.Launch(ctx, spec, kernelclient.LaunchOptions{})
	if err != nil {
		return "", "", err
	}
	defer k.Close()
	_, err = k.Execute(ctx, kernelclient.ExecuteRequest{Code: "1+1"}, func(e kernelclient.Event) {
		if r, ok := e.(kernelclient.Result); ok {
			value = output.PlainText(r.Data)
		}
	})
	return value, k.Transport(), err
}

// kernelspecs looks whether the found kernels could be started.
func (d Doctor) kernelspecs(ctx context.Context) []check {
	var checks []check
	specs, findErr := d.Finder.Find(ctx)
	for _, spec := range specs[min(len(d.Finder.Builtin), len(specs)):] {
		if spec.Missing != "" {
			continue // told of its python
		}
		c := check{Subject: "kernel", Name: spec.Name, Status: statusOK, Detail: fmt.Sprintf("%s, from %s, %s", spec.DisplayName, spec.Source, over(kernelclient.KnownTransport(spec, os.Environ())))}
		if _, err := exec.LookPath(spec.Argv[0]); err != nil {
			c.Status, c.Detail = statusMissing, fmt.Sprintf("%s starts %s, which is not there or cannot be executed", spec.Source, spec.Argv[0])
			c.Fix = "install it anew, or remove " + spec.Source
			if lang, ok := language.For(spec.Language); ok && lang.Install != "" {
				c.Fix = lang.Install + "   (or remove " + spec.Source + ")"
			}
		}
		checks = append(checks, c)
	}
	if findErr != nil {
		for _, err := range unjoin(findErr) {
			c := check{Subject: "kernel", Name: "not used", Status: statusWarning, Detail: err.Error(), Fix: "mend or remove that"}
			if errors.As(err, new(trust.ForeignError)) {
				c.Fix = "if you trust what is in it: make it yours (chown), or register its kernel as yours (PYTHON -m ipykernel install --user)"
			}
			checks = append(checks, c)
		}
	}
	return checks
}

// unjoin lists the errors that were joined to one.
func unjoin(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, err := range joined.Unwrap() {
		list = append(list, unjoin(err)...)
	}
	return list
}

// pythons looks which Python environments have a kernel.
func (d Doctor) pythons(ctx context.Context) []check {
	var checks []check
	for _, p := range d.Finder.Pythons(ctx) {
		c := check{Subject: "python", Name: cmp.Or(p.Executable, p.Prefix), Status: statusOK, Detail: "has ipykernel"}
		if !p.HasKernel {
			c.Status, c.Detail, c.Fix = statusMissing, p.Missing, p.Install
		}
		checks = append(checks, c)
	}
	if len(checks) == 0 {
		checks = append(checks, check{
			Subject: "python", Name: "python", Status: statusMissing, Detail: "none on the PATH, in VIRTUAL_ENV or CONDA_PREFIX, or in a .venv of this folder or its project",
			Fix: "python3 -m venv .venv && .venv/bin/python -m pip install ipykernel   (after Python 3 is installed)",
		})
	}
	return checks
}

// serverTimeout bounds a request to a server of this machine.
const serverTimeout = 5 * time.Second

// servers looks whether the user's Jupyter servers on this machine can be used.
func servers(ctx context.Context) []check {
	found, broken := kernelclient.LocalServers(os.Environ())
	var checks []check
	for _, s := range found {
		ctx, cancel := context.WithTimeout(ctx, serverTimeout)
		kernels, err := s.Kernels(ctx)
		cancel()
		c := check{Subject: "server", Name: s.String(), Status: statusOK}
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			continue // it has ended
		case errors.Is(err, kernelclient.ErrToken):
			c.Status, c.Detail = statusWarning, "it refuses the token that it wrote down"
			c.Fix = "take the URL that it printed when it was started, with ?token="
		case err != nil:
			c.Status, c.Detail, c.Fix = statusWarning, err.Error(), "stop it, and start it anew: jupyter server"
		default:
			c.Detail = fmt.Sprintf("kernels that run there: %d; --kernel and the editors' choice of a kernel take its URL, with the token that `jupyter server list` shows", len(kernels))
		}
		checks = append(checks, c)
	}
	if broken != nil {
		for line := range strings.SplitSeq(broken.Error(), "\n") {
			checks = append(checks, check{Subject: "server", Name: "Jupyter server", Status: statusWarning, Detail: line, Fix: "mend that, or remove the file if the server has ended"})
		}
	}
	if len(checks) == 0 {
		checks = append(checks, check{
			Subject: "server", Name: "Jupyter server", Status: statusOK,
			Detail: "none of this user's runs here; others are had by their URLs, http://HOST:PORT/?token=T",
		})
	}
	return checks
}

// hosts looks whether other hosts can be reached.
func hosts() check {
	c := check{Subject: "server", Name: "ssh", Status: statusOK}
	path, err := exec.LookPath("ssh")
	if err != nil {
		c.Status, c.Detail, c.Fix = statusMissing, "there is no ssh on the PATH", "install OpenSSH's client, if you use kernels on other hosts"
		return c
	}
	c.Detail = path + " reaches hosts, ssh://USER@HOST:PORT, that ask for no password"
	return c
}

// editor is one that reval has a plugin for, and the lowest version that it needs.
type editor struct {
	name    string
	program string
	version *regexp.Regexp // in what --version prints; its groups are the numbers
	floor   []int
}

var editors = []editor{
	{"Emacs", "emacs", regexp.MustCompile(`GNU Emacs (\d+)\.(\d+)`), []int{28, 1}},
	{"Vim", "vim", regexp.MustCompile(`(?s)IMproved (\d+)\.(\d+).*?Included patches: 1-(\d+)`), []int{9, 0, 1378}},
	{"Neovim", "nvim", regexp.MustCompile(`NVIM v(\d+)\.(\d+)`), []int{0, 10}},
}

func (e editor) check(ctx context.Context) check {
	c := check{Subject: "editor", Name: e.name, Status: statusMissing, Fix: fmt.Sprintf("install %s %s or later, if you use it", e.name, dotted(e.floor))}
	path, err := exec.LookPath(e.program)
	if err != nil {
		c.Detail = "there is no " + e.program + " on the PATH"
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		c.Detail = fmt.Sprintf("%s --version: %v", path, err)
		return c
	}
	version, ok := e.parse(string(out))
	switch {
	case !ok:
		c.Status, c.Detail = statusWarning, fmt.Sprintf("%s does not tell its version", path)
	case !atLeast(version, e.floor):
		c.Status, c.Detail = statusWarning, fmt.Sprintf("%s at %s is older than %s, the lowest that works", dotted(version), path, dotted(e.floor))
	default:
		c.Status, c.Detail, c.Fix = statusOK, dotted(version)+" at "+path, ""
	}
	return c
}

func (e editor) parse(words string) (version []int, ok bool) {
	m := e.version.FindStringSubmatch(words)
	if m == nil {
		return nil, false
	}
	for _, digits := range m[1:] {
		n, err := strconv.Atoi(digits)
		if err != nil {
			return nil, false
		}
		version = append(version, n)
	}
	return version, true
}

// atLeast compares two versions of as many numbers.
func atLeast(version, floor []int) bool {
	for i, n := range version {
		if n != floor[i] {
			return n > floor[i]
		}
	}
	return true
}

func dotted(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ".")
}

// runtimeFolder looks whether connection files can be written, where nobody else
// can see them.
func runtimeFolder(dir string) check {
	c := check{Subject: "folder", Name: "connection files", Status: statusOK, Essential: true, Detail: dir}
	fail := func(detail, fix string) check {
		c.Status, c.Detail, c.Fix = statusMissing, detail, fix
		return c
	}
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fail(fmt.Sprintf("cannot be made: %v", err), "export JUPYTER_RUNTIME_DIR=DIR, a folder that you can write to")
		}
	case err != nil:
		return fail(err.Error(), "export JUPYTER_RUNTIME_DIR=DIR, a folder that you can write to")
	case !st.IsDir():
		return fail(dir+" is no folder", "rm "+dir)
	}
	if err := trust.Owned(dir); err != nil {
		return fail(err.Error(), "export JUPYTER_RUNTIME_DIR=DIR, a folder of yours")
	}
	f, err := os.CreateTemp(dir, "reval-doctor-")
	if err != nil {
		return fail(fmt.Sprintf("cannot be written to: %v", err), "chmod 700 "+dir)
	}
	f.Close()
	os.Remove(f.Name())
	// The files are 0600 themselves; the folder shows only that there are kernels.
	if st != nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		c.Status, c.Essential = statusWarning, false
		c.Detail = fmt.Sprintf("%s can be read by others (mode %04o)", dir, st.Mode().Perm())
		c.Fix = "chmod 700 " + dir
	}
	return c
}

// loopback looks whether kernels can listen where clients find them.
func loopback() check {
	c := check{Subject: "transport", Name: "tcp", Status: statusOK, Essential: true, Detail: "127.0.0.1 can be listened on"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.Status, c.Detail, c.Fix = statusMissing, err.Error(), "let this user listen on 127.0.0.1: kernels need it"
		return c
	}
	l.Close()
	return c
}

// unixSocket looks whether kernels can talk over ipc.
func unixSocket() check {
	c := check{Subject: "transport", Name: "ipc", Status: statusOK}
	dir, err := kernelclient.SocketDir(os.Environ())
	if err == nil {
		c.Detail = "kernels make their sockets in " + dir
		err = listenIn(dir)
	}
	if err != nil {
		c.Status, c.Detail = statusWarning, err.Error()
		c.Fix = privateRuntimeDir
	}
	return c
}
