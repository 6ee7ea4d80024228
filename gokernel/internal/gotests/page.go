package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// column is all programs on one engine in one form.
type column struct {
	engine, form string
	results      []result
}

// The marks between which the page's numbers stand.
const (
	begin = "<!-- written by `make gotests` -->"
	end   = "<!-- end of what `make gotests` writes -->"
)

// numbers gives how many programs pass.
func numbers(columns []column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The programs are those of %s.\n\n| engine | given | all folders | the first two |\n| --- | --- | --- | --- |\n", runtime.Version())
	for _, c := range columns {
		all, first := tally{}, tally{}
		for _, r := range c.results {
			all.count(r)
			if !strings.Contains(r.name, "/") || strings.HasPrefix(r.name, "typeparam/") {
				first.count(r)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.engine, c.form, all, first)
	}
	return b.String()
}

// failing is a page of what fails, with the reasons.
func failing(columns []column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Programs of the Go distribution that the Go kernel fails\n\n"+
		"Written by `make gotests`, with the programs of %s; not edited by hand. What is given, how, and how\nmany pass: [The Go kernel](go-kernel.md#measured).\n", runtime.Version())
	for _, engine := range []string{"ixgo", "yaegi"} {
		if rows := failures(columns, engine); rows != "" {
			fmt.Fprintf(&b, "\n## %s\n\n| program | given | why |\n| --- | --- | --- |\n%s", engine, rows)
		}
	}
	return b.String()
}

// tally counts programs and those that pass.
type tally struct{ passed, of int }

func (t *tally) count(r result) {
	t.of++
	if r.failure == "" {
		t.passed++
	}
}

func (t tally) String() string { return fmt.Sprintf("%d of %d", t.passed, t.of) }

// failures gives a row for each program that an engine fails, and the reason, which
// is mostly the same for all forms.
func failures(columns []column, engine string) string {
	type failure struct{ name, why string }
	var order []failure
	given := map[failure][]string{}
	for _, c := range columns {
		if c.engine != engine {
			continue
		}
		for _, r := range c.results {
			if r.failure == "" {
				continue
			}
			f := failure{r.name, r.failure}
			if given[f] == nil {
				order = append(order, f)
			}
			given[f] = append(given[f], c.form)
		}
	}
	var b strings.Builder
	cell := strings.NewReplacer("|", "\\|", "`", "'", "<", "\\<")
	for _, f := range order {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, strings.Join(given[f], ", "), cell.Replace(f.why))
	}
	return b.String()
}

// writeNumbers puts the numbers between a page's marks.
func writeNumbers(path, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(page, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no place for the table: the lines %q and %q are missing", path, begin, end)
	}
	out := fmt.Sprintf("%s%s\n%s\n%s%s", before, begin, text, end, after)
	return os.WriteFile(path, []byte(out), 0o644)
}
