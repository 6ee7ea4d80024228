package daemon

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// TestThisBuild is the same in each process of an executable, and another one for another
// version.
func TestThisBuild(t *testing.T) {
	one, err := ThisBuild("1.0.0")
	if err != nil || len(one.ID) != idLength {
		t.Fatalf("%+v, %v", one, err)
	}
	if again, _ := ThisBuild("1.0.0"); again != one {
		t.Errorf("%+v and %+v", one, again)
	}
	if other, _ := ThisBuild("1.0.1"); other.ID == one.ID {
		t.Errorf("%+v and %+v", one, other)
	}
}

// TestGoBuildID: of each of the formats that executables have it is found, and none where
// there is none.
func TestGoBuildID(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	systems := []string{runtime.GOOS}
	if testenv.Strict() { // the standard library is compiled for the others
		systems = []string{"linux", "darwin", "windows"}
	}
	for _, system := range systems {
		for _, flags := range []string{"", "-buildid="} {
			exe := filepath.Join(dir, "exe")
			build := exec.Command("go", "build", "-ldflags="+flags, "-o", exe, file)
			build.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want, err := exec.Command("go", "tool", "buildid", exe).Output()
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(exe)
			if err != nil {
				t.Fatal(err)
			}
			got := goBuildID(f)
			f.Close()
			if want = bytes.TrimSpace(want); len(want) == 0 && len(got) > 0 || !bytes.Contains(got, want) {
				t.Errorf("%s %s: %q, want %q", system, flags, got, want)
			}
		}
	}
}

func TestNewerThan(t *testing.T) {
	ordered := []string{"v0.0.0-20250101000000-abcdef123456", "0.1.0-dev", "v0.1.0", "0.1.1", "v0.10.0+dirty", "1.0.0"}
	for i, older := range ordered {
		for j, newer := range ordered {
			if got := (Build{Version: newer}).newerThan(Build{Version: older}); got != (j > i) {
				t.Errorf("%s is newer than %s: %v", newer, older, got)
			}
		}
	}
	for _, odd := range []string{"", "unknown", "1.x"} {
		if (Build{Version: odd}).newerThan(Build{Version: "1.0.0"}) || (Build{Version: "1.0.0"}).newerThan(Build{Version: odd}) {
			t.Errorf("%q has an order", odd)
		}
	}
}
