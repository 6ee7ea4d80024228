package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

// process is a kernel's process, in a group of its own.
//
// One goroutine, started by startProcess or adoptProcess, waits for it to exit and then
// closes exited. Nothing stops that of a child but the exit, that of another's child
// release.
type process struct {
	pid    int
	cmd    *exec.Cmd      // nil if another process started it
	handle *processHandle // nil for a child, whose number is its own until it is waited for
	began  time.Time
	stderr *tail
	output *outputFile // where it writes if it outlives this process, else nil
	exited chan struct{}
	kills  int              // of the system, for want of memory, before its start
	state  *os.ProcessState // set before exited is closed; nil if it is not known
	clean  func()           // removes what it leaves in the file system, may be nil
	stdin  io.WriteCloser   // nil if it has none
	// left makes that what the process left behind is killed once: later its
	// group's number may be another's.
	left sync.Once
}

// program is what a process is to run.
type program struct {
	argv, env []string
	dir       string
	stdin     *os.File // what it reads, may be nil
	// input, if there is any, is the beginning of what it reads, to which more may be
	// written.
	input string
	// output is set for a process that is to outlive this one: what it writes goes there,
	// and it gets a session of its own.
	output *outputFile
}

// startProcess starts a program.
func startProcess(program program, logger *slog.Logger) (*process, error) {
	// The kernel's own PATH counts, not this process's: it may be another's.
	argv, env, dir := program.argv, program.env, program.dir
	path := argv[0]
	if !strings.ContainsRune(path, os.PathSeparator) {
		if path = lookPath(argv[0], environMap(env)); path == "" {
			return nil, fmt.Errorf("%s is not on the PATH", onOneLine(argv[0]))
		}
	} else if !filepath.IsAbs(path) { // the folder it is started in would say which it is
		return nil, fmt.Errorf("%s is no absolute path: have its kernelspec name the whole path", onOneLine(path))
	}
	if dir != "" {
		// The system's own error would name the program.
		if st, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("working directory: %w", err)
		} else if !st.IsDir() {
			return nil, fmt.Errorf("working directory %s is no folder", dir)
		}
	}
	p := &process{
		cmd:   &exec.Cmd{Path: path, Args: argv, Env: env, Dir: dir},
		began: time.Now(), exited: make(chan struct{}), kills: memoryKills(),
	}
	// A kernel's own stdout and stderr are not its cells': those come over IOPub.
	if program.output != nil {
		file, err := program.output.writer()
		if err != nil {
			return nil, err
		}
		defer file.Close()
		p.output, p.stderr = program.output, program.output.tail
		p.cmd.Stdout, p.cmd.Stderr = file, file
		p.cmd.SysProcAttr = ownSession()
	} else {
		p.stderr = &tail{logger: logger, flooded: make(chan struct{})}
		p.cmd.Stdout, p.cmd.Stderr = p.stderr, p.stderr
		// A grandchild may hold the pipes open after the kernel's end.
		p.cmd.WaitDelay = 200 * time.Millisecond
		p.cmd.SysProcAttr = ownGroup()
	}
	switch {
	case program.stdin != nil:
		p.cmd.Stdin = program.stdin
	case program.input != "":
		var err error
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	if err := p.cmd.Start(); err != nil {
		if failed := new(fs.PathError); errors.As(err, &failed) {
			failed.Path = onOneLine(failed.Path)
		}
		return nil, err
	}
	p.pid = p.cmd.Process.Pid
	if p.stdin != nil {
		if _, err := io.WriteString(p.stdin, program.input); err != nil {
			logger.Debug("write to kernel's process", "error", err) // its end says more
		}
	}
	go func() {
		if err := p.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) && !errors.Is(err, exec.ErrWaitDelay) {
			logger.Warn("wait for kernel", "pid", p.pid, "error", err)
		}
		p.state = p.cmd.ProcessState
		p.output.end()
		close(p.exited)
	}()
	return p, nil
}

// adoptProcess takes over a process that another one has started.
func adoptProcess(handle *processHandle, output *outputFile, began time.Time) *process {
	p := &process{
		pid: handle.pid, handle: handle, began: began, output: output, stderr: output.tail,
		exited: make(chan struct{}), kills: memoryKills(),
	}
	go func() {
		if handle.wait() {
			p.output.end()
			close(p.exited)
		}
	}()
	return p
}

// release leaves the process to others. Nothing is done to it after that.
func (p *process) release() {
	if p.handle != nil {
		p.handle.close()
	}
	p.output.end()
}

// onOneLine is a word of a kernelspec in an error's line, where it might end that.
func onOneLine(word string) string {
	if strings.ContainsFunc(word, unicode.IsControl) {
		return strconv.Quote(word)
	}
	return word
}

// interrupt sends SIGINT to the process's group, or has it do so where its kernel runs.
func (p *process) interrupt() error {
	if p.stdin == nil {
		return p.interruptGroup()
	}
	_, err := io.WriteString(p.stdin, interruptLine)
	return err
}

// stop ends the process and its group: it waits for it until ctx ends, then asks
// it to terminate, waits for grace, and kills. The kernel's own children are
// killed with it.
func (p *process) stop(ctx context.Context, grace time.Duration) {
	defer p.left.Do(func() {
		p.killGroup()
		if p.handle != nil {
			p.handle.close()
		}
		if p.clean != nil {
			p.clean()
		}
	})
	select {
	case <-p.exited:
		return
	case <-ctx.Done():
	}
	select { // both may be true
	case <-p.exited:
		return
	default:
	}
	p.terminateGroup()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
		return
	case <-timer.C:
	}
	p.killGroup()
	<-p.exited
}

// stopNow kills the process and its group.
func (p *process) stopNow() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.stop(ctx, 0)
}

// exitStatus is how the process ended, as a shell would tell it; it has ended.
func (p *process) exitStatus() (status int, known bool) {
	if p.state == nil {
		return 0, false
	}
	if wait, ok := p.state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal()), true
	}
	status = p.state.ExitCode()
	return status, p.stdin == nil || status != sshFailed
}

// parentVariable names the process with which kernels such as ipykernel and the Go kernel
// end. On Windows it is a handle, elsewhere the number of their parent.
const parentVariable = "JPY_PARENT_PID"

func parentPID() string { return parentVariable + "=" + strconv.Itoa(os.Getpid()) }

// withoutParent is an environment in which a kernel ends with nobody, though this process may
// itself have been started by a kernel.
func withoutParent(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, parentVariable+"=") })
}
