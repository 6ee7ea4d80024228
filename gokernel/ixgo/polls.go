package ixgo

import (
	"slices"
	"unsafe"

	"github.com/goplus/ixgo"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/timandy/routine"
	"golang.org/x/tools/go/ssa"
)

// Code of cells, and of packages in source form, looks for an interrupt where its
// loops begin, and for that and the end of its stack where a function begins that calls
// others: one that does not cannot recurse. The interpreter has made functions of
// all instructions; the polls are put between these, and so are compiled code.

const (
	// maxStack is how much stack, in bytes, the calls of a goroutine may take. Go's own
	// limit, 10⁹ bytes, ends the process. Stacks double when they grow, so that this is
	// 128 MiB of memory: 800,000 calls of a small function, which take some 300 MB more.
	maxStack = 120 << 20
	// spareStack is what deferred calls may take more when the stack has overflowed.
	spareStack = 8 << 20
	// maxPanics is how many panics of deferred calls a stack overflow bears, which take
	// time that grows with the stack. Then it runs those of so many outermost calls alone.
	maxPanics = 16
	// shownFrames is how many of the innermost and of the outermost calls are told.
	shownFrames = 8
)

// errOverflow is what a stack overflow panics with.
const errOverflow = ixgo.RuntimeError("stack overflow: calls within calls take more than 120 MiB of stack")

// addPolls puts polls into what a new interpreter has compiled, before it runs.
func (e *Engine) addPolls(it *ixgo.Interp) {
	_, funcs := fieldsOf(it)
	for f, p := range *funcs {
		if p == nil {
			continue
		}
		code, blocks := codeOf(p)
		if len(code) == 0 { // of no body, or nothing that is compiled calls it
			continue
		}
		for i, instr := range instructionsOf(p) {
			if waits(instr) {
				code[i] = e.awaited(code[i])
			}
		}
		for _, head := range loopHeads(f) {
			code[blocks[head]] = e.atLoop(code[blocks[head]])
		}
		if callsOthers(f) {
			code[0] = e.atEntry(code[0])
		}
	}
}

func (e *Engine) atLoop(next instruction) instruction {
	return func(fr *ixgo.Frame) {
		if e.stop.Load() != 0 {
			e.interrupted()
		}
		next(fr)
	}
}

func (e *Engine) atEntry(next instruction) instruction {
	return func(fr *ixgo.Frame) {
		// A frame that was used before still has the frame that it called then. After a
		// run-time error the interpreter would take it for one that is under way.
		setCallee(fr, nil)
		if e.stop.Load() != 0 {
			e.interrupted()
		}
		if stackSize() > e.maxStack {
			e.overflow(fr)
		}
		next(fr)
	}
}

// loopHeads gives the indices of the blocks that a function can come back to from
// themselves: one at least on each way round.
func loopHeads(f *ssa.Function) (heads []int) {
	const (
		unseen = iota
		open   // the way that is being gone leads through it
		head   // open, and noted
		done
	)
	state := make([]byte, len(f.Blocks))
	var visit func(b *ssa.BasicBlock)
	visit = func(b *ssa.BasicBlock) {
		state[b.Index] = open
		for _, next := range b.Succs {
			switch state[next.Index] {
			case unseen:
				visit(next)
			case open:
				state[next.Index] = head
				heads = append(heads, next.Index)
			}
		}
		state[b.Index] = done
	}
	visit(f.Blocks[0])
	return heads
}

// callsOthers reports a function that calls other functions than builtin ones.
func callsOthers(f *ssa.Function) bool {
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			if c, ok := instr.(ssa.CallInstruction); ok {
				if _, builtin := c.Common().Value.(*ssa.Builtin); !builtin {
					return true
				}
			}
		}
	}
	return false
}

// overflow ends the calls of the calling goroutine, whose stack is full. Their deferred
// calls run first, and then there is a panic: the interpreter would panic anew for each
// call that defers others, which takes time with the square of their number. As with
// compiled code, recover gives nothing. But package fmt recovers from panics of String
// methods; so the overflow is told at once, or at the cell's end.
func (e *Engine) overflow(fr *ixgo.Frame) {
	id := routine.Goid()
	if _, again := e.overflows.Load(id); again {
		if stackSize() < e.maxStack+spareStack {
			return // a deferred call
		}
		panic(errOverflow)
	}
	var calls []*ixgo.Frame // innermost first
	for f := fr; f != nil; f = *callerOf(f) {
		calls = append(calls, f)
	}
	p := &front.Panic{Value: errOverflow, Runtime: true, Frames: overflowFrames(calls)}
	e.overflows.Store(id, p)
	setCallee(calls[len(calls)-1], nil) // all calls would be gathered from here
	deferring := slices.DeleteFunc(calls, func(f *ixgo.Frame) bool { return *defersOf(f) == nil })
	if e.owner() == nil { // no cell's, which will tell it
		if e.options.GoroutinePanic != nil {
			e.options.GoroutinePanic(p)
		}
		if last := len(deferring) - 1; last >= 0 { // its deferred calls end the panic
			setCallee(deferring[last], nil)
			deferring = deferring[:last]
		}
	}
	panics := 0
	for i, f := range deferring {
		if (panics < maxPanics || i >= len(deferring)-maxPanics) && !runDeferred(f) {
			panics++
		}
		*defersOf(f) = nil
	}
	panic(errOverflow)
}

// runDeferred runs the deferred calls of a function that has not ended. It reports
// whether they ended without a panic.
func runDeferred(fr *ixgo.Frame) (ok bool) {
	caller := callerOf(fr)
	between := *caller
	*caller = nil // a panic would gather all calls
	defer func() {
		ok = recover() == nil // if not, the overflow is told
		*caller = between
	}()
	function := functionOf(fr)
	code, _ := codeOf(function)
	for i, instr := range instructionsOf(function) {
		if _, ok := instr.(*ssa.RunDefers); ok {
			code[i](fr)
			break
		}
	}
	return true
}

// overflowed gives the stack overflow of the calling goroutine, and forgets it.
func (e *Engine) overflowed() *front.Panic {
	if p, ok := e.overflows.LoadAndDelete(routine.Goid()); ok {
		return p.(*front.Panic)
	}
	return nil
}

// overflowFrames gives the innermost and the outermost of many calls.
func overflowFrames(calls []*ixgo.Frame) []front.Frame {
	last := callerOf(calls[min(len(calls)-1, 2*shownFrames)])
	between := *last
	*last = nil // of all calls they would be looked for
	inner := cellFrames(calls[0])
	*last = between
	inner = inner[:min(len(inner), shownFrames)]
	outer := cellFrames(calls[max(0, len(calls)-shownFrames)])
	return slices.Concat(inner, []front.Frame{{Omitted: len(calls) - len(inner) - len(outer)}}, outer)
}

// stackSize gives how much of its stack the calling goroutine uses, in bytes.
func stackSize() uintptr {
	var here byte
	return goroutineOf().high - uintptr(unsafe.Pointer(&here))
}

// goroutine begins as the runtime's own description of one does.
type goroutine struct{ _, high uintptr } // where its stack ends below and above

//go:linkname goroutineOf runtime.getgp
func goroutineOf() *goroutine
