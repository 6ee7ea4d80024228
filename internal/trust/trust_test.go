//go:build !windows

package trust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder is a new folder behind no link.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.Chmod(dir, 0o700))
	return dir
}

func TestReadFile(t *testing.T) {
	dir := folder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("good"), []byte("text"), 0o600))
	must(t, os.Symlink("good", at("link")))
	must(t, os.WriteFile(at("full"), make([]byte, MaxFile), 0o600))
	for _, name := range []string{"good", "link", "full"} {
		if _, err := ReadFile(at(name)); err != nil {
			t.Error(err)
		}
	}
	must(t, os.WriteFile(at("long"), make([]byte, MaxFile+1), 0o600))
	must(t, os.Symlink("/dev/zero", at("zero")))
	must(t, syscall.Mkfifo(at("pipe"), 0o600))
	must(t, os.Mkdir(at("folder"), 0o700))
	must(t, os.Symlink("loop", at("loop")))
	for name, want := range map[string]string{
		"long": "more than 1 MiB", "zero": "no regular file", "pipe": "no regular file", "folder": "no regular file", "loop": "",
	} {
		_, err := ReadFile(at(name))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), at(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFile(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestForeign(t *testing.T) {
	dir := folder(t)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	must(t, os.WriteFile(file, nil, 0o644))
	must(t, os.Symlink("file", link))
	must(t, Owned(link))
	testenv.GiveAway(t, file)
	_, err := ReadFile(link)
	if !errors.As(err, new(ForeignError)) {
		t.Error(err)
	}
	if err := Owned(link); !errors.As(err, new(ForeignError)) {
		t.Errorf("a link to another's: %v", err)
	}
	must(t, os.Chown(file, 0, 0))
	testenv.GiveAway(t, link)
	if err := Owned(link); !errors.As(err, new(ForeignError)) {
		t.Errorf("another's link: %v", err)
	}
}

// Each link counts, in the middle of a chain and among the folders that a link names.
func TestForeignLinkInTheMiddle(t *testing.T) {
	for foreign, links := range map[string][][2]string{
		"second": {{"second", "first"}, {"file", "second"}},
		"way":    {{"way/file", "first"}, {".", "way"}},
		"third":  {{"way/file", "first"}, {"third", "way"}, {".", "third"}},
	} {
		dir := folder(t)
		at := func(name string) string { return filepath.Join(dir, name) }
		must(t, os.WriteFile(at("file"), []byte("text"), 0o600))
		for _, link := range links {
			must(t, os.Symlink(link[0], at(link[1])))
		}
		must(t, Owned(at("first")))
		if _, err := ReadFile(at("first")); err != nil {
			t.Error(err)
		}
		testenv.GiveAway(t, at(foreign))
		if err := Owned(at("first")); !errors.As(err, new(ForeignError)) {
			t.Errorf("%s: %v", foreign, err)
		}
		if _, err := ReadFile(at("first")); !errors.As(err, new(ForeignError)) {
			t.Errorf("%s is read: %v", foreign, err)
		}
	}
}

func TestPrivate(t *testing.T) {
	dir := folder(t)
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	must(t, Private(at("a", "b")))
	if st, err := os.Lstat(at("a", "b")); err != nil || st.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	must(t, Private(at("a", "b")))

	// What others write to, but for a folder with the sticky bit.
	must(t, os.Mkdir(at("shared"), 0o700))
	must(t, os.Chmod(at("shared"), 0o777))
	must(t, os.Mkdir(at("sticky"), 0o700))
	must(t, os.Chmod(at("sticky"), 0o777|fs.ModeSticky))
	must(t, Private(at("sticky", "x")))
	must(t, os.Mkdir(at("open"), 0o700))
	must(t, os.Chmod(at("open"), 0o711))
	must(t, os.Symlink(at("a"), at("link")))
	must(t, os.Symlink(at("a"), at("sticky", "link")))
	must(t, os.Symlink(at("loop"), at("loop")))
	must(t, Private(at("link", "b"))) // nobody else can turn it
	for path, want := range map[string]string{
		at("shared", "x"):         "others may write",
		at("shared", "x", "y"):    "others may write",
		at("open"):                "0700",
		at("link"):                "no folder",
		at("sticky", "link", "b"): "a link in a folder that others write to",
		at("loop", "x"):           "",
		"relative":                "absolute",
	} {
		if err := Private(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Lstat(at("shared", "x")); err == nil {
		t.Error("it was made in a folder that others write to")
	}
	if made, err := NewPrivate(at("sticky"), "new-"); err != nil || Private(made) != nil {
		t.Errorf("%s, %v", made, err)
	}
	if made, err := NewPrivate(at("shared"), "new-"); err == nil {
		t.Errorf("made %s", made)
	}

	testenv.GiveAway(t, at("a"))
	for _, path := range []string{at("a"), at("a", "b"), at("link", "b")} {
		if err := Private(path); !errors.As(err, new(ForeignError)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, []byte("old"), 0o644))
	must(t, WriteFile(path, []byte("new")))
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for _, path := range []string{filepath.Join(dir, "folder"), filepath.Join(dir, "nowhere", "file")} {
		if err := WriteFile(path, nil); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}
