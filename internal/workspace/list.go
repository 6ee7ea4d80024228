package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reval-editor/reval/kernelclient"
)

// Listed is a kernel that can be chosen.
type Listed struct {
	// Name is what a Query takes.
	Name                  string
	DisplayName, Language string
	// Source says where it was found.
	Source string
	// Suitable is set where the language is the one that was asked for.
	Suitable bool
	// Running is set for a kernel that runs, which is joined and not started.
	Running bool
}

// List lists the kernels for a query: those of this machine, or of the server or host with
// this URL. usual is the name of the one that the query finds here, if it finds one.
func (w *Workspace) List(ctx context.Context, q Query, server string) (kernels []Listed, usual string, err error) {
	switch {
	case server == "":
		return w.listHere(ctx, q)
	case kernelclient.IsSSHURL(server):
		kernels, err = w.listHost(ctx, q, server)
	case kernelclient.IsServerURL(server):
		kernels, err = w.listServer(ctx, q, server)
	default:
		err = URLError{errors.New("the server's URL begins neither with http:// or https:// nor, for a host, with ssh://")}
	}
	return kernels, "", err
}

func (w *Workspace) listHere(ctx context.Context, q Query) (kernels []Listed, usual string, err error) {
	specs, err := w.specs(ctx, q.Project)
	if len(specs) == 0 && err != nil {
		return nil, "", fmt.Errorf("find kernels: %w", err)
	}
	selected, _ := kernelclient.Choose(specs, nil, q.wanted(q.Kernel))
	for _, spec := range specs {
		kernels = append(kernels, q.listed(spec, spec.Name))
	}
	running, err := kernelclient.Running(ctx, w.options.Env)
	if err != nil {
		return nil, "", err
	}
	languages := languagesOf(specs)
	for _, k := range running {
		if k.Err != nil || slices.Contains(q.Own, k.File) {
			continue // only its file is left, or it cannot be attached to, or is the asker's already
		}
		about := "started " + k.Started.Local().Format(minute)
		if k.PID != 0 {
			about += fmt.Sprintf(", process %d", k.PID)
		}
		kernels = append(kernels, Listed{
			Name: k.File, DisplayName: strings.TrimPrefix(k.Name+", "+about, ", "), Language: languages[k.Name], Source: k.File,
			Suitable: q.Language.Matches(languages[k.Name]), Running: true,
		})
	}
	return kernels, selected.Name, nil
}

func (q Query) listed(spec kernelclient.Spec, name string) Listed {
	return Listed{
		Name: name, DisplayName: spec.DisplayName, Language: spec.Language, Source: spec.Source,
		Suitable: q.Language.Matches(spec.Language),
	}
}

// minute is how people are told when a kernel was started or active.
const minute = "2006-01-02 15:04"

// languagesOf gives the languages of kernelspecs by their names.
func languagesOf(specs []kernelclient.Spec) map[string]string {
	languages := map[string]string{}
	for _, spec := range specs {
		languages[spec.Name] = spec.Language
	}
	return languages
}

// listServer lists the kernels that run on a Jupyter server, and those that it can start.
func (w *Workspace) listServer(ctx context.Context, q Query, url string) ([]Listed, error) {
	p, err := w.place(url)
	if err != nil {
		return nil, err
	}
	specs, err := p.Server.Specs(ctx)
	if err != nil {
		return nil, err
	}
	running, err := p.Server.Kernels(ctx)
	if errors.Is(err, kernelclient.ErrToken) {
		err = nil // a Kernel Gateway lists them only if it is told to
	}
	if err != nil {
		return nil, err
	}
	var kernels []Listed
	languages := languagesOf(specs)
	for _, k := range running {
		kernels = append(kernels, Listed{
			Name:        kernelclient.Place{Server: p.Server, Kernel: k.ID}.String(),
			DisplayName: fmt.Sprintf("%s, %s, active %s", k.Name, k.State, k.LastActivity.Local().Format(minute)),
			Language:    languages[k.Name], Source: p.Server.String(), Suitable: q.Language.Matches(languages[k.Name]), Running: true,
		})
	}
	for _, spec := range specs {
		kernels = append(kernels, q.listed(spec, kernelclient.Place{Server: p.Server, Spec: spec.Name}.String()))
	}
	return kernels, nil
}

// listHost lists the kernels that can be started on a host reached by ssh.
func (w *Workspace) listHost(ctx context.Context, q Query, url string) ([]Listed, error) {
	h, _, err := kernelclient.ParseSSHURL(url, w.options.Env)
	if err != nil {
		return nil, URLError{err}
	}
	specs, err := h.Specs(ctx)
	if err != nil {
		return nil, err
	}
	var kernels []Listed
	for _, spec := range specs {
		kernels = append(kernels, q.listed(spec, h.URL(spec.Name)))
	}
	return kernels, nil
}
