package kernelclient

import (
	"errors"
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// interruptGroup: Windows has no SIGINT for a process without a console.
func interruptGroup(*os.Process) error {
	return errors.New("this kernel can be interrupted by a signal only, which Windows lacks")
}

func terminateGroup(p *os.Process) { p.Kill() }

func killGroup(p *os.Process) { p.Kill() }
