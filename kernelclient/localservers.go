package kernelclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/reval-editor/reval/internal/trust"
)

// LocalServers are the Jupyter servers of this machine whose files are in Jupyter's
// runtime folder (jpserver-PID.json): this user's, with their tokens. A file may be left
// of one that has ended. env is as of os.Environ. The error joins one for each file that
// names no server that can be used.
func LocalServers(env []string) ([]*Server, error) {
	files, err := filepath.Glob(filepath.Join(RuntimeDir(env), "jpserver-*.json"))
	if err != nil {
		return nil, err
	}
	var servers []*Server
	var broken []error
	for _, file := range files {
		server, err := readServerFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just ended
		case err != nil:
			broken = append(broken, fmt.Errorf("%s: %w", file, err))
		default:
			servers = append(servers, server)
		}
	}
	return servers, errors.Join(broken...)
}

func readServerFile(file string) (*Server, error) {
	data, err := trust.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var info struct{ URL, Token, Sock string }
	if err := json.Unmarshal(data, &info); err != nil {
		return nil, errors.New("it is no JSON object of a Jupyter server")
	}
	if info.Sock != "" {
		return nil, errors.New("the server listens on a Unix socket alone: start it with a port")
	}
	p, err := ParseServerURL(info.URL + "?" + url.Values{"token": {info.Token}}.Encode())
	if err != nil {
		return nil, err
	}
	return p.Server, nil
}
