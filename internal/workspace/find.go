package workspace

import (
	"cmp"
	"context"
	"os"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// Kernel is one that was found: a kernelspec of this machine, or what is at an address.
type Kernel struct {
	// Spec has the name by which it is chosen, of an address that without a token.
	Spec    kernelclient.Spec
	address *kernelclient.Address // nil for a kernelspec of this machine
}

// IsAddress tells what is at an address from a kernelspec of this machine.
func (k Kernel) IsAddress() bool { return k.address != nil }

// Query asks for a kernel.
type Query struct {
	Project  Project
	Language language.Language
	// Kernel is the name of a kernelspec, or an address: a connection file, "newest", or
	// the URL of a server or host; empty for the first kernel of the language.
	Kernel string
	// Own are connection files of kernels that "newest" does not mean.
	Own []string
}

func (q Query) wanted(name string) kernelclient.Wanted {
	lang := q.Language
	return kernelclient.Wanted{Name: name, Language: lang.Name, Install: lang.Install, Matches: lang.Matches}
}

// Find finds the kernel that is asked for. Its error says in one line what to do.
func (w *Workspace) Find(ctx context.Context, q Query) (Kernel, error) {
	if kernelclient.IsAddress(q.Kernel) {
		address, err := w.findAddress(ctx, q)
		return Kernel{address.Spec, &address}, err
	}
	specs, err := w.specs(ctx, q.Project)
	spec, err := kernelclient.Choose(specs, err, q.wanted(q.Kernel))
	return Kernel{Spec: spec}, err
}

func (w *Workspace) findAddress(ctx context.Context, q Query) (kernelclient.Address, error) {
	wanted := q.wanted("")
	if q.Kernel == kernelclient.NewestKernel {
		specs, _ := w.specs(ctx, q.Project) // broken ones run no kernel
		return kernelclient.FindNewest(ctx, wanted, specs, w.options.Env, q.Own...)
	}
	if !kernelclient.IsServerURL(q.Kernel) {
		return kernelclient.FindAddress(ctx, q.Kernel, wanted, w.options.Env)
	}
	place, err := w.place(q.Kernel)
	if err != nil {
		return kernelclient.Address{}, err
	}
	return place.Find(ctx, wanted)
}

// URLError says what is wrong with the URL of a server or host.
type URLError struct{ Err error }

func (e URLError) Error() string { return e.Err.Error() }
func (e URLError) Unwrap() error { return e.Err }

// place reads the URL of a Jupyter server, whose token need be given only once.
func (w *Workspace) place(url string) (kernelclient.Place, error) {
	p, err := kernelclient.ParseServerURL(url)
	if err != nil {
		return p, URLError{err}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Server.HasToken() {
		w.servers[p.Server.String()] = p.Server
	} else if known := w.servers[p.Server.String()]; known != nil {
		p.Server = known
	}
	return p, nil
}

// specs lists the kernelspecs for a project. What cannot be used is logged, and told
// where nothing else is found.
func (w *Workspace) specs(ctx context.Context, p Project) ([]kernelclient.Spec, error) {
	specs, err := w.finder(p).Find(ctx)
	if err != nil {
		w.options.Logger.Warn("kernelspecs and environments that cannot be used", "error", err)
	}
	return specs, err
}

func (w *Workspace) finder(p Project) kernelclient.Finder {
	dir := cmp.Or(p.Dir, w.options.Dir)
	if dir == "" {
		dir, _ = os.Getwd()
	}
	return kernelclient.Finder{Env: w.options.Env, Dir: dir, Root: p.Root, Builtin: w.options.Builtin}
}

// Open starts a kernel in the project's folder, or attaches to it: then only the Options count.
func (w *Workspace) Open(ctx context.Context, k Kernel, p Project, o kernelclient.LaunchOptions) (*kernelclient.Kernel, error) {
	if k.IsAddress() {
		return k.address.Open(ctx, o.Options)
	}
	o.Dir, o.Env = p.Folder, w.options.Env
	return kernelclient.Launch(ctx, k.Spec, o)
}
