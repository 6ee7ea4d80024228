package main

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goplus/ixgo"
	"github.com/traefik/yaegi/interp"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/internal/bench/speed"
)

//go:embed speed/speed.go
var speedText string

// speedCell is the same as a cell.
func speedCell() string {
	_, text, _ := strings.Cut(speedText, "\npackage speed\n")
	return text
}

// programs are those of package speed.
var programs = []struct {
	name, function string
	compiled       func() int
}{
	{"fib(30)", "Fib", speed.Fib},
	{"10⁷ rounds of a loop", "Loop", speed.Loop},
	{"10⁶ calls of an interface's method", "Calls", speed.Calls},
	{"10⁵ values through a channel", "Channel", speed.Channel},
}

// ran is what one run of a program came to.
type ran struct {
	Took  time.Duration `json:"took"`
	Value int           `json:"value"`
}

// playPrograms is a child that runs the programs by name.
func playPrograms(function func(name string) (func() int, error)) error {
	return child.Serve(map[string]func(child.Request) (any, error){
		"run": func(r child.Request) (any, error) {
			f, err := function(r.Code)
			if err != nil {
				return nil, err
			}
			start := time.Now()
			v := f()
			return ran{Took: time.Since(start), Value: v}, nil
		},
	})
}

// playCompiled is the child that has them compiled.
func playCompiled() error {
	return playPrograms(func(name string) (func() int, error) {
		for _, p := range programs {
			if p.function == name {
				return p.compiled, nil
			}
		}
		return nil, fmt.Errorf("no program %s", name)
	})
}

// playIxgo is the child that has them in ixgo, as its documentation uses it.
func playIxgo() error {
	ctx := ixgo.NewContext(0)
	pkg, err := ctx.LoadFile("speed.go", speedText)
	if err != nil {
		return err
	}
	it, err := ctx.NewInterp(pkg)
	if err != nil {
		return err
	}
	if err := it.RunInit(); err != nil {
		return err
	}
	return playPrograms(func(name string) (func() int, error) {
		f, ok := it.GetFunc(name)
		if !ok {
			return nil, fmt.Errorf("no program %s", name)
		}
		return f.(func() int), nil
	})
}

// playYaegi is the child that has them in yaegi, as its documentation uses it.
func playYaegi() error {
	it := interp.New(interp.Options{})
	if _, err := it.Eval(speedText); err != nil {
		return err
	}
	return playPrograms(func(name string) (func() int, error) {
		v, err := it.Eval("speed." + name)
		if err != nil {
			return nil, err
		}
		f, ok := reflect.TypeAssert[func() int](v)
		if !ok {
			return nil, fmt.Errorf("%s is a %s", name, v.Type())
		}
		return f, nil
	})
}
