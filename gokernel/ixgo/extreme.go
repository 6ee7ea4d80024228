package ixgo

import (
	"cmp"
	"go/ast"
	"go/types"
	"math"
	"reflect"
	"slices"
)

// extreme gives the calls that stand for the builtin min or max of numbers that can be
// NaN or a negative zero, or nil: the interpreter compares alone.
func (a *adapter) extreme(n *ast.CallExpr) ast.Expr {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok || a.info.Types[n].Value != nil {
		return nil
	}
	name := ""
	switch a.info.Uses[id] {
	case types.Universe.Lookup("min"):
		name = "Min"
	case types.Universe.Lookup("max"):
		name = "Max"
	default:
		return nil
	}
	t := a.info.TypeOf(n)
	_, param := types.Unalias(t).(*types.TypeParam)
	if b, ok := t.Underlying().(*types.Basic); !param && (!ok || b.Info()&types.IsFloat == 0) {
		return nil
	}
	// Constants come last: they take the type of what is before them.
	args := slices.Clone(n.Args)
	slices.SortStableFunc(args, func(x, y ast.Expr) int {
		return cmp.Compare(a.constness(x), a.constness(y))
	})
	x := args[0]
	for _, y := range args[1:] {
		x = call(n.Pos(), a.helper(n.Pos(), name), x, y)
		a.info.Types[x] = a.info.Types[n]
	}
	return x
}

// constness is 1 for constants.
func (a *adapter) constness(x ast.Expr) int {
	if a.info.Types[x].Value != nil {
		return 1
	}
	return 0
}

// least and greatest give that of two equal values which is it: one of two zeros.
func least(x, y any) any    { return ofZeros(x, y, true) }
func greatest(x, y any) any { return ofZeros(x, y, false) }

func ofZeros(x, y any, negative bool) any {
	if v := reflect.ValueOf(x); v.CanFloat() && math.Signbit(v.Float()) != negative {
		return y
	}
	return x
}
