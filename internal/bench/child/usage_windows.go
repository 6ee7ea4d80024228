package child

import (
	"errors"
	"os"
)

// usage is not known: Windows has no getrusage.
func usage() (Usage, error) {
	return Usage{}, errUsage
}

// UsageOf is not known either.
func UsageOf(*os.ProcessState) (Usage, error) { return Usage{}, errUsage }

var errUsage = errors.New("the benchmark measures memory on Unix only")
