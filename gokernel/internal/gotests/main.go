// Command gotests runs the test programs of the Go distribution through sessions
// of both engines of the Go kernel, whole and split into two cells, and writes the
// table of what passes into a page.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
)

func main() {
	if runChild() {
		return
	}
	page := flag.String("o", "", "the page whose table is written; none = to stdout")
	engine := flag.String("engine", "", "run this engine only, and write no page")
	form := flag.String("form", "", "run this form only (whole, split), and write no page")
	only := flag.String("only", "", "run programs whose name matches this regular expression, and write no page")
	workers := flag.Int("j", runtime.NumCPU(), "processes at a time")
	flag.Parse()
	if err := run(*page, *engine, *form, *only, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "gotests:", err)
		os.Exit(1)
	}
}

func run(page, engine, form, only string, workers int) error {
	all, err := programs()
	if err != nil {
		return err
	}
	if only != "" {
		re, err := regexp.Compile(only)
		if err != nil {
			return err
		}
		var some []program
		for _, p := range all {
			if re.MatchString(p.name) {
				some = append(some, p)
			}
		}
		all = some
	}
	var columns []column
	for _, e := range []string{"ixgo", "yaegi"} {
		for _, f := range forms {
			if (engine == "" || e == engine) && (form == "" || f.name == form) {
				columns = append(columns, column{e, f.name, runAll(all, e, f.name, workers)})
			}
		}
	}
	text := table(columns)
	if page == "" || engine+form+only != "" {
		fmt.Print(text)
		return nil
	}
	return writePage(page, text)
}
