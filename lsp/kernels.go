package lsp

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/workspace"
)

// kernels answers reval.kernels.
func (s *Server) kernels(ctx context.Context, p KernelsParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	async(ctx)
	q := ks.Query(ks.Wanted)
	q.Own = ks.OwnFile()
	listed, selected, err := s.workspace.List(ctx, q, p.Server)
	if wrong := (workspace.URLError{}); errors.As(err, &wrong) {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
	}
	if err != nil {
		return nil, err
	}
	if name := ks.Spec().Name; name != "" {
		selected = name
	}
	kernels := []Kernel{}
	for _, k := range listed {
		// What is told of them comes from files and servers.
		kernels = append(kernels, Kernel{
			Name: oneLine(k.Name), DisplayName: oneLine(k.DisplayName), Language: oneLine(k.Language), Source: oneLine(k.Source),
			Suitable: k.Suitable, Running: k.Running, Selected: k.Name == selected,
		})
	}
	return kernels, nil
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
	found, err := s.hub.Find(ctx, s.workspace, ks.Query(p.Kernel))
	if err != nil {
		return nil, err
	}
	name := p.Kernel
	if found.IsAddress() {
		name = found.Spec.Name // without the token
	}
	s.mu.Lock()
	d, err := s.lookup(p.URI)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	ks = s.sessionFor(ks.Project, d.language, name)
	ks.SetFound(found)
	s.workspace.Prefer(ks.Project, d.language, name)
	s.attach(d, ks)
	s.mu.Unlock()
	ks.Start()
	s.mu.Lock()
	defer s.mu.Unlock()
	return ks.state(), nil
}
