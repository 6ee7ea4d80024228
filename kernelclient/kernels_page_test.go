//go:build !windows

package kernelclient_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

const (
	tablesBegin = "<!-- Written by go test ./kernelclient -run Kernels -update -->\n"
	tablesEnd   = "<!-- End of what the test writes -->\n"
)

// page is docs/kernels.md: prose around two tables, which hold what was found.
type page struct {
	path           string
	before, after  string
	kernels, cells [][]string // the tables' rows as they stand, the head among them
	found          map[string]column
}

func readPage(t *testing.T) *page {
	t.Helper()
	p := &page{path: filepath.Join(testenv.Root(), "docs", "kernels.md"), found: map[string]column{}}
	data, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), tablesBegin)
	tables, after, ends := strings.Cut(rest, tablesEnd)
	if !begins || !ends {
		t.Fatalf("%s has not the lines between which the tables stand", p.path)
	}
	p.before, p.after = before, after
	first, second, _ := strings.Cut(strings.TrimSpace(tables), "\n\n")
	p.kernels, p.cells = parseTable(first), parseTable(second)
	return p
}

func parseTable(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.Trim(strings.TrimSpace(line), "|")
		if line == "" || strings.HasPrefix(line, " ---") {
			continue
		}
		var row []string
		for cell := range strings.SplitSeq(line, " | ") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

func formatTable(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}

// settle writes the tables, or compares them with what was found. The versions are
// those of the last writing, and no kernel that was not tried is compared.
func (p *page) settle(t *testing.T) {
	t.Helper()
	kernels, cells := p.tables()
	for i, row := range cells {
		for j, cell := range row {
			if got := at(p.cells, i, j); *update && agrees(got, cell) {
				row[j] = got
			}
		}
	}
	if *update {
		if t.Failed() || len(p.found) < len(testedKernels) {
			t.Fatalf("not written: %d of %d kernels were tried, all of which must pass", len(p.found), len(testedKernels))
		}
		text := p.before + tablesBegin + formatTable(kernels) + "\n" + formatTable(cells) + tablesEnd + p.after
		if err := os.WriteFile(p.path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	const again = "docs/kernels.md tells otherwise: go test ./kernelclient -run Kernels -update"
	for i, row := range kernels {
		for j, cell := range row {
			_, tried := p.found[row[0]]
			if got := at(p.kernels, i, j); tried && j != versionColumn && got != cell {
				t.Errorf("%s, %s: found %q, not %q; %s", row[0], kernels[0][j], cell, got, again)
			}
		}
	}
	for i, row := range cells {
		for j, cell := range row {
			_, tried := p.found[cells[0][j]]
			if got := at(p.cells, i, j); tried && !agrees(got, cell) {
				t.Errorf("%s, %s: found %q, not %q; %s", cells[0][j], row[0], cell, got, again)
			}
		}
	}
}

// agrees tells whether what was found is what the page says. Where a kernel does now
// one thing and now another, as its timing has it, a hand wrote both, as in "yes, or
// ends the kernel".
func agrees(page, found string) bool {
	return slices.Contains(strings.Split(page, ", or "), found)
}

func at(rows [][]string, i, j int) string {
	if i < len(rows) && j < len(rows[i]) {
		return rows[i][j]
	}
	return ""
}

const versionColumn = 1

func (p *page) tables() (kernels, cells [][]string) {
	kernels = [][]string{{"kernel", "versions tried", "protocol", "interrupt", "features it names"}}
	head := []string{""}
	for _, k := range testedKernels {
		head = append(head, k.name)
		c := p.found[k.name]
		names := c.info.SupportedFeatures
		if c.info.Debugger {
			names = append([]string{"debugger"}, names...)
		}
		kernels = append(kernels, []string{
			k.name,
			strings.TrimSpace(fmt.Sprintf("%s; %s %s", c.info.ImplementationVersion, c.info.LanguageInfo.Name, c.info.LanguageInfo.Version)),
			c.info.ProtocolVersion, c.mode, cmp.Or(strings.Join(names, ", "), "–"),
		})
	}
	cells = [][]string{head}
	for _, f := range features {
		row := []string{f.name}
		for _, k := range testedKernels {
			row = append(row, cmp.Or(p.found[k.name].cells[f.name], "–"))
		}
		cells = append(cells, row)
	}
	return kernels, cells
}
