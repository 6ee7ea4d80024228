package yaegi

import (
	"context"
	"errors"
	"reflect"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/traefik/yaegi/interp"
)

// Concurrent implements front.Engine: a cancel ends all that the interpreter runs.
func (e *Engine) Concurrent() bool { return false }

// Provide implements front.Engine.
func (e *Engine) Provide(ps []front.Package) error {
	for _, p := range ps {
		symbols, names := map[string]reflect.Value{}, map[string]bool{}
		for name, f := range p.Funcs {
			symbols[name], names[name] = f, true
		}
		for name, v := range p.Vars {
			symbols[name], names[name] = v.Addr(), true // see lowering
		}
		for name, t := range p.Types {
			symbols[name], names[name] = reflect.Zero(reflect.PointerTo(t)), true // how the interpreter is told of a type
		}
		e.provided[p.Path] = names
		if err := e.interp.Use(interp.Exports{p.Path + "/" + p.Name(): symbols}); err != nil {
			return err
		}
	}
	return nil
}

// Do implements front.Engine. What ctx interrupts is left behind, and goes on
// until it ends by itself.
func (e *Engine) Do(ctx context.Context, f func()) error {
	ended := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			if r := recover(); r != nil {
				var p interp.Panic
				if perr, ok := r.(error); ok && errors.As(perr, &p) {
					r = p.Value
				}
				err = e.panicOf(r, nil)
			}
			ended <- err
		}()
		f()
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return front.ErrInterrupted
	}
}
