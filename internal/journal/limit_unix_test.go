//go:build !windows

package journal

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where files may not grow evaluation goes on, too, as on a disk on which the user has no
// more room.
func TestFileLimit(t *testing.T) {
	dir := folder(t)
	cmd, lines := start(t, "limit", dir)
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !strings.Contains(got[0], "evaluation goes on") {
		t.Fatalf("%q", got)
	}
	var n int
	if _, err := fmt.Sscan(got[1], &n); err != nil {
		t.Fatal(err)
	}
	j, trouble := open(t, Options{Dir: dir})
	numbered(t, printed(t, j, "e"), n-1)
	intact(t, j)
	trouble.none(t)
}

func init() { jobs["limit"] = limitJob }

func limitJob(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := func(bytes uint64) {
		var l syscall.Rlimit
		fail(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l))
		l.Cur = min(bytes, l.Max)
		fail(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l))
	}
	limit(1 << 20)
	told := make(chan string, 100)
	j := Open(Options{Dir: dir, retry: 10 * time.Millisecond, Trouble: func(words string) { told <- words }})
	began(j, "e")
	n := 0
	for len(told) == 0 {
		for range 1000 {
			j.Output("e", stream(fmt.Sprintf("line %d\n", n)))
			n++
		}
		_ = j.Flush(context.Background())
	}
	limit(1 << 40)
	for n < 300_000 {
		j.Output("e", stream(fmt.Sprintf("line %d\n", n)))
		n++
	}
	fail(j.Close())
	if len(told) != 1 {
		fmt.Fprintln(os.Stderr, len(told), "were told")
		os.Exit(1)
	}
	fmt.Println(<-told)
	fmt.Println(n)
}
