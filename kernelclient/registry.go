package kernelclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/trust"
	"github.com/reval-editor/reval/jupyter"
)

// ErrHeld is wrapped where a kernel of a [Registry] is another program's, which runs and has
// not released it.
var ErrHeld = errors.New("another program has the kernel")

// Registry is a private folder in which kernels are written down that outlive the program that
// started them, so that a later one finds and adopts them. Of each there are two files:
//
//	ID.json  its [Entry]
//	ID.log   what its process itself writes to stdout and stderr, bounded; who has the kernel
//	         holds a lock on this file, which the system takes away when it ends
//
// Several programs may use a folder at the same time.
type Registry struct {
	dir, build string
}

// Entry is a kernel of a [Registry].
type Entry struct {
	// Version is that of the file's form.
	Version int `json:"version"`
	// ID is random, and the name of its files.
	ID string `json:"id"`
	// Host is the machine, and on Linux the process namespace, in which PID counts: a folder
	// may be shared.
	Host string `json:"host"`
	// PID is the process and Start when that started, which tells it from a later one of the
	// same number. What Start says is the system's business: it is only compared.
	PID   int    `json:"pid"`
	Start string `json:"start"`
	// Started is when the kernel was started, by which build of the program, which is what
	// [OpenRegistry] was told.
	Started time.Time `json:"started"`
	Build   string    `json:"build,omitempty"`
	// Session is [LaunchOptions].Session, or what [Kernel.Note] wrote last.
	Session string `json:"session,omitempty"`
	// Dir is the kernel's first working directory.
	Dir            string `json:"dir"`
	ConnectionFile string `json:"connection_file"`
	Spec           Spec   `json:"kernelspec"`
	// Client is the session of the messages that are sent to the kernel, the same for all
	// that adopt it: the parent of what it publishes.
	Client string `json:"client"`
	// Identity is the routing id to which the kernel sends its answers.
	Identity string `json:"identity"`
	// Info is what the kernel said of itself, empty if that is too long; nil if it was never
	// ready.
	Info *jupyter.KernelInfoReplyContent `json:"info,omitempty"`

	// Err says why it cannot be adopted: it wraps ErrDead if it has ended, with what its
	// process said at last. Nil if it runs.
	Err error `json:"-"`
}

// entryVersion is the form of entries that this package writes. Files of a later one are
// left alone.
const entryVersion = 1

// maxInfo is how long, in bytes, what a kernel says of itself may be to be kept: files of more
// than a MiB are not read.
const maxInfo = 256 << 10

const (
	entrySuffix = ".json"
	logSuffix   = ".log"
)

// RegistryDir is the folder for [OpenRegistry] in the environment env, as of os.Environ:
// $XDG_RUNTIME_DIR/reval/kernels, or below another folder of [SocketDir]. It ends with what
// is in the folder: with the user's login, or the machine's.
func RegistryDir(env []string) (string, error) {
	dir, err := SocketDir(env)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kernels"), nil
}

// OpenRegistry opens the registry in a folder, which it makes if it is not there. Nobody but
// the user and root may be able to write there, or put another in its place. build names the
// program, for people.
func OpenRegistry(dir, build string) (*Registry, error) {
	if err := trust.Private(dir); err != nil {
		return nil, fmt.Errorf("open the registry of kernels: %w", err)
	}
	return &Registry{dir: dir, build: build}, nil
}

// thisHost is where a process's number counts.
var thisHost = sync.OnceValues(func() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("find the machine's name: %w", err)
	}
	if runtime.GOOS == "linux" {
		namespace, err := os.Readlink("/proc/self/ns/pid")
		if err != nil {
			return "", fmt.Errorf("find the process namespace: %w", err)
		}
		host += " " + namespace
	}
	return host, nil
})

// Any tells whether a kernel is written down, whether it runs or not.
func (r *Registry) Any() bool {
	files, err := os.ReadDir(r.dir)
	return err == nil && slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		return strings.HasSuffix(f.Name(), entrySuffix) && !strings.HasPrefix(f.Name(), ".")
	})
}

// Entries lists the kernels that are written down, the oldest first. One that has ended is
// listed once, with its Err: what is left of it (its files, its sockets) is removed. What is
// no entry is passed over and removed, too. Those of other machines that share the folder are
// passed over.
func (r *Registry) Entries() ([]Entry, error) {
	files, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("list the registry of kernels: %w", err)
	}
	host, err := thisHost()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, file := range files {
		name := file.Name()
		id, isEntry := strings.CutSuffix(name, entrySuffix)
		switch {
		case isEntry && !strings.HasPrefix(name, "."):
			e, err := r.read(id)
			switch {
			case errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLaterVersion):
				continue // it has just ended
			case err != nil:
				r.sweepStray(id)
				continue
			case e.Host != host:
				continue
			}
			if e.gone() {
				swept := false
				if e.Err, swept = r.sweep(e); !swept {
					continue // who swept it, or has it, tells it
				}
			}
			entries = append(entries, e)
		default:
			r.sweepRest(file)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return a.Started.Compare(b.Started) })
	return entries, nil
}

var errLaterVersion = errors.New("it is of a later version")

// read reads an entry and checks its form.
func (r *Registry) read(id string) (Entry, error) {
	var e Entry
	data, err := trust.ReadFile(r.path(id, entrySuffix))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, err
	}
	switch {
	case e.Version > entryVersion:
		return e, errLaterVersion
	case e.Version < entryVersion, e.ID != id, e.Host == "", e.PID <= 1, e.Start == "", e.Client == "", !isConnectionFile(e.ConnectionFile):
		return e, errors.New("it lacks what an entry has")
	}
	return e, nil
}

// isConnectionFile tells whether a path is one of newConnectionFile: it may be removed.
func isConnectionFile(path string) bool {
	name := filepath.Base(path)
	return filepath.IsAbs(path) && strings.HasPrefix(name, "kernel-") && strings.HasSuffix(name, ".json")
}

func (r *Registry) path(id, suffix string) string { return filepath.Join(r.dir, id+suffix) }

// same tells whether two entries are of the same process.
func (e Entry) same(other Entry) bool {
	return e.Host == other.Host && e.PID == other.PID && e.Start == other.Start
}

// gone tells whether the process is known to be no more.
func (e Entry) gone() bool {
	now, err := processStart(e.PID)
	return errors.Is(err, errNoProcess) || err == nil && now != e.Start
}

// sweep removes what is left of a kernel whose process is gone, and says with what words it
// ended; swept is false if another program has done it, or will.
func (r *Registry) sweep(e Entry) (dead error, swept bool) {
	dead = fmt.Errorf("%w while no program had it", ErrDead)
	g, err := r.take(e.ID, slog.New(slog.DiscardHandler))
	if err != nil {
		if errors.Is(err, ErrHeld) {
			return dead, false
		}
		// Without its log nobody can adopt it.
		if now, err := r.read(e.ID); err != nil || !now.same(e) {
			return dead, false
		}
		removeConnection(e.ConnectionFile)
		return dead, os.Remove(r.path(e.ID, entrySuffix)) == nil
	}
	if g.entry, err = r.read(e.ID); err != nil || !g.entry.same(e) {
		g.output.close() // it was swept meanwhile, or e is no entry that was written
		return dead, false
	}
	if words := g.output.tail.words(3); words != "" {
		dead = fmt.Errorf("%w: %s", dead, words)
	}
	g.end()
	return dead, true
}

// removeConnection removes a connection file and the sockets that it names.
func removeConnection(file string) {
	if info, err := jupyter.ReadConnectionFile(file); err == nil {
		removeSockets(info)
	}
	os.Remove(file)
}

// sweepStray removes a file that is no entry, and what bears the same name, unless somebody
// is about to write it.
func (r *Registry) sweepStray(id string) {
	g, err := r.take(id, slog.New(slog.DiscardHandler))
	switch {
	case err == nil:
		g.entry.ID = id
		g.remove()
	case !errors.Is(err, ErrHeld):
		os.Remove(r.path(id, entrySuffix))
	}
}

// sweepRest removes what a program that was killed has left: half of an entry, or the log of a
// start.
func (r *Registry) sweepRest(file fs.DirEntry) {
	st, err := file.Info()
	if err != nil || !st.Mode().IsRegular() || time.Since(st.ModTime()) < sweepAge {
		return
	}
	name := file.Name()
	if id, ok := strings.CutSuffix(name, logSuffix); ok {
		if _, err := os.Lstat(r.path(id, entrySuffix)); errors.Is(err, fs.ErrNotExist) {
			r.sweepStray(id)
		}
	} else if ok, _ := filepath.Match(trust.TemporaryPattern, name); ok {
		os.Remove(filepath.Join(r.dir, name))
	}
}

// registration is a kernel of a registry that this process has.
type registration struct {
	registry *Registry
	output   *outputFile // which is locked

	mu    sync.Mutex
	entry Entry
	over  bool // the entry is no longer this process's to write
}

var errNotEntered = errors.New("the kernel is in no registry of this program's (any more)")

// Note writes down what the caller wants to find in the kernel's [Entry], in the place of
// [LaunchOptions].Session.
func (k *Kernel) Note(session string) error {
	g := k.registration
	if g == nil {
		return errNotEntered
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entry.Session = session
	return g.write()
}

// Held tells whether a program has the kernel of an entry.
func (r *Registry) Held(e Entry) bool {
	file, err := os.OpenFile(r.path(e.ID, logSuffix), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	return lockFile(file) != nil
}

// begin makes the log of a new kernel, and the folder if it was removed: a runtime folder is
// when its user logs out, while programs may go on.
func (r *Registry) begin(logger *slog.Logger) (*registration, error) {
	if err := trust.Private(r.dir); err != nil {
		return nil, fmt.Errorf("enter the kernel in the registry: %w", err)
	}
	host, err := thisHost()
	if err != nil {
		return nil, err
	}
	id := jupyter.NewID()
	output, err := openOutput(r.path(id, logSuffix), true, logger)
	if err != nil {
		return nil, err
	}
	return &registration{registry: r, entry: Entry{Version: entryVersion, ID: id, Host: host, Build: r.build}, output: output}, nil
}

// take locks the log of a kernel; ErrHeld if another program has it.
func (r *Registry) take(id string, logger *slog.Logger) (*registration, error) {
	output, err := openOutput(r.path(id, logSuffix), false, logger)
	if err != nil {
		return nil, err
	}
	return &registration{registry: r, output: output}, nil
}

// enter writes down the process of a kernel that was just started.
func (g *registration) enter(k *Kernel, dir, session string) error {
	start, err := processStart(k.proc.pid)
	if err != nil {
		return fmt.Errorf("enter the kernel in the registry: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entry.PID, g.entry.Start, g.entry.Started = k.proc.pid, start, time.Now().UTC()
	g.entry.Session, g.entry.Dir, g.entry.Spec = session, dir, k.spec
	g.entry.ConnectionFile, g.entry.Client, g.entry.Identity = k.file, k.session, k.identity
	return g.write()
}

// ready notes that the kernel answers, and where to.
func (g *registration) ready(k *Kernel) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entry.Info, g.entry.Identity = &k.info, k.identity
	if text, err := json.Marshal(k.info); err != nil || len(text) > maxInfo {
		g.entry.Info = &jupyter.KernelInfoReplyContent{}
	}
	return g.write()
}

// write writes the entry; mu is held.
func (g *registration) write() error {
	if g.over {
		return errNotEntered
	}
	data, err := json.MarshalIndent(g.entry, "", "  ")
	if len(data) > trust.MaxFile {
		err = errors.New("its kernelspec is too long")
	}
	if err == nil {
		err = trust.WriteFile(g.registry.path(g.entry.ID, entrySuffix), data)
	}
	if err != nil {
		return fmt.Errorf("enter the kernel in the registry: %w", err)
	}
	return nil
}

// end removes what is left of a kernel that was ready.
func (g *registration) end() {
	removeConnection(g.entry.ConnectionFile)
	g.remove()
}

// leave lets another program have the kernel.
func (g *registration) leave() {
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	g.output.close()
}

// remove strikes out the kernel, which has ended.
func (g *registration) remove() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	os.Remove(g.registry.path(g.entry.ID, entrySuffix))
	g.output.close() // before it is removed: Windows removes no open file
	os.Remove(g.registry.path(g.entry.ID, logSuffix))
}
