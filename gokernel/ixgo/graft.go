package ixgo

import (
	"fmt"
	"go/types"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/goplus/ixgo"
	"golang.org/x/tools/go/ssa"
)

// An interpreter calls a method of a type that it does not know by looking for a
// compiled one, and there is none: code of an older unit could not use types of a
// newer one, nor that of a newer unit those of packages in source form that an older
// one was the first to import. So all interpreters get each other's method sets, and
// the functions behind them. These are two private fields of ixgo.Interp.
//
// And an interpreter takes a function's frame for another call as soon as it
// returns, while its results, if there are several, are still in it: another
// goroutine that calls the function meanwhile puts its own there. It does so for
// functions that were called some 60 times; so their count starts at the other end
// of its range, two thousand million calls away. That is a private field of
// ixgo.function.
//
// Places of code are told by numbers that count from one in each interpreter: one that has
// functions of others takes a number for another's. So each counts from where the one
// before has ended, far above the addresses of compiled code. That is one more field of
// ixgo.function.
//
// And code is made to look for interrupts and for the end of its stack, by functions
// put among those that it was compiled to (polls.go). That takes three more fields of
// ixgo.function, and four of ixgo.Frame: its function, the frames before and after it,
// and the calls that it deferred.
//
// And a context takes the type of each local variable for one that its function declares,
// and numbers it, which the names of generic types show. A field of ixgo.Context has them.
//
// And an interpreter compiles the methods of all types of the program that are ever put
// into an interface, those of earlier units too, which it gets from their interpreters
// already: so a unit took the time and the memory of all before it. The list is emptied
// after each unit; it is a private field of ssa.Program.
//
// The shape of the fields is checked when an engine is made: this file is all that
// depends on them.

type (
	methodSets = map[reflect.Type]map[string]*ssa.Function
	// functions has the layout of map[*ssa.Function]*function.
	functions = map[*ssa.Function]unsafe.Pointer
	// instruction is what the interpreter makes of one.
	instruction = func(*ixgo.Frame)
)

// grafted are the places of the fields in their structs, in bytes.
var grafted, graftable = func() (g struct {
	sets, funcs                       uintptr // of ixgo.Interp
	calls, base, code, instrs, blocks uintptr // of ixgo.function
	function, caller, callee, defers  uintptr // of ixgo.Frame
	registers                         uintptr // of ixgo.Frame
	nested                            uintptr // of ixgo.Context
	runtimeTypes                      uintptr // of ssa.Program
}, err error) {
	place := func(of reflect.Type, name string, is func(reflect.Type) bool) uintptr {
		f, ok := of.FieldByName(name)
		if !ok || !is(f.Type) {
			err = fmt.Errorf("this version of %s is not the one that the kernel was written for; use --engine yaegi", of.PkgPath())
		}
		return f.Offset
	}
	exactly := func(t reflect.Type) func(reflect.Type) bool {
		return func(found reflect.Type) bool { return found == t }
	}
	function := reflect.TypeFor[struct{}]()
	g.sets = place(reflect.TypeFor[ixgo.Interp](), "msets", exactly(reflect.TypeFor[methodSets]()))
	g.funcs = place(reflect.TypeFor[ixgo.Interp](), "funcs", func(t reflect.Type) bool {
		ok := t.Kind() == reflect.Map && t.Key() == reflect.TypeFor[*ssa.Function]() && t.Elem().Kind() == reflect.Pointer && t.Elem().Elem().Kind() == reflect.Struct
		if ok {
			function = t.Elem().Elem()
		}
		return ok
	})
	g.calls = place(function, "used", exactly(reflect.TypeFor[int32]()))
	g.base = place(function, "base", exactly(reflect.TypeFor[int]()))
	g.code = place(function, "Instrs", exactly(reflect.TypeFor[[]instruction]()))
	g.instrs = place(function, "ssaInstrs", exactly(reflect.TypeFor[[]ssa.Instruction]()))
	g.blocks = place(function, "Blocks", exactly(reflect.TypeFor[[]int]()))
	g.function = place(reflect.TypeFor[ixgo.Frame](), "pfn", exactly(reflect.PointerTo(function)))
	g.registers = place(reflect.TypeFor[ixgo.Frame](), "stack", exactly(reflect.TypeFor[[]any]()))
	g.caller = place(reflect.TypeFor[ixgo.Frame](), "caller", exactly(reflect.TypeFor[*ixgo.Frame]()))
	g.callee = place(reflect.TypeFor[ixgo.Frame](), "callee", exactly(reflect.TypeFor[*ixgo.Frame]()))
	g.defers = place(reflect.TypeFor[ixgo.Frame](), "_defer", func(t reflect.Type) bool { return t.Kind() == reflect.Pointer })
	g.nested = place(reflect.TypeFor[ixgo.Context](), "nestedMap", exactly(reflect.TypeFor[map[*types.Named]int]()))
	g.runtimeTypes = place(reflect.TypeFor[ssa.Program](), "makeInterfaceTypes", func(t reflect.Type) bool {
		return t.Kind() == reflect.Map && t.Key() == reflect.TypeFor[types.Type]()
	})
	return g, err
}()

// graft is what all interpreters share; the newest has it in maps of its own. Of a function that several
// have compiled, the first one's is taken: they are alike, storage being shared.
type graft struct {
	interps []*scion
	sets    methodSets
	funcs   functions
	numbers int // of code, that are taken
}

// scion is an interpreter. One that no closure, type or goroutine holds may go.
type scion struct {
	interp weak.Pointer[ixgo.Interp]
	merged bool // what it compiled is in the shared maps
}

func fieldsOf(it *ixgo.Interp) (*methodSets, *functions) {
	return (*methodSets)(unsafe.Add(unsafe.Pointer(it), grafted.sets)), (*functions)(unsafe.Add(unsafe.Pointer(it), grafted.funcs))
}

// notNested takes what packages declare out of the types that a context takes for those
// of functions.
func notNested(ctx *ixgo.Context) {
	nested := *(*map[*types.Named]int)(unsafe.Add(unsafe.Pointer(ctx), grafted.nested))
	maps.DeleteFunc(nested, func(t *types.Named, _ int) bool { return t.Obj().Parent() == t.Obj().Pkg().Scope() })
}

// codeOf gives what a function was compiled to, and where each of its blocks begins there.
func codeOf(function unsafe.Pointer) (code []instruction, blocks []int) {
	return *(*[]instruction)(unsafe.Add(function, grafted.code)), *(*[]int)(unsafe.Add(function, grafted.blocks))
}

// instructionsOf gives what each part of a function's code was compiled from.
func instructionsOf(function unsafe.Pointer) []ssa.Instruction {
	return *(*[]ssa.Instruction)(unsafe.Add(function, grafted.instrs))
}

// callerOf gives the place of the frame that called another; nil stands there if
// compiled code did.
func callerOf(fr *ixgo.Frame) **ixgo.Frame {
	return (**ixgo.Frame)(unsafe.Add(unsafe.Pointer(fr), grafted.caller))
}

// setCallee says which frame another called last.
func setCallee(fr, callee *ixgo.Frame) {
	*(**ixgo.Frame)(unsafe.Add(unsafe.Pointer(fr), grafted.callee)) = callee
}

// defersOf gives the place of a frame's deferred calls; nil stands there if there are none.
func defersOf(fr *ixgo.Frame) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(fr), grafted.defers))
}

// copyFrame gives a frame with the same contents and registers of its own.
func copyFrame(fr *ixgo.Frame) *ixgo.Frame {
	own := *fr
	*registersOf(&own) = slices.Clone(*registersOf(fr))
	return &own
}

// registersOf gives the place of the values that a frame's code works with.
func registersOf(fr *ixgo.Frame) *[]any {
	return (*[]any)(unsafe.Add(unsafe.Pointer(fr), grafted.registers))
}

// functionOf gives the function of a frame.
func functionOf(fr *ixgo.Frame) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(fr), grafted.function))
}

// forgetRuntimeTypes empties a program's list of types that are put into interfaces.
func forgetRuntimeTypes(p *ssa.Program) {
	*(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(p), grafted.runtimeTypes)) = nil
}

// add takes in a new interpreter, before it runs anything. Goroutines read the
// maps meanwhile, so these are never changed: new ones take their place.
func (g *graft) add(it *ixgo.Interp) {
	defer func() { g.interps = append(g.interps, &scion{interp: weak.Make(it)}) }()
	sets, funcs := fieldsOf(it)
	keepFrames(*funcs)
	g.number(*funcs)
	isNew := g.hasNew(*sets)
	addMethods(*sets, *funcs, g.sets, g.funcs)
	if !isNew {
		return
	}
	all, code := maps.Clone(g.sets), maps.Clone(g.funcs)
	if all == nil {
		all, code = methodSets{}, functions{}
	}
	var older []*ixgo.Interp
	live := g.interps[:0]
	for _, s := range g.interps {
		old := s.interp.Value()
		if old == nil {
			continue
		}
		live, older = append(live, s), append(older, old)
		if !s.merged {
			s.merged = true
			oldSets, oldFuncs := fieldsOf(old)
			addMissing(all, *oldSets)
			addMissing(code, *oldFuncs)
		}
	}
	g.interps = live
	addMethods(all, code, *sets, *funcs)
	g.sets, g.funcs = all, code
	for _, old := range older { // functions before the sets that name them
		_, funcs := fieldsOf(old)
		publish(unsafe.Pointer(funcs), *(*unsafe.Pointer)(unsafe.Pointer(&code)))
	}
	for _, old := range older {
		sets, _ := fieldsOf(old)
		publish(unsafe.Pointer(sets), *(*unsafe.Pointer)(unsafe.Pointer(&all)))
	}
}

// keepFrames keeps functions with several results from using a frame again.
func keepFrames(funcs functions) {
	for f, p := range funcs {
		if p != nil && f.Signature.Results().Len() > 1 {
			atomic.StoreInt32((*int32)(unsafe.Add(p, grafted.calls)), math.MinInt32)
		}
	}
}

// number gives the functions' code numbers that no other interpreter's has.
func (g *graft) number(funcs functions) {
	const first = math.MaxInt / 2
	highest := 0
	for _, p := range funcs {
		if p == nil {
			continue
		}
		base := (*int)(unsafe.Add(p, grafted.base))
		highest = max(highest, *base+len(instructionsOf(p))+2)
		*base += first + g.numbers
	}
	g.numbers += highest
}

func (g *graft) hasNew(sets methodSets) bool {
	for rt := range sets {
		if _, ok := g.sets[rt]; !ok {
			return true
		}
	}
	return false
}

// addMethods adds method sets that there are not, and the functions behind them.
func addMethods(sets methodSets, funcs functions, from methodSets, code functions) {
	for rt, methods := range from {
		if _, ok := sets[rt]; ok {
			continue
		}
		sets[rt] = methods
		for _, f := range methods {
			if p := code[f]; p != nil && funcs[f] == nil {
				funcs[f] = p
			}
		}
	}
}

func addMissing[K comparable, V any](to, from map[K]V) {
	for k, v := range from {
		if _, ok := to[k]; !ok {
			to[k] = v
		}
	}
}

// publish stores a map's pointer in a field that other goroutines read without
// synchronization: they see the old map or the new one, both of which are whole.
//
//go:norace
//go:noinline
func publish(field, m unsafe.Pointer) {
	fence.Add(1) // the map is whole for whoever sees the pointer
	*(*unsafe.Pointer)(field) = m
}

// fence orders the writes before it before those after it. The race detector would take
// an atomic store of the pointer itself for a race with the interpreter's plain reads.
var fence atomic.Int32
