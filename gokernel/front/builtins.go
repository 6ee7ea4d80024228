package front

// builtins are the parameters and results of the functions that the language and package unsafe
// have, with names in the place of the types that they take any of.
var builtins = map[string]string{
	"append":  "(slice []T, elems ...T) []T",
	"cap":     "(v T) int",
	"clear":   "(t T)",
	"close":   "(c chan<- T)",
	"complex": "(r, i FloatType) ComplexType",
	"copy":    "(dst, src []T) int",
	"delete":  "(m map[K]V, key K)",
	"imag":    "(c ComplexType) FloatType",
	"len":     "(v T) int",
	"make":    "(t Type, size ...IntegerType) Type",
	"max":     "(x T, y ...T) T",
	"min":     "(x T, y ...T) T",
	"new":     "(Type) *Type",
	"panic":   "(v any)",
	"print":   "(args ...T)",
	"println": "(args ...T)",
	"real":    "(c ComplexType) FloatType",
	"recover": "() any",

	"Add":        "(ptr Pointer, len IntegerType) Pointer",
	"Alignof":    "(x T) uintptr",
	"Offsetof":   "(x T) uintptr",
	"Sizeof":     "(x T) uintptr",
	"Slice":      "(ptr *T, len IntegerType) []T",
	"SliceData":  "(slice []T) *T",
	"String":     "(ptr *byte, len IntegerType) string",
	"StringData": "(str string) *byte",
}
