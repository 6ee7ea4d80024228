package ixgo

import "golang.org/x/tools/go/ssa"

// mendPhis mends the φ-nodes at a block's head. They happen all at once, but the
// interpreter does one after the other: one that reads another above it gets the new
// value, so that a, b = b, a in a loop gives both the same. In such a block copies are
// put above them: each copy reads what its node did, and the node reads the copy.
func mendPhis(b *ssa.BasicBlock) bool {
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
