//go:build !windows

package kernelclient

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// hostileFiles puts under each name a file that must not be read: that never ends, that
// nobody writes to, that is too long, that leads to itself, that is another user's.
func hostileFiles(t *testing.T, file func(name string) string) (names []string) {
	t.Helper()
	make := map[string]func(path string) error{
		"zero": func(path string) error { return os.Symlink("/dev/zero", path) },
		"pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"long": func(path string) error {
			return os.WriteFile(path, []byte(`{"argv": ["x"], "display_name": "`+strings.Repeat("x", 1<<20)+`"}`), 0o600)
		},
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
	}
	if os.Geteuid() == 0 {
		make["foreign"] = func(path string) error {
			if err := os.WriteFile(path, []byte(`{"argv": ["x"]}`), 0o644); err != nil {
				return err
			}
			testenv.GiveAway(t, path)
			return nil
		}
	}
	for name, f := range make {
		path := file(name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, f(path))
		names = append(names, name)
	}
	return names
}

// Kernelspecs that are no small files of the user's or root's hold up nobody, take no
// memory, and hide nothing.
func TestHostileKernelspecs(t *testing.T) {
	r := newTree(t)
	r.vars["JUPYTER_PATH"] = r.path("j")
	r.spec("j", "good")
	names := hostileFiles(t, func(name string) string { return r.path("j/kernels", name, "kernel.json") })
	for _, name := range []string{"a b", "x\x1b]52;c;aGk=\a", "größe", "a@b"} {
		r.spec("j", name, "x")
	}
	before := allocated()
	got, err := r.find("")
	if grown := allocated() - before; grown > 8<<20 {
		t.Errorf("it took %d MiB", grown>>20)
	}
	if !slices.Equal(got, []string{"good: run-good"}) {
		t.Errorf("found %q", got)
	}
	if err == nil {
		t.Fatal("nothing is said")
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), r.path("j/kernels", name, "kernel.json")) {
			t.Errorf("nothing is said of %s:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "\x1b") || strings.Count(err.Error(), "passed over: a name") != 4 {
		t.Errorf("of the names: %v", err)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestKernelspecsOfAnother(t *testing.T) {
	r := newTree(t)
	r.vars["JUPYTER_PATH"] = r.path("j") + ":" + r.path("k") + ":relative:."
	r.spec("j", "theirs")
	r.spec("k", "folder")
	testenv.GiveAway(t, r.path("j/kernels"))
	testenv.GiveAway(t, r.path("k/kernels/folder"))
	got, err := r.find("")
	if len(got) > 0 || err == nil || strings.Count(err.Error(), "another user") != 2 {
		t.Errorf("found %q, %v", got, err)
	}
}

func TestHostileConnectionFiles(t *testing.T) {
	dir := testenv.RuntimeDir(t)
	env := []string{"JUPYTER_RUNTIME_DIR=" + dir, "HOME=" + dir}
	names := hostileFiles(t, func(name string) string { return filepath.Join(dir, "jpserver-"+name+".json") })
	hostileFiles(t, func(name string) string { return filepath.Join(dir, "kernel-"+name+".json") })
	for _, name := range names {
		if _, err := FindFile(filepath.Join(dir, "kernel-"+name+".json")); err == nil {
			t.Errorf("%s is a connection file", name)
		}
	}
	if _, broken := LocalServers(env); broken == nil || len(strings.Split(broken.Error(), "\n")) != len(names) {
		t.Errorf("servers: %v", broken)
	}
	if running, err := Running(within(t), env); err != nil || slices.ContainsFunc(running, func(k RunningKernel) bool { return k.Err == nil }) {
		t.Errorf("running %v, %v", running, err)
	}
}

// A server's answer that does not end, and what a host prints without end.
func TestLongAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"kernelspecs": {"`)
		for i := 0; r.Context().Err() == nil && i < 1<<10; i++ { // 64 MiB: the test ends also where nobody hangs up
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	p, err := ParseServerURL(server.URL)
	must(t, err)
	before := allocated()
	_, err = p.Server.Specs(within(t))
	oneLine(t, err, "1 MiB")

	r := newTree(t)
	r.write(r.path("path/ssh"), "#!/bin/sh\nexec /bin/cat /dev/zero\n", 0o700)
	h, _, err := ParseSSHURL("ssh://host", []string{"PATH=" + r.path("path")})
	must(t, err)
	_, err = h.Specs(within(t))
	oneLine(t, err, "1 MiB")
	if grown := allocated() - before; grown > 32<<20 { // the server's own is here, too
		t.Errorf("it took %d MiB", grown>>20)
	}
}

// Whatever is in the way, kernels talk where nobody else can listen.
func TestPrivateFolderIsAlwaysHad(t *testing.T) {
	kernel := goKernel(t).spec
	for _, test := range []struct {
		name string
		// prepare is given the folder of the usual place in TMPDIR.
		prepare func(t *testing.T, usual string)
		private bool // the usual place is used
	}{
		{"nothing is in the way", func(*testing.T, string) {}, true},
		{"another user's", func(t *testing.T, usual string) { must(t, os.Mkdir(usual, 0o700)); testenv.GiveAway(t, usual) }, false},
		{"one that others enter", func(t *testing.T, usual string) { must(t, os.Mkdir(usual, 0o700)); must(t, os.Chmod(usual, 0o755)) }, false},
		{"a link", func(t *testing.T, usual string) { must(t, os.Symlink(t.TempDir(), usual)) }, false},
		{"a dangling link", func(t *testing.T, usual string) { must(t, os.Symlink(filepath.Join(t.TempDir(), "x"), usual)) }, false},
		{"a file", func(t *testing.T, usual string) { must(t, os.WriteFile(usual, nil, 0o600)) }, false},
		{"one that all write to", func(t *testing.T, usual string) { must(t, os.Mkdir(usual, 0o700)); must(t, os.Chmod(usual, 0o777)) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			temp := testenv.RuntimeDir(t)
			must(t, os.Chmod(temp, os.ModeSticky|0o777))
			usual := filepath.Join(temp, fmt.Sprintf("reval-%d", os.Getuid()))
			test.prepare(t, usual)
			long := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
			env := []string{"HOME=" + long, "XDG_RUNTIME_DIR=relative", "TMPDIR=" + temp, "JUPYTER_RUNTIME_DIR=" + long, "PATH=" + os.Getenv("PATH"), "XDG_CACHE_HOME=" + long}
			k, err := Launch(within(t), kernel, LaunchOptions{Env: env})
			must(t, err)
			if k.Transport() != TransportIPC {
				t.Fatalf("it talks over %s", k.Transport())
			}
			info, err := jupyter.ReadConnectionFile(k.ConnectionFile())
			must(t, err)
			dir := filepath.Dir(info.IP)
			if (dir == usual) != test.private {
				t.Errorf("its sockets are in %s", dir)
			}
			st, err := os.Lstat(dir)
			if err != nil || st.Mode() != os.ModeDir|0o700 {
				t.Errorf("%v %v", st.Mode(), err)
			}
			if _, err := SocketDir(env); (err == nil) != test.private {
				t.Error(err)
			}
			k.Close()
			if !test.private {
				notThere(t, dir)
			}
		})
	}
}
