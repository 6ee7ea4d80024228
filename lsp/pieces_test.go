package lsp

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/language"
)

// scriptLines are what texts are made of in which cells are hard to find: marks, in text, too.
var scriptLines = []string{
	"# %%", "# %% title", "# %% [markdown]", "#%% [raw] id=1", "# In[3]:", "// %%", "", "  ", "# note", "x = 1", "  y", "def f():", "    return 1",
	`s = """`, "'''\n# %%\n'''", `"""`, `'''a'''`, "'''", "x = (", ")", "%%bash", "%%html", "cat <<X", "X", "else:", "t = `", "/*", "*/", "package main", "\ufeff# %%",
}

func drawText(t *rapid.T) string {
	lines := rapid.SliceOfN(rapid.SampledFrom(scriptLines), 0, 30).Draw(t, "lines")
	return strings.Join(lines, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
}

func drawEdit(t *rapid.T, d *document.Document) document.Edit {
	text := drawText(t)
	if rapid.IntRange(0, 9).Draw(t, "whole") == 0 {
		return document.Edit{Text: text}
	}
	at := func(label string, from int) document.Position {
		line := rapid.IntRange(from, d.LineCount()-1).Draw(t, label)
		return document.Position{Line: line, Character: rapid.IntRange(0, d.LineLength(line)).Draw(t, label+" character")}
	}
	start := at("start", 0)
	end := at("end", start.Line)
	if end.Line == start.Line && end.Character < start.Character {
		end = start
	}
	return document.Edit{Range: &document.Range{Start: start, End: end}, Text: text}
}

// plain is a piece for comparing.
type plainPiece struct {
	kind                    pieceKind
	title                   string
	first, mark, start, end int
}

func plainPieces(d *openDocument) (all []plainPiece) {
	for _, p := range d.table().all {
		all = append(all, plainPiece{p.kind, p.title, p.first, p.mark, p.start, p.end})
	}
	return all
}

func scriptOf(text string, lang language.Language) *openDocument {
	return &openDocument{Document: document.New("file:///a", lang.ID, 1, text, document.UTF16), language: lang}
}

// After any edits the table of pieces is the one of a document that was opened with the text: the
// cells that one scan of it finds, each line in one of them; and so are the statements and the
// definitions.
func TestPiecesAfterEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lang, _ := language.For(rapid.SampledFrom([]string{"python", "go", "shellscript", "typescript"}).Draw(t, "language"))
		d := scriptOf(drawText(t), lang)
		for version := range rapid.IntRange(0, 6).Draw(t, "edits") {
			if rapid.Bool().Draw(t, "asked between") {
				d.table().definition(0)
			}
			if err := d.Apply(version+2, []document.Edit{drawEdit(t, d.Document)}); err != nil {
				t.Fatal(err)
			}
		}
		fresh := scriptOf(d.Text(), lang)
		got := plainPieces(d)
		if want := plainPieces(fresh); !slices.Equal(got, want) {
			t.Fatalf("%q:\n%v\nafresh:\n%v", d.Text(), got, want)
		}
		var cells []language.Cell
		for _, p := range got {
			cells = append(cells, language.Cell{MarkLine: p.mark, Start: p.start, End: p.end, Title: p.title, Markdown: p.kind != codePiece})
		}
		whole := lang.Outline(strings.Split(strings.TrimSuffix(language.Source(d.Text()), "\n"), "\n"))
		if want := whole.Cells(); !slices.Equal(cells, want) {
			t.Fatalf("%q:\n%v\nscanned:\n%v", d.Text(), cells, want)
		}
		var code, wantCode [][2]int
		for _, p := range d.table().all {
			if start, end, ok := d.table().code(p); ok {
				code = append(code, [2]int{start, end})
			}
		}
		for _, c := range whole.CodeCells() {
			wantCode = append(wantCode, [2]int{c.Start, c.End})
		}
		if !d.table().program() && !slices.Equal(code, wantCode) {
			t.Fatalf("%q: there is code in %v, scanned: %v", d.Text(), code, wantCode)
		}
		for line := range d.LineCount() {
			at := d.pieceAt(line)
			n := slices.IndexFunc(got, func(p plainPiece) bool { return p.first == at.first })
			if line < at.first || n+1 < len(got) && line >= got[n+1].first {
				t.Fatalf("line %d is in %v", line, got[n])
			}
			if n == 0 && at.first != 0 || n > 0 && at.first != got[n-1].end {
				t.Fatalf("%v does not follow the one before", got[n])
			}
			gs, ge := d.table().statement(line)
			if ws, we := whole.Statement(line); gs != ws || ge != we {
				t.Fatalf("%q: the statement at line %d is [%d, %d), of the whole text [%d, %d)", d.Text(), line, gs, ge, ws, we)
			}
			gs, ge, gok := d.table().definition(line)
			if ws, we, wok := fresh.table().definition(line); gs != ws || ge != we || gok != wok {
				t.Fatalf("%q: the definition at line %d is [%d, %d), afresh [%d, %d)", d.Text(), line, gs, ge, ws, we)
			}
			if gok && (gs < 0 || ge > d.LineCount() || gs >= ge) {
				t.Fatalf("the definition at line %d is [%d, %d)", line, gs, ge)
			}
		}
	})
}

// A piece stays the same one where something else is edited.
func TestPieceStaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lang, _ := language.For("python")
		cells := rapid.SliceOfN(rapid.SampledFrom([]string{"# %% a\nx = 1\n", "# %% [markdown]\n# b\n\n", "# %%\ndef f():\n    '''\n# %%\n'''\n", "# %%\n\n"}), 2, 8).Draw(t, "cells")
		d := scriptOf(strings.Join(cells, ""), lang)
		before := slices.Clone(d.table().all)
		edited := rapid.IntRange(0, len(before)-1).Draw(t, "edited")
		text := rapid.SampledFrom([]string{"y = 2\n", "\n", "# %%\nz\n", "'''a'''\n"}).Draw(t, "text")
		at := document.Position{Line: before[edited].start}
		if err := d.Apply(2, []document.Edit{{Range: &document.Range{Start: at, End: at}, Text: text}}); err != nil {
			t.Fatal(err)
		}
		after := d.table().all
		for n, p := range before {
			switch {
			case n < edited && after[n] != p, n > edited && after[len(after)-len(before)+n] != p, n == edited && after[n] != p:
				t.Fatalf("piece %d of %q is another one after an edit in piece %d", n, d.Text(), edited)
			}
		}
	})
}

// BenchmarkKeyAndPieces is what a key and a question of the editor cost in a long script.
func BenchmarkKeyAndPieces(b *testing.B) {
	lang, _ := language.For("python")
	line := "value = compute(a[1], \"text\") + other.member  # note\n"
	for name, cell := range map[string]string{"one piece": strings.Repeat(line, 10), "1000 pieces": "# %% a cell\n" + strings.Repeat(line, 9)} {
		b.Run(name, func(b *testing.B) {
			d := scriptOf(strings.Repeat(cell, 1000), lang)
			at := 0
			for b.Loop() {
				at = (at + 7919) % 10_000
				if at%10 == 0 {
					at++
				}
				p := document.Position{Line: at, Character: 5}
				if err := d.Apply(1, []document.Edit{{Range: &document.Range{Start: p, End: p}, Text: "x"}}); err != nil {
					b.Fatal(err)
				}
				d.pieceAt(at)
			}
		})
	}
}
