//go:build !windows

package journal

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// cpu is the time that this process has computed for.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, began time.Duration, bytes int) {
	mb := float64(bytes) / 1e6
	b.ReportMetric(float64(cpu()-began)/1e6/mb, "cpu-ms/MB")
	b.ReportMetric(mb/b.Elapsed().Seconds(), "MB/s")
}

// BenchmarkFlood is code that prints line after line, each in a message of its own.
func BenchmarkFlood(b *testing.B) {
	j, trouble := open(b, Options{Dir: folder(b)})
	began(j, "e")
	flush(b, j)
	line, n, before := stream("line 100000\n"), 0, cpu()
	for b.Loop() {
		j.Output("e", line)
		n += len(line.Text)
	}
	flush(b, j)
	report(b, before, n)
	trouble.none(b)
}

// BenchmarkPictures is code that shows pictures, each another.
func BenchmarkPictures(b *testing.B) {
	j, trouble := open(b, Options{Dir: folder(b)})
	began(j, "e")
	n, before := 0, cpu()
	for i := 0; b.Loop(); i++ {
		picture := bundle("image/png", fmt.Sprint(i)+strings.Repeat("iVBORw0KGgo", 10_000))
		j.Output("e", record.Entry{Kind: record.Display, Data: picture})
		n += len(picture["image/png"])
	}
	flush(b, j)
	report(b, before, n)
	trouble.none(b)
}

// BenchmarkEvaluation is an evaluation of one value, until it is committed.
func BenchmarkEvaluation(b *testing.B) {
	j, trouble := open(b, Options{Dir: folder(b)})
	for i := 0; b.Loop(); i++ {
		e := began(j, fmt.Sprint(i))
		j.Output(e.ID, record.Entry{Kind: record.Result, Data: bundle("text/plain", "2"), Count: i})
		ended(j, e)
		flush(b, j)
	}
	trouble.none(b)
}

// BenchmarkReplay reads what came of 1,000 evaluations.
func BenchmarkReplay(b *testing.B) {
	j, trouble := open(b, Options{Dir: folder(b)})
	for i := range 1000 {
		e := began(j, fmt.Sprint(i))
		j.Output(e.ID, record.Entry{Kind: record.Result, Data: bundle("text/plain", "2"), Count: i})
		ended(j, e)
	}
	flush(b, j)
	for b.Loop() {
		evaluations, err := j.Evaluations(within(b), Query{Session: "s"})
		must(b, err)
		for _, e := range evaluations {
			if _, n, err := j.Outputs(within(b), e.ID, 0, 100); n != 1 || err != nil {
				b.Fatal(n, err)
			}
		}
	}
	trouble.none(b)
}
