//go:build !linux

package child

import "errors"

var errOthers = errors.New("only Linux tells what another process uses")

// UsageNow is that of a process that runs.
func UsageNow(int) (Usage, error) { return Usage{}, errOthers }

// ForgetPeak has a process's Usage.Peak begin anew with what is resident now.
func ForgetPeak(int) error { return errOthers }
