//go:build !windows

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestServerKernels: a Jupyter server's kernels are listed, and files run in them. The
// token comes from the URL or from the environment, and is shown nowhere.
func TestServerKernels(t *testing.T) {
	server := testenv.StartServer(t, "jupyter_server")
	base := "http://" + server.Address()
	env := testenv.Env(t)
	reval := func(want int, arguments ...string) (stdout, stderr string) {
		t.Helper()
		cmd := exec.Command(testenv.Reval(t), arguments...)
		cmd.Env = env
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Run() // its status is wanted
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("reval %s: exit status %d, want %d; it said\n%s%s", strings.Join(arguments, " "), got, want, &out, &errs)
		}
		if strings.Contains(out.String()+errs.String(), server.Token) {
			t.Errorf("reval %s shows the token:\n%s%s", strings.Join(arguments, " "), &out, &errs)
		}
		return out.String(), errs.String()
	}
	matches := func(text, pattern string) {
		t.Helper()
		if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
			t.Errorf("no %s in\n%s", pattern, text)
		}
	}

	_, stderr := reval(1, "kernels", "--server", base)
	matches(stderr, `^reval: list the kernelspecs of `+base+`: the server refuses the token .*\?token=`)
	_, stderr = reval(1, "kernels", "--server", "localhost:8888")
	matches(stderr, `^reval: the server's URL begins with none of`)
	stdout, _ := reval(0, "kernels", "--server", server.URL("/lab"))
	matches(stdout, `^\* `+base+`/api/kernelspecs/python3 +python +Python 3`)
	if strings.Contains(stdout, "RUNNING") {
		t.Errorf("nothing was started yet:\n%s", stdout)
	}

	// A name of the list, with the token of the environment.
	env = append(env, "JUPYTER_TOKEN="+server.Token)
	file := script(t, "# %%\nx = 41\n# %%\nx + 1\n")
	stdout, stderr = reval(0, "run", "--kernel", base+"/api/kernelspecs/python3", file)
	if stdout != "42\n" || stderr != "" {
		t.Errorf("it printed %q and %q", stdout, stderr)
	}
	// The URL's token comes first.
	_, stderr = reval(1, "run", "--kernel", base+"/?token=wrong", file)
	matches(stderr, `the server refuses the token`)

	// While a file runs its kernel is listed, and others join it.
	marks := t.TempDir()
	code := fmt.Sprintf("y = 41\nprint('on', flush=True)\nimport os, time\nwhile not os.path.exists(%q): time.sleep(.01)\nprint('over')\n", filepath.Join(marks, "go"))
	run := exec.Command(testenv.Reval(t), "run", "--kernel", base, script(t, code))
	run.Env = env
	lines := both(t, run)
	lines.wait(`^on$`)
	stdout, _ = reval(0, "kernels", "--server", base, "--json")
	var kernels []struct {
		Name    string
		Default bool
		Running *struct {
			State       string
			Connections int
		}
	}
	if err := json.Unmarshal([]byte(stdout), &kernels); err != nil {
		t.Fatal(err)
	}
	first, last := kernels[0], kernels[len(kernels)-1]
	if first.Name != base+"/api/kernelspecs/python3" || !first.Default || first.Running != nil {
		t.Errorf("the first is %+v", first)
	}
	if last.Running == nil || last.Running.State != "busy" || last.Running.Connections != 1 {
		t.Fatalf("the last is %s", stdout)
	}
	stdout, _ = reval(0, "kernels", "--server", base)
	matches(stdout, `^  `+regexp.QuoteMeta(last.Name)+` +python3 +busy +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +1$`)

	// The connection is lost and comes back: both are told, and nothing is lost.
	server.Cut()
	lines.wait(`^reval: the connection to ` + base + ` is lost, trying again: `)
	stdout, _ = reval(0, "kernels", "--server", server.DirectURL("/"))
	matches(stdout, ` 0$`)
	if err := os.WriteFile(filepath.Join(marks, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	server.Join()
	lines.wait(`^reval: the connection is there again$`, `^over$`)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

// TestDoctorTellsServers: those that run, those whose file is broken, and of none that has
// ended. Their tokens are not shown.
func TestDoctorTellsServers(t *testing.T) {
	peer := func(status int, answer string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/base/api/kernels" || r.Header.Get("Authorization") != "token secret" {
				t.Errorf("asked for %s with %q", r.URL, r.Header)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, answer)
		}))
		t.Cleanup(s.Close)
		return s
	}
	ended := peer(http.StatusOK, "[]")
	ended.Close()
	serves, refuses := peer(http.StatusOK, `[{"id": "1", "name": "python3"}]`), peer(http.StatusForbidden, "{}")
	dir := t.TempDir()
	env := append(testenv.Env(t), "JUPYTER_RUNTIME_DIR="+dir)
	doctor := func() string {
		t.Helper()
		cmd := exec.Command(testenv.Reval(t), "doctor")
		cmd.Env = env
		out, err := cmd.Output()
		if strings.Contains(string(out), "secret") {
			t.Errorf("it shows the token:\n%s", out)
		}
		if out == nil {
			t.Fatal(err)
		}
		return string(out)
	}
	has := func(text, pattern string) {
		t.Helper()
		if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
			t.Errorf("no %s in\n%s", pattern, text)
		}
	}
	out := doctor()
	has(out, `^  ok       Jupyter server: none of this user's runs here`)
	has(out, `^  ok       ssh: .*ssh reaches hosts|^  missing  ssh: there is no ssh`)
	for i, s := range []*httptest.Server{ended, serves, refuses} {
		text := fmt.Sprintf(`{"url": "%s/base/", "token": "secret", "sock": ""}`, s.URL)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("jpserver-%d.json", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"8": "secret", "9": `{"url": "http+unix://x", "token": "secret", "sock": "/x"}`} {
		if err := os.WriteFile(filepath.Join(dir, "jpserver-"+name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out = doctor()
	has(out, `^  ok       `+serves.URL+`/base: kernels that run there: 1; `)
	has(out, `^  warning  `+refuses.URL+`/base: it refuses the token`)
	has(out, `^  warning  Jupyter server: .*jpserver-8\.json: it is no JSON object`)
	has(out, `^  warning  Jupyter server: .*jpserver-9\.json: the server listens on a Unix socket`)
	if strings.Contains(out, ended.URL) {
		t.Errorf("one that has ended is told:\n%s", out)
	}
}

// TestHostKernels: those of a host that ssh reaches are listed, and files run in them.
func TestHostKernels(t *testing.T) {
	url, env := testenv.StartSSHServer(t)
	reval := func(arguments ...string) string {
		t.Helper()
		cmd := exec.Command(testenv.Reval(t), arguments...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("reval %s: %v", strings.Join(arguments, " "), err)
		}
		return string(out)
	}
	list := reval("kernels", "--server", url)
	if !regexp.MustCompile(`(?m)^\* ` + regexp.QuoteMeta(url) + `/python3 +python +Python 3`).MatchString(list) {
		t.Errorf("no python3 in\n%s", list)
	}
	if out := reval("run", "--kernel", url+"/python3", script(t, "6 * 7\n")); out != "42\n" {
		t.Errorf("it printed %q", out)
	}
}

// output is what a program prints, line by line.
type output struct {
	t *testing.T
	*bufio.Scanner
}

// both starts a program, and reads what it prints to stdout and stderr.
func both(t *testing.T, cmd *exec.Cmd) output {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // one that has ended is not there to be killed
		r.Close()
	})
	return output{t, bufio.NewScanner(r)}
}

// wait reads on until a line matched each of the patterns, in any order.
func (o output) wait(patterns ...string) {
	o.t.Helper()
	var seen []string
	for o.Scan() {
		seen = append(seen, o.Text())
		patterns = slices.DeleteFunc(patterns, func(p string) bool { return regexp.MustCompile(p).MatchString(o.Text()) })
		if len(patterns) == 0 {
			return
		}
	}
	o.t.Fatalf("no %s in %q", patterns, seen)
}
