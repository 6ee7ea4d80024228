package daemon

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/semver"
)

// Build says which reval a process is.
type Build struct {
	Version string `json:"version"`
	// ID tells builds of one version apart; hexadecimal digits.
	ID string `json:"build"`
}

// idLength is a Build.ID's length.
const idLength = 12

// ThisBuild is the build of this process's executable.
func ThisBuild(version string) (Build, error) {
	path, err := os.Executable()
	if err != nil {
		return Build{}, fmt.Errorf("find this program: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return Build{}, fmt.Errorf("read this program: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n", version)
	if id := goBuildID(f); len(id) > 0 {
		sum.Write(id)
	} else if _, err := io.Copy(sum, f); err != nil { // it was left out by the linker's flags
		return Build{}, fmt.Errorf("read this program: %w", err)
	}
	return Build{version, hex.EncodeToString(sum.Sum(nil))[:idLength]}, nil
}

// goBuildID is what the go command wrote into an executable, which has a hash of all that
// is in it; nil if there is none. To hash some 50 MB instead takes as long as a start may.
func goBuildID(f *os.File) []byte {
	if exe, err := elf.NewFile(f); err == nil {
		if note := exe.Section(".note.go.buildid"); note != nil {
			id, _ := note.Data()
			return id
		}
		return nil
	}
	// In other formats it is at the beginning of the code.
	const begin, end = "\xff Go build ID: \"", "\"\n \xff"
	head := make([]byte, 64<<10)
	n, _ := f.ReadAt(head, 0)
	_, id, found := bytes.Cut(head[:n], []byte(begin))
	if id, _, ended := bytes.Cut(id, []byte(end)); found && ended {
		return id
	}
	return nil
}

// newerThan compares versions; builds of one version are neither older nor newer.
func (b Build) newerThan(o Build) bool {
	v := func(b Build) string { return "v" + strings.TrimPrefix(b.Version, "v") }
	return semver.IsValid(v(b)) && semver.IsValid(v(o)) && semver.Compare(v(b), v(o)) > 0
}
