// Command gotests runs the test programs of the Go distribution through sessions
// of both engines of the Go kernel, whole and split into two cells, and writes how many
// pass into a page, and what fails into another.
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
	page := flag.String("o", "", "the `page` whose numbers are written; none = all goes to stdout")
	fails := flag.String("failures", "", "the `page` of what fails")
	engine := flag.String("engine", "", "run this `engine` only, and write no page")
	form := flag.String("form", "", "run this `form` only (whole, split), and write no page")
	only := flag.String("only", "", "run programs whose name matches this `regexp`, and write no page")
	workers := flag.Int("j", runtime.NumCPU(), "processes at a time")
	flag.Parse()
	if err := run(*page, *fails, *engine, *form, *only, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "gotests:", err)
		os.Exit(1)
	}
}

func run(page, fails, engine, form, only string, workers int) error {
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
	if page == "" || fails == "" || engine+form+only != "" {
		fmt.Print(numbers(columns), failing(columns))
		return nil
	}
	if err := os.WriteFile(fails, []byte(failing(columns)), 0o644); err != nil {
		return err
	}
	return writeNumbers(page, numbers(columns))
}
