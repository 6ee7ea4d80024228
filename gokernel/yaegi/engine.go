// Package yaegi runs cells on github.com/traefik/yaegi.
//
// The interpreter is used as it is. What it is known to run wrongly is refused
// (see refuse.go); what cannot be seen in the source stands in the package
// documentation of gokernel.
package yaegi

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
	"github.com/traefik/yaegi/stdlib/unrestricted"
)

// Options are what interpreted code is connected to.
type Options struct {
	Stdin io.Reader
	// Stdout and Stderr take what goes to os.Stdout by package fmt, and to os.Stderr
	// by packages fmt and log.
	Stdout, Stderr io.Writer
	// GoroutinePanic is told about a panic in a goroutine that a cell started.
	GoroutinePanic func(*front.Panic)
	// Inherit gives what has another goroutine print, and ask, as the calling one does;
	// the runtime's own goroutines inherit nothing. nil = nothing is to be done.
	Inherit func() (adopt func())
}

// Engine is an interpreter with the state of a session.
type Engine struct {
	options Options
	interp  *interp.Interpreter
	trace   *trace

	provided map[string]map[string]bool // symbols of the program's packages, by path

	mu     sync.RWMutex
	values map[string]reflect.Value // package-level variables
}

var _ front.Engine = (*Engine)(nil)

// helperPath is the import path of the functions that lowered code calls.
const helperPath = "reval"

// New makes an engine.
func New(o Options) (*Engine, error) {
	e := &Engine{options: o, values: map[string]reflect.Value{}, provided: map[string]map[string]bool{}}
	e.trace = &trace{engine: e, chains: map[uint64]*chain{}}
	e.interp = interp.New(interp.Options{
		Stdin: o.Stdin, Stdout: o.Stdout, Stderr: e.trace, Unrestricted: true, GoPath: os.DevNull,
	})
	for _, symbols := range []interp.Exports{stdlib.Symbols, unrestricted.Symbols, e.replacements()} {
		if err := e.interp.Use(symbols); err != nil {
			return nil, fmt.Errorf("start yaegi: %w", err)
		}
	}
	if err := e.declarePositions(); err != nil {
		return nil, fmt.Errorf("start yaegi: %w", err)
	}
	return e, nil
}

// replacements are the symbols of the standard library that cells get in another
// form, and the helpers of lowered code.
func (e *Engine) replacements() interp.Exports {
	logSymbols := map[string]reflect.Value{}
	// Use replaces the functions of log by those of a logger on the trace.
	for name, v := range stdlib.Symbols["log/log"] {
		logSymbols[name] = v
	}
	for name, f := range fatalFuncs() {
		logSymbols[name] = reflect.ValueOf(f)
	}
	stdin := &standardInput{reader: e.options.Stdin}
	fmtSymbols, mapTypes := map[string]reflect.Value{}, map[reflect.Value][]reflect.Type{}
	for name, f := range map[string][2]any{
		"Fprint":   {fmt.Fprint, func(w io.Writer, a ...any) (int, error) { return fmt.Fprint(e.stream(w), a...) }},
		"Fprintln": {fmt.Fprintln, func(w io.Writer, a ...any) (int, error) { return fmt.Fprintln(e.stream(w), a...) }},
		"Fprintf":  {fmt.Fprintf, func(w io.Writer, s string, a ...any) (int, error) { return fmt.Fprintf(e.stream(w), s, a...) }},
	} {
		fmtSymbols[name] = reflect.ValueOf(f[1])
		mapTypes[fmtSymbols[name]] = stdlib.MapTypes[reflect.ValueOf(f[0])]
	}
	stderr := e.stream(os.Stderr)
	helpers := exitFuncs()
	for name, f := range map[string]any{
		"GoroutinePanic": func(v any) { e.goroutinePanic(v) },
		"Print":          front.Printer(stderr, "", ""),
		"Println":        front.Printer(stderr, " ", "\n"),
		"Words":          front.WordsOf,
	} {
		helpers[name] = reflect.ValueOf(f)
	}
	return interp.Exports{
		"syscall/syscall": {"Exit": reflect.ValueOf(func(code int) { panic(front.ExitError(code)) })},
		"os/os": {
			"Exit":  reflect.ValueOf(func(code int) { panic(front.ExitError(code)) }),
			"Stdin": reflect.ValueOf(&stdin).Elem(),
			"Args":  reflect.ValueOf(&os.Args).Elem(),
		},
		// Use would give cells a set of flags of their own, beside that of flag's functions.
		"flag/flag": {
			"CommandLine": reflect.ValueOf(&flag.CommandLine).Elem(),
			"Parse":       reflect.ValueOf(func() { _ = front.ParseFlags(flag.CommandLine, os.Args[1:]) }),
		},
		"time/time": {"AfterFunc": reflect.ValueOf(func(d time.Duration, f func()) *time.Timer { return time.AfterFunc(d, e.started(f)) })},
		"context/context": {"AfterFunc": reflect.ValueOf(func(ctx context.Context, f func()) (stop func() bool) {
			return context.AfterFunc(ctx, e.started(f))
		})},
		"log/log": logSymbols,
		// Under the key "fmt/fmt" Use would set up the whole library again.
		"fmt/replaced":                fmtSymbols,
		".":                           {"MapTypes": reflect.ValueOf(mapTypes)},
		helperPath + "/" + helperPath: helpers,
	}
}

// stream gives what takes the place of one of the process's streams.
func (e *Engine) stream(w io.Writer) io.Writer {
	switch {
	case w == io.Writer(os.Stdout) && e.options.Stdout != nil:
		return e.options.Stdout
	case w == io.Writer(os.Stderr) && e.options.Stderr != nil:
		return e.options.Stderr
	}
	return w
}

// standardInput is os.Stdin for cells: a file whose reads ask the client. The
// file inside serves the methods that no kernel can have.
type standardInput struct {
	*os.File
	reader io.Reader
}

// Read asks the client for a line if there is none.
func (s *standardInput) Read(b []byte) (int, error) { return s.reader.Read(b) }

// WriteTo keeps io.Copy from going around Read.
func (s *standardInput) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, s.reader) }

// Name implements front.Engine.
func (e *Engine) Name() string { return "yaegi" }

// Separate implements front.Engine: the interpreter has one scope for all units.
func (e *Engine) Separate() bool { return false }

// FileSet implements front.Engine.
func (e *Engine) FileSet() *token.FileSet { return e.interp.FileSet() }

// Load implements front.Engine.
func (e *Engine) Load(u *front.Unit) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaegi cannot compile this cell: %v", r)
		}
	}()
	e.trace.add(u)
	e.instrument(u)
	// The interpreter logs some of its own errors before it gives them.
	program, err := e.interp.CompileAST(u.File)
	if err != nil {
		return err
	}
	if _, err := e.interp.Execute(program); err != nil {
		return err
	}
	e.refresh()
	return nil
}

// refresh notes where the variables are. Some assignments give a variable new
// storage, so it is done after each run; during one, a value can be that of
// before the assignment.
func (e *Engine) refresh() {
	values := e.interp.Globals()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values = values
}

// Run implements front.Engine. A run that was interrupted leaves a goroutine
// that ends as soon as the native call that it is in returns. Goroutines that
// earlier cells started end as well: the interpreter knows one cancel for all.
func (e *Engine) Run(ctx context.Context, u *front.Unit) error {
	program, err := e.interp.Compile(u.Entry + "()")
	if err != nil {
		return err
	}
	e.trace.reset()
	watched, stop := watchStack(ctx)
	defer stop()
	_, err = e.interp.ExecuteWithContext(watched, program)
	e.refresh()
	if context.Cause(watched) == errStackOverflow {
		return &front.Panic{Value: errStackOverflow, Runtime: true}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; goroutines of earlier cells have ended too", front.ErrInterrupted)
	}
	var p interp.Panic
	if errors.As(err, &p) {
		return e.panicOf(p.Value, e.trace.take(u.Entry))
	}
	return err
}

// Value implements front.Engine.
func (e *Engine) Value(name string) (reflect.Value, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	v, ok := e.values[name]
	return v, ok
}

// Dynamic implements front.Engine. The interpreter keeps the values of
// interpreted interface types in a struct of its own.
func (e *Engine) Dynamic(v reflect.Value) reflect.Value {
	for v.IsValid() {
		switch {
		case v.Kind() == reflect.Interface:
			v = v.Elem()
		case v.Type().String() == "interp.valueInterface":
			box := reflect.New(v.Type()).Elem()
			box.Set(v)
			field := box.FieldByName("value")
			inner := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface()
			v = inner.(reflect.Value)
		default:
			return v
		}
	}
	return v
}

// panicOf makes a panic readable: the interpreter raises some run-time errors as
// strings and errors of package reflect.
func (e *Engine) panicOf(value any, frames []front.Frame) *front.Panic {
	value = e.plain(value)
	p := &front.Panic{Value: value, Frames: frames}
	if _, ok := value.(runtime.Error); ok {
		p.Runtime = true
		return p
	}
	var text string
	switch v := value.(type) {
	case *reflect.ValueError:
		text = v.Error()
		if v.Kind == reflect.Invalid {
			p.Runtime = true
			p.Value = "invalid memory address or nil pointer dereference"
			return p
		}
	case string:
		text = v
	}
	for prefix, meaning := range map[string]string{
		"reflect: slice index out of range":  "index out of range",
		"reflect: array index out of range":  "index out of range",
		"reflect: string index out of range": "index out of range",
		"reflect.Value.Slice":                "slice bounds out of range",
		"reflect.MakeSlice":                  "makeslice: len out of range",
		"reflect: call of ":                  "invalid memory address or nil pointer dereference",
	} {
		if strings.HasPrefix(text, prefix) {
			p.Runtime = true
			p.Value = meaning
		}
	}
	return p
}

// plain takes an interpreted value out of the interpreter's own struct.
func (e *Engine) plain(value any) any {
	if value == nil {
		return nil
	}
	rv, ok := value.(reflect.Value) // what panic got was an interface value
	if !ok {
		rv = reflect.ValueOf(value)
	}
	if v := e.Dynamic(rv); v.IsValid() && v.CanInterface() {
		return v.Interface()
	}
	return value
}

// started has a function that the library starts in a goroutine be that of a cell, as one
// that a go statement starts.
func (e *Engine) started(f func()) func() {
	adopt := func() {}
	if e.options.Inherit != nil {
		adopt = e.options.Inherit()
	}
	return func() {
		defer func() {
			if r := recover(); r != nil {
				e.goroutinePanic(r)
			}
		}()
		adopt()
		f()
	}
}

func (e *Engine) goroutinePanic(value any) {
	if e.options.GoroutinePanic != nil {
		e.options.GoroutinePanic(e.panicOf(value, e.trace.take("")))
	}
}

// goroutineID reads the number of the calling goroutine, which the runtime gives
// in stack traces alone. It is called while a panic unwinds, never otherwise.
func goroutineID() (id uint64) {
	buf := make([]byte, 64)
	buf = buf[:runtime.Stack(buf, false)]
	fmt.Sscan(string(bytes.TrimPrefix(buf, []byte("goroutine "))), &id)
	return id
}
