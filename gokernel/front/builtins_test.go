package front

import (
	"go/types"
	"testing"
)

// Every function that the language has is in the table.
func TestBuiltins(t *testing.T) {
	n := 0
	for _, scope := range []*types.Scope{types.Universe, types.Unsafe.Scope()} {
		for _, name := range scope.Names() {
			if _, ok := scope.Lookup(name).(*types.Builtin); ok {
				if n++; builtins[name] == "" {
					t.Errorf("%s is missing", name)
				}
			}
		}
	}
	if n != len(builtins) {
		t.Errorf("%d functions of the language, %d in the table", n, len(builtins))
	}
}
