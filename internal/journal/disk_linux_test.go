package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disk is a small disk of its own, which only root can mount.
func disk(t *testing.T, options string) (dir string, remount func(flags uintptr, options string)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a disk")
	}
	top := filepath.Dir(filepath.Dir(folder(t)))
	if err := syscall.Mount("tmpfs", top, "tmpfs", 0, options+",mode=700"); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(top, syscall.MNT_DETACH)) })
	return filepath.Join(top, "reval"), func(flags uintptr, options string) {
		t.Helper()
		must(t, syscall.Mount("tmpfs", top, "tmpfs", syscall.MS_REMOUNT|flags, options))
	}
}

// Where the disk is full evaluation goes on; the user is told once, nothing that was written
// is harmed, and when there is room it goes on by itself, and says what is missing.
func TestDiskFull(t *testing.T) {
	dir, remount := disk(t, "size=2m")
	j, trouble := open(t, Options{Dir: dir, retry: 10 * time.Millisecond})
	e := began(j, "before")
	for i := range 10_000 {
		j.Output("before", stream(fmt.Sprintf("line %d\n", i)))
	}
	ended(j, e)
	flush(t, j)
	began(j, "e")
	n := 0
	line := func() {
		j.Output("e", stream(fmt.Sprintf("line %d %s\n", n, strings.Repeat("z", 1000))))
		n++
	}
	for len(trouble.all()) == 0 {
		for range 100 {
			line()
		}
		_ = j.Flush(within(t))
	}
	for range 2 * maxPending / 1000 {
		line()
	}
	if err := j.Flush(within(t)); err == nil {
		t.Error("it was written")
	}
	trouble.once(t, "no room is left", dir, "evaluation goes on", "as soon as there is room")
	numbered(t, printed(t, j, "before"), 9_999)
	intact(t, j)

	remount(0, "size=100m")
	resumes(t, j)
	at := n
	line()
	flush(t, j)
	text := printed(t, j, "e")
	first, rest, _ := strings.Cut(text, "\n[")
	note, last, _ := strings.Cut(rest, "]\n")
	var lost, after int
	if _, err := fmt.Sscanf(note, "%d outputs", &lost); err != nil || !strings.Contains(note, "no room is left") {
		t.Errorf("%v in %.200q", err, note)
	}
	lines := strings.Split(strings.TrimSuffix(first, "\n"), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, fmt.Sprintf("line %d z", i)) {
			t.Fatalf("%.20q is line %d", line, i)
		}
	}
	if _, err := fmt.Sscanf(last, "line %d", &after); err != nil || after != at || len(lines)+lost != after {
		t.Errorf("%d lines, %d are lost, line %d of %d: %v", len(lines), lost, after, at, err)
	}
	numbered(t, printed(t, j, "before"), 9_999)
	intact(t, j)
	trouble.once(t)

	// It may be full when a journal is to be made, too.
	must(t, j.Close())
	dir, remount = disk(t, "size=16k")
	j, trouble = open(t, Options{Dir: dir, retry: 10 * time.Millisecond})
	began(j, "e")
	j.Output("e", stream("x"))
	if err := j.Flush(within(t)); err == nil {
		t.Error("it was written")
	}
	trouble.once(t, "evaluation goes on")
	remount(0, "size=10m")
	resumes(t, j)
	flush(t, j)
	if got := printed(t, j, "e"); got != "x" {
		t.Errorf("%q", got)
	}
	trouble.once(t)
}

// Where nothing can be written evaluation goes on without; the user is told once.
func TestReadOnly(t *testing.T) {
	dir, remount := disk(t, "size=10m")
	j, trouble := open(t, Options{Dir: dir})
	began(j, "e")
	j.Output("e", stream("before\n"))
	must(t, j.Close())
	trouble.none(t)
	remount(syscall.MS_RDONLY, "")
	j, trouble = open(t, Options{Dir: dir, retry: 10 * time.Millisecond})
	began(j, "e")
	j.Output("e", stream("meanwhile\n"))
	for range 2 {
		if err := j.Flush(within(t)); err == nil {
			t.Error("it was written")
		}
	}
	if err := syscall.Access(dir, 2); err == nil {
		t.Fatal("the disk is not read-only")
	}
	if _, err := Clear(within(t), dir, noon, ""); err == nil {
		t.Error("it was cleared")
	}
	trouble.once(t, dir, "evaluation goes on")
	t.Log(trouble.all())
	remount(0, "")
	resumes(t, j)
	flush(t, j)
	if got := printed(t, j, "e"); got != "before\nmeanwhile\n" {
		t.Errorf("%q", got)
	}
	trouble.once(t)
}
