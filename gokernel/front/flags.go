package front

import (
	"errors"
	"flag"
)

// ParseFlags is the Parse of a set of flags for cells: where a program would end, the cell
// does, with the status that the program would have.
func ParseFlags(f *flag.FlagSet, arguments []string) error {
	if f.ErrorHandling() != flag.ExitOnError {
		return f.Parse(arguments)
	}
	f.Init(f.Name(), flag.ContinueOnError)
	defer f.Init(f.Name(), flag.ExitOnError)
	err := f.Parse(arguments)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flag.ErrHelp):
		panic(ExitError(0))
	}
	panic(ExitError(2))
}
