package kernelclient

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reval-editor/reval/jupyter"
)

// NewestKernel is the address of the kernel that was started last, see [FindNewest].
const NewestKernel = "newest"

// IsAddress tells where a kernel runs or is to be started, the path of a connection
// file, NewestKernel, a Jupyter server's URL or an ssh host's, from a kernelspec's name.
func IsAddress(kernel string) bool {
	return kernel == NewestKernel || IsServerURL(kernel) || IsSSHURL(kernel) || IsConnectionFile(kernel)
}

// IsConnectionFile tells the path of a connection file, which [Attach] takes,
// from a kernelspec's name.
func IsConnectionFile(kernel string) bool {
	return !IsServerURL(kernel) && !IsSSHURL(kernel) && (strings.HasSuffix(kernel, ".json") || filepath.IsAbs(kernel))
}

// Address is a kernel that is not started from a kernelspec of this machine.
type Address struct {
	// Spec describes it. Its Name is the address, without a token.
	Spec Spec
	// One is set: the connection file, what a server's URL names, or a host. spec is
	// the kernelspec to be started there.
	file  string
	place Place
	host  *Host
	spec  Spec
}

// FindFile reads a connection file.
func FindFile(file string) (Address, error) {
	info, err := jupyter.ReadConnectionFile(file)
	if err != nil {
		return Address{}, err
	}
	base := filepath.Base(file)
	a := Address{file: file, Spec: Spec{Name: file, DisplayName: base, Source: file}}
	if info.KernelName != "" {
		a.Spec.DisplayName = info.KernelName + " (" + base + ")"
	}
	return a, nil
}

// FindNewest finds the kernel that was started last of those that run, suit w.Matches as
// far as specs tell, and have none of the connection files but. env is as for [Running].
func FindNewest(ctx context.Context, w Wanted, specs []Spec, env []string, but ...string) (Address, error) {
	kernel, err := Newest(ctx, env, func(k RunningKernel) bool {
		i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == k.Name })
		return !slices.Contains(but, k.File) && (i < 0 || w.Matches == nil || w.Matches(specs[i].Language))
	})
	if err != nil {
		return Address{}, err
	}
	return FindFile(kernel.File)
}

// Find asks the server what the place names: a kernel that runs, a kernelspec, or,
// where the URL names neither, the kernelspec that w wants.
func (p Place) Find(ctx context.Context, w Wanted) (Address, error) {
	a := Address{place: p}
	if p.Kernel != "" {
		kernel, err := p.Server.kernel(ctx, p.Kernel)
		if err != nil {
			return a, fmt.Errorf("find kernel %s of %s: %w", p.Kernel, p.Server, err)
		}
		a.place.Kernel = kernel.ID
		a.Spec = Spec{Name: a.place.String(), DisplayName: kernel.Name + " (" + shortID(kernel.ID) + ") on " + p.Server.base.Host, Source: p.Server.String()}
		return a, nil
	}
	specs, err := p.Server.Specs(ctx)
	if err != nil {
		return a, err
	}
	w.Name, w.Install = p.Spec, ""
	spec, err := Choose(specs, nil, w)
	if err != nil {
		return a, fmt.Errorf("%s: %w", p.Server, err)
	}
	a.spec, a.Spec = spec, spec
	a.place.Spec = spec.Name
	a.Spec.Name, a.Spec.DisplayName = a.place.String(), spec.DisplayName+" on "+p.Server.base.Host
	return a, nil
}

// Find asks the host for a kernelspec, or, without a name, for the one that w wants.
func (h *Host) Find(ctx context.Context, name string, w Wanted) (Address, error) {
	specs, err := h.Specs(ctx)
	if err != nil {
		return Address{}, err
	}
	w.Name, w.Install = name, ""
	spec, err := Choose(specs, nil, w)
	if err != nil {
		return Address{}, fmt.Errorf("%s: %w", h, err)
	}
	a := Address{host: h, spec: spec, Spec: spec}
	a.Spec.Name, a.Spec.DisplayName = h.URL(spec.Name), spec.DisplayName+" on "+h.target
	return a, nil
}

// Open attaches to the kernel, or has its server start it.
func (a Address) Open(ctx context.Context, o Options) (*Kernel, error) {
	switch {
	case a.host != nil:
		return a.host.Launch(ctx, a.spec, o)
	case a.file != "":
		return Attach(ctx, a.file, o)
	case a.place.Kernel != "":
		return a.place.Server.Attach(ctx, a.place.Kernel, o)
	}
	return a.place.Server.Start(ctx, a.spec, "", o)
}

// FindAddress is [FindFile], [FindNewest], [Place.Find] or [Host.Find], as the address
// is. env is the environment that ssh is run in and running kernels are looked for in, nil
// for this process's.
func FindAddress(ctx context.Context, address string, w Wanted, env []string) (Address, error) {
	switch {
	case address == NewestKernel:
		return FindNewest(ctx, w, nil, env)
	case IsSSHURL(address):
		h, spec, err := ParseSSHURL(address, env)
		if err != nil {
			return Address{}, err
		}
		return h.Find(ctx, spec, w)
	case !IsServerURL(address):
		return FindFile(address)
	}
	p, err := ParseServerURL(address)
	if err != nil {
		return Address{}, err
	}
	return p.Find(ctx, w)
}

// shortID is what people tell a kernel's id by.
func shortID(id string) string { return id[:min(8, len(id))] }
