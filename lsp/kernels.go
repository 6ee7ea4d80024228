package lsp

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"

	"github.com/reval-editor/reval/internal/workspace"
)

// query asks for a kernel for the documents of a session.
func (ks *kernelSession) query(kernel string) workspace.Query {
	return workspace.Query{Project: ks.project, Language: ks.language, Kernel: kernel}
}

// ownFiles are the connection files of the kernels that were started for this connection.
func (s *Server) ownFiles() []string {
	s.mu.Lock()
	sessions := slices.Clone(s.sessions)
	s.mu.Unlock()
	var files []string
	for _, ks := range sessions {
		files = append(files, ks.ownFile()...)
	}
	return files
}

// ownFile is the connection file of the session's kernel, if that was started here.
func (ks *kernelSession) ownFile() []string {
	if k := ks.Kernel(); k != nil && k.Launched() {
		return []string{k.ConnectionFile()}
	}
	return nil
}

// findKernel finds a kernel for the documents of a session.
func (s *Server) findKernel(ctx context.Context, ks *kernelSession, kernel string) (workspace.Kernel, error) {
	q := ks.query(kernel)
	q.Own = s.ownFiles()
	return s.workspace.Find(ctx, q)
}

// kernels answers reval.kernels.
func (s *Server) kernels(ctx context.Context, p KernelsParams) (any, error) {
	ks, err := s.sessionOf(p.URI)
	if err != nil {
		return nil, err
	}
	async(ctx)
	q := ks.query(ks.kernel)
	q.Own = ks.ownFile()
	listed, selected, err := s.workspace.List(ctx, q, p.Server)
	if wrong := (workspace.URLError{}); errors.As(err, &wrong) {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if name := ks.spec().Name; name != "" {
		selected = name
	}
	s.mu.Unlock()
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
	found, err := s.findKernel(ctx, ks, p.Kernel)
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
	ks = s.sessionFor(ks.project, d.language, name)
	ks.found = found
	s.workspace.Prefer(ks.project, d.language, name)
	s.attach(d, ks)
	s.mu.Unlock()
	ks.Start()
	s.mu.Lock()
	defer s.mu.Unlock()
	return ks.state(), nil
}
