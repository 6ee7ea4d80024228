package lsp

import (
	"slices"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/session"
)

// publish sends a document's diagnostics, if there are or were any; mu is held.
func (s *Server) publish(d *openDocument) {
	has := !d.closed && slices.ContainsFunc(d.failed, (*result).diagnosed)
	if !has && !d.errors {
		return
	}
	d.errors = has
	if d.closed {
		s.outbox.closed = append(s.outbox.closed, d.uri)
	} else if !slices.Contains(s.outbox.diagnostics, d) {
		s.outbox.diagnostics = append(s.outbox.diagnostics, d)
	}
	s.outbox.wake()
}

// diagnosed tells whether the result has an error that is to be shown on its line.
func (r *result) diagnosed() bool {
	return r.eval.State == session.Failed && r.failure != nil && !r.resolved && !r.place.gone()
}

// publishParams is LSP's PublishDiagnosticsParams, with the URI as the client
// writes it.
type publishParams struct {
	URI         string                `json:"uri"`
	Version     int                   `json:"version,omitzero"`
	Diagnostics []protocol.Diagnostic `json:"diagnostics"`
}

// diagnostics are the errors of a document's shown results, each on the line that
// failed.
func (d *openDocument) diagnostics() publishParams {
	p := publishParams{URI: d.uri, Version: d.Version(), Diagnostics: []protocol.Diagnostic{}}
	for _, r := range d.failed {
		if !r.diagnosed() {
			continue
		}
		message := r.failure.Name
		if r.failure.Value != "" {
			message += ": " + r.failure.Value
		}
		p.Diagnostics = append(p.Diagnostics, protocol.Diagnostic{
			Range: toRange(r.place.where()), Severity: protocol.DiagnosticSeverityError,
			Source: protocol.NewOptional("reval"), Message: protocol.String(message),
		})
	}
	return p
}
