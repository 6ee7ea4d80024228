package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

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
	startName    = "daemon.start-"
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
func (p Place) Socket() string { return filepath.Join(p.Dir, p.name()+socketSuffix) }

func (p Place) lock() string { return filepath.Join(p.Dir, p.name()+lockSuffix) }

func (p Place) start() string { return filepath.Join(p.Dir, startName+machine()) }

// nameDigits is how much of a Build.ID is in names.
const nameDigits = 8

// name is what the names of a daemon's files have in common.
func (p Place) name() string {
	return namePrefix + machine() + p.Build.ID[:min(nameDigits, len(p.Build.ID))]
}

// machine tells this machine, since it was started, from others that have the same folder:
// no process of theirs can be reached, and none of before lives.
var machine = sync.OnceValue(func() string {
	id, err := bootID()
	if err != nil {
		id, _ = os.Hostname()
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:2])
})

// others are the places of the builds that have, or had, a daemon beside this one's.
func (p Place) others() []Place {
	prefix := filepath.Join(p.Dir, namePrefix+machine())
	paths, _ := filepath.Glob(escapeGlob(prefix) + "*" + lockSuffix)
	var places []Place
	for _, path := range paths {
		if path != p.lock() {
			id := strings.TrimSuffix(strings.TrimPrefix(path, prefix), lockSuffix)
			places = append(places, Place{p.Dir, Build{ID: id}})
		}
	}
	return places
}

// escapeGlob takes the meaning from a path's special characters.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
