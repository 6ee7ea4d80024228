package child

import "errors"

// usage is not known: Windows has no getrusage.
func usage() (Usage, error) {
	return Usage{}, errors.New("the benchmark measures memory on Unix only")
}
