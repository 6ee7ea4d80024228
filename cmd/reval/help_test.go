package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestHelpNamesEveryFlag holds each command's help to the flags that its function
// defines: in the source, since a flag set exists only while its command runs.
func TestHelpNamesEveryFlag(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			command, flags := flagsOf(d)
			for _, flag := range flags {
				found++
				c, _, err := find(strings.Fields(command))
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if !strings.Contains(usage(c), "--"+flag) {
					t.Errorf("the help of %s does not name --%s", command, flag)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no flag was found in the source: does flagsOf still know how they are defined?")
	}
}

// flagsOf gives the command whose flag set a function makes, and its flags' names.
func flagsOf(d ast.Decl) (command string, flags []string) {
	ast.Inspect(d, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		literal, ok := call.Args[0].(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, _ := strconv.Unquote(literal.Value)
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			if fun.Name == "flags" {
				command = text
			}
		case *ast.SelectorExpr:
			if on, ok := fun.X.(*ast.Ident); ok && on.Name == "f" && len(call.Args) == 3 {
				flags = append(flags, text)
			}
		}
		return true
	})
	return command, flags
}
