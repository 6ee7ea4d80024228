package ixgo

import (
	"fmt"
	"go/types"
	"reflect"
	"unsafe"

	"github.com/goplus/ixgo"
	"golang.org/x/tools/go/ssa"
)

// The interpreter hands a map's keys and elements to package reflect, for which a nil
// interface is no value: as a key it panics, as an element it deletes. So functions of
// ours take the place of such instructions, where a key or an element can be nil.
//
// A call cannot be made by package ssa's exported names alone: two private fields are
// set here, and checked when an engine is made.

// nils holds the functions, one for all maps: to the interpreter a value is an any.
type nils struct{ lookup, lookupOK, update, remove *ssa.Function }

// nilNatives are the functions by their names in the program.
var nilNatives = map[string]any{
	"lookup" + mark:   func(m, key any) any { v, _ := lookup(m, key); return v },
	"lookupOK" + mark: lookup,
	"update" + mark: func(m, key, element any) {
		v := reflect.ValueOf(m)
		v.SetMapIndex(valueOf(key, v.Type().Key()), valueOf(element, v.Type().Elem()))
	},
	"remove" + mark: func(m, key any) {
		v := reflect.ValueOf(m)
		v.SetMapIndex(valueOf(key, v.Type().Key()), reflect.Value{})
	},
}

func lookup(m, key any) (any, bool) {
	v := reflect.ValueOf(m)
	element := v.MapIndex(valueOf(key, v.Type().Key()))
	if !element.IsValid() {
		return reflect.Zero(v.Type().Elem()).Interface(), false
	}
	return element.Interface(), true
}

// valueOf gives a value of a map, nil interfaces included.
func valueOf(x any, t reflect.Type) reflect.Value {
	if x == nil {
		return reflect.Zero(t)
	}
	return reflect.ValueOf(x)
}

func newNils(ctx *ixgo.Context) nils {
	function := func(name string) *ssa.Function {
		f := nilNatives[name+mark]
		ctx.RegisterExternal(name+mark, f)
		vars := func(n int, typ func(int) reflect.Type) *types.Tuple {
			var vs []*types.Var
			for i := range n {
				t := types.Type(types.Universe.Lookup("any").Type())
				if typ(i).Kind() == reflect.Bool {
					t = types.Typ[types.Bool]
				}
				vs = append(vs, types.NewVar(0, nil, "", t))
			}
			return types.NewTuple(vs...)
		}
		t := reflect.TypeOf(f)
		sig := types.NewSignatureType(nil, nil, nil, vars(t.NumIn(), t.In), vars(t.NumOut(), t.Out), false)
		return ctx.Builder.Program().NewFunction(name+mark, sig, "of the engine")
	}
	return nils{function("lookup"), function("lookupOK"), function("update"), function("remove")}
}

// mend puts calls in the place of a block's instructions, and reports whether it did.
func (n *nils) mend(b *ssa.BasicBlock) (changed bool) {
	for i, instr := range b.Instrs {
		switch instr := instr.(type) {
		case *ssa.Lookup:
			if !canBeNil(instr.Index) {
				continue
			}
			f := n.lookup
			if instr.CommaOk {
				f = n.lookupOK
			}
			c := callInPlace(instr, f, instr.X, instr.Index)
			field(c, "register").Set(field(instr, "register"))
			b.Instrs[i] = c
			replace(instr, c)
		case *ssa.MapUpdate:
			if !canBeNil(instr.Key) && !canBeNil(instr.Value) {
				continue
			}
			b.Instrs[i] = callInPlace(instr, n.update, instr.Map, instr.Key, instr.Value)
		case ssa.CallInstruction:
			c := instr.Common()
			if f, ok := c.Value.(*ssa.Builtin); !ok || f.Name() != "delete" || !canBeNil(c.Args[1]) {
				continue
			}
			c.Value = n.remove
		default:
			continue
		}
		changed = true
	}
	return changed
}

// canBeNil reports an interface that is not made of a value on the spot.
func canBeNil(v ssa.Value) bool {
	_, made := v.(*ssa.MakeInterface)
	return !made && types.IsInterface(v.Type())
}

// callInPlace makes a call that takes an instruction's place, its position included.
func callInPlace(instr ssa.Instruction, f *ssa.Function, args ...ssa.Value) *ssa.Call {
	c := &ssa.Call{Call: ssa.CallCommon{Value: f, Args: args}}
	field(&c.Call, "pos").SetInt(int64(instr.Pos()))
	for _, v := range args {
		if users := v.Referrers(); users != nil {
			*users = append(*users, c)
		}
	}
	return c
}

// replace makes what uses a value use another one.
func replace(old, v ssa.Value) {
	var operands []*ssa.Value
	for _, user := range *old.Referrers() {
		for _, o := range user.Operands(operands[:0]) {
			if *o == old {
				*o = v
			}
		}
	}
}

// field gives a private field of what package ssa made.
func field(of any, name string) reflect.Value {
	f := reflect.ValueOf(of).Elem().FieldByName(name)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// callable checks that package ssa has the private fields.
func callable() error {
	register, ok := reflect.TypeFor[ssa.Lookup]().FieldByName("register")
	same, ok1 := reflect.TypeFor[ssa.Call]().FieldByName("register")
	pos, ok2 := reflect.TypeFor[ssa.CallCommon]().FieldByName("pos")
	if !ok || !ok1 || !ok2 || register.Type != same.Type || pos.Type.Kind() != reflect.Int {
		return fmt.Errorf("this version of golang.org/x/tools is not the one that the kernel was written for; use --engine yaegi")
	}
	return nil
}
