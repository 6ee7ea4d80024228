//go:build unix

package gokernel

import (
	"os/exec"
	"syscall"
)

// ownGroup has what a command starts end with it when it is interrupted.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
