package kernelclient

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"
)

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// ownSession starts a process without this one's console, which ends what it has when it is
// closed.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// interruptGroup: Windows has no SIGINT for a process without a console.
func (p *process) interruptGroup() error {
	return errors.New("this kernel can be interrupted by a signal only, which Windows lacks")
}

func (p *process) terminateGroup() { p.killGroup() }

func (p *process) killGroup() {
	if p.handle != nil {
		p.handle.kill()
		return
	}
	p.cmd.Process.Kill()
}
