package kernelclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/reval-editor/reval/jupyter"
)

// Host is another machine, reached by the system's ssh with its own configuration,
// keys and agent. Nobody is asked for a password: ssh must get in without one.
type Host struct {
	target string // [user@]host
	port   string // empty for ssh's own
	env    []string
}

// IsSSHURL tells whether a user's choice of a kernel is on a host reached by ssh.
func IsSSHURL(kernel string) bool { return strings.HasPrefix(kernel, "ssh://") }

// ParseSSHURL reads ssh://[user@]host[:port][/kernelspec]. The kernelspec is empty if
// the URL names none. env is the environment that ssh is run in, as of os.Environ; nil
// for this process's.
func ParseSSHURL(raw string, env []string) (h *Host, spec string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "ssh" || u.Hostname() == "" || u.RawQuery != "" {
		return nil, "", errors.New("the host's URL does not have the form ssh://user@host:port/kernelspec")
	}
	if _, set := u.User.Password(); set {
		return nil, "", errors.New("ssh takes no password from a URL: have its agent or a key let you in")
	}
	h = &Host{target: u.Hostname(), port: u.Port(), env: env}
	if user := u.User.Username(); user != "" {
		h.target = user + "@" + h.target
	}
	if strings.HasPrefix(h.target, "-") { // ssh would take it for an option
		return nil, "", fmt.Errorf("no host is named %q", h.target)
	}
	return h, strings.Trim(u.Path, "/"), nil
}

// String is the host's URL.
func (h *Host) String() string {
	if h.port != "" {
		return "ssh://" + h.target + ":" + h.port
	}
	return "ssh://" + h.target
}

// URL names a kernelspec of the host, as [ParseSSHURL] reads it.
func (h *Host) URL(spec string) string { return h.String() + "/" + url.PathEscape(spec) }

// command is ssh's, running a POSIX shell that takes the script for its first line of
// input: so it does not matter which shell is the user's there, and nobody there sees
// the script among the processes' arguments.
func (h *Host) command(options ...string) []string {
	argv := []string{"ssh", "-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
		// A cut network is noticed within half a minute.
		"-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=2"}
	if h.port != "" {
		argv = append(argv, "-p", h.port)
	}
	argv = append(argv, options...)
	return append(argv, "--", h.target, `exec sh -c 'IFS= read -r script; eval "$script"'`)
}

// quote makes a word of a POSIX shell's.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// Specs lists the host's kernelspecs, as jupyter_client there finds them, by name. They are
// of use to [Choose] and [Host.Launch] only.
func (h *Host) Specs(ctx context.Context) ([]Spec, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	const list = "jupyter kernelspec list --json 2>/dev/null || exec python3 -m jupyter_client.kernelspecapp list --json\n"
	argv := h.command()
	env := h.environ()
	path := lookPath(argv[0], environMap(env))
	if path == "" {
		return nil, errors.New("ssh is not on the PATH")
	}
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(list)
	said := &tail{logger: slog.New(slog.DiscardHandler)}
	cmd.Stderr = said
	out, err := answerOf(cmd)
	if err != nil {
		words := said.lastLines(2)
		if errors.Is(err, errTooLong) {
			words = err.Error()
		}
		if words == "" {
			words = err.Error()
		}
		if ctx.Err() != nil {
			words = fmt.Sprintf("no answer: %v", ctx.Err())
		}
		return nil, fmt.Errorf("list the kernelspecs of %s: %s", h, words)
	}
	var answer struct {
		Specs map[string]struct {
			Dir  string `json:"resource_dir"`
			Spec Spec
		} `json:"kernelspecs"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("list the kernelspecs of %s: what jupyter says there is no such JSON: %w", h, err)
	}
	var specs []Spec
	for _, name := range slices.Sorted(maps.Keys(answer.Specs)) {
		a := answer.Specs[name]
		a.Spec.Name, a.Spec.Dir, a.Spec.Source = name, a.Dir, h.String()
		if a.Spec.InterruptMode != InterruptByMessage {
			a.Spec.InterruptMode = InterruptBySignal
		}
		if len(a.Spec.Argv) > 0 {
			specs = append(specs, a.Spec)
		}
	}
	return specs, nil
}

func (h *Host) environ() []string {
	if h.env == nil {
		return os.Environ()
	}
	return h.env
}

// Launch starts one of the host's kernels, in the user's home there, and waits until it
// is ready. It talks over Unix sockets in a private folder of the host, or over tcp
// on the host's loopback if it cannot, forwarded to Unix sockets in a private folder
// here. The kernel ends with [Kernel.Shutdown] or [Kernel.Close], and when ssh's
// connection breaks.
func (h *Host) Launch(ctx context.Context, spec Spec, o Options) (*Kernel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	for _, transport := range []string{TransportIPC, TransportTCP, TransportTCP, TransportTCP} {
		var k *Kernel
		if k, err = h.launch(ctx, spec, transport, o); err == nil {
			return k, nil
		}
		if ctx.Err() != nil || transport == TransportTCP && !portTaken(err) || errors.Is(err, errSSH) {
			break
		}
	}
	return nil, fmt.Errorf("start kernel %s on %s: %w", spec.Name, h, err)
}

// errSSH is an end of ssh's own making.
var errSSH = errors.New("ssh did not get through")

// sshFailed is ssh's exit status for a failure of its own; others are the command's.
const sshFailed = 255

// A host's ports from which those of a kernel are drawn that cannot use Unix sockets:
// below those that systems give to clients.
const (
	firstPort = 20000
	ports     = 12000
)

func (h *Host) launch(ctx context.Context, spec Spec, transport string, o Options) (*Kernel, error) {
	k := newKernel(o)
	k.spec = spec
	vars := environMap(h.environ())
	prefix, err := ipcPrefix(vars, k.options.Logger)
	if err != nil {
		return nil, err
	}
	id := jupyter.NewID()
	dir := "/tmp/reval-" + id // as long as the path of a socket may be
	there := jupyter.ConnectionInfo{
		Transport: transport, IP: dir + "/kernel", ShellPort: 1, IOPubPort: 2, StdinPort: 3, ControlPort: 4, HBPort: 5,
		SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(), KernelName: spec.Name,
	}
	here := there
	here.Transport, here.IP = TransportIPC, prefix
	if transport == TransportTCP {
		there.IP = "127.0.0.1"
		first := firstPort + rand.IntN(ports)
		there.ShellPort, there.IOPubPort, there.StdinPort, there.ControlPort, there.HBPort = first, first+1, first+2, first+3, first+4
	}
	var options []string
	for _, c := range []jupyter.Channel{jupyter.Shell, jupyter.IOPub, jupyter.Stdin, jupyter.Control} {
		to := strings.TrimPrefix(strings.TrimPrefix(there.Endpoint(c), "ipc://"), "tcp://")
		options = append(options, "-L", strings.TrimPrefix(here.Endpoint(c), "ipc://")+":"+to)
	}
	file, err := json.Marshal(there)
	if err != nil {
		return nil, err
	}
	ssh := program{argv: h.command(options...), env: h.environ(), input: script(spec, dir) + "\n" + string(file) + "\n"}
	if k.proc, err = startProcess(ssh, k.options.Logger); err != nil {
		removeSockets(here)
		return nil, err
	}
	k.proc.clean = func() { removeSockets(here) }
	err = k.connect(ctx, func(ctx context.Context) (channels, error) {
		return dialSockets(ctx, here, k.identity, k.malformed)
	}, k.ready)
	if err == nil {
		k.proc.stderr.forget()
		return k, nil
	}
	k.proc.stopNow()
	if state := k.proc.state; state != nil && state.ExitCode() == sshFailed {
		return nil, fmt.Errorf("%w: %s", errSSH, k.proc.stderr.lastLines(2))
	}
	return nil, err
}

// interruptLine has script interrupt its kernel.
const interruptLine = "interrupt\n"

// script runs a kernel on the host. It reads the connection file, and then a line for
// each interrupt; the end of its input, which a broken connection is as well, ends
// the kernel. It is one line.
func script(spec Spec, dir string) string {
	var command []string
	for _, key := range slices.Sorted(maps.Keys(spec.Env)) {
		command = append(command, quote(key+"="+spec.Env[key]))
	}
	if len(command) > 0 {
		command = append([]string{"env"}, command...)
	}
	for _, a := range spec.Argv {
		a = strings.NewReplacer("{connection_file}", dir+"/kernel.json", "{resource_dir}", spec.Dir).Replace(a)
		command = append(command, quote(a))
	}
	return strings.Join([]string{
		"umask 077",
		"dir=" + quote(dir),
		`mkdir "$dir" || exit`,
		`IFS= read -r file`,
		`printf '%s\n' "$file" >"$dir/kernel.json"`,
		`exec 3<&0`,
		// sshd makes each command the leader of a process group, which the kernel takes
		// over with its number: one that a shell starts behind it would ignore SIGINT.
		`{ trap '' TERM; while IFS= read -r line; do kill -INT -- -$$ || kill -INT $$; done; ` +
			`kill -TERM -- -$$ || kill -TERM $$; sleep 1; rm -rf "$dir"; kill -KILL -- -$$ || kill -KILL $$; } <&3 >/dev/null 2>&1 &` +
			` exec ` + strings.Join(command, " ") + ` </dev/null >&2 3<&-`,
	}, "; ")
}
