package daemon

import (
	"fmt"
	"net"
	"os"
)

// peer is the process at a socket's other end, as the system tells it: of a listening socket
// that which made it.
type peer struct {
	uid int
	pid int // 0 if it is in no namespace of ours
}

// checkPeer refuses what is not this user's.
func checkPeer(c *net.UnixConn, ask func(*net.UnixConn) (peer, error)) (peer, error) {
	p, err := ask(c)
	if err != nil {
		return p, fmt.Errorf("ask whose process is at the other end of the daemon's socket: %w", err)
	}
	if p.uid != os.Geteuid() {
		return p, fmt.Errorf("at the other end of the daemon's socket is a process of another user, uid %d", p.uid)
	}
	return p, nil
}
