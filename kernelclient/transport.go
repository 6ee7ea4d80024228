package kernelclient

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/trust"
)

// Transports of a kernel's channels.
const (
	TransportIPC = "ipc" // Unix sockets, which only the user can connect to
	TransportTCP = "tcp" // on loopback, where every local user can listen to IOPub
)

// Transport is what the kernel's channels go over: [TransportIPC] or
// [TransportTCP], or empty for a kernel on a server.
func (k *Kernel) Transport() string {
	if s, ok := k.channels.(*sockets); ok {
		return s.transport
	}
	return ""
}

// KnownTransport is what a kernel used when it was last started from such an
// environment (as of os.Environ); empty if it never was.
func KnownTransport(spec Spec, env []string) string {
	vars := environMap(env)
	if f, ok := readFindings(vars)[findingKey(spec, "", vars)]; ok {
		return f.Way.transport()
	}
	return ""
}

// finding is the way in which a kernel could be started.
type finding struct {
	Way    way       `json:"way"`
	Kernel string    `json:"kernel"` // for people
	Found  time.Time `json:"found"`
}

// What is remembered: so many kernels, and so long that one can only do with tcp;
// an update of what the program loads, which is not seen, may have brought more.
const (
	maxFindings   = 200
	findingMonths = 1
)

// ways lists the ways to try, the remembered one first.
func ways(spec Spec, want string, vars map[string]string) ([]way, error) {
	all := []way{byPath, byRegistration, byPort}
	if !spec.registers() {
		all = []way{byPath, byPort}
	}
	switch {
	case want == TransportIPC && runtime.GOOS == "windows":
		return nil, errors.New("transport ipc: kernels on Windows have tcp only")
	case want == TransportIPC:
		return all[:1], nil
	case want == TransportTCP || runtime.GOOS == "windows":
		all = all[1:]
	case want != "":
		return nil, fmt.Errorf("transport %q is neither ipc nor tcp", want)
	}
	if f, ok := readFindings(vars)[findingKey(spec, want, vars)]; ok && time.Now().Before(f.Found.AddDate(0, findingMonths, 0)) {
		all = all[max(0, slices.Index(all, f.Way)):]
	}
	return all, nil
}

// findingsFile is in the user's folder of what can be found again; empty if there
// is none.
func findingsFile(vars map[string]string) string {
	dir := vars["XDG_CACHE_HOME"]
	switch {
	case filepath.IsAbs(dir):
	case runtime.GOOS == "windows":
		dir = vars["LOCALAPPDATA"]
	case !filepath.IsAbs(vars["HOME"]):
		dir = ""
	case runtime.GOOS == "darwin":
		dir = filepath.Join(vars["HOME"], "Library", "Caches")
	default:
		dir = filepath.Join(vars["HOME"], ".cache")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "reval", "transports.json")
}

// findingKey names a kernel by all that is cheaply known of it: an update of its
// program or kernelspec makes it another. want is LaunchOptions.Transport.
func findingKey(spec Spec, want string, vars map[string]string) string {
	parts := slices.Concat(spec.Argv, []string{"", want, spec.Dir, spec.KernelProtocolVersion})
	program := spec.Argv[0]
	if !strings.ContainsRune(program, os.PathSeparator) {
		program = lookPath(program, vars)
	}
	for _, path := range []string{program, filepath.Join(spec.Dir, "kernel.json")} {
		if st, err := os.Stat(path); err == nil {
			parts = append(parts, path, st.ModTime().String(), fmt.Sprint(st.Size()))
		}
	}
	text, _ := json.Marshal(parts) // of strings: no error
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// readFindings gives nothing for a file that is absent or broken: all of it can be
// found again.
func readFindings(vars map[string]string) map[string]finding {
	findings := map[string]finding{}
	if data, err := trust.ReadFile(findingsFile(vars)); err == nil && json.Unmarshal(data, &findings) != nil {
		return map[string]finding{}
	}
	return findings
}

// remember writes down how a kernel was started, if that is news. Of two processes
// that write at the same time one is forgotten, and finds it again.
func remember(spec Spec, want string, w way, vars map[string]string) error {
	file := findingsFile(vars)
	if file == "" {
		return nil
	}
	findings, key := readFindings(vars), findingKey(spec, want, vars)
	now := time.Now().UTC().Truncate(time.Second)
	if f, ok := findings[key]; ok && f.Way == w && (w == byPath || now.Before(f.Found.AddDate(0, findingMonths, 0))) {
		return nil
	}
	findings[key] = finding{w, spec.Name, now}
	for len(findings) > maxFindings {
		oldest := ""
		for k, f := range findings {
			if k != key && (oldest == "" || f.Found.Before(findings[oldest].Found)) {
				oldest = k
			}
		}
		delete(findings, oldest)
	}
	data, err := json.MarshalIndent(findings, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return trust.WriteFile(file, data)
}
