package daemon

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/reval-editor/reval/kernelclient"
)

// Place is where the daemon of one build is found.
type Place struct {
	// Dir is the user's alone: nobody else can have made what is in it.
	Dir   string
	Build Build
}

// Names in a Place.Dir.
const (
	namePrefix   = "daemon-"
	socketSuffix = ".sock"
	lockSuffix   = ".lock"
	startName    = "daemon.start"
)

// Locate finds the place of a build's daemon by the environment, as of os.Environ. An
// error says why there can be no daemon.
func Locate(env []string, b Build) (Place, error) {
	if err := supported(); err != nil {
		return Place{}, err
	}
	dir, err := kernelclient.SocketDir(env)
	if err != nil {
		return Place{}, fmt.Errorf("find a place for the daemon's socket: %w", err)
	}
	return Place{dir, b}, nil
}

// Socket is the path of the daemon's Unix socket. It is no longer than those of kernels,
// for which there is room in such a folder.
func (p Place) Socket() string { return filepath.Join(p.Dir, namePrefix+p.Build.ID+socketSuffix) }

func (p Place) lock() string { return filepath.Join(p.Dir, namePrefix+p.Build.ID+lockSuffix) }

func (p Place) start() string { return filepath.Join(p.Dir, startName) }

// others are the places of the builds that have, or had, a daemon beside this one's.
func (p Place) others() []Place {
	paths, _ := filepath.Glob(filepath.Join(escapeGlob(p.Dir), namePrefix+"*"+lockSuffix))
	var places []Place
	for _, path := range paths {
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), namePrefix), lockSuffix)
		if id != p.Build.ID {
			places = append(places, Place{p.Dir, Build{ID: id}})
		}
	}
	return places
}

// escapeGlob takes the meaning from a path's special characters.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
