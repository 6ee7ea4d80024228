package gokernel

import (
	"fmt"
	"strings"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/ixgo"
	"github.com/reval-editor/reval/gokernel/yaegi"
)

// Engines are the names that Options.Engine can have, the default first.
var Engines = []string{"ixgo", "yaegi"}

// newEngine makes the engine that the options name.
func (k *kernel) newEngine() (front.Engine, error) {
	switch k.options.Engine {
	case "", "ixgo":
		return ixgo.New(ixgo.Options{
			Stdin: k.input, Stdout: k.streams.writer("stdout"), Stderr: k.streams.writer("stderr"), GoroutinePanic: k.goroutinePanic,
			Inherit: k.cells.inherit,
		})
	case "yaegi":
		return yaegi.New(yaegi.Options{
			Stdin: k.input, Stdout: k.streams.writer("stdout"), Stderr: k.streams.writer("stderr"), GoroutinePanic: k.goroutinePanic,
			Inherit: k.cells.inherit,
		})
	}
	return nil, fmt.Errorf("there is no engine %q: choose %s", k.options.Engine, strings.Join(Engines, " or "))
}
