package ixgo

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"fmt"
	"hash"
	"hash/maphash"
	"strings"
)

// generics are the generic functions of the standard library whose source the
// interpreter does not have, by package: each calls a compiled instance.
var generics = map[string]string{
	"errors": `
import "errors"
func AsType[E error](err error) (E, bool) {
	var found, none E
	if err != nil && errors.As(err, &found) {
		return found, true
	}
	return none, false
}`,
	"reflect": `
import "reflect"
func TypeAssert[T any](v reflect.Value) (T, bool) {
	x, ok := v.Interface().(T)
	return x, ok
}`,
	"hash/maphash": `
import "hash/maphash"
func Comparable[T comparable](seed maphash.Seed, v T) uint64 { return native.HashComparable(seed, v) }
func WriteComparable[T comparable](h *maphash.Hash, x T)    { native.WriteComparable(h, x) }
`,
	"crypto/hkdf": `
import "hash"
func Extract[H hash.Hash](h func() H, secret, salt []byte) ([]byte, error) {
	return native.HKDFExtract(func() any { return h() }, secret, salt)
}
func Expand[H hash.Hash](h func() H, pseudorandomKey []byte, info string, keyLength int) ([]byte, error) {
	return native.HKDFExpand(func() any { return h() }, pseudorandomKey, info, keyLength)
}
func Key[H hash.Hash](h func() H, secret, salt []byte, info string, keyLength int) ([]byte, error) {
	return native.HKDFKey(func() any { return h() }, secret, salt, info, keyLength)
}`,
	"crypto/pbkdf2": `
import "hash"
func Key[H hash.Hash](h func() H, password string, salt []byte, iter, keyLength int) ([]byte, error) {
	return native.PBKDF2Key(func() any { return h() }, password, salt, iter, keyLength)
}`,
}

// genericNatives are what they call. An interpreted function's hash comes as an any.
var genericNatives = map[string]any{
	"HashComparable":  func(seed, v any) uint64 { return maphash.Comparable(seed.(maphash.Seed), v) },
	"WriteComparable": func(h, x any) { maphash.WriteComparable(h.(*maphash.Hash), x) },
	"HKDFExtract": func(h func() any, secret, salt []byte) ([]byte, error) {
		return hkdf.Extract(hashes(h), secret, salt)
	},
	"HKDFExpand": func(h func() any, key []byte, info string, length int) ([]byte, error) {
		return hkdf.Expand(hashes(h), key, info, length)
	},
	"HKDFKey": func(h func() any, secret, salt []byte, info string, length int) ([]byte, error) {
		return hkdf.Key(hashes(h), secret, salt, info, length)
	},
	"PBKDF2Key": func(h func() any, password string, salt []byte, iterations, length int) ([]byte, error) {
		return pbkdf2.Key(hashes(h), password, salt, iterations, length)
	},
}

func hashes(h func() any) func() hash.Hash { return func() hash.Hash { return h().(hash.Hash) } }

// addGenerics gives the packages their functions.
func (e *Engine) addGenerics() error {
	for path, source := range generics {
		name := path[strings.LastIndexByte(path, '/')+1:]
		text := fmt.Sprintf("package %s\nimport native %q\n%s", name, nativePath, source)
		if err := e.ctx.RegisterPatch(path, text); err != nil {
			return fmt.Errorf("generic functions of %s: %w", path, err)
		}
	}
	return nil
}
