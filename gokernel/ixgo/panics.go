package ixgo

import (
	"errors"
	"fmt"
	"go/types"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
	"golang.org/x/tools/go/ssa"
)

// panicOf makes what ended a run a panic with its places.
func (e *Engine) panicOf(err error) error {
	var explicit ixgo.PanicError
	var fatal ixgo.FatalError
	switch {
	case errors.As(err, &explicit):
		return panicWith(explicit.Value, framesOf(explicit.Stack()))
	case errors.As(err, &fatal):
		return panicWith(fatal.Value, framesOf(fatal.Stack()))
	}
	return err
}

// panicValue gives the value of a panic that compiled code would have: the
// interpreter stores through a nil pointer by package reflect.
func panicValue(value any) any {
	if e, ok := value.(*reflect.ValueError); ok && e.Kind == reflect.Invalid {
		return ixgo.RuntimeError("invalid memory address or nil pointer dereference")
	}
	return value
}

// nilAssertion gives what compiled Go says of a type assertion on nil, if that is what
// failed: an asserted interface is not compared with the type that the value has.
func nilAssertion(p *ixgo.PanicInfo) string {
	text := p.Error.Error()
	_, asserted, ok := strings.Cut(text, " is nil, not ")
	f := p.Parent()
	if f == nil || !ok && !strings.Contains(text, "nil pointer dereference") {
		return ""
	}
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			a, isAssertion := instr.(*ssa.TypeAssert)
			if !isAssertion || a.Pos() != p.Pos() {
				continue
			}
			if !ok { // of an error
				asserted = types.TypeString(a.AssertedType, (*types.Package).Name)
			}
			switch {
			case types.IsInterface(a.AssertedType):
				return "interface conversion: interface is nil, not " + asserted
			case !ok:
				return "interface conversion: error is nil, not " + asserted
			}
			return text
		}
	}
	return ""
}

// differing is what package reflect says of two types.
var differing = regexp.MustCompile(`^reflect\.\w+: (?:value of type )?(.+) (?:is not assignable to type|!=) (.+)$`)

func panicWith(value any, frames []front.Frame) *front.Panic {
	value = panicValue(value)
	if text, ok := value.(string); ok {
		if m := differing.FindStringSubmatch(text); m != nil && m[1] == m[2] && strings.Contains(m[1], "interface {") {
			value = fmt.Sprintf("%s is another type in another cell, since its interface has no name: declare a type for the interface", m[1])
		}
	}
	_, isRuntime := value.(runtime.Error)
	return &front.Panic{Value: value, Runtime: isRuntime, Frames: frames}
}

// stackPlace is a line of a stack trace: "\tcell[3]:2 +0x1d".
var stackPlace = regexp.MustCompile(`^\t(.*?):(\d+)`)

// framesOf gives the cells' places of a stack trace, innermost first.
func framesOf(stack []byte) []front.Frame {
	var out []front.Frame
	name := ""
	for line := range strings.Lines(string(stack)) {
		m := stackPlace.FindStringSubmatch(line)
		if m == nil {
			name = strings.TrimSpace(line)
			continue
		}
		number, _ := strconv.Atoi(m[2])
		if f, ok := cellFrame(name, m[1], number); ok {
			out = append(out, f)
		}
	}
	return out
}

// cellFrame gives a place if it is in a cell.
func cellFrame(function, file string, line int) (front.Frame, bool) {
	file = filepath.Base(file)
	if !strings.HasPrefix(file, "cell[") {
		return front.Frame{}, false
	}
	function, _, _ = strings.Cut(function, "(...)")
	if i := strings.LastIndex(function, "("); i > 0 && strings.HasSuffix(function, ")") && !strings.HasSuffix(function[:i], ".") {
		function = function[:i]
	}
	function = strings.ReplaceAll(function, "main.", "")
	if entry, inner, _ := strings.Cut(function, "."); strings.HasPrefix(entry, "cell"+mark) {
		function = inner
	}
	f := front.Frame{Func: function}
	f.Pos.Filename, f.Pos.Line = file, line
	return f, true
}

// cellFrames gives the cells' places of a call and those that led to it, innermost first.
func cellFrames(fr *ixgo.Frame) (out []front.Frame) {
	for _, f := range fr.CallerFrames() {
		if place, ok := cellFrame(f.Function, f.File, f.Line); ok {
			out = append(out, place)
		}
	}
	return out
}

// goroutinePanic tells of a panic that ended a cell's goroutine. It is called by
// deferred code while that panics.
func (e *Engine) goroutinePanic(fr *ixgo.Frame, value any) {
	if e.overflowed() != nil || value == errInterrupted || e.options.GoroutinePanic == nil {
		return
	}
	e.options.GoroutinePanic(panicWith(value, cellFrames(fr)))
}
