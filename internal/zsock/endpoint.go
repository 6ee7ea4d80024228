package zsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// split turns an endpoint into what package net calls network and address:
// tcp://host:port, where host and port may be *, or ipc:///path.
func split(endpoint string) (network, address string, err error) {
	scheme, rest, _ := strings.Cut(endpoint, "://")
	switch scheme {
	case "tcp":
		host, port, err := net.SplitHostPort(rest)
		if err != nil {
			return "", "", fmt.Errorf("want tcp://host:port: %w", err)
		}
		return "tcp", net.JoinHostPort(strings.TrimPrefix(host, "*"), strings.Replace(port, "*", "0", 1)), nil
	case "ipc":
		if rest == "" || rest[0] == '@' || strings.ContainsRune(rest, 0) {
			return "", "", errors.New("want ipc:// and the path of a file")
		}
		return "unix", rest, nil
	}
	return "", "", errors.New("want tcp://host:port or ipc:///path")
}

// dial makes one attempt to connect. final says that another would fail alike.
// Package net sets TCP_NODELAY, and guards against a TCP connection to itself,
// which happens when a free port of the ephemeral range is dialled often enough.
func dial(ctx context.Context, network, address string) (nc net.Conn, final bool, err error) {
	var d net.Dialer
	nc, err = d.DialContext(ctx, network, address)
	var unknown *net.DNSError
	final = errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) ||
		errors.As(err, &unknown) && unknown.IsNotFound
	return nc, final, err
}

// listen binds an endpoint and returns it with the port that it has got. An ipc
// file that nobody serves is replaced; the new one has mode 0600.
func listen(ctx context.Context, endpoint string) (net.Listener, string, error) {
	network, address, err := split(endpoint)
	if err != nil {
		return nil, "", err
	}
	if network == "tcp" {
		ln, err := new(net.ListenConfig).Listen(ctx, network, address)
		if err != nil {
			return nil, "", err
		}
		return ln, "tcp://" + ln.Addr().String(), nil
	}
	if err := removeStale(ctx, address); err != nil {
		return nil, "", err
	}
	// Where the system allows it the mode is set before the file exists, so that
	// there is no moment in which others may connect.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return c.Control(restrict) }}
	ln, err := private.Listen(ctx, network, address)
	if err != nil {
		return nil, "", err
	}
	if err := os.Chmod(address, 0o600); err != nil {
		ln.Close()
		return nil, "", err
	}
	return ln, endpoint, nil
}

// removeStale removes the ipc file at path if it is one and its owner is dead.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is not a socket: remove it or choose another path", path)
	}
	nc, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		nc.Close()
	}
	if err == nil || !refused(err) {
		return fmt.Errorf("another process serves it: %w", syscall.EADDRINUSE)
	}
	return os.Remove(path)
}
