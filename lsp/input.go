package lsp

import (
	"fmt"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// inputRequest is a kernel's question that waits for its answer.
type inputRequest struct {
	result *result
	reply  func(string) error
}

// maxPrompt bounds a question, in bytes.
const maxPrompt = 4 << 10

// inputRequest asks the client; mu is held.
func (s *Server) inputRequest(r *result, e kernelclient.InputRequest) {
	id := jupyter.NewID()
	s.inputs[id] = &inputRequest{result: r, reply: e.Reply}
	s.outbox.inputs = append(s.outbox.inputs, InputRequestParams{
		Request: id, URI: r.doc.uri, Evaluation: r.id, Prompt: output.Cut(output.Clean(e.Prompt), maxPrompt), Password: e.Password,
	})
	s.outbox.wake()
}

// voidInputs withdraws the open questions of an evaluation; mu is held.
func (s *Server) voidInputs(evaluation string) {
	for id, in := range s.inputs {
		if in.result.id == evaluation {
			delete(s.inputs, id)
			s.outbox.inputs = append(s.outbox.inputs, InputRequestParams{
				Request: id, URI: in.result.doc.uri, Evaluation: evaluation, Cancelled: true,
			})
			s.outbox.wake()
		}
	}
}

// inputReply takes the client's answer to the kernel.
func (s *Server) inputReply(p InputReplyParams) error {
	s.mu.Lock()
	in := s.inputs[p.Request]
	delete(s.inputs, p.Request)
	s.mu.Unlock()
	if in == nil {
		return fmt.Errorf("no input request %q is open", p.Request)
	}
	s.wait.Go(func() {
		var err error
		if p.Cancel {
			err = in.result.session.Cancel(s.ctx, in.result.id)
		} else {
			err = in.reply(p.Value)
		}
		if err != nil {
			s.logger.Warn("answer input request", "error", err)
		}
	})
	return nil
}
