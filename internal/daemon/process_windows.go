package daemon

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// There is no daemon on Windows: supported says so, and nothing of this is called.

var errLocked = errors.New("another process has locked it")

func lockFile(context.Context, string) (*os.File, error) { return nil, errPeer }
func tryLock(string) (*os.File, error)                   { return nil, errPeer }
func writePID(*os.File) error                            { return errPeer }
func readPID(string) int                                 { return 0 }
func detached() *syscall.SysProcAttr                     { return nil }
func closeOnExec(...int)                                 {}
func keepDescriptors()                                   {}
func terminate(int) error                                { return errPeer }
func kill(int) error                                     { return errPeer }

const noFollow = 0

func lockOpen(*os.File) error { return nil }
