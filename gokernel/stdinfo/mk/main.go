// Command mk packs the types and the documentation of the standard library of
// the Go toolchain that runs it into the folder that it is started in.
package main

import (
	"bytes"
	"compress/flate"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/tools/go/gcexportdata"
)

func main() {
	if err := pack(); err != nil {
		fmt.Fprintln(os.Stderr, "mk:", err)
		os.Exit(1)
	}
}

type stdPackage struct{ ImportPath, Export string }

func pack() error {
	packages, err := list()
	if err != nil {
		return err
	}
	if err := packTypes(packages); err != nil {
		return err
	}
	if err := packDocs(packages); err != nil {
		return err
	}
	return os.WriteFile("version.txt", []byte(runtime.Version()+"\n"), 0o644)
}

// list gives the public packages with compiled export data.
func list() ([]stdPackage, error) {
	cmd := exec.Command("go", "list", "-export", "-json=ImportPath,Export", "std")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOTOOLCHAIN="+runtime.Version())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list std: %w", err)
	}
	var packages []stdPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p stdPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list std: %w", err)
		}
		if p.Export != "" && !strings.Contains(p.ImportPath, "internal") && !strings.HasPrefix(p.ImportPath, "vendor/") {
			packages = append(packages, p)
		}
	}
}

func packTypes(packages []stdPackage) error {
	fset := token.NewFileSet()
	imports := map[string]*types.Package{}
	var all []*types.Package
	for _, p := range packages {
		data, err := os.ReadFile(p.Export)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 go list -export still gives archives; Read alone does not find the data in them
		r, err := gcexportdata.NewReader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		pkg, err := gcexportdata.Read(r, fset, imports, p.ImportPath)
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		all = append(all, pkg)
	}
	var bundle bytes.Buffer
	if err := gcexportdata.WriteBundle(&bundle, fset, all); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return writeDeflated("types.flate", bundle.Bytes())
}

func packDocs(packages []stdPackage) error {
	docs := map[string]map[string]string{}
	// What the language itself declares is described as a package.
	for _, p := range append(packages, stdPackage{ImportPath: "builtin"}) {
		m, err := packageDocs(p.ImportPath)
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		docs[p.ImportPath] = m
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(docs); err != nil {
		return err
	}
	return writeDeflated("docs.flate", b.Bytes())
}

func packageDocs(path string) (map[string]string, error) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", "amd64", false
	bp, err := ctx.Import(path, "", 0)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range bp.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(bp.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	var mode doc.Mode
	if path == "builtin" {
		mode = doc.AllDecls
	}
	d, err := doc.NewFromFiles(fset, files, path, mode)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	add := func(name, text string) {
		if text != "" {
			m[name] = text
		}
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			for _, name := range v.Names {
				add(name, v.Doc)
			}
		}
	}
	add("", d.Doc)
	values(d.Consts)
	values(d.Vars)
	for _, f := range d.Funcs {
		add(f.Name, f.Doc)
	}
	for _, t := range d.Types {
		add(t.Name, t.Doc)
		addFields(add, t)
		values(t.Consts)
		values(t.Vars)
		for _, f := range t.Funcs {
			add(f.Name, f.Doc)
		}
		for _, f := range t.Methods {
			add(t.Name+"."+f.Name, f.Doc)
		}
	}
	return m, nil
}

// addFields adds the comments of a struct's fields and of an interface's methods.
func addFields(add func(name, text string), t *doc.Type) {
	for _, spec := range t.Decl.Specs {
		var list *ast.FieldList
		switch st := spec.(*ast.TypeSpec).Type.(type) {
		case *ast.StructType:
			list = st.Fields
		case *ast.InterfaceType:
			list = st.Methods
		default:
			continue
		}
		for _, f := range list.List {
			text := f.Doc.Text()
			if text == "" {
				text = f.Comment.Text()
			}
			for _, name := range f.Names {
				if name.IsExported() {
					add(t.Name+"."+name.Name, text)
				}
			}
		}
	}
}

func writeDeflated(name string, data []byte) error {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}
