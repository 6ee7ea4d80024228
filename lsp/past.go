package lsp

import (
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/jupyter"
)

// A namespace ends with its kernel: a value that was shown is then one of the past,
// and is told to be.

// hasNamespace tells whether a session in this state has a kernel, and so a namespace.
func hasNamespace(s session.State) bool {
	switch s {
	case session.Idle, session.Busy, session.Disconnected, session.Unresponsive:
		return true
	}
	return false
}

// moved takes a session from one state to the next; mu is held.
func (ks *kernelSession) moved(was, now session.State) {
	if !hasNamespace(was) && hasNamespace(now) {
		ks.counts, ks.silent = map[int]*result{}, map[jupyter.MsgType]bool{}
	}
	if hasNamespace(was) && !hasNamespace(now) {
		for _, d := range ks.server.documents {
			d.touchRun(func(r *result) bool { return r.session == ks })
		}
	}
}

// past tells whether the result was evaluated in a namespace that its document has no
// longer: the kernel ended, or the document has another.
func (r *result) past() bool {
	return r.restored || r.ran && r.doc.session != nil && (r.session != r.doc.session || r.eval.Namespace != r.session.status.Namespace)
}

// touchRun tells the client again of the document's results that ran; mu is held.
func (d *openDocument) touchRun(which func(*result) bool) {
	for _, r := range d.results {
		if r.ran && which(r) {
			r.touch()
		}
	}
}
