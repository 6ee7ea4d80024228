package lsp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
)

// Hover shows what the kernel knows of the name under the cursor: its live value,
// type and documentation. In a client without a plugin it also shows what the
// evaluation of that line printed.
func (s *Server) Hover(ctx context.Context, p *protocol.HoverParams) (*protocol.Hover, error) {
	at, err := s.placeAt(p.TextDocumentPositionParams)
	if err != nil {
		return nil, err
	}
	printed := s.printedAt(at.doc, fromPosition(p.Position))
	async(ctx)
	wait, cancel := at.session.deadline(ctx)
	defer cancel()
	line := at.name()
	var reply jupyter.InspectReplyContent
	if line != strings.TrimRight(line, " \t") {
		err = errNoName // the kernel would tell of the name before the blanks
	} else {
		code, cursor := at.inspected(line)
		reply, err = at.session.Inspect(wait, code, cursor, 0)
	}
	if ctx.Err() != nil {
		return nil, protocol.ErrRequestCancelled
	}
	var parts []string
	if err == nil && reply.Found {
		if md, ok := markdownOf(reply.Data); ok && s.client.markdown {
			parts = append(parts, at.session.inBuffers(md))
		} else {
			text, _ := output.Plain(at.session.inBuffers(output.PlainText(reply.Data)))
			parts = append(parts, s.markup(headed(line, text)).Value)
		}
	}
	if printed != "" {
		parts = append(parts, s.markup(printed).Value)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	content := s.markup("")
	content.Value = strings.Join(parts, "\n\n")
	return &protocol.Hover{Contents: content}, nil
}

// Lines of an inspection's text, as IPython and those that are made with it have them.
var (
	typeLine  = regexp.MustCompile(`(?m)^Type: +(\S.*)\n?`)
	valueLine = regexp.MustCompile(`(?m)^String form: +(\S.*)\n?`)
	// nameAtEnd is what is inspected: names and what is taken from them.
	nameAtEnd = regexp.MustCompile(`[\p{L}_][\p{L}\p{M}\p{N}_.]*$`)
)

// headed puts the name, its type and its value into the first line of what a kernel
// tells of it, which is all that some editors show: "x: int = 41". A text that does not
// have them in lines of their own stays as it is.
func headed(line, text string) string {
	name := nameAtEnd.FindString(line)
	typ, value := typeLine.FindStringSubmatch(text), valueLine.FindStringSubmatch(text)
	if name == "" || typ == nil || value == nil {
		return text
	}
	rest := strings.Replace(strings.Replace(text, typ[0], "", 1), value[0], "", 1)
	return fmt.Sprintf("%s: %s = %s\n%s", name, typ[1], value[1], rest)
}

var errNoName = errors.New("no name is under the cursor")

// markdownOf is a bundle's text/markdown.
func markdownOf(data jupyter.MIMEBundle) (string, bool) {
	mime, value, ok := output.Choose(data, []string{"text/markdown"})
	return value, ok && mime == "text/markdown"
}

// printedAt is what the evaluation of a line brought, for a client without a plugin.
func (s *Server) printedAt(d *openDocument, at document.Position) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client.reval {
		return ""
	}
	if r := d.lastIn(document.Range{Start: at, End: at}); r != nil {
		return r.transcript()
	}
	return ""
}

// inspect answers reval.inspect.
func (s *Server) inspect(ctx context.Context, p InspectParams) (any, error) {
	if p.Detail < 0 || p.Detail > 1 {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "detail is %d, not 0 or 1", p.Detail)
	}
	at, err := s.placeAt(protocol.TextDocumentPositionParams{
		TextDocument: protocol.TextDocumentIdentifier{URI: uri.URI(p.URI)}, Position: p.Position,
	})
	if err != nil {
		return nil, err
	}
	async(ctx)
	wait, cancel := context.WithTimeout(ctx, idleDeadline)
	defer cancel()
	code, cursor := at.inspected(at.name())
	reply, err := at.session.Inspect(wait, code, cursor, p.Detail)
	if err != nil {
		if wait.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("the kernel did not answer within %v: it is busy, or does not inspect", idleDeadline)
		}
		return nil, err
	}
	var r InspectResult
	if reply.Found {
		r.Found = true
		r.Text, r.Spans = output.Plain(at.session.inBuffers(output.PlainText(reply.Data)))
		r.Links = at.session.links(r.Text)
	}
	return r, nil
}
