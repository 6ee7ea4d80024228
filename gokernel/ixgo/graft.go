package ixgo

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/goplus/ixgo"
	"golang.org/x/tools/go/ssa"
)

// An interpreter calls a method of a type that it does not know by looking for a
// compiled one, and there is none: code of an older unit could not use types of a
// newer one. So all interpreters get each other's method sets, and the functions
// behind them. These are two private fields of ixgo.Interp.
//
// And an interpreter takes a function's frame for another call as soon as it
// returns, while its results, if there are several, are still in it: another
// goroutine that calls the function meanwhile puts its own there. It does so for
// functions that were called some 60 times; so their count starts at the other end
// of its range, two thousand million calls away. That is a private field of
// ixgo.function.
//
// The shape of the fields is checked when an engine is made: this file is all that
// depends on them.

type (
	methodSets = map[reflect.Type]map[string]*ssa.Function
	// functions has the layout of map[*ssa.Function]*function.
	functions = map[*ssa.Function]unsafe.Pointer
)

// graftedFields finds the fields by name.
func graftedFields() (sets, funcs, calls reflect.StructField, ok bool) {
	t := reflect.TypeFor[ixgo.Interp]()
	sets, ok1 := t.FieldByName("msets")
	funcs, ok2 := t.FieldByName("funcs")
	if !ok1 || !ok2 || funcs.Type.Kind() != reflect.Map || funcs.Type.Elem().Kind() != reflect.Pointer || funcs.Type.Elem().Elem().Kind() != reflect.Struct {
		return sets, funcs, calls, false
	}
	calls, ok = funcs.Type.Elem().Elem().FieldByName("used")
	return sets, funcs, calls, ok
}

// graftable checks that this ixgo has the fields and that they are what they were.
func graftable() error {
	sets, funcs, calls, ok := graftedFields()
	if !ok || sets.Type != reflect.TypeFor[methodSets]() || funcs.Type.Key() != reflect.TypeFor[*ssa.Function]() || calls.Type.Kind() != reflect.Int32 {
		return fmt.Errorf("this version of github.com/goplus/ixgo is not the one that the kernel was written for; use --engine yaegi")
	}
	return nil
}

// graft is what all interpreters but the newest share. Of a function that several
// have compiled, the first one's is taken: they are alike, storage being shared.
type graft struct {
	interps []*scion
	sets    methodSets
	funcs   functions
}

// scion is an interpreter. One that no closure, type or goroutine holds may go.
type scion struct {
	interp weak.Pointer[ixgo.Interp]
	merged bool // what it compiled is in the shared maps
}

func fieldsOf(it *ixgo.Interp) (*methodSets, *functions) {
	sets, funcs, _, _ := graftedFields()
	return (*methodSets)(unsafe.Add(unsafe.Pointer(it), sets.Offset)), (*functions)(unsafe.Add(unsafe.Pointer(it), funcs.Offset))
}

// add takes in a new interpreter, before it runs anything. Goroutines read the
// maps meanwhile, so these are never changed: new ones take their place.
func (g *graft) add(it *ixgo.Interp) {
	defer func() { g.interps = append(g.interps, &scion{interp: weak.Make(it)}) }()
	sets, funcs := fieldsOf(it)
	keepFrames(*funcs)
	if !g.hasNew(*sets) {
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
	for rt, methods := range *sets {
		if _, ok := all[rt]; ok {
			continue
		}
		all[rt] = methods
		for _, f := range methods {
			if p := (*funcs)[f]; p != nil && code[f] == nil {
				code[f] = p
			}
		}
	}
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
	_, _, calls, _ := graftedFields()
	for f, p := range funcs {
		if p != nil && f.Signature.Results().Len() > 1 {
			atomic.StoreInt32((*int32)(unsafe.Add(p, calls.Offset)), math.MinInt32)
		}
	}
}

func (g *graft) hasNew(sets methodSets) bool {
	for rt := range sets {
		if _, ok := g.sets[rt]; !ok {
			return true
		}
	}
	return false
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
