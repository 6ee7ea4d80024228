package daemon

import (
	"net"

	"golang.org/x/sys/unix"
)

func supported() error { return nil }

// peerOf tells whose process is at a socket's other end.
func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var cred *unix.Xucred
	var pid int
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		if cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); credErr == nil {
			pid, credErr = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	}); err != nil {
		return peer{}, err
	}
	if credErr != nil {
		return peer{}, credErr
	}
	return peer{int(cred.Uid), pid}, nil
}

// bootID is another one after each start of the system.
func bootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }
