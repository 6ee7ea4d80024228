package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/record"
)

const (
	jobVariable = "REVAL_JOURNAL_TEST_JOB"
	dirVariable = "REVAL_JOURNAL_TEST_DIR"
)

// jobs are what the processes do that tests start. They tell on their stdout how far they
// got, and end if something goes wrong.
var jobs = map[string]func(dir string){"stream": streamJob, "several": severalJob}

// start starts a process with a job. What it prints are the lines.
func start(t *testing.T, job, dir string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(append(os.Environ(), jobVariable+"="+job, dirVariable+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// streamJob prints numbered lines without end, and now and then something else, and tells
// which of them are flushed. Pictures come in an evaluation of their own.
func streamJob(dir string) {
	j := Open(Options{Dir: dir, Trouble: func(words string) { fail(fmt.Errorf("told: %s", words)) }})
	id := strconv.Itoa(os.Getpid())
	began(j, id)
	began(j, "pictures of "+id)
	for i := 0; ; i++ {
		j.Output(id, stream(fmt.Sprintf("line %d\n", i)))
		if i%50 == 0 {
			j.Output("pictures of "+id, record.Entry{Kind: record.Display, Data: bundle("image/png", strings.Repeat(strconv.Itoa(i)+" ", 5000))})
		}
		if rand.IntN(100) == 0 {
			fail(j.Flush(context.Background()))
			fmt.Println(i)
		}
	}
}

// numbered wants lines from 0 on, at least until the last, and tells how many there are.
func numbered(t *testing.T, text string, last int) {
	t.Helper()
	lines := strings.Split(text, "\n")
	if lines[len(lines)-1] != "" {
		t.Errorf("the last line is torn: %q", lines[len(lines)-1])
	}
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		if want := fmt.Sprintf("line %d", i); line != want {
			t.Fatalf("line %d of %d is %q", i, len(lines), line)
		}
	}
	if len(lines) <= last {
		t.Errorf("%d lines, but line %d was flushed", len(lines), last)
	}
}

// What was flushed is there after SIGKILL, in order, and the file is whole.
func TestKilled(t *testing.T) {
	dir := folder(t)
	flushed := map[string]int{}
	const rounds = 20
	for round := range rounds {
		cmd, lines := start(t, "stream", dir)
		last, until := -1, 1+rand.IntN(60)
		for n := 0; n < until && lines.Scan(); n++ {
			var err error
			last, err = strconv.Atoi(lines.Text())
			must(t, err)
		}
		if last < 0 {
			t.Fatal("it told nothing")
		}
		must(t, cmd.Process.Kill())
		for lines.Scan() { // what it told before it died
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				last = n
			}
		}
		id := strconv.Itoa(cmd.Process.Pid)
		flushed[id] = last
		j, trouble := open(t, Options{Dir: dir})
		numbered(t, printed(t, j, id), last)
		for id, last := range flushed {
			if round == rounds-1 {
				numbered(t, printed(t, j, id), last)
			}
		}
		pictures := entries(t, j, "pictures of "+id)
		if len(pictures) < 1+last/50 {
			t.Errorf("%d pictures, but %d were flushed", len(pictures), 1+last/50)
		}
		for i, e := range pictures {
			if want := bundle("image/png", strings.Repeat(strconv.Itoa(50*i)+" ", 5000)); string(e.Data["image/png"]) != string(want["image/png"]) {
				t.Errorf("picture %d is another: %.60s", i, e.Data["image/png"])
			}
		}
		intact(t, j)
		unended, err := j.Evaluations(within(t), Query{Unended: true})
		must(t, err)
		if len(unended) != 2*len(flushed) {
			t.Errorf("%d evaluations have no end", len(unended))
		}
		trouble.none(t)
		must(t, j.Close())
	}
}

const (
	severalEvaluations = 40
	severalLines       = 200
)

// severalJob writes evaluations that end, and tells each.
func severalJob(dir string) {
	j := Open(Options{Dir: dir, Trouble: func(words string) { fail(fmt.Errorf("told: %s", words)) }})
	for n := range severalEvaluations {
		e := began(j, fmt.Sprintf("%d-%d", os.Getpid(), n))
		for i := range severalLines {
			j.Output(e.ID, stream(fmt.Sprintf("line %d\n", i)))
			if i%60 == 0 {
				fail(j.Flush(context.Background()))
			}
		}
		ended(j, e)
		fail(j.Flush(context.Background()))
		fmt.Println(e.ID)
	}
	fail(j.Close())
}

// Processes that open the same new journal at once, write to it, and have it cleared
// meanwhile, are not in each other's way.
func TestTwoProcesses(t *testing.T) {
	for range 3 {
		dir := folder(t)
		var commands []*exec.Cmd
		var outs []*bufio.Scanner
		for range 3 {
			cmd, lines := start(t, "several", dir)
			commands, outs = append(commands, cmd), append(outs, lines)
		}
		var told []string
		for i, cmd := range commands {
			for outs[i].Scan() {
				told = append(told, outs[i].Text())
				if len(told)%10 == 0 {
					_, err := Clear(within(t), dir, noon.AddDate(-1, 0, 0), "")
					must(t, err)
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if len(told) != 3*severalEvaluations {
			t.Fatalf("%d evaluations", len(told))
		}
		j, trouble := open(t, Options{Dir: dir, MaxAge: -1})
		for _, id := range told {
			numbered(t, printed(t, j, id), severalLines-1)
		}
		intact(t, j)
		trouble.none(t)
		must(t, j.Close())
	}
}
