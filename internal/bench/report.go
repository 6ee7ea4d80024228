package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// report is the page as it grows.
type report struct {
	machine string
	budgets []budget
	body    strings.Builder
}

// budget is what one of the figures must be.
type budget struct {
	what, limit, measured string
	holds                 bool
}

func (r *report) section(title, about string) {
	fmt.Fprintf(&r.body, "\n## %s\n\n%s\n", title, about)
}

// table prints rows under a heading, the first row.
func (r *report) table(rows ...[]string) {
	r.body.WriteByte('\n')
	for i, row := range rows {
		fmt.Fprintf(&r.body, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&r.body, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

func (r *report) budget(what, limit, measured string, holds bool) {
	r.budgets = append(r.budgets, budget{what, limit, measured, holds})
}

func (r *report) page() string {
	return "# What was measured\n\nWritten by `make bench`, from one run; not edited by hand.\n\n" +
		r.machine + "\n\n## Budgets\n\n" + r.budgetTable() + r.body.String()
}

func (r *report) budgetTable() string {
	var table strings.Builder
	table.WriteString("| what | budget | measured | holds |\n| --- | --- | --- | --- |\n")
	for _, b := range r.budgets {
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", b.what, b.limit, b.measured, map[bool]string{true: "yes", false: "**no**"}[b.holds])
	}
	return table.String()
}

// Marks of what a page quotes from the last run.
const (
	quoteBegin = "<!-- by make bench, from here -->\n"
	quoteEnd   = "<!-- to here -->\n"
)

// quote puts the budgets between the marks of a page.
func (r *report) quote(page string) (string, error) {
	before, rest, begins := strings.Cut(page, quoteBegin)
	_, after, ends := strings.Cut(rest, quoteEnd)
	if !begins || !ends {
		return "", fmt.Errorf("there are no lines %q and %q", quoteBegin, quoteEnd)
	}
	return before + quoteBegin + "\n" + r.machine + "\n\n" + r.budgetTable() + "\n" + quoteEnd + after, nil
}

// quantile gives the q-quantile by the nearest rank.
func quantile[T int | float64 | time.Duration](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median[T int | float64 | time.Duration](values []T) T { return quantile(values, 0.5) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1e3) }

func microseconds(d time.Duration) string { return fmt.Sprintf("%.0f µs", d.Seconds()*1e6) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func times(ratio float64) string { return fmt.Sprintf("%.2f times", ratio) }
