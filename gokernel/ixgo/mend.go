package ixgo

import (
	"go/types"

	"github.com/goplus/ixgo"
	"golang.org/x/tools/go/ssa"
)

// mender changes what the interpreter would run wrongly in the functions of a program:
// the cells', those of packages in source form, and instances of generic ones.
type mender struct {
	packages  map[*ssa.Package]bool
	types     map[types.Type]bool
	functions map[*ssa.Function]bool
	instances map[*types.Named]bool // of generic types, in functions of the unit that is loaded
	nils      nils
}

func newMender(ctx *ixgo.Context) *mender {
	return &mender{packages: map[*ssa.Package]bool{}, types: map[types.Type]bool{}, functions: map[*ssa.Function]bool{}, instances: map[*types.Named]bool{}, nils: newNils(ctx)}
}

// mend mends the functions that were built since the last call, and reports
// whether one of them needed it.
func (m *mender) mend(prog *ssa.Program) (changed bool) {
	for _, pkg := range prog.AllPackages() {
		if m.packages[pkg] {
			continue
		}
		m.packages[pkg] = true
		for _, member := range pkg.Members {
			if f, ok := member.(*ssa.Function); ok {
				changed = m.function(f) || changed
			}
		}
	}
	for _, t := range prog.RuntimeTypes() {
		if m.types[t] || types.IsInterface(t) {
			continue
		}
		m.types[t] = true
		methods := prog.MethodSets.MethodSet(t)
		for i := range methods.Len() {
			if f := prog.MethodValue(methods.At(i)); f != nil {
				changed = m.function(f) || changed
			}
		}
	}
	return changed
}

// function mends a function and those that it refers to.
func (m *mender) function(f *ssa.Function) (changed bool) {
	if m.functions[f] {
		return false
	}
	m.functions[f] = true
	var operands []*ssa.Value
	for _, b := range f.Blocks {
		changed = mendPhis(b) || changed
		changed = m.nils.mend(b) || changed
		for _, instr := range b.Instrs {
			if v, ok := instr.(ssa.Value); ok {
				m.note(v.Type())
			}
			operands = instr.Operands(operands[:0])
			for _, o := range operands {
				if g, ok := (*o).(*ssa.Function); ok {
					changed = m.function(g) || changed
				}
			}
		}
	}
	return changed
}

// note notes a value's type if it is an instance of a generic type, or made of one.
func (m *mender) note(t types.Type) {
	switch t := t.(type) {
	case *types.Named:
		if t.TypeArgs().Len() > 0 {
			m.instances[t] = true
		}
	case *types.Alias:
		m.note(types.Unalias(t))
	case *types.Pointer:
		m.note(t.Elem())
	case *types.Slice:
		m.note(t.Elem())
	case *types.Array:
		m.note(t.Elem())
	case *types.Chan:
		m.note(t.Elem())
	case *types.Map:
		m.note(t.Key())
		m.note(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			m.note(v.Type())
		}
	}
}
