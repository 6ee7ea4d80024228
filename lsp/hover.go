package lsp

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
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
	text := s.told(ctx, at)
	if ctx.Err() != nil {
		return nil, protocol.ErrRequestCancelled
	}
	var parts []string
	if text != "" {
		parts = append(parts, text)
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

// told is what the kernel tells of the name under the cursor, in the client's form; "" if it
// tells nothing.
func (s *Server) told(ctx context.Context, at place) string {
	code, cursor, ok := at.hovered()
	if !ok {
		return ""
	}
	wait, cancel := at.session.patience(ctx, jupyter.InspectRequest)
	defer cancel()
	reply, err := at.session.inspect(wait, code, cursor, 0)
	if err != nil || !reply.Found {
		return ""
	}
	if md, ok := markdownOf(reply.Data); ok && s.client.markdown {
		text, safe := safeMarkdown(at.session.inBuffers(md))
		if safe {
			return text
		}
		return s.markup(text).Value
	}
	i, ok := at.session.readInspection(reply)
	if !ok {
		if text := at.function(wait); text != "" {
			return s.markup(text).Value
		}
		return ""
	}
	path, _ := at.language.PathAtEnd(at.name())
	size, more := i.shape()
	if more != "" {
		size = i.field("Length")
		if reply, err := at.session.inspect(wait, path+more, kernelclient.CursorAt(path+more, len(path+more)), 0); err == nil {
			if answer, ok := at.session.readInspection(reply); ok {
				size = i.sized(answer)
			}
		}
	}
	return s.markup(i.headed(path, size)).Value
}

// function is the call of a function under the cursor of which the kernel says that it has no
// documentation, as IRkernel does of those that are written in it; "" if there is none.
func (p place) function(ctx context.Context) string {
	path, whole := p.language.PathAtEnd(p.name())
	if !whole || p.language.ID != "r" {
		return ""
	}
	sig, _ := p.parameters(ctx, path)
	return sig.label
}

// namedArgument is what follows the name of an argument.
var namedArgument = regexp.MustCompile(`^\s*=(?:[^=]|$)`)

// hovered gives what to ask about the name under the cursor; ok is false where there is none,
// or where it does not mean what the kernel knows by it: in strings, in comments, as the name
// of an argument.
func (p place) hovered() (code string, cursor kernelclient.Cursor, ok bool) {
	line := p.name()
	if line != strings.TrimRight(line, " \t") || p.spot.Comment || p.spot.String >= 0 && !p.language.Context {
		return "", 0, false
	}
	if open := p.spot.Open; len(open) > 0 && !p.language.Context && namedArgument.MatchString(p.line[len(line):]) {
		last := open[len(open)-1]
		_, call := callAt(p.language, p.cell, last)
		if call && strings.HasPrefix(p.language.WordAtEnd(line), strings.TrimSpace(p.cell[last.Argument:])) {
			return "", 0, false
		}
	}
	return p.inspected(line)
}

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
	var r InspectResult
	code, cursor, ok := at.hovered()
	if !ok {
		return r, nil
	}
	wait, cancel := at.session.patience(ctx, jupyter.InspectRequest)
	defer cancel()
	begun := time.Now()
	reply, err := at.session.inspect(wait, code, cursor, p.Detail)
	if err != nil {
		if wait.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("the kernel did not answer within %v: it is busy, or does not inspect", time.Since(begun).Round(10*time.Millisecond))
		}
		return nil, err
	}
	if _, known := at.session.readInspection(reply); known {
		r.Found = true
		r.Text, r.Spans = output.Plain(at.session.inBuffers(output.PlainText(reply.Data)))
		r.Links = at.session.links(r.Text)
	} else if reply.Found {
		r.Text = at.function(wait)
		r.Found = r.Text != ""
	}
	return r, nil
}
