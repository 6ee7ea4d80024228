package ixgo

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// The φ-nodes at a block's head happen all at once, but the interpreter does one
// after the other: one that reads another above it gets the new value, so that
// a, b = b, a in a loop gives both the same. In such a block copies are put above
// them: each copy reads what its node did, and the node reads the copy.

// phis mends the functions of a program, each once.
type phis struct {
	packages  map[*ssa.Package]bool
	types     map[types.Type]bool
	functions map[*ssa.Function]bool
}

// mend mends the functions that were built since the last call, and reports
// whether one of them needed it.
func (p *phis) mend(prog *ssa.Program) (changed bool) {
	for _, pkg := range prog.AllPackages() {
		if p.packages[pkg] {
			continue
		}
		p.packages[pkg] = true
		for _, m := range pkg.Members {
			if f, ok := m.(*ssa.Function); ok {
				changed = p.function(f) || changed
			}
		}
	}
	for _, t := range prog.RuntimeTypes() {
		if p.types[t] || types.IsInterface(t) {
			continue
		}
		p.types[t] = true
		methods := prog.MethodSets.MethodSet(t)
		for i := range methods.Len() {
			if f := prog.MethodValue(methods.At(i)); f != nil {
				changed = p.function(f) || changed
			}
		}
	}
	return changed
}

// function mends a function and those that it refers to.
func (p *phis) function(f *ssa.Function) (changed bool) {
	if p.functions[f] {
		return false
	}
	p.functions[f] = true
	var operands []*ssa.Value
	for _, b := range f.Blocks {
		changed = mendBlock(b) || changed
		for _, instr := range b.Instrs {
			operands = instr.Operands(operands[:0])
			for _, o := range operands {
				if g, ok := (*o).(*ssa.Function); ok {
					changed = p.function(g) || changed
				}
			}
		}
	}
	return changed
}

func mendBlock(b *ssa.BasicBlock) bool {
	var nodes []*ssa.Phi
	above := map[ssa.Value]bool{}
	conflict := false
	for _, instr := range b.Instrs {
		node, ok := instr.(*ssa.Phi)
		if !ok {
			break
		}
		for _, v := range node.Edges {
			conflict = conflict || above[v]
		}
		above[node] = true
		nodes = append(nodes, node)
	}
	if !conflict {
		return false
	}
	instrs := make([]ssa.Instruction, 0, len(b.Instrs)+len(nodes))
	for _, node := range nodes {
		c := *node
		c.Edges = node.Edges
		node.Edges = make([]ssa.Value, len(c.Edges))
		for i := range node.Edges {
			node.Edges[i] = &c
		}
		instrs = append(instrs, &c)
	}
	b.Instrs = append(instrs, b.Instrs...)
	return true
}
