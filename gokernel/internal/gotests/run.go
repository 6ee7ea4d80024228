package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/ixgo"
	"github.com/reval-editor/reval/gokernel/yaegi"
)

// form is a way to give a program to a session.
type form struct {
	name  string
	cells func(src string) ([]string, error)
}

var forms = []form{{"whole", whole}, {"split", split}}

// limit is how long a program may run.
const limit = 20 * time.Second

// childVariable has the engine, the form and the path for the process that runs
// one program.
const childVariable = "REVAL_GOTESTS_CHILD"

// runChild runs the program that the environment names, if it names one.
func runChild() bool {
	words := strings.SplitN(os.Getenv(childVariable), " ", 3)
	if len(words) != 3 {
		return false
	}
	if err := evaluate(words[0], words[1], words[2]); err != nil {
		var exit front.ExitError
		if errors.As(err, &exit) {
			os.Exit(int(exit))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func newEngine(name string) (front.Engine, error) {
	fatal := func(p *front.Panic) {
		fmt.Fprintln(os.Stderr, "panic in a goroutine:", p)
		os.Exit(2)
	}
	if name == "yaegi" {
		return yaegi.New(yaegi.Options{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, GoroutinePanic: fatal})
	}
	return ixgo.New(ixgo.Options{GoroutinePanic: fatal})
}

// evaluate evaluates a program's cells in a session, as the kernel does.
func evaluate(engine, formName, path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var cells []string
	for _, f := range forms {
		if f.name == formName {
			if cells, err = f.cells(string(src)); err != nil {
				return err
			}
		}
	}
	e, err := newEngine(engine)
	if err != nil {
		return err
	}
	os.Args = []string{path}
	s := front.NewSession(e)
	for i, cell := range cells {
		u, err := s.Prepare(i+1, cell)
		if err != nil {
			return err
		}
		if err := e.Load(u); err != nil {
			return s.LoadProblem(u, err)
		}
		s.Commit(u)
		if u.Entry == "" {
			continue
		}
		if err := e.Run(context.Background(), u); err != nil {
			var p *front.Panic
			if errors.As(err, &p) {
				if exit, ok := p.Value.(front.ExitError); ok {
					return exit
				}
				return fmt.Errorf("panic: %s\n%s", p, strings.Join(s.Trace(p.Frames), "\n"))
			}
			return err
		}
	}
	return nil
}

// result is what became of a program.
type result struct {
	program
	failure string // "" = it passed
}

// runAll runs programs in processes of this binary, some at a time.
func runAll(all []program, engine, form string, workers int) []result {
	results := make([]result, len(all))
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range next {
				results[i] = result{all[i], runOne(all[i], engine, form)}
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
	return results
}

// runOne gives why a program failed. It passes as the Go distribution has it: its
// exit status is 0 and it prints what it should.
func runOne(p program, engine, form string) string {
	self, err := os.Executable()
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{engine, form, p.path}, " "))
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("it runs longer than %v", limit)
	case err != nil:
		return reason(out.String(), err)
	case out.String() != p.want:
		return "it prints something else: " + reason(out.String(), nil)
	}
	return ""
}

// reason gives the line of an output that tells most.
func reason(out string, err error) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	line := lines[0]
	for _, l := range lines {
		if strings.Contains(l, "cell[") || strings.HasPrefix(l, "panic") || strings.HasPrefix(l, "fatal error") {
			line = l
			break
		}
	}
	if line == "" && err != nil {
		line = err.Error()
	}
	if len(line) > 160 {
		line = line[:160] + "…"
	}
	return line
}
