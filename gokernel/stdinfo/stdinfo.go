// Package stdinfo holds what the Go kernel knows of the standard library without
// a Go installation: the types of every public package and the documentation of
// every exported symbol, packed into the binary by go generate.
//
// The types are those of linux/amd64; symbols that only another system has
// (mostly in syscall) are missing.
package stdinfo

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/gob"
	"fmt"
	"go/token"
	"go/types"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/gcexportdata"
)

//go:generate go run ./mk

//go:embed types.flate
var packedTypes []byte // a gcexportdata bundle, deflated

//go:embed docs.flate
var packedDocs []byte // map[package path]map[symbol]text as gob, deflated

//go:embed version.txt
var version string

// Version is the version of the Go toolchain whose library was packed, such as
// "go1.26.1".
func Version() string { return strings.TrimSpace(version) }

var load = sync.OnceValues(func() (map[string]*types.Package, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(packedTypes)))
	if err != nil {
		return nil, fmt.Errorf("unpack the standard library's types: %w", err)
	}
	all := map[string]*types.Package{}
	public, err := gcexportdata.ReadBundle(bytes.NewReader(data), token.NewFileSet(), all)
	if err != nil {
		return nil, fmt.Errorf("read the standard library's types: %w", err)
	}
	byPath := make(map[string]*types.Package, len(public)+1)
	for _, p := range public {
		byPath[p.Path()] = p
	}
	byPath["unsafe"] = types.Unsafe
	return byPath, nil
})

// Preload reads the types in the background, so that the first import does not
// wait for them (about 60 ms).
func Preload() { go func() { _, _ = load() }() }

// Import gives a package of the standard library.
func Import(path string) (*types.Package, error) {
	all, err := load()
	if err != nil {
		return nil, err
	}
	if p := all[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("package %s is not in the standard library of %s", path, Version())
}

// Packages gives the paths of all packed packages, sorted.
func Packages() []string {
	all, err := load()
	if err != nil {
		return nil
	}
	paths := make([]string, 0, len(all))
	for p := range all {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

var docs = sync.OnceValue(func() map[string]map[string]string {
	var m map[string]map[string]string
	if err := gob.NewDecoder(flate.NewReader(bytes.NewReader(packedDocs))).Decode(&m); err != nil {
		return nil // without documentation the kernel is as useful as before
	}
	return m
})

// Doc gives the documentation of a symbol: a name, Type.Method, or "" for the
// package itself. It is empty where there is none.
func Doc(path, symbol string) string { return strings.TrimSpace(docs()[path][symbol]) }
