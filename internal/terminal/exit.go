package terminal

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// exits notes the exit status that the script's mark tells in what was printed, and gives
// the rest; mu is held.
func (x *running) exits(text string) string {
	rest, status, exited := x.script.Exit(text)
	if exited {
		x.exit = &status
	}
	if _, told := x.language.Restarts(); x.exit != nil && told != "" {
		if before, ok := strings.CutSuffix(strings.TrimRight(rest, "\r\n"), told); ok {
			return before
		}
	}
	return rest
}

// goExit is how the Go kernel says that os.Exit was called.
var goExit = regexp.MustCompile(`^(?:panic: )?exit status (\d+)`)

// exitsBy notes the status with which the code ended by its own will, where that is what an
// error says: Python's SystemExit, Go's os.Exit, R's quit, the last command of bash; mu is
// held.
func (x *running) exitsBy(e kernelclient.Error) bool {
	value := strings.TrimSpace(e.Value)
	if _, status, exited := x.script.Exit(value); exited {
		x.exit = &status
		return true
	}
	switch name := language.ClassName(e.Name); {
	case name == "SystemExit":
		switch value {
		case "", "None", "False":
			value = "0"
		case "True":
			value = "1"
		}
		if _, err := strconv.Atoi(value); err != nil { // Python prints what is no number
			x.block(&x.err, plainUnless(x.ErrColor, e.Value))
			value = "1"
		}
	case name == "Exit":
		if m := goExit.FindStringSubmatch(value); m != nil {
			value = m[1]
		}
	case name != "": // else it may be the last command's status of a cell, which bash goes on after
		return false
	}
	status, err := strconv.Atoi(value)
	if err != nil {
		return false
	}
	status &= 0xff // as the system cuts it
	x.exit = &status
	if e.Name == "" && x.cell < x.total {
		x.warn("%s: the cell at line %d ended with status %d, what is below it was not run", x.File, x.first, status)
	}
	return true
}

// died ends the run with the kernel, as the kernel ended.
func (x *running) died(err error) error {
	status, known := x.kernel.ExitStatus()
	if !known {
		return fmt.Errorf("%s: %w", x.File, err)
	}
	if status != 0 { // or else the code ended it, and well
		x.warn("%s: %v", x.File, err)
	}
	return ExitError{status}
}

// gone tells that what the script did is gone, because it ended or replaced its interpreter
// in a way that told nothing.
func (x *running) gone(ctx context.Context) error {
	alive, _ := x.language.Restarts()
	if alive == "" {
		return nil
	}
	reply, err := x.kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: alive, Silent: true}, func(kernelclient.Event) {})
	if err == nil && reply.Status == jupyter.StatusError {
		return fmt.Errorf("%s: the code ended its shell, with which status is not known", x.File)
	}
	return nil
}
