//go:build !linux && !darwin

package daemon

import (
	"errors"
	"net"
	"runtime"
)

var errPeer = errors.New("a daemon cannot tell whose process is at a socket's other end on " + runtime.GOOS)

func supported() error { return errPeer }

func peerOf(*net.UnixConn) (peer, error) { return peer{}, errPeer }

func bootID() (string, error) { return "", errPeer }
