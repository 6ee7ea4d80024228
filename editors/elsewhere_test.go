package editors

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
)

// elsewhere adds to an editor's environment kernels that the editor does not start:
//
//   - REVAL_TEST_SERVER is the URL of a Jupyter server, with its token, and
//     REVAL_TEST_CABLE a named pipe: the line "cut" that is written to it breaks the
//     way to the server, and "join" makes it anew. The file REVAL_TEST_CABLE.cut is
//     there once the server has noticed: what kernels print from then on it keeps.
//   - REVAL_TEST_HOST is the URL of a host that the ssh of PATH reaches, which has a Python
//     kernel.
//   - REVAL_TEST_RUNNING is the connection file of a kernel that runs, in whose
//     namespace `attached` is 42.
func elsewhere(t *testing.T, dir string, env []string) []string {
	t.Helper()
	server := testenv.StartServer(t, "jupyter_server")
	cable := filepath.Join(t.TempDir(), "cable")
	if out, err := exec.Command("mkfifo", cable).CombinedOutput(); err != nil {
		t.Fatalf("mkfifo: %v\n%s", err, out)
	}
	lines, err := os.OpenFile(cable, os.O_RDWR, 0) // for writing, too, so that it has no end
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for scanner := bufio.NewScanner(lines); scanner.Scan(); {
			switch scanner.Text() {
			case "cut":
				server.Cut()
				if err := os.WriteFile(cable+".cut", nil, 0o600); err != nil {
					t.Error(err)
				}
			case "join":
				if err := os.Remove(cable + ".cut"); err != nil {
					t.Error(err)
				}
				server.Join()
			default:
				t.Errorf("the editor wrote %q to the cable", scanner.Text())
			}
		}
	}()
	t.Cleanup(func() {
		lines.Close()
		<-ended
	})

	specs, err := kernelclient.Finder{Env: env, Dir: dir}.Find(t.Context())
	spec, err := kernelclient.Choose(specs, err, kernelclient.Wanted{Name: "python3"})
	if err != nil {
		t.Fatal(err)
	}
	k, err := kernelclient.Launch(t.Context(), spec, kernelclient.LaunchOptions{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	if _, err := k.Execute(t.Context(), kernelclient.ExecuteRequest{Code: "attached = 42"}, func(kernelclient.Event) {}); err != nil {
		t.Fatal(err)
	}
	host, hostEnv := testenv.StartSSHServer(t)
	ssh, _, _ := strings.Cut(valueOf(hostEnv, "PATH"), string(os.PathListSeparator)) // the folder of an ssh that knows it
	return append(env, "REVAL_TEST_HOST="+host, "PATH="+ssh+string(os.PathListSeparator)+valueOf(env, "PATH"),
		"REVAL_TEST_SERVER="+server.URL("/"), "REVAL_TEST_CABLE="+cable, "REVAL_TEST_RUNNING="+k.ConnectionFile())
}

func valueOf(env []string, name string) (value string) {
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}
