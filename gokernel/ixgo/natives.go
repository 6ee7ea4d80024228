package ixgo

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime/debug"
	"sync"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
)

// The packages that rewritten code calls: compiled functions, and interpreted
// ones, which cost less where the interpreter calls them often.
const (
	nativePath = "native" + mark
	helperPath = "helper" + mark
)

const helperSource = `package helper
import native "` + nativePath + `"
func Receive[T any](ch <-chan T) T {
	for {
		select {
		case v := <-ch:
			return v
		case <-native.Gone:
			native.Interrupted()
		}
	}
}
func Receive2[T any](ch <-chan T) (T, bool) {
	for {
		select {
		case v, ok := <-ch:
			return v, ok
		case <-native.Gone:
			native.Interrupted()
		}
	}
}
func Range[T any](ch <-chan T) (_ <-chan T, next T, ok bool) { return ch, next, ok }
func Nothing() {}
type ordered interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64 | ~string
}
func Min[T ordered](x, y T) T {
	switch {
	case x < y || x != x:
		return x
	case y < x || y != y:
		return y
	}
	return native.Least(x, y).(T)
}
func Max[T ordered](x, y T) T {
	switch {
	case x > y || x != x:
		return x
	case y > x || y != y:
		return y
	}
	return native.Greatest(x, y).(T)
}
func Length(n int) int { return n }
func Words[T any](x T) any { return native.Words(&x) }
func Guard() {
	if r := recover(); r != nil {
		native.GoroutinePanic(r)
	}
}
func Started(f func()) func() {
	adopt := native.Adopt()
	return func() {
		defer Guard()
		native.Faults()
		adopt()
		f()
	}
}
`

func init() {
	// The shapes alone: each engine has functions of its own.
	p := &ixgo.Package{
		Name: "native", Path: nativePath, Deps: map[string]string{"io": "io"},
		Interfaces: map[string]reflect.Type{}, NamedTypes: map[string]reflect.Type{}, AliasTypes: map[string]reflect.Type{},
		TypedConsts: map[string]ixgo.TypedConst{}, UntypedConsts: map[string]ixgo.UntypedConst{},
		Vars: map[string]reflect.Value{
			"Gone":  reflect.ValueOf(new(<-chan struct{})),
			"Stdin": reflect.ValueOf(new(io.Reader)), "Stdout": reflect.ValueOf(new(io.Writer)), "Stderr": reflect.ValueOf(new(io.Writer)),
		},
		Funcs: map[string]reflect.Value{
			"Interrupted":    reflect.ValueOf(func() {}),
			"Done":           reflect.ValueOf(func() <-chan struct{} { return nil }),
			"GoroutinePanic": reflect.ValueOf(func(any) {}),
			"Adopt":          reflect.ValueOf(func() func() { return nil }),
			"Faults":         reflect.ValueOf(func() {}),
			"Recovered":      reflect.ValueOf(func(any) any { return nil }),
			"Print":          reflect.ValueOf(func(...any) {}),
			"Println":        reflect.ValueOf(func(...any) {}),
			"Words":          reflect.ValueOf(func(any) any { return nil }),
			"Least":          reflect.ValueOf(func(_, _ any) any { return nil }),
			"Greatest":       reflect.ValueOf(func(_, _ any) any { return nil }),
		},
	}
	for name, f := range genericNatives {
		p.Funcs[name] = reflect.ValueOf(f)
	}
	ixgo.RegisterPackage(p)
}

// natives connects the engine's context to the engine.
func (e *Engine) natives() error {
	if err := e.ctx.AddImportFile(helperPath, "helper.go", helperSource); err != nil {
		return err
	}
	if _, err := e.ctx.Importer.Import(nativePath); err != nil {
		return err
	}
	if err := e.addGenerics(); err != nil {
		return err
	}
	vars := map[string]reflect.Value{"Gone": reflect.ValueOf(&e.gone)}
	stdin, stdout, stderr := io.Reader(os.Stdin), io.Writer(os.Stdout), io.Writer(os.Stderr)
	if e.options.Stdin != nil {
		stdin = e.options.Stdin
	}
	if e.options.Stdout != nil {
		stdout = e.options.Stdout
	}
	if e.options.Stderr != nil {
		stderr = e.options.Stderr
	}
	vars["Stdin"], vars["Stdout"], vars["Stderr"] = reflect.ValueOf(&stdin), reflect.ValueOf(&stdout), reflect.ValueOf(&stderr)
	e.loader.store(nativePath, "native", vars)

	// stream gives what takes the place of a file.
	stream := func(f *os.File) io.Writer {
		switch f {
		case os.Stdout:
			return stdout
		case os.Stderr:
			return stderr
		}
		return f
	}
	for name, f := range map[string]any{
		nativePath + ".Interrupted":    e.interrupted,
		nativePath + ".Done":           e.done,
		nativePath + ".GoroutinePanic": e.goroutinePanic,
		nativePath + ".Adopt":          e.inherit,
		nativePath + ".Recovered":      panicValue,
		nativePath + ".Print":          front.Printer(stderr, "", ""),
		nativePath + ".Println":        front.Printer(stderr, " ", "\n"),
		nativePath + ".Words":          words,
		nativePath + ".Least":          least,
		nativePath + ".Greatest":       greatest,
		nativePath + ".Faults":         func() { debug.SetPanicOnFault(true) },

		"time.Sleep":                    e.sleep,
		"(*sync.WaitGroup).Wait":        e.waitGroup,
		"(*sync.Mutex).Lock":            e.lockMutex,
		"(*sync.RWMutex).Lock":          e.lockRW,
		"(*sync.RWMutex).RLock":         e.readLockRW,
		"(*sync.Cond).Wait":             e.waitCond,
		"(*os/exec.Cmd).Wait":           e.waitCommand,
		"(*os/exec.Cmd).Run":            e.runCommand,
		"(*os/exec.Cmd).Output":         e.commandOutput,
		"(*os/exec.Cmd).CombinedOutput": e.commandCombinedOutput,

		"os.Exit":      func(code int) { panic(front.ExitError(code)) }, // log.Fatal calls it
		"syscall.Exit": func(code int) { panic(front.ExitError(code)) },

		"flag.Parse":            func() { _ = front.ParseFlags(flag.CommandLine, os.Args[1:]) },
		"(*flag.FlagSet).Parse": front.ParseFlags,

		"fmt.Print":              func(a ...any) (int, error) { return fmt.Fprint(stdout, a...) },
		"fmt.Println":            func(a ...any) (int, error) { return fmt.Fprintln(stdout, a...) },
		"fmt.Printf":             func(format string, a ...any) (int, error) { return fmt.Fprintf(stdout, format, a...) },
		"(*os.File).Write":       func(f *os.File, b []byte) (int, error) { return stream(f).Write(b) },
		"(*os.File).WriteString": func(f *os.File, s string) (int, error) { return io.WriteString(stream(f), s) },

		"fmt.Scan":   func(a ...any) (int, error) { return fmt.Fscan(stdin, a...) },
		"fmt.Scanln": func(a ...any) (int, error) { return fmt.Fscanln(stdin, a...) },
		"fmt.Scanf":  func(format string, a ...any) (int, error) { return fmt.Fscanf(stdin, format, a...) },
		"(*os.File).Read": func(f *os.File, b []byte) (int, error) {
			if f == os.Stdin {
				return stdin.Read(b)
			}
			return f.Read(b)
		},
	} {
		e.ctx.RegisterExternal(name, f)
	}
	return nil
}

// inherit gives what makes a goroutine belong to the cell that the calling one belongs to.
func (e *Engine) inherit() (adopt func()) {
	if e.options.Inherit == nil {
		return func() {}
	}
	return e.options.Inherit()
}

// waitCond waits for a condition. An interrupt wakes all waiters, which look at
// their condition again, and this one has the lock when it panics, as deferred
// code expects.
func (e *Engine) waitCond(c *sync.Cond) {
	done := e.done()
	if done == nil {
		c.Wait()
		return
	}
	woken := make(chan struct{})
	go func() {
		select {
		case <-done:
			c.L.Lock() // it is free once the waiter waits
			c.Broadcast()
			c.L.Unlock()
		case <-woken:
		}
	}()
	c.Wait()
	close(woken)
	select {
	case <-done:
		e.interrupted()
	default:
	}
}

func (e *Engine) runCommand(c *exec.Cmd) error {
	if err := c.Start(); err != nil {
		return err
	}
	return e.waitCommand(c)
}

func (e *Engine) commandOutput(c *exec.Cmd) ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("exec: Stdout already set")
	}
	var out, diagnostics bytes.Buffer
	c.Stdout = &out
	capture := c.Stderr == nil
	if capture {
		c.Stderr = &diagnostics
	}
	err := e.runCommand(c)
	var exit *exec.ExitError
	if capture && errors.As(err, &exit) {
		exit.Stderr = diagnostics.Bytes()
	}
	return out.Bytes(), err
}

func (e *Engine) commandCombinedOutput(c *exec.Cmd) ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, errors.New("exec: Stdout or Stderr already set")
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := e.runCommand(c)
	return out.Bytes(), err
}
