//go:build !unix

package gokernel

import "os"

// redirect makes two files the process's os.Stdout and os.Stderr. What writes to
// the handles below Go is not captured here.
func redirect(stdout, stderr *os.File) (restore func(), err error) {
	oldOut, oldErr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = stdout, stderr
	return func() { os.Stdout, os.Stderr = oldOut, oldErr }, nil
}
