package lsp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// findKernels lists the kernels for a project. What cannot be used is logged, and
// told where nothing else is found.
func (s *Server) findKernels(ctx context.Context, p project) ([]kernelclient.Spec, error) {
	specs, err := s.finder(p).Find(ctx)
	if err != nil {
		s.logger.Warn("kernelspecs and environments that cannot be used", "error", err)
	}
	return specs, err
}

// wanted is the kernel of that name or, without one, the first of the language.
func wanted(name string, lang language.Language) kernelclient.Wanted {
	return kernelclient.Wanted{Name: name, Language: lang.Name, Install: lang.Install, Matches: lang.Matches}
}

// findAddress finds the kernel at an address, or the kernel of a language there.
func (s *Server) findAddress(ctx context.Context, address string, ks *kernelSession) (kernelclient.Address, error) {
	w := wanted("", ks.language)
	if address == kernelclient.NewestKernel {
		specs, _ := s.findKernels(ctx, ks.project) // broken ones run no kernel
		return kernelclient.FindNewest(ctx, w, specs, s.options.Env, s.ownFiles()...)
	}
	if !kernelclient.IsServerURL(address) {
		return kernelclient.FindAddress(ctx, address, w, s.options.Env)
	}
	p, err := s.place(address)
	if err != nil {
		return kernelclient.Address{}, err
	}
	return p.Find(ctx, w)
}

// ownFiles are the connection files of the kernels that were started for this connection.
func (s *Server) ownFiles() []string {
	s.mu.Lock()
	sessions := slices.Clone(s.sessions)
	s.mu.Unlock()
	var files []string
	for _, ks := range sessions {
		if k := ks.Kernel(); k != nil && k.Launched() {
			files = append(files, k.ConnectionFile())
		}
	}
	return files
}

// place reads the URL of a Jupyter server, whose token need be given only once.
func (s *Server) place(address string) (kernelclient.Place, error) {
	p, err := kernelclient.ParseServerURL(address)
	if err != nil {
		return p, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Server.HasToken() {
		s.servers[p.Server.String()] = p.Server
	} else if known := s.servers[p.Server.String()]; known != nil {
		p.Server = known
	}
	return p, nil
}

// kernels answers reval.kernels.
func (s *Server) kernels(ctx context.Context, p KernelsParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	async(ctx)
	switch {
	case kernelclient.IsSSHURL(p.Server):
		return s.hostKernels(ctx, ks, p.Server)
	case p.Server != "":
		return s.serverKernels(ctx, ks, p.Server)
	}
	specs, err := s.findKernels(ctx, ks.project)
	if len(specs) == 0 && err != nil {
		return nil, fmt.Errorf("find kernels: %w", err)
	}
	selected, _ := kernelclient.Choose(specs, nil, wanted(ks.kernel, ks.language))
	s.mu.Lock()
	if ks.spec.Name != "" {
		selected = ks.spec
	}
	s.mu.Unlock()
	kernels := []Kernel{}
	for _, spec := range specs {
		kernels = append(kernels, Kernel{
			Name: spec.Name, DisplayName: spec.DisplayName, Language: spec.Language, Source: spec.Source,
			Suitable: ks.language.Matches(spec.Language), Selected: spec.Name == selected.Name,
		})
	}
	running, err := kernelclient.Running(ctx, s.options.Env)
	if err != nil {
		return nil, err
	}
	languages := languagesOf(specs)
	own := ""
	if k := ks.Kernel(); k != nil && k.Launched() {
		own = k.ConnectionFile()
	}
	for _, k := range running {
		if k.Err != nil || k.File == own {
			continue // only its file is left, or it cannot be attached to, or is the document's already
		}
		lang := languages[k.Name]
		about := "started " + k.Started.Local().Format(minute)
		if k.PID != 0 {
			about += fmt.Sprintf(", process %d", k.PID)
		}
		kernels = append(kernels, Kernel{
			Name: k.File, DisplayName: strings.TrimPrefix(k.Name+", "+about, ", "), Language: lang, Source: k.File,
			Suitable: ks.language.Matches(lang), Selected: k.File == selected.Name, Running: true,
		})
	}
	return shown(kernels), nil
}

// shown are kernels with words that can be shown; they come from files and servers.
func shown(kernels []Kernel) []Kernel {
	for i := range kernels {
		k := &kernels[i]
		k.Name, k.DisplayName, k.Language, k.Source = oneLine(k.Name), oneLine(k.DisplayName), oneLine(k.Language), oneLine(k.Source)
	}
	return kernels
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

// serverKernels lists the kernels that run on a Jupyter server, and those that it
// can start.
func (s *Server) serverKernels(ctx context.Context, ks *kernelSession, address string) (any, error) {
	if !kernelclient.IsServerURL(address) {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the server's URL begins neither with http:// or https:// nor, for a host, with ssh://")
	}
	p, err := s.place(address)
	if err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
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
	s.mu.Lock()
	selected := ks.spec.Name
	s.mu.Unlock()
	kernels := []Kernel{}
	languages := languagesOf(specs)
	for _, k := range running {
		name := kernelclient.Place{Server: p.Server, Kernel: k.ID}.String()
		kernels = append(kernels, Kernel{
			Name: name, DisplayName: fmt.Sprintf("%s, %s, active %s", k.Name, k.State, k.LastActivity.Local().Format(minute)),
			Language: languages[k.Name], Source: p.Server.String(), Suitable: ks.language.Matches(languages[k.Name]),
			Selected: name == selected, Running: true,
		})
	}
	for _, spec := range specs {
		name := kernelclient.Place{Server: p.Server, Spec: spec.Name}.String()
		kernels = append(kernels, Kernel{
			Name: name, DisplayName: spec.DisplayName, Language: spec.Language, Source: spec.Source,
			Suitable: ks.language.Matches(spec.Language), Selected: name == selected,
		})
	}
	return shown(kernels), nil
}

// hostKernels lists the kernels that can be started on a host reached by ssh.
func (s *Server) hostKernels(ctx context.Context, ks *kernelSession, address string) (any, error) {
	h, _, err := kernelclient.ParseSSHURL(address, s.options.Env)
	if err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
	}
	specs, err := h.Specs(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	selected := ks.spec.Name
	s.mu.Unlock()
	kernels := []Kernel{}
	for _, spec := range specs {
		name := h.URL(spec.Name)
		kernels = append(kernels, Kernel{
			Name: name, DisplayName: spec.DisplayName, Language: spec.Language, Source: spec.Source,
			Suitable: ks.language.Matches(spec.Language), Selected: name == selected,
		})
	}
	return shown(kernels), nil
}

// selectKernel binds a document to a kernel, and starts it.
func (s *Server) selectKernel(ctx context.Context, p SelectKernelParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kernel == "":
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "no kernel is named: reval.kernels lists them")
	case strings.HasPrefix(p.Kernel, "~/"):
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		p.Kernel = filepath.Join(home, p.Kernel[2:])
	}
	async(ctx)
	var spec kernelclient.Spec
	var address kernelclient.Address
	if kernelclient.IsAddress(p.Kernel) {
		if address, err = s.findAddress(ctx, p.Kernel, ks); err != nil {
			return nil, err
		}
		spec = address.Spec
		p.Kernel = spec.Name // without the token
	} else {
		specs, err := s.findKernels(ctx, ks.project)
		if spec, err = kernelclient.Choose(specs, err, wanted(p.Kernel, ks.language)); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	d, err := s.lookup(p.URI)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	ks = s.sessionFor(ks.project, d.language, p.Kernel)
	ks.spec, ks.address = spec, address
	s.chosen[ks.project.choice(d.language)] = p.Kernel
	s.attach(d, ks)
	s.mu.Unlock()
	ks.Start()
	s.mu.Lock()
	defer s.mu.Unlock()
	return ks.state(), nil
}
