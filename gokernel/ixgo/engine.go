// Package ixgo runs cells on github.com/goplus/ixgo.
//
// The interpreter is used as it is, by its public API and one graft (graft.go).
// Each unit is a package "main" of its own in one growing SSA program, with an
// interpreter of its own. Units share types by the loader (loader.go), variables
// by their addresses, and methods by the graft.
package ixgo

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goplus/ixgo"
	_ "github.com/goplus/ixgo/pkg"                 // the standard library
	_ "github.com/goplus/reflectx/icall/icall8192" // room for methods
	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/types/typeutil"
)

// Options are what interpreted code is connected to.
type Options struct {
	Stdin io.Reader
	// Stdout and Stderr take what cells print. nil = os.Stdout and os.Stderr.
	Stdout, Stderr io.Writer
	// GoroutinePanic is told about a panic in a goroutine that a cell started.
	GoroutinePanic func(*front.Panic)
	// Inherit gives what has another goroutine print, and ask, as the calling one does;
	// the runtime's own goroutines inherit nothing. nil = nothing is to be done.
	Inherit func() (adopt func())
}

// Engine is the state of a session.
type Engine struct {
	options Options
	ctx     *ixgo.Context
	loader  *loader
	graft   graft

	// Of the goroutine that loads units.
	objects map[string]types.Object // by engine name
	unnamed nameless                // interfaces without a name
	kept    typeutil.Map            // types whose methods are kept alive
	keeping []*types.Named          // those of the unit that is loaded
	generic []span                  // generic functions with types of their own
	hidden  int                     // packages made by keep
	hosted  map[reflect.Type]bool   // types of the program's own package main, and pointers to them
	mender  *mender

	maxStack uintptr // how much stack, in bytes, the calls of a goroutine may take

	// stop counts the runs that are to stop; polls look whether it is zero. Operations on
	// channels wait for gone, which is closed while there are such that can hear it.
	stop      atomic.Int32
	wakingMu  sync.Mutex // guards waking, and who changes gone
	waking    int        // the runs that gone is closed for
	gone      <-chan struct{}
	close     func()   // closes gone
	runs      sync.Map // goroutine id to *run
	overflows sync.Map // goroutine id to *front.Panic: its stack overflow

	mu      sync.RWMutex
	interps map[*front.Unit]*ixgo.Interp // loaded, not yet run
	values  map[string]reflect.Value     // package-level variables
	sources map[string]map[string]bool   // names in packages that there are as source, by path
}

var _ front.Engine = (*Engine)(nil)

// New makes an engine.
func New(o Options) (*Engine, error) {
	if err := errors.Join(graftable, callable()); err != nil {
		return nil, fmt.Errorf("start ixgo: %w", err)
	}
	ctx := ixgo.NewContext(ixgo.SupportMultipleInterp)
	ctx.SetEvalMode(true) // unused imports are no errors
	ctx.BuildContext.CgoEnabled = false
	ctx.Lookup = func(_, path string) (string, bool) {
		dir, err := front.PackageDir(path)
		return dir, err == nil
	}
	e := &Engine{
		options: o, ctx: ctx, maxStack: maxStack, objects: map[string]types.Object{}, interps: map[*front.Unit]*ixgo.Interp{},
		values: map[string]reflect.Value{}, hosted: map[reflect.Type]bool{}, sources: map[string]map[string]bool{},
	}
	e.mender = newMender(ctx)
	e.renew()
	e.loader = newLoader(ctx.Loader)
	ctx.Loader = e.loader
	ctx.Importer = &modules{Importer: ctx.Importer, engine: e}
	ctx.SetPanic(plainError)
	if err := e.natives(); err != nil {
		return nil, fmt.Errorf("start ixgo: %w", err)
	}
	return e, nil
}

// plainError makes the texts of run-time errors those of compiled Go: some have
// their prefix twice, and failed assertions have none.
func plainError(p *ixgo.PanicInfo) {
	if text := nilAssertion(p); text != "" {
		p.Error = ixgo.PlainError(text)
		return
	}
	if e, ok := p.Error.(ixgo.RuntimeError); ok {
		text := strings.TrimPrefix(string(e), "runtime error: ")
		p.Error = ixgo.RuntimeError(text)
		if strings.HasPrefix(text, "interface conversion: ") {
			p.Error = ixgo.PlainError(text)
		}
	}
}

// Name implements front.Engine.
func (e *Engine) Name() string { return "ixgo" }

// Separate implements front.Engine.
func (e *Engine) Separate() bool { return true }

// FileSet implements front.Engine.
func (e *Engine) FileSet() *token.FileSet { return e.ctx.FileSet }

// Run implements front.Engine.
func (e *Engine) Run(ctx context.Context, u *front.Unit) error {
	e.mu.Lock()
	it := e.interps[u]
	delete(e.interps, u)
	e.mu.Unlock()
	if it == nil {
		return fmt.Errorf("unit %s is not loaded", u.Name)
	}
	return e.run(ctx, func() error {
		_, err := it.RunFunc(u.Entry)
		return err
	})
}

// Do implements front.Engine.
func (e *Engine) Do(ctx context.Context, f func()) error {
	return e.run(ctx, func() (err error) {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case ixgo.PanicError:
				err = r
			case ixgo.FatalError:
				err = r
			default:
				if err = panicWith(r, nil); r == errInterrupted {
					err = errInterrupted
				}
			}
		}()
		f()
		return nil
	})
}

// run calls f in a goroutine that ctx interrupts. Code that is deep in a compiled
// function when it is interrupted goes on by itself until that returns, and is then
// stopped.
func (e *Engine) run(ctx context.Context, f func() error) error {
	r := &run{engine: e, done: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		defer e.adopt(r)()
		err := f()
		if p := e.overflowed(); p != nil {
			err = p
		}
		ended <- err
	}()
	err, interrupted := r.wait(ctx, ended)
	if interrupted {
		return front.ErrInterrupted
	}
	if p := (*front.Panic)(nil); errors.As(err, &p) {
		return p
	}
	if err != nil {
		return e.panicOf(err)
	}
	return nil
}

// Value implements front.Engine.
func (e *Engine) Value(name string) (reflect.Value, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	v, ok := e.values[name]
	return v, ok
}

// Dynamic implements front.Engine.
func (e *Engine) Dynamic(v reflect.Value) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}
