package lsp_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/lsp"
)

func pagePath() string { return filepath.Join(testenv.Root(), "docs", "protocol.md") }

// The page's tables are those of the Go types.
func TestProtocolPage(t *testing.T) {
	page, err := os.ReadFile(pagePath())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), protocolPage(t, transcripts(t, string(page)))); diff != "" {
		t.Errorf("docs/protocol.md is out of date (-page +types): go test ./lsp -run Protocol -update\n%s", diff)
	}
}

// reference collects what messages.go declares.
type reference struct {
	t      *testing.T
	types  map[string]*ast.TypeSpec
	docs   map[string]string // of types
	groups []constGroup
	wanted []string // types that are to be described, in order of mention
	page   *strings.Builder
}

// constGroup is one const declaration.
type constGroup struct {
	doc    string
	values []constant
}

type constant struct{ name, value, doc, comment string }

// protocolPage makes the page, with transcripts by the names of their stories.
func protocolPage(t *testing.T, transcripts map[string]string) string {
	intro, err := os.ReadFile("testdata/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{t: t, types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, page: new(strings.Builder)}
	r.read("messages.go")
	r.read(filepath.Join(testenv.Root(), "internal", "output", "style.go"))
	text := string(intro)
	for _, st := range stories {
		text = strings.Replace(text, "@"+st.name+"@\n", transcriptBegin(st.name)+transcripts[st.name]+transcriptEnd, 1)
	}
	for name, d := range lsp.Deadlines {
		text = strings.ReplaceAll(text, "@"+name+"@", d)
	}
	r.page.WriteString(strings.Replace(text, "@languages@\n", languages(), 1))

	var states []constGroup
	for _, g := range r.groups {
		switch {
		case strings.HasPrefix(g.doc, "Commands of"):
			r.heading(2, "Commands", g.doc)
			for _, v := range g.values {
				argument, answer, ok := strings.Cut(v.comment, " → ")
				if !ok {
					t.Fatalf("%s has no types", v.name)
				}
				r.heading(3, "`"+v.value+"`", v.doc)
				r.printf("\nArgument: %s. Answer: %s.\n", r.mention(argument), r.mention(answer))
			}
		case strings.HasPrefix(g.doc, "Notifications"):
			r.heading(2, "Notifications", g.doc)
			for _, v := range g.values {
				direction, params, ok := strings.Cut(v.comment, ", ")
				if !ok {
					t.Fatalf("%s has no types", v.name)
				}
				r.heading(3, "`"+v.value+"`", v.doc)
				r.printf("\nFrom %s: %s.\n", strings.Replace(direction, " → ", " to ", 1), r.mention(params))
			}
		default:
			states = append(states, g)
		}
	}
	r.heading(2, "Types", "")
	r.mention("ClientCapability")
	r.mention("ServerCapability")
	r.mention("Settings")
	for i := 0; i < len(r.wanted); i++ {
		r.describe(r.wanted[i])
	}
	r.heading(2, "Values", "")
	for _, g := range states {
		name, _, _ := strings.Cut(g.doc, ".")
		r.heading(3, name, "")
		r.printf("\n| value | meaning |\n| --- | --- |\n")
		for _, v := range g.values {
			r.printf("| `%s` | %s |\n", v.value, v.comment)
		}
	}
	return r.page.String()
}

// languages is the table of the languages that documents can be in.
func languages() string {
	var b strings.Builder
	b.WriteString("| language | identifiers | files | cell mark |\n| --- | --- | --- | --- |\n")
	for _, l := range language.All() {
		fmt.Fprintf(&b, "| %s | `%s` | `%s` | `%s %%%%` |\n", l.Name, strings.Join(l.Names(), "` `"), strings.Join(l.Extensions(), "` `"), l.Comment)
	}
	return b.String()
}

// read takes the exported constants and structs of a file.
func (r *reference) read(file string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		group := constGroup{doc: words(g.Doc)}
		for _, spec := range g.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				r.types[spec.Name.Name], r.docs[spec.Name.Name] = spec, words(g.Doc)
			case *ast.ValueSpec:
				literal, ok := ast.Expr(nil), false
				if len(spec.Values) == 1 {
					literal = spec.Values[0]
				}
				text, ok := literal.(*ast.BasicLit)
				if g.Tok != token.CONST || !ok || text.Kind != token.STRING || !spec.Names[0].IsExported() {
					continue
				}
				value, err := strconv.Unquote(text.Value)
				if err != nil {
					r.t.Fatal(err)
				}
				group.values = append(group.values, constant{spec.Names[0].Name, value, words(spec.Doc), words(spec.Comment)})
			}
		}
		if len(group.values) > 0 && filepath.Base(file) == "messages.go" {
			r.groups = append(r.groups, group)
		}
	}
}

// words is a comment on one line.
func words(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

func (r *reference) printf(format string, args ...any) { fmt.Fprintf(r.page, format, args...) }

func (r *reference) heading(level int, title, doc string) {
	r.printf("\n%s %s\n", strings.Repeat("#", level), title)
	if doc != "" {
		r.printf("\n%s\n", doc)
	}
}

// mention names a type as JSON has it, and has it described if it is one of ours.
func (r *reference) mention(name string) string {
	if of, ok := strings.CutPrefix(name, "[]"); ok {
		return "array of " + r.mention(of)
	}
	if spec, ok := r.types[name]; ok {
		if of, ok := spec.Type.(*ast.Ident); ok {
			return r.mention(of.Name)
		}
		if !slices.Contains(r.wanted, name) {
			r.wanted = append(r.wanted, name)
		}
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	switch name {
	case "null":
		return "null"
	case "string":
		return "string"
	case "bool":
		return "boolean"
	case "int":
		return "integer"
	case "float64":
		return "number"
	case "protocol.Range", "protocol.Position":
		return strings.TrimPrefix(name, "protocol.") + " of LSP"
	}
	r.t.Fatalf("the page has no word for the type %q", name)
	return ""
}

func (r *reference) typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return r.typeName(e.X)
	case *ast.ArrayType:
		return "[]" + r.typeName(e.Elt)
	case *ast.SelectorExpr:
		if p := r.typeName(e.X); p != "output" {
			return p + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	r.t.Fatalf("the page has no word for a %T", e)
	return ""
}

// describe writes the table of a struct.
func (r *reference) describe(name string) {
	s, ok := r.types[name].Type.(*ast.StructType)
	if !ok {
		r.t.Fatalf("%s is no struct", name)
	}
	r.heading(3, name, r.docs[name])
	r.printf("\n| name | type | optional | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			r.t.Fatalf("a field of %s has no JSON name", name)
		}
		_, tag, _ := strings.Cut(f.Tag.Value, `json:"`)
		tag, _, _ = strings.Cut(tag, `"`)
		jsonName, option, _ := strings.Cut(tag, ",")
		optional := ""
		if option != "" {
			optional = "yes"
		}
		doc := words(f.Doc)
		if doc == "" {
			doc = words(f.Comment)
		}
		if of, ok := f.Type.(*ast.Ident); ok && doc == "" {
			if spec := r.types[of.Name]; spec != nil {
				if _, ok := spec.Type.(*ast.Ident); ok {
					doc = r.docs[of.Name] // a Color says what it is
				}
			}
		}
		r.printf("| `%s` | %s | %s | %s |\n", jsonName, r.mention(r.typeName(f.Type)), optional, strings.ReplaceAll(doc, "|", `\|`))
	}
}
