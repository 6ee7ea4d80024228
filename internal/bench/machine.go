package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// machine tells what this run is made on.
func (b *bench) machine(ctx context.Context) error {
	const ask = `import json, platform, zmq
from importlib.metadata import version
print(json.dumps({"python": platform.python_version(), "libzmq": zmq.zmq_version(),
    **{name: version(name) for name in ("pyzmq", "jupyter_client", "ipykernel")}}))`
	out, err := exec.CommandContext(ctx, b.python, "-c", ask).Output()
	if err != nil {
		return fmt.Errorf("ask %s for versions, of ipykernel among others: %w", b.python, err)
	}
	var v struct{ Python, Libzmq, Pyzmq, JupyterClient, Ipykernel string }
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(out), "jupyter_client", "JupyterClient")), &v); err != nil {
		return err
	}
	library, err := exec.CommandContext(ctx, *libzmq, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", *libzmq, err)
	}
	b.report.machine = fmt.Sprintf(`%s; %s (%s/%s); %d CPUs, %s.
%s; libzmq %s by github.com/pebbe/zmq4; Python %s with pyzmq %s (libzmq %s),
jupyter_client %s and ipykernel %s.%s`,
		time.Now().UTC().Format("2 January 2006"), system(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(ctx),
		runtime.Version(), strings.TrimSpace(string(library)), v.Python, v.Pyzmq, v.Libzmq, v.JupyterClient, v.Ipykernel, load())
	return nil
}

// system is the name that the operating system gives itself.
func system() string {
	release, _ := os.ReadFile("/etc/os-release")
	if m := regexp.MustCompile(`(?m)^PRETTY_NAME="?(.*?)"?$`).FindSubmatch(release); m != nil {
		return string(m[1])
	}
	return runtime.GOOS
}

// processor is the model of the CPUs, as Linux or macOS tells it.
func processor(ctx context.Context) string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(info); m != nil {
		return string(m[1])
	}
	if brand, err := exec.CommandContext(ctx, "sysctl", "-n", "machdep.cpu.brand_string").Output(); err == nil {
		return strings.TrimSpace(string(brand))
	}
	return "of a model that is not told"
}

// load tells what else the machine did just before, where the system tells it.
func load() string {
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	minute, _, _ := strings.Cut(string(averages), " ")
	return " The load average in the minute before was " + minute + "."
}
