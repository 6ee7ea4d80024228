//go:build !windows

package kernelclient

import "syscall"

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownSession gives a process a session, and so a group, of its own: no terminal's signal
// reaches it.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// interruptGroup sends what Ctrl-C in a terminal would.
func (p *process) interruptGroup() error { return p.signalGroup(syscall.SIGINT) }

func (p *process) terminateGroup() { p.signalGroup(syscall.SIGTERM) }

func (p *process) killGroup() { p.signalGroup(syscall.SIGKILL) }

func (p *process) signalGroup(s syscall.Signal) error {
	if p.handle != nil {
		return p.handle.signalGroup(s)
	}
	return syscall.Kill(-p.pid, s)
}
